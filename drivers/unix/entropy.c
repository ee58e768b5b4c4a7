/* SPDX-License-Identifier: ISC */
/* Entropy from the host's own generator, which waits until it is seeded (getrandom(2)). */
#include "kernel/dev/entropy.h"

#include <errno.h>

#include "arch/unix/host.h"

int entropy_read(void *to, size_t n)
{
	return host_random(to, n) < 0 ? -ENODEV : 0;
}
