/* SPDX-License-Identifier: ISC */
/* A block device whose sectors are memory: a disk in the image, or one loaded with it at the machine's
 * start. */
#ifndef DRIVERS_RAM_RAM_H
#define DRIVERS_RAM_RAM_H

#include "kernel/dev/blkdev.h"

/* Makes a device of the whole sectors in [data, data + bytes), which it borrows; a part of a sector at the
 * end is left out. Requests settle at once. 0, -ENOMEM, -EINVAL: less than a sector. */
int ram_create(struct blkdev **out, void *data, uint64_t bytes, uint32_t sector_bytes, bool read_only);
void ram_destroy(struct blkdev *dev);
/* The same for the file that the build has put into the image, read-only (DISK_EMBEDDED). */
int ram_create_embedded(struct blkdev **out);

#endif
