# SPDX-License-Identifier: ISC
# The build for AArch64. Atomics are inline: libgcc's functions for them choose at run time, by what a Linux below says
# of the CPU.
triple := aarch64-linux-gnu
cpu-flags := -march=armv8-a -mno-outline-atomics $(if $(CONFIG_CODE_MODEL_TINY),-mcmodel=tiny) \
	$(if $(CONFIG_BRANCH_PROTECTION),-mbranch-protection=standard)
# Half a kilobyte of www that gcc would pay for speed, as on x86-64.
small-flags := -fno-expensive-optimizations -fno-ipa-sra
# Cortex-A53's erratum 843419, an ADRP at the end of a page, is fixed by ld with an ADR, which reaches a MiB, or with a
# stub, for which it puts a whole page into the image. With link-time optimisation gcc drops unused data by itself, and
# addresses several variables from one base if it may place them.
near-flags := $(if $(clang),,-Wl,--fix-cortex-a53-843419=adr -fno-data-sections)
integer-flags := -mgeneral-regs-only
# An access with writeback is not described to a hypervisor by the CPU: KVM cannot emulate a device
# with it.
device-flags = $(if $(clang),,-fno-auto-inc-dec)
musl-cpu := aarch64
musl-kernel-flags :=
image-format := binary
kernel-call := svc
