/* SPDX-License-Identifier: ISC */
/* Finding nodes, and reading their properties. */
#include "tests/lib/tree.h"

#include <string.h>

static struct blob blob;
static struct fdt tree;

static void begin(void)
{
	test_begin();
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(fdt_nodes, .init = begin, .fini = end, .timeout = 60);

static void make(const char *source)
{
	blob = blob_compile(source);
	tree = tree_open(&blob);
}

static void expect_next(struct fdt_node *n, const char *name, uint32_t depth)
{
	cr_assert(fdt_next(&tree, n), "%s is not there", name);
	cr_assert_str_eq(fdt_name(&tree, n), name);
	cr_assert_eq(n->depth, depth);
}

/* -- the order of the blob -- */

Test(fdt_nodes, come_in_order_children_before_siblings)
{
	struct fdt_node n = FDT_BEGIN;

	make("/ { a { b { }; c@1 { p; d { }; }; }; e { }; };");
	expect_next(&n, "", 1);
	expect_next(&n, "a", 2);
	expect_next(&n, "b", 3);
	expect_next(&n, "c@1", 3);
	expect_next(&n, "d", 4);
	expect_next(&n, "e", 2);
	cr_assert_not(fdt_next(&tree, &n));
	expect_next(&n, "", 1); /* from the front again */
}

Test(fdt_nodes, that_are_not_okay_are_not_there_with_all_below)
{
	struct fdt_node n = FDT_BEGIN;

	make("/ { status = \"okay\"; a { status = \"disabled\"; b { status = \"okay\"; c { }; }; d { }; };"
	     "e { status = \"ok\"; f { status = \"fail-sss\"; phandle = <7>; }; g { }; };"
	     "h { status = [6f 6b]; }; i { status; }; j { status = \"okay!\"; }; };");
	expect_next(&n, "", 1);
	expect_next(&n, "e", 2);
	expect_next(&n, "g", 3);
	cr_assert_not(fdt_next(&tree, &n));
	cr_assert_not(fdt_by_phandle(&tree, &n, 7));
	cr_assert_not(fdt_at(&tree, &n, "/a/b"));
}

Test(fdt_nodes, none_are_there_when_the_root_is_not_okay)
{
	struct fdt_node n = FDT_BEGIN;

	make("/ { status = \"disabled\"; a { phandle = <1>; }; };");
	cr_assert_not(fdt_next(&tree, &n));
	cr_assert_not(fdt_at(&tree, &n, "/"));
	cr_assert_not(fdt_at(&tree, &n, "a"));
	cr_assert_not(fdt_by_phandle(&tree, &n, 1));
	cr_assert_eq(n.depth, 0);
}

Test(fdt_nodes, children_are_the_next_below_only)
{
	struct fdt_node parent, child = FDT_BEGIN;

	make("/ { z { }; a { b { x { }; }; c { status = \"no\"; }; d { y { }; }; }; e { }; };");
	cr_assert(fdt_at(&tree, &parent, "/a"));
	cr_assert(fdt_next_child(&tree, &parent, &child));
	cr_assert_str_eq(fdt_name(&tree, &child), "b");
	cr_assert(fdt_next_child(&tree, &parent, &child));
	cr_assert_str_eq(fdt_name(&tree, &child), "d");
	cr_assert_not(fdt_next_child(&tree, &parent, &child));
	cr_assert_eq(child.depth, 0);
	cr_assert(fdt_at(&tree, &parent, "/e"));
	cr_assert_not(fdt_next_child(&tree, &parent, &child));
	cr_assert_eq(child.depth, 0);
}

/* -- finding -- */

Test(fdt_nodes, are_found_by_a_string_of_a_list)
{
	struct fdt_node n = FDT_BEGIN;

	make("/ { compatible = \"board\"; a { compatible = \"virtio,mmio\"; };"
	     "b { compatible = \"x\", \"virtio,mmio\"; };"
	     "c { compatible = \"virtio,mmi\"; }; d { compatible = \"virtio,mmioo\"; }; e { compatible = [76]; };"
	     "f { device_type = \"virtio,mmio\"; g { compatible = \"\", \"virtio,mmio\", \"y\"; }; }; };");
	cr_assert(fdt_next_with(&tree, &n, "compatible", "virtio,mmio"));
	cr_assert_str_eq(fdt_name(&tree, &n), "a");
	cr_assert(fdt_next_with(&tree, &n, "compatible", "virtio,mmio"));
	cr_assert_str_eq(fdt_name(&tree, &n), "b");
	cr_assert(fdt_next_with(&tree, &n, "compatible", "virtio,mmio"));
	cr_assert_str_eq(fdt_name(&tree, &n), "g");
	cr_assert_not(fdt_next_with(&tree, &n, "compatible", "virtio,mmio"));
	cr_assert_eq(n.depth, 0);
	cr_assert(fdt_next_with(&tree, &n, "device_type", "virtio,mmio"));
	cr_assert_str_eq(fdt_name(&tree, &n), "f");
	for (int i = 0; i < 2; i++) { /* wherever n has been */
		cr_assert(fdt_find(&tree, &n, "virtio,mmio"));
		cr_assert_str_eq(fdt_name(&tree, &n), "a");
	}
	cr_assert_not(fdt_find(&tree, &n, "nobody"));
	cr_assert_eq(n.depth, 0);
}

Test(fdt_nodes, are_found_by_path)
{
	static const char *const there[] = { "/", "//", "/soc", "/soc/", "/soc/serial@10",
		                             "/soc//serial@10:115200n8", "/soc/serial", "/soc@1", "/soc:x/y" };
	static const char *const not[] = { "/so", "/socc", "/soc/serial@1", "/soc/serial@100", "/soc/serial@",
		                           "/serial@10", "/soc@", "/soc/serial@10/x", "/soc@1@", "/memory@" };
	struct fdt_node n;

	make("/ { soc { serial@10 { }; }; soc@1 { }; memory@40000000 { m; }; };");
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		cr_assert(fdt_at(&tree, &n, there[i]), "%s", there[i]);
	for (size_t i = 0; i < ARRAY_SIZE(not); i++) {
		cr_assert_not(fdt_at(&tree, &n, not[i]), "%s", not[i]);
		cr_assert_eq(n.depth, 0);
	}
	cr_assert(fdt_at(&tree, &n, "/memory"));
	cr_assert(fdt_has(&tree, &n, "m"));
	cr_assert(fdt_at(&tree, &n, "/"));
	cr_assert_eq(n.depth, 1);
}

Test(fdt_nodes, are_found_by_alias)
{
	struct fdt_node n, other;

	make("/ { aliases { serial0 = \"/soc/serial@10\"; bus = \"/soc\"; ring = \"ring\"; far = \"/nowhere\";"
	     "open = [2f 73]; }; soc { serial@10 { }; }; };");
	cr_assert(fdt_at(&tree, &n, "/soc/serial@10"));
	cr_assert(fdt_at(&tree, &other, "serial0:9600"));
	cr_assert(fdt_same(&n, &other));
	cr_assert(fdt_at(&tree, &other, "serial0"));
	cr_assert(fdt_same(&n, &other));
	cr_assert(fdt_at(&tree, &other, "bus/serial@10"));
	cr_assert(fdt_same(&n, &other));
	cr_assert(fdt_at(&tree, &other, "bus"));
	cr_assert_not(fdt_same(&n, &other));
	cr_assert_not(fdt_at(&tree, &other, "serial"));
	cr_assert_not(fdt_at(&tree, &other, "serial01"));
	cr_assert_not(fdt_at(&tree, &other, "ring"));
	cr_assert_not(fdt_at(&tree, &other, "far"));
	cr_assert_not(fdt_at(&tree, &other, "open"));
	cr_assert_not(fdt_at(&tree, &other, "bus/parallel"));
}

Test(fdt_nodes, have_no_aliases_where_there_are_none)
{
	struct fdt_node n;

	make("/ { a { }; };");
	cr_assert_not(fdt_at(&tree, &n, "a"));
	cr_assert(fdt_at(&tree, &n, ""));
	cr_assert_eq(n.depth, 1);
}

Test(fdt_nodes, are_found_by_phandle)
{
	struct fdt_node n;

	make("/ { a { phandle = <1>; }; b { c { phandle = <2>; }; }; d { phandle = <0 3>; };"
	     "e { phandle = <0>; }; f { phandle = <0xffffffff>; }; g { phandle = [01]; }; };");
	cr_assert(fdt_by_phandle(&tree, &n, 1));
	cr_assert_str_eq(fdt_name(&tree, &n), "a");
	cr_assert(fdt_by_phandle(&tree, &n, 2));
	cr_assert_str_eq(fdt_name(&tree, &n), "c");
	cr_assert_not(fdt_by_phandle(&tree, &n, 0));
	cr_assert_not(fdt_by_phandle(&tree, &n, 3));
	cr_assert_not(fdt_by_phandle(&tree, &n, 4));
	cr_assert_not(fdt_by_phandle(&tree, &n, UINT32_MAX));
	cr_assert_eq(n.depth, 0);
}

/* -- properties -- */

Test(fdt_nodes, have_properties_of_their_own_only)
{
	struct fdt_node n;
	struct fdt_value value;

	make("/ { p = <0x01020304>; a { pp = [05]; c { q; }; }; b { p = <6>; }; };");
	cr_assert(fdt_at(&tree, &n, "/"));
	cr_assert(fdt_property(&tree, &n, "p", &value));
	cr_assert(value.bytes == 4 && fdt_cells(&value) == 1 && fdt_cell(&value, 0) == 0x01020304);
	cr_assert(fdt_at(&tree, &n, "/a"));
	cr_assert_not(fdt_has(&tree, &n, "p"));
	cr_assert_not(fdt_has(&tree, &n, "q"));
	cr_assert(fdt_property(&tree, &n, "pp", &value));
	cr_assert(value.bytes == 1 && fdt_cells(&value) == 0 && *value.at == 5);
	cr_assert(fdt_at(&tree, &n, "/a/c"));
	cr_assert(fdt_property(&tree, &n, "q", &value));
	cr_assert_eq(value.bytes, 0);
	n = FDT_BEGIN;
	cr_assert_not(fdt_has(&tree, &n, "p"));
}

Test(fdt_nodes, have_strings_that_end_in_them)
{
	struct fdt_node n;

	make("/ { a = \"one\"; b = \"two\", \"three\"; c = [41 42]; d; e = \"\"; f = <0x41424300>; };");
	cr_assert(fdt_at(&tree, &n, "/"));
	cr_assert_str_eq(fdt_string(&tree, &n, "a"), "one");
	cr_assert_str_eq(fdt_string(&tree, &n, "b"), "two");
	cr_assert_null(fdt_string(&tree, &n, "c"));
	cr_assert_null(fdt_string(&tree, &n, "d"));
	cr_assert_str_eq(fdt_string(&tree, &n, "e"), "");
	cr_assert_str_eq(fdt_string(&tree, &n, "f"), "ABC");
	cr_assert_null(fdt_string(&tree, &n, "g"));
	cr_assert(fdt_lists(&tree, &n, "b", "two") && fdt_lists(&tree, &n, "b", "three"));
	cr_assert_not(fdt_lists(&tree, &n, "b", "thre"));
	cr_assert_not(fdt_lists(&tree, &n, "b", ""));
	cr_assert_not(fdt_lists(&tree, &n, "c", "AB"));
	cr_assert_not(fdt_lists(&tree, &n, "g", "two"));
}

Test(fdt_nodes, have_numbers_of_one_cell_or_two)
{
	struct fdt_node n;

	make("/ { a = <1>; b = <1 2>; c = <1 2 3>; d = [01 02]; e; };");
	cr_assert(fdt_at(&tree, &n, "/"));
	cr_assert_eq(fdt_number(&tree, &n, "a", 5), 1);
	cr_assert_eq(fdt_number(&tree, &n, "b", 5), 0x100000002);
	for (const char *other = "cdef"; *other; other++)
		cr_assert_eq(fdt_number(&tree, &n, (char[]){ *other, '\0' }, 5), 5);
}
