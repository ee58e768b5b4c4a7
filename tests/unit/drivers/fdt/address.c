/* SPDX-License-Identifier: ISC */
/* Addresses of devices, over buses. */
#include "tests/lib/tree.h"

#include <errno.h>

static struct blob blob;
static struct fdt tree;

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(fdt_address, .init = test_begin, .fini = end, .timeout = 60);

static void make(const char *source)
{
	blob = blob_compile(source);
	tree = tree_open(&blob);
}

static void expect_reg(const char *path, uint32_t i, uint64_t start, uint64_t bytes)
{
	struct fdt_range range;
	struct fdt_node n;

	cr_assert(fdt_at(&tree, &n, path), "%s", path);
	cr_assert_eq(fdt_reg(&tree, &n, i, &range), 0, "%s[%u]", path, i);
	cr_assert(range.start == start && range.bytes == bytes, "%s[%u]: %llx %llx", path, i,
	          (unsigned long long)range.start, (unsigned long long)range.bytes);
}

static void expect_no_reg(const char *path, uint32_t i, int error)
{
	struct fdt_range range;
	struct fdt_node n;

	cr_assert(fdt_at(&tree, &n, path), "%s", path);
	cr_assert_eq(fdt_reg(&tree, &n, i, &range), error, "%s[%u]", path, i);
}

Test(fdt_address, is_read_in_the_cells_of_the_parent)
{
	make("/ { #address-cells = <2>; #size-cells = <1>; a { reg = <1 2 3 4 5 6>; };"
	     "b { #address-cells = <1>; #size-cells = <0>; reg = <0 0x80 1>; }; c { reg = <1 2>; }; d { }; };");
	expect_reg("/a", 0, 0x100000002, 3);
	expect_reg("/a", 1, 0x400000005, 6);
	expect_no_reg("/a", 2, -ENOENT);
	expect_no_reg("/a", UINT32_MAX, -ENOENT);
	expect_reg("/b", 0, 0x80, 1);
	expect_no_reg("/c", 0, -ENOENT);
	expect_no_reg("/d", 0, -ENOENT);
}

Test(fdt_address, has_two_cells_and_its_size_one_unless_said)
{
	make("/ { reg = <1 2 3>; a { reg = <1 2 3>; }; };");
	expect_reg("/a", 0, 0x100000002, 3);
	expect_no_reg("/", 0, -ENOENT);
}

Test(fdt_address, has_no_size_where_sizes_have_no_cells)
{
	make("/ { #address-cells = <1>; #size-cells = <0>; a { reg = <7 8>; }; };");
	expect_reg("/a", 0, 7, 0);
	expect_reg("/a", 1, 8, 0);
	expect_no_reg("/a", 2, -ENOENT);
}

Test(fdt_address, is_not_understood_in_absurd_cells)
{
	make("/ { a { #address-cells = <0>; x { reg = <1 2>; }; };"
	     "b { #address-cells = <3>; x { reg = <1 2 3 4>; }; };"
	     "c { #address-cells = <0xffffffff>; #size-cells = <1>; x { reg = <1 2>; }; };"
	     "d { #size-cells = <3>; x { reg = <1 2 3 4 5>; }; };"
	     "e { #size-cells = <0xfffffffe>; x { reg = <1 2 3>; }; };"
	     "f { #address-cells = <0 1>; x { reg = <1 2>; }; }; };");
	for (char name[] = "/a/x"; name[1] <= 'f'; name[1]++)
		expect_no_reg(name, 0, -ENOENT);
}

Test(fdt_address, does_not_wrap)
{
	make("/ { #address-cells = <2>; #size-cells = <2>; a { reg = <0xffffffff 0xfffff000 0 0xfff>; };"
	     "b { reg = <0xffffffff 0xfffff000 0 0x1000>; }; };");
	expect_reg("/a", 0, 0xfffffffffffff000, 0xfff);
	expect_no_reg("/b", 0, -ERANGE);
}

/* -- buses -- */

Test(fdt_address, goes_through_the_windows_of_all_buses)
{
	make("/ { #address-cells = <2>; #size-cells = <2>;"
	     "bus { #address-cells = <1>; #size-cells = <1>; ranges = <0 1 0 0x1000>, <0x8000 2 0x100 0x1000>;"
	     "  a { reg = <0 0x1000 0x8ffc 4 0xffc 8>; };"
	     "  same { #address-cells = <1>; #size-cells = <1>; ranges; b { reg = <0x8010 4>; };"
	     "    inner { #address-cells = <2>; #size-cells = <1>; ranges = <5 0 0x8100 0x10>;"
	     "      c { reg = <5 4 4>; };"
	     "      d { reg = <5 0x10 1 4 0xffffffff 1 5 0x10 0>; }; }; }; }; };");
	expect_reg("/bus/a", 0, 0x100000000, 0x1000);
	expect_reg("/bus/a", 1, 0x2000010fc, 4);
	expect_no_reg("/bus/a", 2, -ERANGE);
	expect_reg("/bus/same/b", 0, 0x200000110, 4);
	expect_reg("/bus/same/inner/c", 0, 0x200000204, 4);
	expect_no_reg("/bus/same/inner/d", 0, -ERANGE);
	expect_no_reg("/bus/same/inner/d", 1, -ERANGE);
	expect_reg("/bus/same/inner/d", 2, 0x200000210, 0);
}

Test(fdt_address, is_not_the_cpus_below_a_bus_without_windows)
{
	make("/ { a { #address-cells = <1>; #size-cells = <1>; x { reg = <1 2>; }; };"
	     "b { #address-cells = <2>; #size-cells = <1>; ranges = <0 0 0 0>; x { reg = <0 0 2>; }; };"
	     "c { #address-cells = <3>; #size-cells = <2>; ranges;"
	     "  x { #address-cells = <2>; ranges; y { reg = <0 0 2>; }; }; }; };");
	expect_no_reg("/a/x", 0, -ERANGE);
	expect_no_reg("/b/x", 0, -ERANGE);
	expect_no_reg("/c/x/y", 0, -ERANGE);
}

Test(fdt_address, does_not_wrap_on_its_way)
{
	make("/ { #address-cells = <2>; #size-cells = <2>;"
	     "a { #address-cells = <2>; #size-cells = <2>; ranges = <0 0 0xffffffff 0xffffff00 0 0x1000>;"
	     "  x { reg = <0 0x80 0 0x10>; }; y { reg = <0 0xf8 0 0x10>; };"
	     "  z { reg = <0 0x200 0 0x10>; }; }; };");
	for (char name[] = "/a/x"; name[3] <= 'z'; name[3]++)
		expect_no_reg(name, 0, -ERANGE);
}

/* -- windows -- */

Test(fdt_address, windows_of_a_host_bridge)
{
	struct fdt_window w;
	struct fdt_node n;

	make("/ { #address-cells = <2>; #size-cells = <2>; soc { #address-cells = <1>; #size-cells = <1>;"
	     "ranges = <0 7 0 0x80000000>; pci { #address-cells = <3>; #size-cells = <2>;"
	     "ranges = <0x01000000 0 0 0x3eff0000 0 0x10000>, <0x03000000 0x80 1 0x10000000 0 0x10000000>,"
	     "<0x02000000 0 0 0x80000000 0 1>, <0 0>; }; }; };");
	cr_assert(fdt_at(&tree, &n, "/soc/pci"));
	cr_assert_eq(fdt_window(&tree, &n, 0, &w), 0);
	cr_assert(w.space == 0x01000000 && w.bus == 0 && w.cpu.start == 0x73eff0000 && w.cpu.bytes == 0x10000);
	cr_assert_eq(fdt_window(&tree, &n, 1, &w), 0);
	cr_assert(w.space == 0x03000000 && w.bus == 0x8000000001 && w.cpu.start == 0x710000000);
	cr_assert_eq(w.cpu.bytes, 0x10000000);
	cr_assert_eq(fdt_window(&tree, &n, 2, &w), -ERANGE);
	cr_assert_eq(fdt_window(&tree, &n, 3, &w), -ENOENT);
	cr_assert_eq(fdt_window(&tree, &n, UINT32_MAX, &w), -ENOENT);
}

Test(fdt_address, windows_where_there_are_none)
{
	struct fdt_window w;
	struct fdt_node n;

	make("/ { ranges = <0 0 0 0>; a { }; b { ranges; };"
	     "c { #address-cells = <3>; ranges; d { ranges = <0 0 0 0 0 0>; }; }; };");
	cr_assert(fdt_at(&tree, &n, "/"));
	cr_assert_eq(fdt_window(&tree, &n, 0, &w), -ENOENT);
	cr_assert(fdt_at(&tree, &n, "/a"));
	cr_assert_eq(fdt_window(&tree, &n, 0, &w), -ENOENT);
	cr_assert(fdt_at(&tree, &n, "/b"));
	cr_assert_eq(fdt_window(&tree, &n, 0, &w), -ENOENT);
	cr_assert(fdt_at(&tree, &n, "/c/d"));
	cr_assert_eq(fdt_window(&tree, &n, 0, &w), -ENOENT);
}
