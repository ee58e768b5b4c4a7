/* SPDX-License-Identifier: ISC */
/* Common to the files on page tables. */
#ifndef ARCH_COMMON_TABLES_H
#define ARCH_COMMON_TABLES_H

#include "arch/common/memory.h"

/* The window of addresses in which fibers' stacks lie. */
#define WINDOW ((uintptr_t)CONFIG_STACK_WINDOW)
#define WINDOW_BYTES ((uintptr_t)CONFIG_STACK_WINDOW_BYTES)

#define LARGE_BYTES UINT64_C(0x200000)

/* The entry for address at level (3: 512 GiB each, 2: 1 GiB, 1: 2 MiB, 0: 4 KiB). With make, missing tables
 * are made; NULL: one is missing. */
uint64_t *memory_entry(uint64_t address, unsigned level, bool make);
/* Unmaps address, whose entry this is. */
void memory_unmap(uint64_t *entry, uintptr_t address);
/* arch_map_device for registers at the image's address or above, which cannot be mapped at their own. NULL:
 * they lie below, or there is no room. */
volatile void *memory_map_far(uint64_t start, uint64_t bytes);

static inline bool memory_is_mapped(uintptr_t address)
{
	uint64_t *entry = memory_entry(address, 0, false);

	return entry && *entry;
}

#endif
