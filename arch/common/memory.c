/* SPDX-License-Identifier: ISC */
/* Page tables after start.S, which has mapped the image strictly: here the rest is mapped as the machine
 * describes it, never executable. */
#include <errno.h>

#include "arch/arch.h"
#include "arch/common/tables.h"
#include "arch/common/paging.h"
#include "kernel/page.h"

extern uint64_t page_map[512];

static bool make_table(uint64_t *entry)
{
	void *table = paging_early_table();

	if (!table)
		table = page_alloc(1, true);
	if (!table)
		return false;
	__atomic_thread_fence(__ATOMIC_RELEASE); /* the CPU may walk the table as soon as the entry is there */
	*entry = paging_table_entry(table);
	return true;
}

uint64_t *memory_entry(uint64_t address, unsigned level, bool make)
{
	uint64_t *table = ARCH_FAR(page_map);

	for (unsigned at = CONFIG_PAGE_TABLE_LEVELS - 1;; at--) {
		uint64_t *entry = &table[address >> (12 + 9 * at) & 511];

		if (at == level)
			return entry;
		if (!*entry && (!make || !make_table(entry)))
			return NULL;
		table = paging_table(*entry);
		if (!table)
			return NULL;
	}
}

int memory_map(uint64_t start, uint64_t end, bool device)
{
	start = ALIGN_DOWN(start, LARGE_BYTES);
	if (!paging_is_free(start, MAX(end, ALIGN_UP(end, LARGE_BYTES)))) /* ALIGN_UP may wrap */
		return -EINVAL;
	for (; start < end; start += LARGE_BYTES) {
		uint64_t *entry = memory_entry(start, 1, true);

		if (!entry)
			return -ENOMEM;
		if (!*entry)
			*entry = paging_leaf(start, device, true);
		else if (device && !paging_is_device(*entry))
			return -EINVAL;
	}
	paging_filled();
	return 0;
}

/* Maps pages of 4 KiB from start to end, within one table. */
static bool fill_table(uint64_t start, uint64_t end)
{
	uint64_t *entry = memory_entry(start, 0, true);

	if (!entry)
		return false;
	for (; start < end; start += PAGE_BYTES, entry++)
		if (!*entry)
			*entry = paging_leaf(start, false, false);
	return true;
}

/* Does entry map anything but the memory around start? */
static bool is_registers(uint64_t entry, uint64_t start)
{
	return entry && !paging_table(entry) && entry != paging_leaf(ALIGN_DOWN(start, LARGE_BYTES), false, true);
}

int memory_map_pages(uint64_t start, uint64_t end)
{
	start = ALIGN_DOWN(start, (uint64_t)PAGE_BYTES);
	if (!paging_is_free(start, end))
		return -EINVAL;
	for (uint64_t next; start < end; start = next) {
		uint64_t *entry = memory_entry(start, 1, true);

		if (!entry)
			return -ENOMEM;
		if (is_registers(*entry, start))
			return -EINVAL;
		next = ALIGN_DOWN(start, LARGE_BYTES) + LARGE_BYTES;
		if (!*entry && start % LARGE_BYTES == 0 && next <= end)
			*entry = paging_leaf(start, false, true);
		else if ((!*entry || paging_table(*entry)) && !fill_table(start, MIN(next, end)))
			return -ENOMEM;
	}
	paging_filled();
	return 0;
}

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	if (start + bytes >= start && memory_map(start, start + bytes, true) == 0)
		return (volatile void *)(uintptr_t)start;
	return IS_ENABLED(CONFIG_FAR_REGISTERS) ? memory_map_far(start, bytes) : NULL;
}

volatile void *arch_map_memory(uint64_t start, uint64_t bytes)
{
	if (start + bytes < start || memory_map_pages(start, start + bytes) < 0)
		return NULL;
	return (volatile void *)(uintptr_t)start;
}

void memory_unmap(uint64_t *entry, uintptr_t address)
{
	*entry = 0;
	paging_flush(address);
}

void memory_close_null(void)
{
	memory_unmap(memory_entry(0, 0, false), 0);
}
