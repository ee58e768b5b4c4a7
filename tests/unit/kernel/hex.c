/* SPDX-License-Identifier: ISC */
/* Every byte is a hexadecimal digit, with its value, or none. */
#include <string.h>

#include "kernel/hex.h"
#include "tests/lib/test.h"

Test(hex, every_byte)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	for (int i = 0; i < 256; i++) {
		const char *at = i ? strchr(digits, i) : NULL;
		int value = at ? (int)(at - digits) : -1;

		cr_assert_eq(hex_digit((char)i), value > 15 ? value - 6 : value, "%d", i);
	}
}
