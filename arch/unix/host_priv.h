/* SPDX-License-Identifier: ISC */
/* What the files of host.h share. They alone see the host's headers; Linux only. */
#ifndef ARCH_UNIX_HOST_PRIV_H
#define ARCH_UNIX_HOST_PRIV_H

#include <errno.h>

#include "arch/unix/host.h"

/* What a system call gave, as a negative errno when it failed. */
static inline intptr_t result(intptr_t r)
{
	return r < 0 ? -errno : r;
}

#endif
