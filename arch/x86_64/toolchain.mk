# SPDX-License-Identifier: ISC
# What the build must know of x86-64.
triple := x86_64-linux-gnu
cpu-flags :=
integer-flags := -mgeneral-regs-only
musl-cpu := x86_64
musl-kernel-flags := -mno-red-zone
image-format := elf
kernel-call := syscall|sysenter|int +.0x80
