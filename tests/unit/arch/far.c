/* SPDX-License-Identifier: ISC */
/* Device registers at addresses where a 32-bit CPU has the image, or beyond 32 bits: mapped by entries of 2
 * MiB in a window. */
#include <string.h>

#include "tests/lib/test.h"

#undef CONFIG_STACK_WINDOW
#undef CONFIG_STACK_WINDOW_BYTES
#define CONFIG_STACK_WINDOW 0xf0000000
#define CONFIG_STACK_WINDOW_BYTES 0x08000000
#undef CONFIG_IMAGE_ADDRESS
#define CONFIG_IMAGE_ADDRESS 0xe0000000
#include "arch/common/far.c"

enum { FIRST = 0xf8000000 / 0x200000, ENTRIES = 0x8000000 / 0x200000 }; /* from the end of the stacks on */
#define PAGE UINT64_C(0x200000)
#define FAR UINT64_C(0x4010000000) /* where QEMU has its bridge's configuration space */

static uint64_t entries[ENTRIES];
static unsigned filled;
static bool no_tables;

uint64_t *memory_entry(uint64_t address, unsigned level, bool make)
{
	cr_assert(level == 1 && make);
	cr_assert_eq(address % PAGE, 0);
	cr_assert(address >= FIRST * PAGE && address < (UINT64_C(1) << 32));
	return no_tables ? NULL : &entries[address / PAGE - FIRST];
}

uint64_t paging_leaf(uint64_t physical, bool device, bool large)
{
	cr_assert(device && large && physical % PAGE == 0);
	return physical | 1;
}

void paging_filled(void)
{
	filled++;
}

static uintptr_t map(uint64_t start, uint64_t bytes)
{
	return (uintptr_t)memory_map_far(start, bytes);
}

TestSuite(far, .init = test_begin, .fini = test_end, .timeout = 20);

Test(far, registers_are_mapped_behind_the_stacks)
{
	cr_assert_eq(map(FAR + 0x1234, 0x1000), FIRST * PAGE + 0x1234);
	cr_assert_eq(entries[0], FAR | 1);
	cr_assert_eq(entries[1], 0);
	cr_assert_eq(filled, 1);
}

/* Zynq's interrupt controller has such registers. */
Test(far, registers_may_lie_where_the_image_is_mapped)
{
	cr_assert_eq(map(0xf8f00100, 0x100), FIRST * PAGE + 0x100100);
	cr_assert_eq(entries[0], 0xf8e00000 | 1);
	cr_assert_eq(map(0xe0000000, 4), (FIRST + 1) * PAGE);
	cr_assert_eq(map(0xffffffff, 2), (FIRST + 2) * PAGE + 0x1fffff, "and across the end of 4 GiB");
}

Test(far, registers_that_can_lie_at_their_own_address_are_not_mapped)
{
	cr_assert_eq(map(0xdffffffc, 4), 0);
	cr_assert_eq(map(0xdffffffc, 8), 0);
	cr_assert_eq(map(0, 4), 0);
	cr_assert_eq(filled, 0);
}

Test(far, what_is_mapped_is_not_mapped_twice)
{
	uintptr_t once = map(FAR, 16 * PAGE);

	cr_assert_eq(map(FAR + 0x400, 4), once + 0x400);
	cr_assert_eq(map(FAR + 0x1ffffe, 4), once + 0x1ffffe, "and across the end of a page");
	cr_assert_eq(entries[16], 0);
}

Test(far, others_are_mapped_beside_it)
{
	map(FAR, 4);
	cr_assert_eq(map(2 * FAR, 2 * PAGE), (FIRST + 1) * PAGE);
	cr_assert_eq(entries[1], (2 * FAR) | 1);
	cr_assert_eq(entries[2], (2 * FAR + PAGE) | 1);
}

Test(far, what_does_not_fit_is_refused_and_leaves_no_trace)
{
	cr_assert_eq(map(FAR, ENTRIES * PAGE + 1), 0);
	cr_assert_eq(map(FAR + 1, ENTRIES * PAGE), 0, "its ends lie in one page more");
	cr_assert_eq(filled, 0);
	for (unsigned i = 0; i < ENTRIES; i++)
		cr_assert_eq(entries[i], 0);
	cr_assert_eq(map(FAR, ENTRIES * PAGE), FIRST * PAGE);
	cr_assert_eq(map(2 * FAR, 4), 0, "it is full");
	cr_assert_neq(map(FAR, 4), 0);
}

Test(far, the_last_place_is_one)
{
	map(FAR, (ENTRIES - 1) * PAGE);
	cr_assert_eq(map(2 * FAR, PAGE), (FIRST + ENTRIES - 1) * PAGE);
}

Test(far, what_the_cpu_cannot_reach_is_refused)
{
	cr_assert_eq(map(UINT64_C(1) << 40, 4), 0);
	cr_assert_eq(map((UINT64_C(1) << 40) - 2, 4), 0);
	cr_assert_eq(map(UINT64_MAX, 4), 0);
	cr_assert_eq(map(FAR, UINT64_MAX), 0);
	cr_assert_eq(map(UINT64_MAX - 3, UINT64_MAX), 0);
	cr_assert_neq(map((UINT64_C(1) << 40) - 4, 4), 0);
}

Test(far, nothing_is_mapped_without_tables)
{
	no_tables = true;
	cr_assert_eq(map(FAR, 4), 0);
	cr_assert_eq(filled, 0);
}
