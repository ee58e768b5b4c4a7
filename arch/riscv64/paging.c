/* SPDX-License-Identifier: ISC */
/* Entries of Sv39's page tables (Privileged Architecture, "Sv39"). The CPU tells memory and devices apart by
 * address; a bit for software's use notes which an entry maps. */
#include "arch/common/paging.h"

#define VALID UINT64_C(0x01)
#define READ_WRITE UINT64_C(0x06)
#define LEAF UINT64_C(0x0e) /* any of read, write and execute */
#define ACCESSED_DIRTY UINT64_C(0xc0)
#define DEVICE UINT64_C(0x100)
#define ADDRESS UINT64_C(0x003ffffffffffc00) /* of a page: an address two bits lower */

uint64_t paging_physical(uint64_t entry)
{
	return (entry & ADDRESS) << 2;
}

uint64_t *paging_table(uint64_t entry)
{
	return entry & LEAF ? NULL : paging_table_at(paging_physical(entry));
}

uint64_t paging_table_entry(const uint64_t *table)
{
	return paging_device_address((uintptr_t)table) >> 2 | VALID;
}

uint64_t paging_leaf(uint64_t physical, bool device, bool large)
{
	(void)large; /* given by the level alone */
	return physical >> 2 | VALID | READ_WRITE | ACCESSED_DIRTY | (device ? DEVICE : 0);
}

bool paging_is_device(uint64_t entry)
{
	return entry & DEVICE;
}
