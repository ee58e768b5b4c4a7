/* SPDX-License-Identifier: ISC */
/* Where the image lies, on machines that load it anywhere: start.S notes it. */
#ifndef ARCH_COMMON_IMAGE_H
#define ARCH_COMMON_IMAGE_H

#include "kernel/util.h"

extern const char image_start[], image_end[];
/* The physical address of image_start. */
extern uint64_t image_physical;

#endif
