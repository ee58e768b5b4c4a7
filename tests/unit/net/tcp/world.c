/* SPDX-License-Identifier: ISC */
/* The environment of every test of this folder, and of plain/ and ecn/: packet buffers and random numbers. */
#include <stdlib.h>

#include "kernel/buf.h"
#include "kernel/random.h"

__attribute__((constructor)) static void prepare(void)
{
	if (buf_init(1024, 1024) < 0 || random_init() < 0)
		abort();
}
