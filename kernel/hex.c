/* SPDX-License-Identifier: ISC */
/* Hexadecimal digits: in ASCII both cases of a letter differ in one bit. */
#include "kernel/hex.h"

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
