/* SPDX-License-Identifier: ISC */
/* Unpredictable numbers with fast key erasure: each ChaCha20 block gives the next key and 32 bytes
 * of output, and bytes are wiped as they are handed out, so that the state in memory never reveals
 * earlier output. */
#include <errno.h>
#include <string.h>

#include "kernel/chacha20.h"
#include "kernel/random.h"
#include "kernel/dev/entropy.h"

static struct {
	uint8_t key[32], output[32];
	uint8_t left; /* bytes at the end of output that have not been given out */
	bool ready;
} state;

/* memset that the compiler may not leave out. */
static void wipe(void *at, size_t n)
{
	memset(at, 0, n);
	__asm__ volatile("" : : "r"(at) : "memory");
}

int random_init(void)
{
	int error = entropy_read(state.key, sizeof(state.key));

	state.ready = !error;
	return error;
}

bool random_is_ready(void)
{
	return state.ready;
}

static void refill(void)
{
	static const uint8_t nonce[12];
	uint8_t block[64];

	chacha20_block(block, state.key, 0, nonce);
	memcpy(state.key, block, 32);
	memcpy(state.output, block + 32, 32);
	state.left = 32;
	wipe(block, sizeof(block));
}

void random_bytes(void *to, size_t n)
{
	uint8_t *at = to;

	assert(state.ready);
	while (n) {
		if (!state.left)
			refill();
		size_t part = MIN(n, (size_t)state.left);
		uint8_t *from = state.output + sizeof(state.output) - state.left;

		memcpy(at, from, part);
		wipe(from, part);
		state.left -= (uint8_t)part;
		at += part;
		n -= part;
	}
}

void random_mix(const void *from, size_t n)
{
	const uint8_t *at = from;

	for (size_t i = 0; i < n; i++)
		state.key[i % sizeof(state.key)] ^= at[i];
	state.left = 0;
}

uint32_t random_u32(void)
{
	uint32_t value;

	random_bytes(&value, sizeof(value));
	return value;
}
