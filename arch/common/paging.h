/* SPDX-License-Identifier: ISC */
/* A CPU's page tables, for arch/common/memory.c: tables of 512 entries of 64 bits, each for 4 KiB in the
 * lowest level, 2 MiB in the next, and so on up to page_map, CONFIG_PAGE_TABLE_LEVELS levels in all. An entry
 * of 0 maps nothing. Implemented in arch/<cpu>/paging.c. */
#ifndef ARCH_COMMON_PAGING_H
#define ARCH_COMMON_PAGING_H

#include "kernel/util.h"

/* The table that an entry above the lowest level, which is not 0, points to; NULL: the entry is a leaf. */
uint64_t *paging_table(uint64_t entry);
/* The entry that points to a table. */
uint64_t paging_table_entry(const uint64_t *table);
/* The leaf entry for memory or a device's registers at the physical address, read-write and no-execute; 2 MiB
 * if large, else 4 KiB. */
uint64_t paging_leaf(uint64_t physical, bool device, bool large);
/* Does entry map with the attributes of registers? */
bool paging_is_device(uint64_t entry);
/* The physical address that entry maps. */
uint64_t paging_physical(uint64_t entry);
/* May [start, end) be mapped at its own address? */
bool paging_is_free(uint64_t start, uint64_t end);
/* The address by which devices reach an address outside of the stack window. */
uint64_t paging_device_address(uintptr_t address);
/* A zeroed table, for the time before the page allocator has memory; NULL: none is left. */
void *paging_early_table(void);
/* To be called after entries that were 0 have been filled; and after address has been unmapped. */
void paging_filled(void);
void paging_flush(uintptr_t address);

/* The address at which the table at physical is mapped, in memory or in the image. In paging_loaded.c, which
 * implements the calls from paging_is_free on for CPUs whose loaders put the image anywhere. */
uint64_t *paging_table_at(uint64_t physical);

#endif
