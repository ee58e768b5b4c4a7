/* SPDX-License-Identifier: ISC */
/* A block device over a file of the host. */
#ifndef DRIVERS_UNIX_DISK_H
#define DRIVERS_UNIX_DISK_H

#include "kernel/dev/blkdev.h"

/* name: the path of a regular file or block device, with ",ro" behind it to leave it as it is. One that we
 * may not write is read-only, too. NULL after logging why. Borrows name. */
struct blkdev *disk_create(const char *name);
/* Nothing may be pending. */
void disk_destroy(struct blkdev *dev);

#endif
