# SPDX-License-Identifier: ISC
# What the build must know of ARMv7-A: Thumb-2, hard float, and the divisions that come with the
# virtualisation extensions; every CPU with long page descriptors (LPAE) has them.
triple := arm-linux-gnueabihf
cpu-flags := -march=armv7ve -mfpu=vfpv3-d16 -mfloat-abi=hard -mthumb
integer-flags = $(if $(clang),,-mgeneral-regs-only)
# Of an access that moves its address along the CPU does not tell a hypervisor what it was: KVM can then play no
# device.
device-flags = $(if $(clang),,-fno-auto-inc-dec)
# Thumb code has no chain of frames: a virtual machine's backtrace reads what functions begin with, which then
# must stand at the beginning. Functions that do not return save where they were called from only for the sake
# of tables, which image.lds throws away.
frame-flags = $(if $(CONFIG_TARGET_UNIX),,-funwind-tables -fomit-frame-pointer \
	$(if $(clang),,-fno-schedule-insns2))
musl-cpu := arm
musl-kernel-flags :=
image-format := binary
kernel-call := svc
