/* SPDX-License-Identifier: ISC */
/* The partition table in a disk's first sector (IBM PC; UEFI specification 2.10 §5.2). */
#ifndef FS_MBR_H
#define FS_MBR_H

#include "kernel/util.h"

#define MBR_BYTES 512

/* A range of a disk, in its sectors. */
struct mbr_partition {
	uint64_t first, count;
	uint8_t type;
};

/* Finds the first partition of a wanted type in sector, the first MBR_BYTES of a disk of sectors sectors. 0;
 * -EUCLEAN: this is no partition table; -ENOENT: it has no such partition; *problem is then a text that says
 * why. A table that contradicts itself is refused whole; logical partitions are not searched. */
int mbr_find(struct mbr_partition *out, const void *sector, uint64_t sectors, bool (*is_wanted)(uint8_t type),
             const char **problem);

#endif
