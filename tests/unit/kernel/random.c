/* SPDX-License-Identifier: ISC */
/* ChaCha20 against its authors' vectors; the generator's promises. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "kernel/chacha20.h"
#include "kernel/random.h"
#include "tests/lib/test.h"

TestSuite(random, .init = test_begin, .fini = test_end);

/* RFC 8439 §2.3.2. */
Test(random, chacha20_block_of_the_rfc)
{
	static const uint8_t nonce[12] = { 0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0 };
	static const uint8_t expected[64] = {
		0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4,
		0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e,
		0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2,
		0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
	};
	uint8_t key[32], out[64];

	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
	chacha20_block(out, key, 1, nonce);
	cr_assert_eq(memcmp(out, expected, sizeof(out)), 0);
}

/* RFC 8439 appendix A.1, first vector. */
Test(random, chacha20_block_of_zeros)
{
	static const uint8_t zero[32], expected[64] = {
		0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
		0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7,
		0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37,
		0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
	};
	uint8_t out[64];

	chacha20_block(out, zero, 0, zero);
	cr_assert_eq(memcmp(out, expected, sizeof(out)), 0);
}

Test(random, needs_entropy)
{
	test_entropy_missing = true;
	cr_assert(!random_is_ready());
	cr_assert_eq(random_init(), -ENODEV);
	cr_assert(!random_is_ready());
	test_entropy_missing = false;
	cr_assert_eq(random_init(), 0);
	cr_assert(random_is_ready());
}

Test(random, using_it_without_is_caught, .signal = SIGABRT)
{
	random_u32();
}

/* For requests of any size, the stream is that of the key: block 0's second half, with its first half as the
 * next key. */
Test(random, gives_one_stream_whatever_the_pieces)
{
	static const uint8_t nonce[12];
	uint8_t key[32], expected[32 * 40], got[32 * 40], block[64];
	uint64_t entropy = test_entropy_seed, seed = 2;
	size_t at = 0;

	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)test_random(&entropy);
	for (size_t i = 0; i < sizeof(expected); i += 32) {
		chacha20_block(block, key, 0, nonce);
		memcpy(key, block, 32);
		memcpy(expected + i, block + 32, 32);
	}
	cr_assert_eq(random_init(), 0);
	while (at < sizeof(got)) {
		size_t n = MIN((size_t)(test_random(&seed) % 70), sizeof(got) - at);

		random_bytes(got + at, n);
		at += n;
	}
	cr_assert_eq(memcmp(got, expected, sizeof(got)), 0);
}
