/* SPDX-License-Identifier: ISC */
/* Unpredictable numbers: ChaCha20 (RFC 8439) keyed once from the entropy source, with its key
 * replaced after every block so that a later leak tells nothing of earlier numbers. */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include "kernel/util.h"

/* 0, or -ENODEV when the machine has no entropy: then random_bytes must not be called. */
int random_init(void);
bool random_is_ready(void);
void random_bytes(void *to, size_t n);
/* Mixes n bytes at from into the state: after a restore, because several instances may resume from one saved
 * memory. */
void random_mix(const void *from, size_t n);
uint32_t random_u32(void);

#endif
