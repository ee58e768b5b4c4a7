/* SPDX-License-Identifier: ISC */
/* Page tables of a CPU whose entries are easy to read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/common/memory.h"
#include "arch/common/tables.h"
#include "arch/common/paging.h"
#include "kernel/page.h"
#include "tests/lib/memory.h"
#include "tests/lib/test.h"

enum { PRESENT = 1, TABLE = 2, LARGE = 4, DEVICE = 8, BITS = 0xfff };

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TOP (UINT64_C(1) << 46) /* the end of addresses that may be mapped */

uint64_t page_map[512] __attribute__((aligned(4096)));

static uint64_t *tables[64];
static unsigned table_count, early_left;
static uintptr_t flushed;
static unsigned filled;
static uint64_t taken_start, taken_end; /* a range that cannot be mapped */
static uint64_t far_start, far_bytes;   /* the range asked for */

uint64_t *paging_table(uint64_t entry)
{
	return entry & TABLE ? (uint64_t *)(uintptr_t)(entry & ~(uint64_t)BITS) : NULL;
}

uint64_t paging_table_entry(const uint64_t *table)
{
	cr_assert_lt(table_count, ARRAY_SIZE(tables));
	tables[table_count++] = (uint64_t *)(uintptr_t)table;
	return (uintptr_t)table | TABLE | PRESENT;
}

uint64_t paging_leaf(uint64_t physical, bool device, bool large)
{
	cr_assert_eq(physical % (large ? 2 * MIB : PAGE_BYTES), 0);
	return physical | PRESENT | (device ? DEVICE : 0) | (large ? LARGE : 0);
}

bool paging_is_device(uint64_t entry)
{
	return entry & DEVICE;
}

uint64_t paging_physical(uint64_t entry)
{
	return entry & ~(uint64_t)BITS;
}

bool paging_is_free(uint64_t start, uint64_t end)
{
	return start <= end && end <= TOP && (end <= taken_start || start >= taken_end);
}

uint64_t paging_device_address(uintptr_t address)
{
	return address;
}

void *paging_early_table(void)
{
	static uint64_t early[2][512] __attribute__((aligned(4096)));

	return early_left ? early[--early_left] : NULL;
}

void paging_filled(void)
{
	filled++;
}

void paging_flush(uintptr_t address)
{
	flushed = address;
}

volatile void *memory_map_far(uint64_t start, uint64_t bytes)
{
	far_start = start;
	far_bytes = bytes;
	return start == TOP + 5 ? (volatile void *)(uintptr_t)(2 * MIB + 5) : NULL;
}

static void begin(void)
{
	test_begin();
	memset(page_map, 0, sizeof(page_map));
	table_count = filled = 0;
	taken_start = taken_end = 0;
	early_left = 0;
}

static void end(void)
{
	while (table_count--)
		page_free(tables[table_count], 1);
	test_end();
}

TestSuite(memory, .init = begin, .fini = end, .timeout = 20);

/* The entry that maps address, as the CPU would find it; 0: none. */
static uint64_t leaf_at(uint64_t address)
{
	uint64_t *entry = memory_entry(address, 1, false);

	if (!entry)
		return 0;
	if (*entry & TABLE)
		entry = memory_entry(address, 0, false);
	if (*entry)
		cr_assert_eq(*entry & ~(uint64_t)BITS, address & ~(*entry & LARGE ? 2 * MIB - 1 : (uint64_t)BITS));
	return *entry & BITS;
}

Test(memory, is_mapped_by_whole_large_pages)
{
	cr_assert_eq(memory_map(5 * MIB + 1, 8 * MIB + 1, false), 0);
	cr_assert_eq(leaf_at(4 * MIB - 1), 0);
	for (uint64_t at = 4 * MIB; at < 10 * MIB; at += 64 * KIB)
		cr_assert_eq(leaf_at(at), (uint64_t)(PRESENT | LARGE));
	cr_assert_eq(leaf_at(10 * MIB), 0);
	cr_assert_gt(filled, 0u);
}

Test(memory, of_registers_is_told_from_other)
{
	cr_assert_eq((uintptr_t)arch_map_device(3 * GIB + 0x1000, 0x200), 3 * GIB + 0x1000);
	cr_assert_eq(leaf_at(3 * GIB), (uint64_t)(PRESENT | LARGE | DEVICE));
	cr_assert_eq((uintptr_t)arch_map_device(3 * GIB + 0x3000, 0x200), 3 * GIB + 0x3000);
	cr_assert_eq(memory_map_pages(3 * GIB, 3 * GIB + 4 * KIB), -EINVAL, "memory where registers are");
	cr_assert_eq(memory_map_pages(16 * MIB, 18 * MIB), 0);
	cr_assert_null(arch_map_device(17 * MIB, 4));
	cr_assert_eq(leaf_at(17 * MIB), (uint64_t)(PRESENT | LARGE));
	cr_assert_eq(memory_map_pages(32 * MIB + 4 * KIB, 32 * MIB + 8 * KIB), 0);
	cr_assert_null(arch_map_device(32 * MIB, 4), "registers in a large page of which a part is memory");
}

Test(memory, of_registers_may_be_mapped_elsewhere)
{
	cr_assert_eq((uintptr_t)arch_map_device(TOP + 5, 4), 2 * MIB + 5);
	cr_assert(far_start == TOP + 5 && far_bytes == 4);
	cr_assert_null(arch_map_device(TOP - 1, UINT64_MAX));
	cr_assert(far_start == TOP - 1 && far_bytes == UINT64_MAX);
	cr_assert_not_null(arch_map_device(TOP - 4, 4));
	cr_assert_eq(far_start, TOP - 1, "not asked");
}

Test(memory, is_not_mapped_where_it_cannot_be)
{
	cr_assert_eq(memory_map(TOP - MIB, TOP + 1, false), -EINVAL);
	cr_assert_eq(memory_map_pages(TOP, TOP + 1), -EINVAL);
	cr_assert_null(arch_map_device(TOP, 1));
	cr_assert_null(arch_map_device(UINT64_MAX - 1, 4));
	cr_assert_eq(table_count, 0u);
}

Test(memory, is_not_mapped_by_widening_to_where_it_cannot_be)
{
	taken_start = 7 * MIB;
	taken_end = 9 * MIB;
	cr_assert_null(arch_map_device(6 * MIB, 4), "the same 2 MiB");
	cr_assert_null(arch_map_device(9 * MIB, 4));
	cr_assert_eq(memory_map_pages(7 * MIB - 4 * KIB, 7 * MIB), 0);
	cr_assert_eq(memory_map_pages(7 * MIB - 4 * KIB, 7 * MIB + 1), -EINVAL);
	cr_assert_eq((uintptr_t)arch_map_device(6 * MIB - 4, 4), 6 * MIB - 4);
	cr_assert_eq((uintptr_t)arch_map_device(10 * MIB, 4), 10 * MIB);
	cr_assert_null(arch_map_device(0, UINT64_MAX), "no multiple of 2 MiB follows");
}

Test(memory, exactly_means_no_byte_beside_its_pages)
{
	uint64_t start = 6 * MIB - 12 * KIB, last = 10 * MIB + 8 * KIB;

	cr_assert_eq(memory_map_pages(start + 5, last - 5), 0);
	cr_assert_eq(leaf_at(start - 1), 0);
	for (uint64_t at = start; at < last; at += 4 * KIB)
		cr_assert_eq(leaf_at(at), (uint64_t)(PRESENT | (at >= 6 * MIB && at < 10 * MIB ? LARGE : 0)));
	cr_assert_eq(leaf_at(last), 0);
}

Test(memory, of_others_is_memory_and_no_more_than_its_pages)
{
	cr_assert_eq((uintptr_t)arch_map_memory(5 * MIB, 4 * KIB), 5 * MIB);
	cr_assert_eq((uintptr_t)arch_map_memory(5 * MIB + 4 * KIB, 4 * KIB), 5 * MIB + 4 * KIB);
	cr_assert_eq(leaf_at(5 * MIB - 1), 0);
	cr_assert_eq(leaf_at(5 * MIB + 4 * KIB), (uint64_t)PRESENT);
	cr_assert_eq(leaf_at(5 * MIB + 8 * KIB), 0);
	cr_assert_not_null(arch_map_device(7 * MIB, 4));
	cr_assert_null(arch_map_memory(7 * MIB, 4 * KIB), "memory where registers are");
	cr_assert_null(arch_map_memory(TOP, 4 * KIB));
	cr_assert_null(arch_map_memory(UINT64_MAX - 4095, 8 * KIB));
}

/* Compares random mappings with a model of each page. */
Test(memory, pieces_agree_with_a_picture)
{
	enum { PAGES = 2048 }; /* 8 MiB */
	uint64_t state = 1;

	for (unsigned round = 0; round < 200; round++) {
		uint8_t picture[PAGES] = { 0 };

		for (unsigned piece = 0; piece < 4; piece++) {
			unsigned from = test_random(&state) % PAGES, to = from + test_random(&state) % (PAGES - from + 1);

			if (test_random(&state) % 3 == 0)
				to = MIN((to + 511) / 512 * 512, (unsigned)PAGES);
			memset(picture + from, 1, to - from);
			cr_assert_eq(memory_map_pages(GIB + from * 4 * KIB, GIB + to * 4 * KIB), 0);
		}
		for (unsigned i = 0; i < PAGES; i++)
			cr_assert_eq(leaf_at(GIB + i * 4 * KIB) != 0, picture[i], "round %u, page %u", round, i);
		end();
		begin();
	}
}

Test(memory, needs_no_allocator_while_there_are_early_tables)
{
	uint64_t before = test_alloc_count();

	early_left = 2;
	cr_assert_eq(memory_map(0, MIB, true), 0);
	cr_assert_eq(test_alloc_count(), before);
	cr_assert_eq(memory_map_pages(2 * MIB, 2 * MIB + 4 * KIB), 0);
	cr_assert_eq(test_alloc_count(), before + 1);
	cr_assert_eq(table_count, 3u);
	tables[0] = tables[2];
	table_count = 1;
}

Test(memory, says_when_there_is_none_for_tables)
{
	for (unsigned nth = 1; nth <= 2; nth++) {
		test_alloc_fail_at(nth);
		cr_assert_eq(memory_map(MIB, 2 * MIB, false), -ENOMEM);
	}
	test_alloc_fail_at(1);
	cr_assert_null(arch_map_device(5 * GIB, 4));
	for (unsigned nth = 1; nth <= 2; nth++) {
		test_alloc_fail_at(nth);
		cr_assert_eq(memory_map_pages(GIB + 4 * KIB, GIB + 8 * KIB), -ENOMEM);
	}
	test_alloc_fail_at(0);
	cr_assert_eq(memory_map_pages(GIB + 4 * KIB, GIB + 8 * KIB), 0);
	cr_assert_eq(leaf_at(GIB + 4 * KIB), (uint64_t)PRESENT);
}

Test(memory, is_no_more_once_it_is_unmapped)
{
	cr_assert_eq(memory_map_pages(0, 8 * KIB), 0);
	flushed = 1;
	memory_close_null();
	cr_assert_eq(flushed, 0u);
	cr_assert_eq(leaf_at(0), 0);
	cr_assert_neq(leaf_at(4 * KIB), 0);
}
