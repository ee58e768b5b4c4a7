/* SPDX-License-Identifier: ISC */
/* Entries of ARM's page tables in the long format, that of AArch64 and, as LPAE, of ARMv7 (ARM ARM for
 * ARMv8 D8.3, for ARMv7 B3.6), with the attributes that start.S has set. Tables lie in memory, which is
 * mapped at its own address, or in the image, which is not. */
#include "arch/common/image.h"
#include "arch/common/paging.h"
#include "kernel/page.h"
#include CONFIG_CPU_HEADER

#define VALID UINT64_C(0x1)
#define TABLE UINT64_C(0x2) /* above the lowest level; in it: a page */
#define DEVICE (UINT64_C(1) << 2)
#define INNER_SHAREABLE (UINT64_C(3) << 8)
#define ACCESSED (UINT64_C(1) << 10)
#define NO_EXECUTE (UINT64_C(3) << 53)
#define ADDRESS UINT64_C(0x0000fffffffff000)
#define EARLY_TABLES 6 /* registers and memory at two places, and the ragged ends of what lies in it */

static uint64_t early[EARLY_TABLES][512] __attribute__((aligned(PAGE_BYTES)));
static unsigned early_used;

uint64_t *paging_table(uint64_t entry)
{
	uint64_t at = (entry & ADDRESS) - image_physical;

	if (!(entry & TABLE))
		return NULL;
	if (at < (uint64_t)(image_end - image_start))
		return (uint64_t *)(uintptr_t)(at + (uintptr_t)image_start);
	return (uint64_t *)(uintptr_t)(entry & ADDRESS);
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

bool paging_is_free(uint64_t start, uint64_t end)
{
	return start <= end && end <= CONFIG_IMAGE_ADDRESS;
}

uint64_t paging_device_address(uintptr_t address)
{
	uint64_t at = address - (uintptr_t)image_start;

	return at < (uint64_t)(image_end - image_start) ? at + image_physical : address;
}

void *paging_early_table(void)
{
	return early_used < EARLY_TABLES ? early[early_used++] : NULL;
}

void paging_filled(void)
{
	cpu_tables_written();
}

void paging_flush(uintptr_t address)
{
	cpu_forget_page(address);
}
