/* SPDX-License-Identifier: ISC */
/* What arch/common/memory.c must know of a CPU's page tables: tables of 512 entries of 64 bits, each for
 * 4 KiB in the lowest level, 2 MiB in the next, and so on up to page_map. CONFIG_PAGE_TABLE_LEVELS says
 * how many. An entry that is 0 leads nowhere. In arch/<cpu>/paging.c. */
#ifndef ARCH_COMMON_PAGING_H
#define ARCH_COMMON_PAGING_H

#include "kernel/util.h"

/* The table that an entry above the lowest level, which is not 0, leads to; NULL: it is a leaf. */
uint64_t *paging_table(uint64_t entry);
/* The entry that leads to a table. */
uint64_t paging_table_entry(const uint64_t *table);
/* The entry for what begins at the physical address, read-write and no-execute: memory, or the registers
 * of a device; 2 MiB when large, else 4 KiB. */
uint64_t paging_leaf(uint64_t physical, bool device, bool large);
/* Is what an entry maps fit for registers? */
bool paging_is_device(uint64_t entry);
/* Where what an entry maps lies. */
uint64_t paging_physical(uint64_t entry);
/* May [start, end) be mapped at its own address? */
bool paging_is_free(uint64_t start, uint64_t end);
/* Where a device finds what lies at an address outside of the window of stacks. */
uint64_t paging_device_address(uintptr_t address);
/* A zeroed table while the page allocator may have nothing to give yet; NULL: there is none left. */
void *paging_early_table(void);
/* To be called when entries that were 0 have been filled, and when address has lost what it mapped. */
void paging_filled(void);
void paging_flush(uintptr_t address);

/* In paging_loaded.c, which fulfils what follows paging_physical for CPUs whose loaders put the image
 * anywhere: where the table is mapped that lies there, in memory or in the image. */
uint64_t *paging_table_at(uint64_t physical);

#endif
