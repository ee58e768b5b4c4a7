/* SPDX-License-Identifier: ISC */
/* paging.h for CPUs whose loaders put the image anywhere: the image is mapped at its link address, memory and
 * registers at their own addresses. Only the format of entries is each CPU's. */
#include "arch/common/image.h"
#include "arch/common/paging.h"
#include "kernel/page.h"
#include CONFIG_CPU_HEADER

#define EARLY_TABLES 6 /* registers and memory at two places each, and 4 KiB pages at the ends of ranges */

static uint64_t early[EARLY_TABLES][512] __attribute__((aligned(PAGE_BYTES)));
static unsigned early_used;

uint64_t *paging_table_at(uint64_t physical)
{
	uint64_t at = physical - image_physical;

	if (at < image_size_bytes)
		return (uint64_t *)(uintptr_t)(at + (uintptr_t)ARCH_FAR(image_start));
	return (uint64_t *)(uintptr_t)physical;
}

/* The image's memory is not mapped a second time, whatever a tree says: so its text cannot be written. */
bool paging_is_free(uint64_t start, uint64_t end)
{
	uintptr_t image = (uintptr_t)image_physical;

	return start <= end && end <= CONFIG_IMAGE_ADDRESS &&
	       ((uintptr_t)end <= image || (uintptr_t)start >= image + (uintptr_t)image_size_bytes);
}

uint64_t paging_device_address(uintptr_t address)
{
	uint64_t at = address - (uintptr_t)ARCH_FAR(image_start);

	return at < image_size_bytes ? at + image_physical : address;
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
