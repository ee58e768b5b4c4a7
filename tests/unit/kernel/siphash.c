/* SPDX-License-Identifier: ISC */
/* SipHash against its authors' vectors. */
#include <criterion/criterion.h>

#include "kernel/siphash.h"

/* The reference implementation's vectors: key 00 to 0f, input 00 01 02 … */
Test(siphash, vectors_of_its_authors)
{
	static const uint64_t expected[] = {
		UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
		UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
		UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
	};
	uint8_t key[16], input[16];

	for (int i = 0; i < 16; i++)
		key[i] = input[i] = (uint8_t)i;
	for (size_t n = 0; n < ARRAY_SIZE(expected); n++)
		cr_assert_eq(siphash(key, input, n), expected[n], "of %zu bytes", n);
	cr_assert_eq(siphash(key, input, 15), UINT64_C(0xa129ca6149be45e5));
}
