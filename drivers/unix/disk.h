/* SPDX-License-Identifier: ISC */
/* A block device over a file of the host. */
#ifndef DRIVERS_UNIX_DISK_H
#define DRIVERS_UNIX_DISK_H

#include "kernel/dev/blkdev.h"

/* Opens a disk. name: the path of a regular file or block device, with ",ro" behind it for a read-only disk;
 * so is one that we may not write. NULL after logging why. Borrows name. */
struct blkdev *disk_create(const char *name);
/* No request may be pending. */
void disk_destroy(struct blkdev *dev);

#endif
