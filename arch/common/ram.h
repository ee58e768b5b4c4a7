/* SPDX-License-Identifier: ISC */
/* Finding memory that is certainly free RAM in the machine's map, which is not trusted. */
#ifndef ARCH_COMMON_RAM_H
#define ARCH_COMMON_RAM_H

#include "kernel/util.h"

/* As in PVH's memory map; every other kind is in use. */
enum { RAM_FREE = 1, RAM_TAKEN = 2 };

struct ram_range {
	uint64_t start, bytes;
	uint32_t kind, reserved;
};
static_assert(sizeof(struct ram_range) == 24, "PVH's memory map entry");

/* The next range of memory in address order that some entry of map calls free and none anything else:
 * [*start, *end). Continues at *end; 0 begins. false: there is no more. Entries may come in any order,
 * overlap, be empty and exceed the address space. */
bool ram_next(const struct ram_range *map, uint32_t count, uint64_t *start, uint64_t *end);

#endif
