/* SPDX-License-Identifier: ISC */
/* Network byte order. be16 and be32 convert both ways; get and put need no alignment. */
#ifndef NET_BYTES_H
#define NET_BYTES_H

#include <string.h>

#include "kernel/util.h"

static inline uint16_t be16(uint16_t x)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(x) : x;
}

static inline uint32_t be32(uint32_t x)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(x) : x;
}

static inline uint16_t get_be16(const void *from)
{
	uint16_t x;

	memcpy(&x, from, sizeof(x));
	return be16(x);
}

static inline uint32_t get_be32(const void *from)
{
	uint32_t x;

	memcpy(&x, from, sizeof(x));
	return be32(x);
}

static inline void put_be16(void *to, uint16_t x)
{
	x = be16(x);
	memcpy(to, &x, sizeof(x));
}

static inline void put_be32(void *to, uint32_t x)
{
	x = be32(x);
	memcpy(to, &x, sizeof(x));
}

#endif
