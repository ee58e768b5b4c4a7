# SPDX-License-Identifier: ISC
# The build for ARMv7-A: Thumb-2, hard float, and the divisions that come with the virtualisation extensions; every CPU
# with long page descriptors (LPAE) has them.
triple := arm-linux-gnueabihf
cpu-flags := -march=armv7ve -mfpu=vfpv3-d16 -mfloat-abi=hard -mthumb
integer-flags = $(if $(clang),,-mgeneral-regs-only)
# An access with writeback is not described to a hypervisor by the CPU: KVM cannot emulate a device
# with it.
device-flags = $(if $(clang),,-fno-auto-inc-dec)
# Thumb code has no chain of frames: a virtual machine's backtrace reads function prologues, which therefore
# must not be moved. Functions that do not return save their return address only if unwind tables are on, which
# image.lds discards.
frame-flags = $(if $(CONFIG_TARGET_UNIX),,-funwind-tables -fomit-frame-pointer \
	$(if $(clang),,-fno-schedule-insns2))
musl-cpu := arm
musl-kernel-flags :=
image-format := binary
kernel-call := svc
