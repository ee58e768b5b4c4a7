/* SPDX-License-Identifier: ISC */
/* Bridges that no firmware has numbered, on a model that forwards configuration and memory as they do. */
#include <string.h>

#include "drivers/pci/pci.h"
#include "tests/lib/test.h"

enum { FUNCTIONS = 400, DEVICE = 1 << 11, BUS = 1 << 16, MIB = 1 << 20, OPEN = 2, MASTER = 4 };

static struct function {
	struct function *parent; /* the bridge that it is behind; NULL: the host's own bus */
	uint32_t device, words[64], bar_mask;
	bool bridge, stuck; /* does not keep the numbers written to it */
} functions[FUNCTIONS];
static unsigned count, reads, writes;
static uint32_t first_bus;
static struct function *mapping; /* whose BAR is being mapped */
static uint64_t mapped_start;

uint32_t pci_first_bus(void)
{
	return first_bus;
}

static uint32_t behind(const struct function *f)
{
	return f->words[PCI_BUSES / 4] >> 8 & 0xff;
}

/* Does the bridge forward configuration accesses to the bus? */
static bool lets_through(const struct function *bridge, uint32_t bus)
{
	return !bridge ||
	       (bus >= behind(bridge) && bus <= (bridge->words[PCI_BUSES / 4] >> 16 & 0xff) && behind(bridge) &&
	        lets_through(bridge->parent, bus));
}

static struct function *find(uint32_t address)
{
	uint32_t bus = (address >> 16) + first_bus;

	for (unsigned i = 0; i < count; i++) {
		struct function *f = &functions[i];

		if ((f->parent ? behind(f->parent) : first_bus) == bus && f->device == (address >> 8 & 0xff) &&
		    lets_through(f->parent, bus))
			return f;
	}
	return NULL;
}

uint32_t pci_read(uint32_t function, uint32_t offset)
{
	struct function *f = find(function);

	cr_assert_lt(reads++, 1000000, "no end");
	return f ? f->words[offset / 4] : UINT32_MAX;
}

void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
	struct function *f = find(function);

	cr_assert_not_null(f);
	writes++;
	if (f->bridge && offset == PCI_BUSES && f->stuck)
		return;
	if (f->bridge && offset == PCI_BUSES)
		cr_assert_eq((uint8_t)value, (function >> 16) + first_bus, "its own bus");
	if (!f->bridge && offset == PCI_BAR)
		value &= f->bar_mask;
	if (f->bridge && (offset == PCI_WINDOW || offset == PCI_WINDOW_WIDE))
		cr_assert_eq(value & 0x000f000f, 0, "0x%x", value);
	f->words[offset / 4] = value;
}

/* Asserts that all bridges on the way forward the mapped range, and that no other function on the bus has
 * it. */
volatile void *pci_reach(uint64_t start, uint64_t bytes)
{
	for (struct function *f = mapping->parent; f; f = f->parent) {
		uint32_t window = f->words[PCI_WINDOW / 4];
		uint64_t base = (window & 0xfff0) << 16, limit = (window & 0xfff00000) | 0xfffff;

		cr_assert_eq(f->words[PCI_COMMAND / 4] & (OPEN | MASTER), OPEN | MASTER);
		cr_assert(start >= base && start + bytes - 1 <= limit, "0x%llx", (unsigned long long)start);
		cr_assert_gt(f->words[PCI_WINDOW_WIDE / 4] & 0xfff0, f->words[PCI_WINDOW_WIDE / 4] >> 16);
	}
	for (unsigned i = 0; i < count; i++) {
		struct function *f = &functions[i];

		if (f->bridge && f->parent == mapping->parent && f->words[PCI_COMMAND / 4] & OPEN)
			cr_assert(start + bytes <= (f->words[PCI_WINDOW / 4] & 0xfff0) << 16, "a bridge beside takes it");
	}
	mapped_start = start;
	return functions;
}

static struct function *add(struct function *parent, uint32_t device)
{
	struct function *f = &functions[count++];

	cr_assert_leq(count, FUNCTIONS);
	f->parent = parent;
	f->device = device << 3;
	f->words[0] = 0x10411af4;
	f->bar_mask = 0xffffc000;
	return f;
}

static struct function *add_bridge(struct function *parent, uint32_t device)
{
	struct function *f = add(parent, device);

	f->bridge = true;
	f->words[PCI_HEADER / 4] = 0x010000;
	return f;
}

static bool map(uint32_t function)
{
	mapping = find(function);
	return pci_map(function, 0, 0, 0x4000);
}

static void expect_scan(const uint32_t *where, size_t n)
{
	struct pci_scan scan = { 0 };

	for (size_t i = 0; i < n; i++)
		cr_assert_eq(pci_next(&scan), where[i], "function %zu", i);
	cr_assert_eq(pci_next(&scan), PCI_NONE);
}

static void scan_all(void)
{
	struct pci_scan scan = { 0 };

	while (pci_next(&scan) != PCI_NONE)
		;
}

static void begin(void)
{
	test_begin();
	pci_place(0x10000000, 0x20000000);
}

TestSuite(pci_bridge, .init = begin, .fini = test_end, .timeout = 20);

/* Two bridges behind the first, and another: numbers continue after all buses behind a bridge. */
Test(pci_bridge, numbers_what_nobody_has_numbered)
{
	static const uint32_t where[] = { 0, DEVICE, 2 * DEVICE, BUS, BUS + DEVICE, 2 * BUS + 3 * DEVICE,
		                          4 * BUS };
	static const uint32_t buses[] = { 0x030100, 0x040400, 0x020201, 0x030301 };
	struct function *bridges[4];
	unsigned before;

	add(NULL, 0);
	bridges[0] = add_bridge(NULL, 1);
	bridges[1] = add_bridge(NULL, 2);
	bridges[2] = add_bridge(bridges[0], 0);
	bridges[3] = add_bridge(bridges[0], 1);
	add(bridges[2], 3);
	add(bridges[1], 0);
	expect_scan(where, ARRAY_SIZE(where));
	for (unsigned i = 0; i < ARRAY_SIZE(bridges); i++)
		cr_assert_eq(bridges[i]->words[PCI_BUSES / 4], buses[i], "bridge %u", i);
	before = writes;
	expect_scan(where, ARRAY_SIZE(where));
	cr_assert_eq(writes, before, "a second scan leaves all as it is");
	cr_assert(map(4 * BUS) && map(0) && map(2 * BUS + 3 * DEVICE));
	cr_assert_eq(mapped_start, 0x20000000 - 2 * MIB);
	cr_assert_eq(pci_bridge(2 * BUS + 3 * DEVICE), BUS);
	cr_assert_eq(pci_bridge(BUS), DEVICE);
	cr_assert_eq(pci_bridge(4 * BUS), 2 * DEVICE);
	cr_assert_eq(pci_bridge(0), PCI_NONE);
	cr_assert_eq(pci_bridge(9 * BUS), PCI_NONE);
	cr_assert_eq(test_console_text()[0], '\0', "%s", test_console_text());
}

Test(pci_bridge, gives_each_bus_a_mebibyte)
{
	struct function *bridge = add_bridge(NULL, 0);

	for (uint32_t i = 0; i < 3; i++)
		add(bridge, i)->bar_mask = 0xfff80000;
	scan_all();
	cr_assert(map(BUS));
	cr_assert_eq(mapped_start, 0x1ff00000);
	cr_assert(map(BUS + DEVICE));
	cr_assert_eq(mapped_start, 0x1ff80000);
	cr_assert_not(map(BUS + 2 * DEVICE));
	cr_assert_eq(functions[3].words[PCI_BAR / 4], 0);
}

/* The host's own bus gets the rest of the window, and none of the ranges behind a bridge. */
Test(pci_bridge, keeps_apart_what_is_on_the_hosts_bus)
{
	pci_place(0x10000000, 0x10300000);
	add_bridge(NULL, 1);
	add(NULL, 2)->bar_mask = 0xfff00000;
	add(NULL, 3)->bar_mask = 0xfff00000;
	add(NULL, 4)->bar_mask = 0xfff00000;
	scan_all();
	cr_assert(map(2 * DEVICE) && map(3 * DEVICE));
	cr_assert_eq(mapped_start, 0x10100000);
	cr_assert_not(map(4 * DEVICE));
}

Test(pci_bridge, opens_what_firmware_has_numbered_alone)
{
	struct function *bridge = add_bridge(NULL, 1), *below = add_bridge(bridge, 0);

	add(below, 0);
	bridge->words[PCI_BUSES / 4] = 0x070500;
	below->words[PCI_BUSES / 4] = 0x070605;
	scan_all();
	cr_assert(map(6 * BUS));
	cr_assert_eq(bridge->words[PCI_BUSES / 4], 0x070500);
	cr_assert_eq(below->words[PCI_BUSES / 4], 0x070605);
}

Test(pci_bridge, leaves_what_firmware_has_opened)
{
	struct function *bridge = add_bridge(NULL, 1);

	add(bridge, 0)->words[PCI_BAR / 4] = 0xfe000000;
	bridge->words[PCI_BUSES / 4] = 0x010100;
	bridge->words[PCI_COMMAND / 4] = OPEN;
	scan_all();
	cr_assert_eq(writes, 0);
	cr_assert_eq(pci_bridge(BUS), DEVICE);
	functions[1].words[PCI_BAR / 4] = 0;
	cr_assert_not(map(BUS), "nobody knows what is free there");
}

Test(pci_bridge, numbers_from_the_first_bus)
{
	static const uint32_t where[] = { DEVICE, BUS };
	struct function *bridge = add_bridge(NULL, 1);

	first_bus = 0x40;
	add(bridge, 0);
	expect_scan(where, ARRAY_SIZE(where));
	cr_assert_eq(bridge->words[PCI_BUSES / 4], 0x414140);
	cr_assert(map(BUS));
	cr_assert_eq(pci_bridge(BUS), DEVICE);
}

static void expect_passed_over(const char *name)
{
	const char *text;

	scan_all();
	scan_all();
	text = strstr(test_console_text(), name);
	cr_assert_not_null(text, "%s", test_console_text());
	cr_assert_null(strstr(text + 1, "bridge="), "once");
}

Test(pci_bridge, names_one_that_has_no_addresses)
{
	struct function *bridge = add_bridge(NULL, 1);

	add(add_bridge(NULL, 2), 0);
	add(bridge, 0);
	pci_place(0x10080000, 0x10200000);
	expect_passed_over("bridge=0:2 passed_over=");
	cr_assert(map(BUS));
	cr_assert_not(map(2 * BUS));
}

Test(pci_bridge, names_one_where_there_are_no_addresses_at_all)
{
	add_bridge(NULL, 31);
	pci_place(0, 0);
	expect_passed_over("bridge=0:31 passed_over=");
}

Test(pci_bridge, ends_where_there_are_more_than_anybody_has)
{
	struct function *bridge = NULL;

	for (uint32_t i = 0; i < 40; i++)
		bridge = add_bridge(bridge, 1);
	expect_passed_over("bridge=31:1 passed_over=");
	cr_assert_eq(functions[0].words[PCI_BUSES / 4], 0x1f0100);
}

Test(pci_bridge, ends_where_bridges_keep_no_numbers)
{
	for (uint32_t i = 0; i < 32; i++)
		add_bridge(NULL, i)->stuck = true;
	expect_passed_over("bridge=0:0 passed_over=");
}

/* The scan ends for any bus numbers of a bridge. */
Test(pci_bridge, ends_whatever_bridges_say)
{
	for (uint32_t i = 0; i < 0x100; i++) {
		count = 0;
		for (uint32_t j = 0; j < 8; j++) {
			struct function *bridge = add_bridge(j ? &functions[j / 2] : NULL, j);

			bridge->stuck = true;
			bridge->words[PCI_BUSES / 4] = i * (0x1030901 + j * 0x51311);
		}
		reads = 0;
		first_bus = i / 3;
		scan_all();
	}
}
