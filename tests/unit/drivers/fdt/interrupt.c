/* SPDX-License-Identifier: ISC */
/* The routing of interrupts. */
#include "tests/lib/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct blob blob;
static struct fdt tree;

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(fdt_interrupt, .init = test_begin, .fini = end, .timeout = 60);

static void make(const char *source)
{
	blob = blob_compile(source);
	tree = tree_open(&blob);
}

static void check(const struct fdt_interrupt *out, const char *controller, uint32_t count,
                  const uint32_t *cells)
{
	struct fdt_node n;

	cr_assert(fdt_at(&tree, &n, controller));
	cr_assert(fdt_same(&n, &out->controller), "it is %s", fdt_name(&tree, &out->controller));
	cr_assert_eq(out->count, count);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(out->cells[i], cells[i], "cell %u: %u", i, out->cells[i]);
}

#define EXPECT(path, i, controller, ...) \
	do { \
		const uint32_t cells[] = { __VA_ARGS__ }; \
		struct fdt_interrupt out; \
		struct fdt_node n; \
		cr_assert(fdt_at(&tree, &n, path)); \
		cr_assert_eq(fdt_interrupt(&tree, &n, i, &out), 0, "%s[%u]", path, (unsigned)(i)); \
		check(&out, controller, ARRAY_SIZE(cells), cells); \
	} while (0)

static void expect_none(const char *path, uint32_t i, int error)
{
	struct fdt_interrupt out;
	struct fdt_node n;

	cr_assert(fdt_at(&tree, &n, path));
	cr_assert_eq(fdt_interrupt(&tree, &n, i, &out), error, "%s[%u]", path, i);
}

/* -- straight to a controller -- */

Test(fdt_interrupt, goes_to_the_parent_that_is_named_or_inherited)
{
	make("/ { interrupt-parent = <&gic>; gic: gic { interrupt-controller; #interrupt-cells = <3>; };"
	     "plic: plic { interrupt-controller; #interrupt-cells = <1>; };"
	     "a { interrupts = <0 16 1>, <0 17 4>; }; bus { b { interrupts = <1 2 3>; }; };"
	     "soc { interrupt-parent = <&plic>; c { interrupts = <5 6>; }; d { interrupt-parent = <&gic>;"
	     "  interrupts = <7 8 9>; }; }; e { }; };");
	EXPECT("/a", 0, "/gic", 0, 16, 1);
	EXPECT("/a", 1, "/gic", 0, 17, 4);
	expect_none("/a", 2, -ENOENT);
	expect_none("/a", UINT32_MAX, -ENOENT);
	EXPECT("/bus/b", 0, "/gic", 1, 2, 3);
	EXPECT("/soc/c", 0, "/plic", 5);
	EXPECT("/soc/c", 1, "/plic", 6);
	EXPECT("/soc/d", 0, "/gic", 7, 8, 9);
	expect_none("/e", 0, -ENOENT);
}

Test(fdt_interrupt, goes_to_an_ancestor_that_takes_interrupts)
{
	make("/ { interrupt-parent = <&other>; other: other { interrupt-controller; #interrupt-cells = <2>; };"
	     "gic { interrupt-controller; #interrupt-cells = <1>; a { b { interrupts = <4>; }; }; }; };");
	EXPECT("/gic/a/b", 0, "/gic", 4);
}

Test(fdt_interrupt, extended_ones_name_their_controllers)
{
	make("/ { interrupt-parent = <&a>; a: a { interrupt-controller; #interrupt-cells = <1>; };"
	     "b: b { interrupt-controller; #interrupt-cells = <4>; };"
	     "x { interrupts = <9>; interrupts-extended = <&a 1>, <&b 2 3 4 5>, <&a 6>, <&b 7>; };"
	     "y { interrupts-extended = <&a>; }; z { interrupts-extended = <99 1>; };"
	     "w { interrupts-extended = [00 00]; }; v { interrupts-extended; }; };");
	EXPECT("/x", 0, "/a", 1);
	EXPECT("/x", 1, "/b", 2, 3, 4, 5);
	EXPECT("/x", 2, "/a", 6);
	expect_none("/x", 3, -ENOENT);
	expect_none("/y", 0, -ENOENT);
	expect_none("/z", 0, -ENOENT);
	expect_none("/w", 0, -ENOENT);
	expect_none("/v", 0, -ENOENT);
}

Test(fdt_interrupt, leads_nowhere)
{
	make("/ { a { interrupts = <1>; }; b { interrupt-parent = <99>; interrupts = <1>; };"
	     "c { interrupt-parent = <&off>; interrupts = <1>; };"
	     "d { interrupt-parent = <&no>; interrupts = <1>; }; no: no { interrupt-controller; };"
	     "e { interrupt-parent = <&many>; interrupts = <1 2 3 4 5>; };"
	     "many: many { interrupt-controller; #interrupt-cells = <5>; };"
	     "f { interrupt-parent = <&absurd>; interrupts = <1 2 3 4 5>; };"
	     "absurd: absurd { interrupt-controller; #interrupt-cells = <0xffffffff>; };"
	     "g { interrupt-parent = <&two>; interrupts = <1 2 3>; };"
	     "two: two { interrupt-controller; #interrupt-cells = <2>; };"
	     "off: off { status = \"disabled\"; interrupt-controller; #interrupt-cells = <1>; }; };");
	for (char name[] = "/a"; name[1] <= 'f'; name[1]++)
		expect_none(name, 0, -ENOENT);
	EXPECT("/g", 0, "/two", 1, 2);
	expect_none("/g", 1, -ENOENT);
}

/* -- through maps -- */

static void expect_pci(uint32_t function, uint32_t pin, uint32_t line)
{
	const uint32_t cells[] = { 0, line, 4 };
	struct fdt_interrupt out;
	struct fdt_node n;

	cr_assert(fdt_at(&tree, &n, "/pcie"));
	cr_assert_eq(fdt_pci_interrupt(&tree, &n, function, pin, &out), 0);
	check(&out, "/intc", ARRAY_SIZE(cells), cells);
}

/* QEMU's tree, shortened. */
Test(fdt_interrupt, of_pci_goes_through_the_bridges_map)
{
	struct fdt_interrupt out;
	struct fdt_node n;

	make("/ { intc: intc { interrupt-controller; #interrupt-cells = <3>; #address-cells = <2>; };"
	     "pcie { #address-cells = <3>; #size-cells = <2>; #interrupt-cells = <1>;"
	     "interrupt-map-mask = <0x1800 0 0 7>;"
	     "interrupt-map = <0 0 0 1 &intc 0 0 0 3 4>, <0 0 0 2 &intc 0 0 0 4 4>,"
	     "<0x800 0 0 1 &intc 0 0 0 4 4>; }; };");
	expect_pci(0, 1, 3);
	expect_pci(0, 2, 4);
	expect_pci(0x0800, 1, 4);
	expect_pci(0x2800, 1, 4); /* device 5 is device 1 to the mask */
	expect_pci(0x12100, 1, 3);
	cr_assert(fdt_at(&tree, &n, "/pcie"));
	cr_assert_eq(fdt_pci_interrupt(&tree, &n, 0x1000, 1, &out), -ERANGE);
	cr_assert_eq(fdt_pci_interrupt(&tree, &n, 0, 3, &out), -ERANGE);
	cr_assert(fdt_at(&tree, &n, "/"));
	cr_assert_eq(fdt_pci_interrupt(&tree, &n, 0, 1, &out), -ERANGE);
}

Test(fdt_interrupt, of_a_device_goes_through_one_map_after_another)
{
	make("/ { interrupt-parent = <&one>; gic: gic { interrupt-controller; #interrupt-cells = <3>; };"
	     "one: one { #address-cells = <1>; #interrupt-cells = <2>;"
	     "  interrupt-map = <0x10 1 2 &two 3 4>, <0x20 1 2 &gic 9 9 9>; };"
	     "two: two { #address-cells = <1>; #interrupt-cells = <1>; interrupt-map-mask = <0xff 0>;"
	     "  interrupt-map = <2 0 &gic 1 1 1>, <3 5 &gic 6 7 8>; };"
	     "bus { #address-cells = <1>; a { reg = <0x10 1>; interrupts = <1 2>; };"
	     "b { reg = <0x20 1>; interrupts = <1 2>; }; c { reg = <0x30 1>; interrupts = <1 2>; };"
	     "d { interrupts = <1 2>; }; e { interrupts-extended = <&two 4>; reg = <2>; }; }; };");
	EXPECT("/bus/a", 0, "/gic", 6, 7, 8);
	EXPECT("/bus/b", 0, "/gic", 9, 9, 9);
	expect_none("/bus/c", 0, -ERANGE);
	expect_none("/bus/d", 0, -ERANGE);
	EXPECT("/bus/e", 0, "/gic", 1, 1, 1);
}

Test(fdt_interrupt, in_a_ring_of_maps_ends)
{
	make("/ { interrupt-parent = <&one>; a { interrupts = <1>; };"
	     "one: one { #interrupt-cells = <1>; interrupt-map = <1 &two 1>; };"
	     "two: two { #interrupt-cells = <1>; interrupt-map = <1 &one 1>; };"
	     "b { interrupt-parent = <&self>; interrupts = <1>; };"
	     "self: self { interrupt-parent = <&self>; #interrupt-cells = <1>;"
	     "  interrupt-map = <1 &self 1>; }; };");
	expect_none("/a", 0, -ERANGE);
	expect_none("/b", 0, -ERANGE);
}

Test(fdt_interrupt, in_a_map_that_is_wrong_leads_nowhere)
{
	make("/ { gic: gic { interrupt-controller; #interrupt-cells = <1>; };"
	     "far: far { interrupt-controller; #interrupt-cells = <1>; #address-cells = <4>; };"
	     "a { interrupt-parent = <&na>; interrupts = <1>; }; na: na { #interrupt-cells = <1>; };"
	     "b { interrupt-parent = <&nb>; interrupts = <1>; };"
	     "nb: nb { #interrupt-cells = <1>; #address-cells = <4>; interrupt-map = <0 0 0 0 1 &gic 1>; };"
	     "c { interrupt-parent = <&nc>; interrupts = <1>; };"
	     "nc: nc { #interrupt-cells = <1>; interrupt-map = <1 &gic>; };"
	     "d { interrupt-parent = <&nd>; interrupts = <1>; };"
	     "nd: nd { #interrupt-cells = <1>; interrupt-map = <2 99 1>, <1 &gic 1>; };"
	     "e { interrupt-parent = <&ne>; interrupts = <1>; };"
	     "ne: ne { #interrupt-cells = <1>; interrupt-map = <2 &far 0 0 0 0 1>; };"
	     "f { interrupt-parent = <&nf>; interrupts = <1>; };"
	     "nf: nf { #interrupt-cells = <1>; interrupt-map-mask = []; interrupt-map = <1 &gic 1>; };"
	     "g { interrupt-parent = <&ng>; interrupts = <1>; };"
	     "ng: ng { #interrupt-cells = <1>; interrupt-map = [00 00 00 02]; };"
	     "h { interrupt-parent = <&nh>; interrupts = <1>; };"
	     "nh: nh { #interrupt-cells = <1>; interrupt-map = <2>; }; };");
	for (char name[] = "/a"; name[1] <= 'h'; name[1]++)
		expect_none(name, 0, name[1] == 'b' ? -ENOENT : -ERANGE);
}

/* Each lookup of a phandle walks the whole tree, so a long list is not followed to its end. */
Test(fdt_interrupt, lists_of_many_controllers_are_followed_so_far)
{
	char source[8192], *at = source;

	at += sprintf(at, "/ { a: a { interrupt-controller; #interrupt-cells = <1>; };"
	                  "b: b { interrupt-controller; #interrupt-cells = <1>; }; x { interrupts-extended = ");
	for (int i = 0; i < 100; i++)
		at += sprintf(at, "%s<&%c %d>", i ? "," : "", i & 1 ? 'b' : 'a', i);
	at += sprintf(at, "; }; y { interrupts-extended = ");
	for (int i = 0; i < 100; i++)
		at += sprintf(at, "%s<&a %d>", i ? "," : "", i);
	sprintf(at, "; }; };");
	make(source);
	EXPECT("/x", 63, "/b", 63);
	expect_none("/x", 64, -ENOENT);
	EXPECT("/y", 99, "/a", 99);
	expect_none("/y", 100, -ENOENT);
}

/* Makes two maps in a row, of this many entries each, the last of which matches. */
static void make_maps(int entries)
{
	char source[8192], *at = source;

	at += sprintf(at, "/ { a: a { interrupt-controller; #interrupt-cells = <1>; };"
	                  "b: b { interrupt-controller; #interrupt-cells = <1>; };"
	                  "x { interrupt-parent = <&one>; interrupts = <0>; };");
	for (int map = 0; map < 2; map++) {
		at += sprintf(at, "%s { #interrupt-cells = <1>; interrupt-map = ", map ? "two: two" : "one: one");
		for (int i = 1; i < entries; i++)
			at += sprintf(at, "<%d &%c 1>,", i, i & 1 ? 'b' : 'a');
		at += sprintf(at, "<0 &%s>; };", map ? "a 5" : "two 0");
	}
	sprintf(at, "};");
	make(source);
}

/* All maps on an interrupt's way count as one list. */
Test(fdt_interrupt, maps_of_many_controllers_are_followed_so_far)
{
	make_maps(31);
	EXPECT("/x", 0, "/a", 5);
	blob_free(&blob);
	make_maps(34);
	expect_none("/x", 0, -ERANGE);
}
