/* SPDX-License-Identifier: ISC */
/* Lists of modules as loaders may leave them. */
#include <string.h>

#include "arch/x86_64/module.h"
#include "tests/lib/test.h"

TestSuite(module, .init = test_begin, .fini = test_end);

static struct pvh_module list[2];

static uint64_t bytes_with(uint32_t count, const void *at, uint64_t start, uint64_t bytes)
{
	struct pvh_start info = { .modules = count, .module_list = (uintptr_t)at };
	struct ram_range range;

	list[0] = (struct pvh_module){ .start = start, .bytes = bytes };
	list[1] = (struct pvh_module){ .start = 1, .bytes = 1 };
	range = module_first(&info, (uintptr_t)(list + 1));
	cr_assert_eq(range.kind, RAM_TAKEN);
	cr_assert(!range.bytes || range.start == start);
	return range.bytes;
}

Test(module, is_the_first_of_the_list)
{
	cr_assert_eq(bytes_with(1, list, 0x7000123, 1000), 1000);
	cr_assert_eq(bytes_with(2, list, 0x7000123, 1001), 1001);
	cr_assert_eq(bytes_with(1, list, UINT64_MAX - 10, 10), 10);
}

/* qboot's list lies so. */
Test(module, may_lie_at_any_four_bytes)
{
	static uint32_t memory[sizeof(struct pvh_module) / 4 + 1];
	struct pvh_module module = { .start = 0x7000123, .bytes = 77 };
	struct pvh_start info = { .modules = 1, .module_list = (uintptr_t)(memory + 1) };

	memcpy(memory + 1, &module, sizeof(module));
	cr_assert_eq(module_first(&info, (uintptr_t)(memory + ARRAY_SIZE(memory))).bytes, 77);
}

Test(module, may_be_none)
{
	cr_assert_eq(bytes_with(0, list, 0x7000123, 1000), 0);
	cr_assert_eq(bytes_with(1, NULL, 0x7000123, 1000), 0);
	cr_assert_eq(bytes_with(1, list, 0x7000123, 0), 0);
}

Test(module, may_be_nonsense)
{
	cr_assert_eq(bytes_with(1, list, 0, 1000), 0);
	cr_assert_eq(bytes_with(1, list, UINT64_MAX - 10, 12), 0);
	cr_assert_eq(bytes_with(1, list + 1, 0x7000123, 1000), 0, "not mapped");
	cr_assert_eq(bytes_with(1, (void *)UINTPTR_MAX, 0x7000123, 1000), 0);
}
