/* SPDX-License-Identifier: ISC */
/* Configuration space that a test makes up: good, looped, and lying. */
#include <string.h>

#include "drivers/pci/pci.h"
#include "tests/lib/test.h"

enum { FUNCTIONS = 8, DEVICE = 1 << 11, BUS = 1 << 16 };

static struct function {
	uint32_t address, words[64];
	uint32_t bar_mask[6]; /* bits of a BAR that can be written */
} functions[FUNCTIONS];
static unsigned count, reads;
static uint64_t mapped_start, mapped_bytes;
static uint32_t msix_table[4096];

static struct function *find(uint32_t address)
{
	for (unsigned i = 0; i < count; i++)
		if (functions[i].address == address)
			return &functions[i];
	return NULL;
}

uint32_t pci_read(uint32_t function, uint32_t offset)
{
	struct function *f = find(function);

	cr_assert(offset < 256 && offset % 4 == 0, "offset %u", offset);
	cr_assert_lt(reads++, 100000, "no end");
	return f ? f->words[offset / 4] : UINT32_MAX;
}

void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
	struct function *f = find(function);
	uint32_t bar = (offset - PCI_BAR) / 4;

	cr_assert(f && offset < 256 && offset % 4 == 0);
	if (offset >= PCI_BAR && bar < 6)
		value = (value & f->bar_mask[bar]) | (f->words[offset / 4] & ~f->bar_mask[bar]);
	f->words[offset / 4] = value;
}

uint32_t pci_first_bus(void)
{
	return 0;
}

volatile void *pci_reach(uint64_t start, uint64_t bytes)
{
	mapped_start = start;
	mapped_bytes = bytes;
	return msix_table;
}

static struct function *add(uint32_t address)
{
	struct function *f = &functions[count++];

	f->address = address;
	f->words[0] = 0x10411af4;
	return f;
}

/* A capability at offset: id, where the next one is. */
static void capability(struct function *f, uint32_t offset, uint8_t id, uint8_t next)
{
	f->words[PCI_COMMAND / 4] |= 0x100000;
	f->words[offset / 4] = (f->words[offset / 4] & ~UINT32_C(0xffff)) | id | (uint32_t)next << 8;
}

static void begin(void)
{
	test_begin();
	count = reads = 0;
	mapped_bytes = 0;
}

TestSuite(pci, .init = begin, .fini = test_end, .timeout = 20);

/* -- the scan -- */

Test(pci, finds_nothing_on_an_empty_bus)
{
	struct pci_scan scan = { 0 };

	cr_assert_eq(pci_next(&scan), PCI_NONE);
	cr_assert_eq(pci_next(&scan), PCI_NONE);
	cr_assert_leq(reads, 64);
}

Test(pci, finds_functions_and_goes_below_bridges)
{
	static const uint32_t where[] = { 0, 3 * DEVICE, 3 * DEVICE + 0x500, 4 * DEVICE, BUS + 2 * DEVICE,
		                          2 * BUS, 2 * BUS + 31 * DEVICE };
	struct pci_scan scan = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(where); i++)
		add(where[i]);
	add(5 * BUS); /* behind no bridge */
	functions[1].words[PCI_HEADER / 4] = 0x800000;
	functions[3].words[PCI_HEADER / 4] = 0x010000;
	functions[3].words[PCI_BUSES / 4] = 0x00020100;
	for (unsigned i = 0; i < ARRAY_SIZE(where); i++)
		cr_assert_eq(pci_next(&scan), where[i], "function %u", i);
	cr_assert_eq(pci_next(&scan), PCI_NONE);
}

Test(pci, ends_on_a_bridge_to_everywhere)
{
	struct pci_scan scan = { 0 };
	struct function *f = add(0);

	f->words[PCI_HEADER / 4] = 0x810000;
	f->words[PCI_BUSES / 4] = 0x00ff0000;
	cr_assert_eq(pci_next(&scan), 0);
	cr_assert_eq(pci_next(&scan), PCI_NONE);
}

/* -- capabilities -- */

Test(pci, walks_capabilities_in_their_order)
{
	struct function *f = add(0);

	f->words[PCI_CAPABILITIES / 4] = 0x98;
	capability(f, 0x98, PCI_MSIX, 0x84);
	capability(f, 0x84, PCI_VENDOR_SPECIFIC, 0x40);
	capability(f, 0x40, PCI_VENDOR_SPECIFIC, 0);
	cr_assert_eq(pci_capability(0, PCI_MSIX, 0), 0x98);
	cr_assert_eq(pci_capability(0, PCI_VENDOR_SPECIFIC, 0), 0x84);
	cr_assert_eq(pci_capability(0, PCI_VENDOR_SPECIFIC, 0x84), 0x40);
	cr_assert_eq(pci_capability(0, PCI_VENDOR_SPECIFIC, 0x40), 0);
	cr_assert_eq(pci_capability(0, 0x05, 0), 0);
}

Test(pci, has_none_where_the_status_says_so)
{
	struct function *f = add(0);

	f->words[PCI_CAPABILITIES / 4] = 0x40;
	capability(f, 0x40, PCI_MSIX, 0);
	f->words[PCI_COMMAND / 4] = 0;
	cr_assert_eq(pci_capability(0, PCI_MSIX, 0), 0);
}

Test(pci, ends_a_list_that_is_a_ring)
{
	struct function *f = add(0);

	f->words[PCI_CAPABILITIES / 4] = 0x40;
	capability(f, 0x40, 1, 0x50);
	capability(f, 0x50, 2, 0x60);
	capability(f, 0x60, 3, 0x40);
	cr_assert_eq(pci_capability(0, PCI_MSIX, 0), 0);
	capability(f, 0x70, 1, 0x70);
	f->words[PCI_CAPABILITIES / 4] = 0x70;
	cr_assert_eq(pci_capability(0, PCI_MSIX, 0), 0);
	cr_assert_leq(reads, 200);
}

Test(pci, ends_a_list_that_leads_into_the_header)
{
	struct function *f = add(0);

	f->words[PCI_CAPABILITIES / 4] = 0x40;
	capability(f, 0x40, 1, 0x10);
	f->words[0x10 / 4] = PCI_MSIX;
	cr_assert_eq(pci_capability(0, PCI_MSIX, 0), 0);
	f->words[PCI_CAPABILITIES / 4] = 0x43; /* the low bits are reserved */
	capability(f, 0x40, PCI_MSIX, 0);
	cr_assert_eq(pci_capability(0, PCI_MSIX, 0), 0x40);
}

/* -- BARs -- */

static struct function *with_bar(unsigned bar, uint32_t low, uint32_t mask)
{
	struct function *f = count ? &functions[0] : add(0);

	f->words[(PCI_BAR / 4) + bar] = low;
	f->bar_mask[bar] = mask;
	f->words[PCI_COMMAND / 4] |= 7;
	return f;
}

Test(pci, maps_what_lies_in_a_bar)
{
	struct function *f = with_bar(1, 0xfebd0000, 0xfffff000);

	cr_assert_not_null(pci_map(0, 1, 0x800, 0x800));
	cr_assert(mapped_start == 0xfebd0800 && mapped_bytes == 0x800);
	cr_assert_eq(f->words[(PCI_BAR / 4) + 1], 0xfebd0000, "the BAR is not what it was");
}

Test(pci, maps_wide_bars)
{
	with_bar(4, 0xfe00000c, 0xffffc000);
	with_bar(5, 0x38, UINT32_MAX);
	cr_assert_not_null(pci_map(0, 4, 0x3000, 0x1000));
	cr_assert_eq(mapped_start, UINT64_C(0x38fe003000));
	cr_assert_null(pci_map(0, 4, 0x3000, 0x1004));
}

Test(pci, refuses_what_a_bar_has_not_got)
{
	with_bar(0, 0xc001, 0xffffffe0);         /* ports */
	with_bar(1, 0xfebd0000, 0xfffff000);
	with_bar(2, 0, 0);                       /* none */
	with_bar(3, 0x00000000, 0xfffff000);     /* no address */
	with_bar(5, 0xfeb0000c, 0xfffff000);     /* wide, without a second half */
	cr_assert_null(pci_map(0, 0, 0, 16));
	cr_assert_null(pci_map(0, 1, 0, 0x1001));
	cr_assert_null(pci_map(0, 1, 0x1000, 4));
	cr_assert_null(pci_map(0, 1, 0xfffffffc, 8));
	cr_assert_null(pci_map(0, 1, 0, 0));
	cr_assert_null(pci_map(0, 2, 0, 4));
	cr_assert_null(pci_map(0, 3, 0, 4));
	cr_assert_null(pci_map(0, 5, 0, 4));
	cr_assert_null(pci_map(0, 6, 0, 4));
	cr_assert_null(pci_map(0, 255, 0, 4));
	cr_assert_eq(mapped_bytes, 0);
}

Test(pci, gives_bars_the_addresses_that_firmware_has_not)
{
	struct function *f = with_bar(0, 0, 0xfffff000);

	with_bar(2, 0xc, 0xffffc000);
	with_bar(3, 0, UINT32_MAX);
	with_bar(4, 0, 0xffff0000);
	pci_place(0xfd000800, 0xfd00a000);
	cr_assert_not_null(pci_map(0, 0, 0, 0x1000));
	cr_assert_eq(mapped_start, 0xfd001000);
	cr_assert_not_null(pci_map(0, 2, 0x1000, 0x1000));
	cr_assert_eq(mapped_start, 0xfd005000);
	cr_assert(f->words[PCI_BAR / 4] == 0xfd001000 && f->words[PCI_BAR / 4 + 2] == 0xfd00400c &&
	          !f->words[PCI_BAR / 4 + 3]);
	cr_assert_not_null(pci_map(0, 0, 0x800, 0x800));
	cr_assert_eq(mapped_start, 0xfd001800, "placed twice");
	cr_assert_null(pci_map(0, 4, 0, 4), "does not fit");
	cr_assert_eq(f->words[PCI_BAR / 4 + 4], 0);
	pci_place(0, 0);
}

/* -- MSI-X -- */

Test(pci, finds_the_table_of_messages)
{
	struct function *f = with_bar(1, 0xfebd0000, 0xfffff000);

	f->words[PCI_CAPABILITIES / 4] = 0x40;
	capability(f, 0x40, PCI_MSIX, 0);
	f->words[0x40 / 4] |= 2 << 16 | 0x40000000; /* three entries, all masked */
	f->words[0x44 / 4] = 0x801;
	cr_assert_not_null(pci_messages(0, 3));
	cr_assert(mapped_start == 0xfebd0800 && mapped_bytes == 48);
	pci_messages_on(0);
	cr_assert_eq(f->words[0x40 / 4] >> 16, 0x8002, "enabled, not masked");
	cr_assert_null(pci_messages(0, 4));
	f->words[0x44 / 4] = 0xfe1;
	cr_assert_null(pci_messages(0, 3), "a table that ends outside its BAR");
	f->words[0x44 / 4] = 7;
	cr_assert_null(pci_messages(0, 3));
	f->words[PCI_CAPABILITIES / 4] = 0xfc;
	capability(f, 0xfc, PCI_MSIX, 0);
	cr_assert_null(pci_messages(0, 1), "a capability that ends outside the space");
	f->words[PCI_CAPABILITIES / 4] = 0;
	cr_assert_null(pci_messages(0, 1));
}

Test(pci, silences_a_function_while_its_bars_are_asked)
{
	struct function *f = with_bar(1, 0xfebd0000, 0xfffff000);

	f->words[PCI_COMMAND / 4] = 0xf9000143; /* status: ones clear */
	pci_disable(0);
	cr_assert_eq(f->words[PCI_COMMAND / 4], 0x141);
	pci_enable(0);
	cr_assert_eq(f->words[PCI_COMMAND / 4], 0x147);
}
