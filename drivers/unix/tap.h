/* SPDX-License-Identifier: ISC */
/* A network interface over the host's tap device. */
#ifndef DRIVERS_UNIX_TAP_H
#define DRIVERS_UNIX_TAP_H

#include "kernel/dev/netdev.h"

/* name: that of a tap ("tap0"), or "fd:3" for one that the parent process has opened. NULL after logging why,
 * with the commands that help. Only one at a time. */
struct netdev *tap_create(const char *name);
/* All received buffers must have been freed. */
void tap_destroy(struct netdev *dev);

#endif
