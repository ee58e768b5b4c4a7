/* SPDX-License-Identifier: ISC */
/* Entries of page tables (Intel SDM volume 3 §4.5). Registers are mapped like memory: firmware's MTRRs make
 * them uncached. start.S has mapped the first GiB, so tables can be allocated from the start. */
#include "arch/common/paging.h"

#define PRESENT UINT64_C(0x1)
#define WRITE UINT64_C(0x2)
#define LARGE UINT64_C(0x80)
#define USED UINT64_C(0x60)
#define NO_EXECUTE (UINT64_C(1) << 63)
#define ADDRESS UINT64_C(0x000ffffffffff000)

uint64_t *paging_table(uint64_t entry)
{
	return entry & LARGE ? NULL : (uint64_t *)(entry & ADDRESS);
}

uint64_t paging_table_entry(const uint64_t *table)
{
	return (uintptr_t)table | PRESENT | WRITE;
}

uint64_t paging_leaf(uint64_t physical, bool device, bool large)
{
	(void)device;
	return physical | PRESENT | WRITE | USED | (large ? LARGE : 0) | NO_EXECUTE;
}

bool paging_is_device(uint64_t entry)
{
	(void)entry;
	return true;
}

uint64_t paging_physical(uint64_t entry)
{
	return entry & ADDRESS;
}

bool paging_is_free(uint64_t start, uint64_t end)
{
	return end <= UINT64_C(1) << 47 &&
	       (start >= CONFIG_STACK_WINDOW + CONFIG_STACK_WINDOW_BYTES || end <= CONFIG_STACK_WINDOW);
}

uint64_t paging_device_address(uintptr_t address)
{
	return address;
}

void *paging_early_table(void)
{
	return NULL;
}

void paging_filled(void)
{
}

void paging_flush(uintptr_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}
