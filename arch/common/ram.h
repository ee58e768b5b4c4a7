/* SPDX-License-Identifier: ISC */
/* Which memory is certainly RAM and nobody's: what a machine says of it, read with distrust. */
#ifndef ARCH_COMMON_RAM_H
#define ARCH_COMMON_RAM_H

#include "kernel/util.h"

/* As PVH's loaders have it; every other kind is somebody's. */
enum { RAM_FREE = 1, RAM_TAKEN = 2 };

struct ram_range {
	uint64_t start, bytes;
	uint32_t kind, reserved;
};
static_assert(sizeof(struct ram_range) == 24, "PVH's memory map entry");

/* The next stretch of memory, in address order, that some range of map calls free and none calls anything
 * else: [*start, *end). *end says where to go on; 0 begins. False when there is no more. Ranges may come
 * in any order, overlap, be empty and end behind the end of the address space. */
bool ram_next(const struct ram_range *map, uint32_t count, uint64_t *start, uint64_t *end);

#endif
