# SPDX-License-Identifier: ISC
# What the build must know of x86-64.
triple := x86_64-linux-gnu
cpu-flags :=
integer-flags := -mgeneral-regs-only
# The canary is a variable as on other CPUs: four bytes less a function than in what FS points at.
canary-flags := -mstack-protector-guard=global
# Another half a kilobyte of www that gcc pays for speed, which then does not come: no instruction less is run.
small-flags := -fno-expensive-optimizations
musl-cpu := x86_64
musl-kernel-flags := -mno-red-zone
image-format := elf
kernel-call := syscall|sysenter|int +.0x80
