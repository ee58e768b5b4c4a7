/* SPDX-License-Identifier: ISC */
/* The ChaCha20 block function, RFC 8439 §2.3. */
#ifndef KERNEL_CHACHA20_H
#define KERNEL_CHACHA20_H

#include "kernel/util.h"

/* out: 64 bytes of key stream for this key (32 bytes), block counter and nonce (12 bytes). */
void chacha20_block(uint8_t out[64], const uint8_t key[32], uint32_t counter, const uint8_t nonce[12]);

#endif
