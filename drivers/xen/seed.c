/* SPDX-License-Identifier: ISC */
/* A random seed for CPUs without RDRAND: the toolstack starts the domain paused (xl create -p), writes 2n
 * hexadecimal digits to its data/seed, and unpauses it. The seed is used once and removed: another reader, or
 * the next boot, must not find it. */
#include "drivers/xen/store.h"
#include "drivers/xen/xen.h"
#include "kernel/hex.h"
#include "kernel/loop.h"

#include <errno.h>
#include <string.h>

#define BYTES_MAX 64
#define PATH "data/seed"

static bool decode(uint8_t *to, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int xen_seed_read(void *to, size_t n)
{
	char text[2 * BYTES_MAX + 1];
	struct store_op op;
	intptr_t digits;
	bool good;

	if (store_init() < 0)
		return -ENODEV;
	store_read(&op, 0, PATH, NULL, text, sizeof(text));
	digits = loop_run(&op.promise);
	if (digits < 0)
		return -ENODEV;
	good = digits >= (intptr_t)(2 * n) && decode(to, n, text);
	memset(text, 0, sizeof(text));
	store_remove(&op, 0, PATH, NULL);
	return loop_run(&op.promise) < 0 || !good ? -ENODEV : 0;
}
