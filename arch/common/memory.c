/* SPDX-License-Identifier: ISC */
/* Page tables after start.S, which has mapped the image strictly: here the rest is mapped as the machine
 * tells of it, never executable, and fibers get stacks in a window of address space of which nothing
 * else is mapped: between two stacks there is always a page that is not there. */
#include <errno.h>

#include "arch/arch.h"
#include "arch/common/memory.h"
#include "arch/common/paging.h"
#include "kernel/page.h"

#define LARGE_BYTES UINT64_C(0x200000)
#define WINDOW ((uintptr_t)CONFIG_STACK_WINDOW)
#define WINDOW_BYTES ((uintptr_t)CONFIG_STACK_WINDOW_BYTES)
#define SLOT_BYTES (ALIGN_UP((uintptr_t)CONFIG_FIBER_STACK_BYTES, PAGE_BYTES) + PAGE_BYTES)
#define SLOTS MIN(WINDOW_BYTES / SLOT_BYTES, (uintptr_t)CONFIG_FIBERS)

extern uint64_t page_map[512];
extern const char text_start[], text_end[], rodata_end[], image_end[];
extern const char fault_guard[], interrupt_guard[], boot_guard[], boot_stack_top[];

static const struct {
	const char *guard, *name;
} guards[] = {
	{ fault_guard, "stack overflow: fault stack" },
	{ interrupt_guard, "stack overflow: interrupt stack" },
	{ boot_guard, "stack overflow: raise BOOT_STACK_BYTES" },
};

static bool make_table(uint64_t *entry)
{
	void *table = paging_early_table();

	if (!table)
		table = page_alloc(1, true);
	if (!table)
		return false;
	*entry = paging_table_entry(table);
	return true;
}

/* The entry for address at level (3: 512 GiB each, 2: 1 GiB, 1: 2 MiB, 0: 4 KiB). Missing tables
 * are made when make says so, else the answer is NULL. */
static uint64_t *entry_at(uint64_t address, unsigned level, bool make)
{
	uint64_t *table = page_map;

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
	if (!paging_is_free(start, end))
		return -EINVAL;
	for (; start < end; start += LARGE_BYTES) {
		uint64_t *entry = entry_at(start, 1, true);

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

int memory_map_pages(uint64_t start, uint64_t end)
{
	start = ALIGN_DOWN(start, (uint64_t)PAGE_BYTES);
	if (!paging_is_free(start, end))
		return -EINVAL;
	while (start < end) {
		uint64_t *entry = entry_at(start, 1, true), next = ALIGN_DOWN(start, LARGE_BYTES) + LARGE_BYTES;

		if (!entry)
			return -ENOMEM;
		if (!*entry && start % LARGE_BYTES == 0 && next <= end) {
			*entry = paging_leaf(start, false, true);
		} else if (!*entry || paging_table(*entry)) {
			entry = entry_at(start, 0, true);
			if (!entry)
				return -ENOMEM;
			if (!*entry)
				*entry = paging_leaf(start, false, false);
			next = start + PAGE_BYTES;
		}
		start = next;
	}
	paging_filled();
	return 0;
}

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	if (start + bytes < start || memory_map(start, start + bytes, true) < 0)
		return NULL;
	return (volatile void *)(uintptr_t)start;
}

static bool is_mapped(uintptr_t address)
{
	uint64_t *entry = entry_at(address, 0, false);

	return entry && *entry;
}

static void unmap(uint64_t *entry, uintptr_t address)
{
	*entry = 0;
	paging_flush(address);
}

void memory_close_null(void)
{
	unmap(entry_at(0, 0, false), 0);
}

static void unmap_stack(uintptr_t low, uintptr_t end)
{
	for (; low < end; low += PAGE_BYTES)
		unmap(entry_at(low, 0, false), low);
}

/* Contiguous memory: a stack may hold what a device is to read. */
void *arch_stack_alloc(size_t bytes)
{
	uintptr_t low = WINDOW + PAGE_BYTES, end = WINDOW + SLOTS * SLOT_BYTES;
	char *memory;

	while (low < end && is_mapped(low))
		low += SLOT_BYTES;
	memory = low < end && bytes < SLOT_BYTES ? page_alloc(bytes / PAGE_BYTES, false) : NULL;
	if (!memory)
		return NULL;
	for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
		uint64_t *entry = entry_at(low + at, 0, true);

		if (!entry) {
			unmap_stack(low, low + at);
			page_free(memory, bytes / PAGE_BYTES);
			return NULL;
		}
		*entry = paging_leaf((uintptr_t)(memory + at), false, false);
	}
	paging_filled();
	return (void *)low;
}

uint64_t arch_device_address(const void *p)
{
	uintptr_t at = (uintptr_t)p;
	uint64_t *entry = at - WINDOW < WINDOW_BYTES ? entry_at(at, 0, false) : NULL;

	if (!entry || !*entry)
		return paging_device_address(at);
	return paging_physical(*entry) | (at & (PAGE_BYTES - 1));
}

bool memory_is_text(uintptr_t address)
{
	return address >= (uintptr_t)text_start && address < (uintptr_t)text_end;
}

bool memory_is_stack(uintptr_t address)
{
	if (address % sizeof(uintptr_t))
		return false;
	if (address - WINDOW < WINDOW_BYTES)
		return is_mapped(address);
	return address >= (uintptr_t)fault_guard && address < (uintptr_t)boot_stack_top && is_mapped(address);
}

const char *memory_describe(uintptr_t address)
{
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++)
		if (address - (uintptr_t)guards[i].guard < PAGE_BYTES)
			return guards[i].name;
	if (address - WINDOW < WINDOW_BYTES)
		return "stack overflow: raise FIBER_STACK_BYTES";
	if (address < PAGE_BYTES)
		return "null page";
	if (memory_is_text(address))
		return "text";
	if (address >= (uintptr_t)text_end && address < (uintptr_t)rodata_end)
		return "read-only data";
	return "memory";
}
