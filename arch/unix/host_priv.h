/* SPDX-License-Identifier: ISC */
/* Common to the files of host.h. They alone see the host's headers; Linux only. */
#ifndef ARCH_UNIX_HOST_PRIV_H
#define ARCH_UNIX_HOST_PRIV_H

#include <errno.h>

#include "arch/unix/host.h"

/* A system call's result, or its negative errno. */
static inline intptr_t result(intptr_t r)
{
	return r < 0 ? -errno : r;
}

#endif
