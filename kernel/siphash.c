/* SPDX-License-Identifier: ISC */
/* SipHash-2-4: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012. */
#include "kernel/siphash.h"

#include <string.h>

static uint64_t load_le64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

/* The n < 8 bytes of the last word. */
static uint64_t load_rest(const uint8_t *from, size_t n)
{
	uint64_t value = 0;

	while (n--)
		value = value << 8 | from[n];
	return value;
}

static uint64_t rotate_left(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void rounds(uint64_t v[4], unsigned count)
{
	uint64_t a = v[0], b = v[1], c = v[2], d = v[3]; /* locals, to stay in registers */

	while (count--) {
		a += b;
		c += d;
		b = rotate_left(b, 13) ^ a;
		d = rotate_left(d, 16) ^ c;
		a = rotate_left(a, 32);
		c += b;
		a += d;
		b = rotate_left(b, 17) ^ c;
		d = rotate_left(d, 21) ^ a;
		c = rotate_left(c, 32);
	}
	v[0] = a;
	v[1] = b;
	v[2] = c;
	v[3] = d;
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

uint64_t siphash(const uint8_t key[16], const void *data, size_t len)
{
	uint64_t k0 = load_le64(key), k1 = load_le64(key + 8);
	uint64_t v[4] = {
		k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *at = data;
	uint64_t last = (uint64_t)len << 56;

	for (; len >= 8; len -= 8, at += 8)
		absorb(v, load_le64(at));
	absorb(v, last | load_rest(at, len));
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
