/* SPDX-License-Identifier: ISC */
/* The rest of a fuzzer's input: numbers are taken from its front, and are zero at its end. */
#ifndef TESTS_LIB_INPUT_H
#define TESTS_LIB_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *at;
	size_t left;
};

/* Takes a big-endian number of this many bytes. */
static inline uint32_t take(struct input *in, size_t bytes)
{
	uint32_t value = 0;

	while (bytes-- > 0) {
		value = value << 8 | (in->left ? *in->at : 0);
		in->at += in->left > 0;
		in->left -= in->left > 0;
	}
	return value;
}

#endif
