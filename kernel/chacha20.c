/* SPDX-License-Identifier: ISC */
/* The ChaCha20 block function, RFC 8439 §2.1 to §2.3. Constant time: additions, exclusive ors and
 * rotations by fixed amounts only. */
#include <string.h>

#include "kernel/chacha20.h"

static uint32_t load_le32(const uint8_t *from)
{
	return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint32_t rotate_left(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotate_left(*d ^ *a, 16);
	*c += *d;
	*b = rotate_left(*b ^ *c, 12);
	*a += *b;
	*d = rotate_left(*d ^ *a, 8);
	*c += *d;
	*b = rotate_left(*b ^ *c, 7);
}

void chacha20_block(uint8_t out[64], const uint8_t key[32], uint32_t counter, const uint8_t nonce[12])
{
	uint32_t start[16], x[16];

	for (unsigned i = 0; i < 4; i++)
		start[i] = load_le32((const uint8_t *)"expand 32-byte k" + 4 * i);
	for (unsigned i = 0; i < 8; i++)
		start[4 + i] = load_le32(key + 4 * i);
	start[12] = counter;
	for (unsigned i = 0; i < 3; i++)
		start[13 + i] = load_le32(nonce + 4 * i);
	memcpy(x, start, sizeof(x));
	for (unsigned round = 0; round < 20; round++) {
		/* columns, then diagonals: each row is turned by its number */
		unsigned turn = round & 1;

		for (unsigned i = 0; i < 4; i++)
			quarter_round(&x[i], &x[4 + (i + turn) % 4], &x[8 + (i + 2 * turn) % 4],
			              &x[12 + (i + 3 * turn) % 4]);
	}
	for (unsigned i = 0; i < 64; i++)
		out[i] = (uint8_t)((x[i / 4] + start[i / 4]) >> 8 * (i % 4));
}
