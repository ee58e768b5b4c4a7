/* SPDX-License-Identifier: ISC */
/* The machine's source of true randomness; kernel/random.h draws on it once, at boot. */
#ifndef KERNEL_DEV_ENTROPY_H
#define KERNEL_DEV_ENTROPY_H

#include <stddef.h>

/* Fills to with n bytes (n <= 64). 0, or -ENODEV when the machine has no source: then there is
 * no networking. May busy-wait for a device for up to a second; called at boot only. */
int entropy_read(void *to, size_t n);
/* The same from the CPU's instruction only; may be called at any time. */
int entropy_read_cpu(void *to, size_t n);

#endif
