/* SPDX-License-Identifier: ISC */
/* A keyed hash for short inputs: without the key a hash cannot be predicted, nor inputs chosen that
 * collide. */
#ifndef KERNEL_SIPHASH_H
#define KERNEL_SIPHASH_H

#include "kernel/util.h"

/* SipHash-2-4 (Aumasson, Bernstein 2012). */
uint64_t siphash(const uint8_t key[16], const void *data, size_t len);

#endif
