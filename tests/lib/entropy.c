/* SPDX-License-Identifier: ISC */
/* Randomness that is none: the same from the same seed. */
#include "tests/lib/test.h"

#include <errno.h>

#include "kernel/dev/entropy.h"

uint64_t test_entropy_seed = 1;
bool test_entropy_missing;

uint64_t test_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

int entropy_read(void *to, size_t n)
{
	uint8_t *at = to;

	if (test_entropy_missing)
		return -ENODEV;
	while (n--)
		*at++ = (uint8_t)test_random(&test_entropy_seed);
	return 0;
}
