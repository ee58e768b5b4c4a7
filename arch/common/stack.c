/* SPDX-License-Identifier: ISC */
/* Stacks of fibers, in a window of address space for them alone: between two stacks there is always an
 * unmapped page. */
#include "arch/arch.h"
#include "arch/common/tables.h"
#include "arch/common/paging.h"
#include "kernel/page.h"

#define SLOT_BYTES (ALIGN_UP((uintptr_t)CONFIG_FIBER_STACK_BYTES, PAGE_BYTES) + PAGE_BYTES)
#define SLOTS MIN(WINDOW_BYTES / SLOT_BYTES, (uintptr_t)CONFIG_FIBERS)

static void unmap_stack(uintptr_t low, uintptr_t end)
{
	for (; low < end; low += PAGE_BYTES)
		memory_unmap(memory_entry(low, 0, false), low);
}

/* The memory is contiguous: a stack may hold a buffer that a device reads. */
void *arch_stack_alloc(size_t bytes)
{
	uintptr_t low = WINDOW + PAGE_BYTES, end = WINDOW + SLOTS * SLOT_BYTES;
	char *memory;

	while (low < end && memory_is_mapped(low))
		low += SLOT_BYTES;
	memory = low < end && bytes < SLOT_BYTES ? page_alloc(bytes / PAGE_BYTES, false) : NULL;
	if (!memory)
		return NULL;
	for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
		uint64_t *entry = memory_entry(low + at, 0, true);

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
	uint64_t *entry = at - WINDOW < WINDOW_BYTES ? memory_entry(at, 0, false) : NULL;

	if (!entry || !*entry)
		return paging_device_address(at);
	return paging_physical(*entry) | (at & (PAGE_BYTES - 1));
}
