/* SPDX-License-Identifier: ISC */
/* The image's physical address, on machines that load it anywhere: start.S notes it. */
#ifndef ARCH_COMMON_IMAGE_H
#define ARCH_COMMON_IMAGE_H

#include "arch/arch.h"

extern const char image_start[], image_end[];
/* The physical address of image_start. */
extern uint64_t image_physical;

/* .bss included. A variable, for the image's end is too far for an address in one instruction. */
extern const uint64_t image_size_bytes;

#endif
