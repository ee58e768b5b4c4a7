/* SPDX-License-Identifier: ISC */
/* What is left of a fuzzer's input: numbers are taken from its front, and are zero when nothing is left. */
#ifndef TESTS_LIB_INPUT_H
#define TESTS_LIB_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *at;
	size_t left;
};

/* A number of that many bytes, the highest first. */
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
