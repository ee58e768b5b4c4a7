/* SPDX-License-Identifier: ISC */
/* From a PVH loader to init/main.c, with the memory map, on any machine. */
#define LOG_TAG "machine"
#include <string.h>

#include "arch/common/memory.h"
#include "arch/x86_64/pvh.h"
#include "init/init.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"

void boot(const struct pvh_start *info) __attribute__((noreturn));

struct pvh_start pvh_start_info;

void boot(const struct pvh_start *info)
{
	pvh_start_info = *info;
	init_main();
}

uint32_t pvh_map(struct ram_range *ranges)
{
	const void *map = (const void *)(uintptr_t)pvh_start_info.map;
	uint32_t count = pvh_start_info.map_entries;

	if (pvh_start_info.magic != PVH_MAGIC || pvh_start_info.version < 1 || !count || count > PVH_RANGES_MAX)
		panic("no usable memory map: start this image by PVH, as qemu -kernel does");
	memcpy(ranges, map, count * sizeof(ranges[0]));
	return count;
}

/* Addresses ascend, so memory that start.S has mapped comes first: the page tables for the rest are allocated
 * from it. */
static void add_memory(uint64_t start, uint64_t end)
{
	uint64_t mapped = MIN(end, PVH_MAPPED);

	if (start < mapped)
		page_add_region(start, mapped);
	start = MAX(start, PVH_MAPPED);
	if (start >= end)
		return;
	if (memory_map(start, end, false) < 0)
		log_warn("memory start=0x%llx end=0x%llx unused=\"cannot be mapped\"", (unsigned long long)start,
		         (unsigned long long)end);
	else
		page_add_region(start, end);
}

void pvh_give_memory(const struct ram_range *ranges, uint32_t count)
{
	uint64_t start, end = 0;

	while (ram_next(ranges, count, &start, &end))
		add_memory(start, end);
}
