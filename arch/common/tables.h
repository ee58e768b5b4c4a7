/* SPDX-License-Identifier: ISC */
/* What the files on page tables share. */
#ifndef ARCH_COMMON_TABLES_H
#define ARCH_COMMON_TABLES_H

#include "arch/common/memory.h"

/* The window of addresses in which fibers' stacks lie. */
#define WINDOW ((uintptr_t)CONFIG_STACK_WINDOW)
#define WINDOW_BYTES ((uintptr_t)CONFIG_STACK_WINDOW_BYTES)

#define LARGE_BYTES UINT64_C(0x200000)

/* The entry for address at level (3: 512 GiB each, 2: 1 GiB, 1: 2 MiB, 0: 4 KiB). Missing tables are made
 * when make says so, else the answer is NULL. */
uint64_t *memory_entry(uint64_t address, unsigned level, bool make);
/* Takes away what entry maps at address. */
void memory_unmap(uint64_t *entry, uintptr_t address);
/* arch_map_device where start is no address of registers: the image's and the stacks' begin before it. NULL
 * where it is one. */
volatile void *memory_map_far(uint64_t start, uint64_t bytes);

static inline bool memory_is_mapped(uintptr_t address)
{
	uint64_t *entry = memory_entry(address, 0, false);

	return entry && *entry;
}

#endif
