/* SPDX-License-Identifier: ISC */
/* Entries of ARM's page tables in the long format, that of AArch64 and, as LPAE, of ARMv7 (ARM ARM for
 * ARMv8 D8.3, for ARMv7 B3.6), with the attributes that start.S has set. */
#include "arch/common/paging.h"

#define VALID UINT64_C(0x1)
#define TABLE UINT64_C(0x2) /* above the lowest level; there: a page */
#define DEVICE (UINT64_C(1) << 2)
#define INNER_SHAREABLE (UINT64_C(3) << 8)
#define ACCESSED (UINT64_C(1) << 10)
#define NO_EXECUTE (UINT64_C(3) << 53)
#define ADDRESS UINT64_C(0x0000fffffffff000)

uint64_t *paging_table(uint64_t entry)
{
	return entry & TABLE ? paging_table_at(entry & ADDRESS) : NULL;
}

uint64_t paging_table_entry(const uint64_t *table)
{
	return paging_device_address((uintptr_t)table) | VALID | TABLE;
}

uint64_t paging_leaf(uint64_t physical, bool device, bool large)
{
	uint64_t kind = device ? DEVICE : INNER_SHAREABLE;

	return physical | VALID | (large ? 0 : TABLE) | kind | ACCESSED | NO_EXECUTE;
}

bool paging_is_device(uint64_t entry)
{
	return entry & DEVICE;
}

uint64_t paging_physical(uint64_t entry)
{
	return entry & ADDRESS;
}
