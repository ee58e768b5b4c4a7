/* SPDX-License-Identifier: ISC */
/* The clocks. The linker chooses the implementation: one per image (the machine's), or the test
 * library's, which tests move by hand. */
#ifndef KERNEL_DEV_CLOCK_H
#define KERNEL_DEV_CLOCK_H

#include <stdint.h>

/* Monotonic nanoseconds since some fixed moment near boot; never goes back. */
uint64_t clock_now_ns(void);
/* Nanoseconds since 1970-01-01 00:00:00 UTC, or 0 when the machine does not know. */
uint64_t clock_wall_ns(void);

#endif
