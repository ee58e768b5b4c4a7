/* SPDX-License-Identifier: ISC */
/* Registers of nodes: all of them, or none. */
#include "arch/arch.h"
#include "tests/lib/tree.h"

static struct blob blob;
static struct fdt tree;
static uint64_t asked, asked_bytes; /* of the machine, the last time */
static uint32_t registers[4];

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	asked = start;
	asked_bytes = bytes;
	return registers;
}

static void begin(void)
{
	test_begin();
	blob = blob_compile("/ { #address-cells = <1>; #size-cells = <1>;"
	                    "d { reg = <0x1000 0x10>, <0x2000 0x20>, <0x3002 0x20>; }; };");
	tree = tree_open(&blob);
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(fdt_map, .init = begin, .fini = end, .timeout = 20);

static volatile void *map(uint32_t i, uint64_t bytes)
{
	struct fdt_node n;

	cr_assert(fdt_at(&tree, &n, "/d"));
	asked = asked_bytes = 0;
	return fdt_map(&tree, &n, i, bytes);
}

Test(fdt_map, asks_for_no_more_bytes_than_are_wanted)
{
	cr_assert_eq(map(0, 0x10), registers);
	cr_assert(asked == 0x1000 && asked_bytes == 0x10);
	cr_assert_eq(map(1, 4), registers);
	cr_assert(asked == 0x2000 && asked_bytes == 4);
}

Test(fdt_map, gives_nothing_where_words_cannot_lie_or_are_too_few)
{
	cr_assert_null(map(0, 0x11));
	cr_assert_null(map(1, UINT64_MAX));
	cr_assert_null(map(2, 4), "at no multiple of four");
	cr_assert_null(map(3, 0), "not in the list");
	cr_assert_eq(asked, 0);
}
