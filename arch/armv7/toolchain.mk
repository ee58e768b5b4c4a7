# SPDX-License-Identifier: ISC
# What the build must know of ARMv7-A: Thumb-2, hard float, and the divisions that come with the
# virtualisation extensions; every CPU with long page descriptors (LPAE) has them.
triple := arm-linux-gnueabihf
cpu-flags := -march=armv7ve -mfpu=vfpv3-d16 -mfloat-abi=hard -mthumb
integer-flags :=
musl-cpu := arm
musl-kernel-flags :=
image-format := binary
