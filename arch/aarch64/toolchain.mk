# SPDX-License-Identifier: ISC
# What the build must know of AArch64. Atomics stand where they are used: libgcc's functions for them
# choose at run time, by what a Linux below says of the CPU.
triple := aarch64-linux-gnu
cpu-flags := -march=armv8-a -mno-outline-atomics $(if $(CONFIG_CODE_MODEL_TINY),-mcmodel=tiny) \
	$(if $(CONFIG_BRANCH_PROTECTION),-mbranch-protection=standard)
# Half a kilobyte of www that gcc would pay for speed, as on x86-64.
small-flags := -fno-expensive-optimizations -fno-ipa-sra
# What Cortex-A53 gets wrong where an ADRP ends a page (erratum 843419) ld mends by an ADR, which reaches a MiB, or
# by a stub, for which it puts a whole page into the image. Where gcc translates all together it leaves out what
# nobody uses by itself, and reaches several variables from one address when it may place them.
near-flags := $(if $(clang),,-Wl,--fix-cortex-a53-843419=adr -fno-data-sections)
integer-flags := -mgeneral-regs-only
# Of an access that moves its address along the CPU does not tell a hypervisor what it was: KVM can then play no
# device.
device-flags = $(if $(clang),,-fno-auto-inc-dec)
musl-cpu := aarch64
musl-kernel-flags :=
image-format := binary
kernel-call := svc
