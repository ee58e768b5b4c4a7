/* SPDX-License-Identifier: ISC */
/* Entropy that is reproducible: the same from the same seed. */
#include "tests/lib/test.h"

#include <errno.h>

#include "kernel/dev/entropy.h"

uint64_t test_entropy_seed = 1;
bool test_entropy_missing;

int entropy_read(void *to, size_t n)
{
	uint8_t *at = to;

	if (test_entropy_missing)
		return -ENODEV;
	while (n--)
		*at++ = (uint8_t)test_random(&test_entropy_seed);
	return 0;
}
