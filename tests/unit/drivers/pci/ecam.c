/* SPDX-License-Identifier: ISC */
/* The host bridge of a device tree: its configuration space, windows and interrupts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "drivers/irq/tree.h"
#include "drivers/pci/pci.h"
#include "tests/lib/tree.h"

#define DEVICE (1 << 11)
#define BUS_BYTES 0x100000

static struct blob blob;
static struct fdt tree;
static uint32_t space[2][BUS_BYTES / 4]; /* of two buses */
static uint64_t space_start, space_bytes, mapped_start, mapped_bytes;
static uint64_t unreachable; /* addresses from there on; 0: none */

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	if (!space_bytes) {
		space_start = start;
		space_bytes = bytes;
		return bytes <= sizeof(space) ? space : NULL;
	}
	mapped_start = start;
	mapped_bytes = bytes;
	return unreachable && start >= unreachable ? NULL : space;
}

int irq_line(const struct fdt_interrupt *interrupt)
{
	return interrupt->count == 3 ? (int)interrupt->cells[1] : -EINVAL;
}

static void begin(void)
{
	test_begin();
	memset(space, 0xff, sizeof(space));
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(pci_ecam, .init = begin, .fini = end, .timeout = 20);

#define SPACE "reg = <0x40 0x10000000 0 0x200000>;"
#define BUSES "bus-range = <0 1>;"
#define WINDOWS "ranges = <0x01000000 0 0 0 0x3eff0000 0 0x10000>," \
	"<0x02000000 0 0x10000000 0 0x10000000 0 0x1000000>, <0x03000000 0x80 0 0x80 0 0x80 0>;"
#define MAP "interrupt-map-mask = <0x1800 0 0 7>;" \
	"interrupt-map = <0 0 0 1 &gic 0 3 4>, <0x800 0 0 1 &gic 0 4 4>, <0x800 0 0 2 &gic 0 5 4>;"

static void make(const char *properties)
{
	char source[2000];

	snprintf(source, sizeof(source), "/ { #address-cells = <2>; #size-cells = <2>;"
	         "gic: gic { interrupt-controller; #interrupt-cells = <3>; }; its: its { };"
	         "pcie@0 { compatible = \"pci-host-ecam-generic\"; #address-cells = <3>; #size-cells = <2>;"
	         "#interrupt-cells = <1>; %s }; };", properties);
	blob = blob_compile(source);
	tree = tree_open(&blob);
	pci_tree(&tree);
}

/* A virtio device at function: an ID, a pin. */
static void put(uint32_t function, uint8_t pin)
{
	uint32_t *f = space[function >> 16] + ((function & 0xffff) << 4) / 4;

	memset(f, 0, 256);
	f[0] = 0x10411af4;
	f[PCI_INTERRUPT / 4] = (uint32_t)pin << 8;
}

static void expect_refused(const char *properties, const char *why)
{
	struct pci_scan scan = { 0 };

	make(properties);
	cr_assert_not_null(strstr(test_console_text(), why), "%s", test_console_text());
	cr_assert_not_null(strstr(test_console_text(), "bridge=pcie@0"));
	cr_assert_eq(pci_next(&scan), PCI_NONE);
	cr_assert_eq(pci_read(0, 0), UINT32_MAX);
	pci_write(0, 0, 1);
	cr_assert_lt(pci_line(0), 0);
}

/* -- configuration space -- */

Test(pci_ecam, has_four_kilobytes_for_each_function)
{
	struct pci_scan scan = { 0 };

	make(SPACE BUSES WINDOWS MAP);
	cr_assert(space_start == 0x4010000000 && space_bytes == 0x200000);
	put(0, 0);
	put(3 * DEVICE, 0);
	put(1 << 16 | 2 * DEVICE, 0);
	space[0][3 * 0x8000 / 4 + PCI_HEADER / 4] = 0x810000; /* a bridge, whose bus firmware has numbered */
	space[0][3 * 0x8000 / 4 + PCI_BUSES / 4] = 0x00ff0100;
	cr_assert_eq(pci_next(&scan), 0);
	cr_assert_eq(pci_next(&scan), 3 * DEVICE);
	cr_assert_eq(pci_next(&scan), 1 << 16 | 2 * DEVICE);
	cr_assert_eq(pci_next(&scan), PCI_NONE);
	pci_write(3 * DEVICE, PCI_BAR, 0x12345678);
	cr_assert_eq(space[0][3 * 0x8000 / 4 + PCI_BAR / 4], 0x12345678);
	cr_assert_eq(pci_read(3 * DEVICE, PCI_BAR), 0x12345678);
}

Test(pci_ecam, ends_with_its_last_bus)
{
	make(SPACE "bus-range = <0 0>;" WINDOWS);
	cr_assert_eq(space_bytes, BUS_BYTES);
	put(1 << 16, 0);
	cr_assert_eq(pci_read(1 << 16, 0), UINT32_MAX);
	pci_write(1 << 16, 0, 5);
	cr_assert_eq(space[1][0], 0x10411af4);
	cr_assert_eq(pci_read(UINT32_MAX & ~0xffu, 0), UINT32_MAX);
}

Test(pci_ecam, has_as_many_buses_as_fit)
{
	make("reg = <0 0 0 0x1fffff>;" WINDOWS);
	cr_assert_eq(space_bytes, BUS_BYTES);
}

Test(pci_ecam, has_32_buses_at_most)
{
	make("reg = <0 0 0 0x10000000>; bus-range = <0 255>;" WINDOWS);
	cr_assert_eq(space_bytes, 32 * BUS_BYTES);
}

Test(pci_ecam, counts_buses_from_the_first_of_its_range)
{
	make(SPACE "bus-range = <0xfe 0xff>; interrupt-map-mask = <0xff0000 0 0 0>;"
	     "interrupt-map = <0xfe0000 0 0 1 &gic 0 8 4>;"
	     WINDOWS);
	cr_assert(space_start == 0x4010000000 && space_bytes == 0x200000);
	put(0, 1);
	cr_assert_eq(pci_read(0, 0), 0x10411af4);
	cr_assert_eq(pci_line(0), 8);
}

Test(pci_ecam, is_none_without_a_node)
{
	struct pci_scan scan = { 0 };

	blob = blob_compile("/ { };");
	tree = tree_open(&blob);
	pci_tree(&tree);
	cr_assert_eq(pci_next(&scan), PCI_NONE);
	cr_assert_eq(test_console_text()[0], '\0');
}

Test(pci_ecam, refuses_no_space)
{
	expect_refused(BUSES WINDOWS, "it has no configuration space");
}

Test(pci_ecam, refuses_a_crooked_space)
{
	expect_refused("reg = <0 2 0 0x100000>;" WINDOWS, "it has no configuration space");
}

Test(pci_ecam, refuses_a_space_of_no_bus)
{
	expect_refused("reg = <0 0 0 0xfffff>;" WINDOWS, "it has no buses");
}

Test(pci_ecam, refuses_a_range_from_behind)
{
	expect_refused(SPACE "bus-range = <2 1>;" WINDOWS, "it has no buses");
}

Test(pci_ecam, refuses_a_range_of_too_many)
{
	expect_refused(SPACE "bus-range = <0 0xffffffff>;" WINDOWS, "it has no buses");
}

Test(pci_ecam, refuses_a_space_that_cannot_be_mapped)
{
	expect_refused("reg = <0 0 0 0x300000>;" WINDOWS, "its configuration space cannot be reached");
	cr_assert_eq(space_bytes, 0x300000);
}

Test(pci_ecam, refuses_no_windows)
{
	expect_refused(SPACE BUSES, "it has no window below 4 GiB");
}

Test(pci_ecam, refuses_windows_for_ports_and_above)
{
	expect_refused(SPACE BUSES "ranges = <0x01000000 0 0 0 0x3eff0000 0 0x10000>,"
	               "<0x03000000 0x80 0 0x80 0 0x80 0>,"
	               "<0x02000000 0 0x80000000 0 0x80000000 0 0x80000001>;", "it has no window below 4 GiB");
}

/* -- BARs -- */

/* Maps from a BAR of function 0, whose register holds value. */
static volatile void *map(uint32_t bar, uint32_t value, uint32_t offset, uint32_t bytes)
{
	space[0][PCI_BAR / 4 + bar] = value;
	return pci_map(0, bar, offset, bytes);
}

/* A BAR here is memory, so the ones that are written to ask for a size come back as they are: 16 bytes. */
Test(pci_ecam, places_bars_in_the_window)
{
	make(SPACE BUSES WINDOWS);
	put(0, 0);
	cr_assert_not_null(map(0, 0, 4, 8));
	cr_assert(mapped_start == 0x10000004 && mapped_bytes == 8);
	cr_assert_not_null(map(1, 0, 0, 16));
	cr_assert_eq(mapped_start, 0x10000010);
	cr_assert_eq(space[0][PCI_BAR / 4 + 1], 0x10000010);
}

Test(pci_ecam, passes_over_windows_that_the_cpu_cannot_reach)
{
	make(SPACE BUSES "ranges = <0x02000000 0 0x20000000 0xffffffff 0xfffff000 0 0x2000>,"
	     "<0x02000000 0 0x10000000 0 0x10000000 0 0x1000>;");
	put(0, 0);
	cr_assert_not_null(map(0, 0, 0, 16));
	cr_assert_eq(mapped_start, 0x10000000);
}

Test(pci_ecam, translates_from_the_bus_to_the_cpu)
{
	make(SPACE BUSES "ranges = <0x03000000 0 0 7 0x80000000 0 0x1000000>;");
	put(0, 0);
	cr_assert_not_null(map(0, 0, 0, 16));
	cr_assert_eq(space[0][PCI_BAR / 4], 0x1000, "0 means nowhere");
	cr_assert_eq(mapped_start, 0x780001000);
}

/* BARs that firmware has placed, in either window. */
Test(pci_ecam, reaches_what_lies_in_a_window)
{
	static const struct {
		uint64_t address, bytes, there; /* 0: it is not */
	} cases[] = {
		{ 0x10000000, 0x1000000, 0x10000000 }, { 0x10000000, 0x1000001, 0 }, { 0x10ffffff, 1, 0x10ffffff },
		{ 0x11000000, 1, 0 }, { 0xfffffff, 1, 0 }, { 0x10000001, UINT64_MAX, 0 }, { UINT64_MAX, 1, 0 },
		{ 0x3eff0000, 1, 0 }, { 0, 1, 0 }, /* of the window for ports */
		{ 0x8000000000, 0x8000000000, 0x4000000000 }, { 0x8000000000, 0x8000000001, 0 },
		{ 0xffffffffff, 1, 0xbfffffffff }, { 0x7fffffffff, 1, 0 },
	};

	make(SPACE BUSES "ranges = <0x01000000 0 0 0 0x3eff0000 0 0x10000>,"
	     "<0x02000000 0 0x10000000 0 0x10000000 0 0x1000000>, <0x43000000 0x80 0 0x40 0 0x80 0>;");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		mapped_start = 0;
		cr_assert_eq(pci_reach(cases[i].address, cases[i].bytes) != NULL, cases[i].there != 0, "case %zu",
		             i);
		cr_assert_eq(mapped_start, cases[i].there, "case %zu", i);
	}
}

Test(pci_ecam, maps_a_bar_in_the_window_above_4_gib)
{
	make(SPACE BUSES WINDOWS);
	put(0, 0);
	space[0][PCI_BAR / 4 + 1] = 0x80;
	cr_assert_not_null(map(0, 0x12340004, 4, 8));
	cr_assert(mapped_start == 0x8012340004 && mapped_bytes == 8);
	cr_assert_eq(space[0][PCI_BAR / 4], 0x12340004, "it stays where it was");
	cr_assert_eq(space[0][PCI_BAR / 4 + 1], 0x80);
}

Test(pci_ecam, refuses_a_bar_outside_of_its_windows_or_of_what_is_mapped)
{
	make(SPACE BUSES WINDOWS);
	put(0, 0);
	cr_assert_null(map(0, 0x40000000, 0, 16));
	unreachable = 0x10000800;
	cr_assert_null(map(0, 0x10000800, 0, 16));
	cr_assert_not_null(map(0, 0x10000400, 0, 16));
}

/* -- interrupts -- */

Test(pci_ecam, turns_pins_into_lines)
{
	make(SPACE BUSES WINDOWS MAP);
	put(0, 1);
	put(DEVICE, 2);
	put(2 * DEVICE, 1);
	put(4 * DEVICE, 1);
	cr_assert_eq(pci_line(0), 3);
	cr_assert_eq(pci_line(DEVICE), 5);
	cr_assert_eq(pci_line(2 * DEVICE), -ERANGE);
	cr_assert_eq(pci_line(4 * DEVICE), 3);
	put(0, 0);
	cr_assert_eq(pci_line(0), -ENODEV);
	put(0, 5);
	cr_assert_eq(pci_line(0), -ENODEV);
	put(1 << 16, 1);
	cr_assert_eq(pci_line(1 << 16), -ENODEV, "behind no bridge");
	cr_assert_eq(pci_line(9 * DEVICE), -ENODEV, "nobody there");
}

/* Puts a bridge to bus 1 at device 1. type: of its Express capability; -1: it has none. */
static void put_bridge(int type)
{
	uint32_t *f = space[0] + 0x8000 / 4;

	put(DEVICE, 0);
	f[PCI_HEADER / 4] = 0x810000;
	f[PCI_BUSES / 4] = 0x010100 + pci_first_bus() * 0x10101;
	f[PCI_COMMAND / 4] = 2;
	if (type >= 0) {
		f[PCI_COMMAND / 4] |= 0x100000;
		f[PCI_CAPABILITIES / 4] = 0x40;
		f[0x40 / 4] = 0x20000 | PCI_EXPRESS | (uint32_t)type << 20;
	}
}

Test(pci_ecam, turns_pins_behind_a_bridge)
{
	make(SPACE BUSES WINDOWS MAP);
	put_bridge(-1);
	put(1 << 16, 1);
	put(1 << 16 | DEVICE, 1);
	put(1 << 16 | 2 * DEVICE, 3);
	cr_assert_eq(pci_line(1 << 16), 4);
	cr_assert_eq(pci_line(1 << 16 | DEVICE), 5);
	cr_assert_eq(pci_line(1 << 16 | 2 * DEVICE), 4);
}

/* -- messages -- */

/* The requester ID of the function's messages, as the ITS sees it; -1: unknown. */
static int64_t source_of(uint32_t function)
{
	struct fdt_node its, controller;
	uint32_t id;

	cr_assert(fdt_at(&tree, &its, "/its"));
	return pci_message_source(function, &controller, &id) && fdt_same(&its, &controller) ? (int64_t)id : -1;
}

Test(pci_ecam, messages_come_from_a_requester)
{
	make(SPACE "bus-range = <2 3>; msi-parent = <&its>;" WINDOWS);
	put_bridge(4);
	cr_assert_eq(source_of(3 * DEVICE), 0x218);
	cr_assert_eq(source_of(1 << 16 | DEVICE), 0x308);
}

Test(pci_ecam, messages_sources_may_have_other_numbers)
{
	make(SPACE BUSES WINDOWS "msi-map = <0x8 &its 0x100 0x10>, <0x100 &its 0x0 0x100>;");
	put_bridge(4);
	cr_assert_eq(source_of(0), -1);
	cr_assert_eq(source_of(DEVICE), 0x100);
	cr_assert_eq(source_of(2 * DEVICE), 0x108);
	cr_assert_eq(source_of(3 * DEVICE), -1);
	cr_assert_eq(source_of(1 << 16 | DEVICE), 0x8);
}

Test(pci_ecam, messages_sources_are_numbered_by_some_bits)
{
	make(SPACE BUSES WINDOWS "msi-map-mask = <0xf8>; msi-map = <0x8 &its 0x200 0x8>, <0x10 &its 0 0x100>;");
	put_bridge(4);
	cr_assert_eq(source_of(DEVICE | 3 << 8), 0x200);
	cr_assert_eq(source_of(2 * DEVICE | 7 << 8), 0);
	cr_assert_eq(source_of(1 << 16 | DEVICE), 0x200, "a bus has no bits");
	cr_assert_eq(source_of(1 << 16 | 3 * DEVICE | 1 << 8), 8);
	cr_assert_eq(source_of(7 << 8), -1);
	blob_free(&blob);
	make(SPACE BUSES WINDOWS "msi-map-mask = <0>; msi-map = <0 &its 0x30 1>;");
	cr_assert_eq(source_of(2 * DEVICE), 0x30);
}

/* Only root, upstream and downstream ports forward a function's own requester ID. */
Test(pci_ecam, messages_keep_their_source_through_ports)
{
	make(SPACE BUSES WINDOWS "msi-parent = <&its>;");
	for (int type = -1; type < 16; type++) {
		put_bridge(type);
		cr_assert_eq(source_of(1 << 16 | DEVICE), type >= 4 && type <= 6 ? 0x108 : -1, "type %d", type);
		cr_assert_eq(source_of(DEVICE), 8, "its own");
	}
	put(DEVICE, 0);
	cr_assert_eq(source_of(1 << 16 | DEVICE), -1, "behind no bridge");
}

Test(pci_ecam, messages_that_nobody_takes_have_no_source)
{
	make(SPACE BUSES WINDOWS);
	cr_assert_eq(source_of(DEVICE), -1);
	blob_free(&blob);
	make(SPACE BUSES WINDOWS "msi-map = <0 &its 0>;");
	cr_assert_eq(source_of(DEVICE), -1, "half an entry");
	blob_free(&blob);
	make(SPACE BUSES WINDOWS "msi-map = <0 99 0 0x100>;");
	cr_assert_eq(source_of(DEVICE), -1, "a phandle of nobody");
	blob_free(&blob);
	make(SPACE BUSES WINDOWS "msi-parent;");
	cr_assert_eq(source_of(DEVICE), -1);
}
