/* SPDX-License-Identifier: ISC */
/* The partition table in a disk's first sector (IBM PC; UEFI specification 2.10 §5.2). */
#ifndef FS_MBR_H
#define FS_MBR_H

#include "kernel/util.h"

#define MBR_BYTES 512

/* A window onto a disk, in its sectors. */
struct mbr_partition {
	uint64_t first, count;
	uint8_t type;
};

/* Finds the first partition in sector, the first MBR_BYTES of a disk of so many sectors, whose type is
 * wanted. 0; -EUCLEAN: this is no partition table; -ENOENT: it is one, without such a partition. *problem
 * says why in words then. A table that contradicts itself is refused whole; logical partitions are not looked
 * for. */
int mbr_find(struct mbr_partition *out, const void *sector, uint64_t sectors, bool (*is_wanted)(uint8_t type),
             const char **problem);

#endif
