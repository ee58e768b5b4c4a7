/* SPDX-License-Identifier: ISC */
/* Entries of Sv39's page tables (Privileged Architecture, "Sv39"). What is memory and what a device the CPU
 * knows by address; a bit that is software's keeps it for us. Tables lie in memory, which is mapped at
 * its own address, or in the image, which is not. */
#include "arch/common/image.h"
#include "arch/common/paging.h"
#include "arch/riscv64/cpu.h"
#include "kernel/page.h"

#define VALID UINT64_C(0x01)
#define READ_WRITE UINT64_C(0x06)
#define LEAF UINT64_C(0x0e) /* any of read, write and execute */
#define ACCESSED_DIRTY UINT64_C(0xc0)
#define DEVICE UINT64_C(0x100)
#define ADDRESS UINT64_C(0x003ffffffffffc00) /* of a page, two bits lower than an address */
#define EARLY_TABLES 6 /* registers and memory at two places, and the ragged ends of what lies in it */

static uint64_t early[EARLY_TABLES][512] __attribute__((aligned(PAGE_BYTES)));
static unsigned early_used;

uint64_t paging_physical(uint64_t entry)
{
	return (entry & ADDRESS) << 2;
}

uint64_t *paging_table(uint64_t entry)
{
	uint64_t physical = paging_physical(entry), at = physical - image_physical;

	if (entry & LEAF)
		return NULL;
	if (at < (uint64_t)(image_end - image_start))
		return (uint64_t *)(uintptr_t)(at + (uintptr_t)image_start);
	return (uint64_t *)(uintptr_t)physical;
}

uint64_t paging_table_entry(const uint64_t *table)
{
	return paging_device_address((uintptr_t)table) >> 2 | VALID;
}

uint64_t paging_leaf(uint64_t physical, bool device, bool large)
{
	(void)large; /* the level alone says it */
	return physical >> 2 | VALID | READ_WRITE | ACCESSED_DIRTY | (device ? DEVICE : 0);
}

bool paging_is_device(uint64_t entry)
{
	return entry & DEVICE;
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
