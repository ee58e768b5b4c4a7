/* SPDX-License-Identifier: ISC */
/* A host bridge described as pci-host-ecam-generic in the device tree: configuration space lies in memory, 4
 * KiB per function (PCI Express Base 4.0 §7.2.2), and interrupts are legacy pins. No firmware has run: BARs
 * are placed in the first window below 4 GiB, which fits 32-bit ones, too. BARs that the virtual machine
 * monitor has placed may be in any window. Buses are counted from the start of the bridge's bus-range.
 * Devices see memory as the CPU does. */
#define LOG_TAG "pci"
#include "arch/arch.h"
#include "drivers/irq/tree.h"
#include "drivers/pci/pci_priv.h"
#include "kernel/log.h"

#include <errno.h>

#define BUS_BYTES UINT64_C(0x100000)
#define BUSES 256
#define SPACE_MEMORY 0x02000000 /* in a window's highest cell; with 0x01000000: 64 bits */
#define PLACE_LEAST UINT64_C(0x1000) /* no BAR is placed at bus address 0: it means unset */
#define GIB UINT64_C(0x40000000)
enum { PORT_FIRST = 4, PORT_LAST = 6 }; /* port types in Express capabilities: root, upstream, downstream */
#define WINDOWS_MAX 16 /* entries looked at */

static const struct fdt *tree;
static struct fdt_node bridge;
static uint32_t first_bus, buses; /* buses: 0 without a bridge */
static volatile uint8_t *space;
static struct fdt_window windows[WINDOWS_MAX]; /* of memory; others have no bytes */

/* A function's register; NULL: its bus is behind the last. */
static volatile uint32_t *reg(uint32_t function, uint32_t offset)
{
	return function >> 16 < buses ? (volatile uint32_t *)(space + ((uintptr_t)function << 4) + offset) : NULL;
}

uint32_t pci_read(uint32_t function, uint32_t offset)
{
	volatile uint32_t *r = reg(function, offset);

	return r ? *r : UINT32_MAX;
}

void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
	volatile uint32_t *r = reg(function, offset);

	if (r)
		*r = value;
}

uint32_t pci_first_bus(void)
{
	return first_bus;
}

volatile void *pci_reach(uint64_t address, uint64_t bytes)
{
	for (const struct fdt_window *w = windows; w < windows + WINDOWS_MAX; w++) {
		uint64_t offset = address - w->bus;

		if (offset < w->cpu.bytes && bytes <= w->cpu.bytes - offset)
			return arch_map_device(w->cpu.start + offset, bytes);
	}
	return NULL;
}

/* A bridge swizzles the pins by the number of the device behind it (PCI-to-PCI Bridge Architecture 1.2
 * §9.1). */
int pci_line(uint32_t function)
{
	uint32_t pin = pci_read(function, PCI_INTERRUPT) >> 8 & 0xff;
	struct fdt_interrupt interrupt;
	int error;

	if (pin < 1 || pin > 4)
		return -ENODEV;
	while (function >> 16) {
		pin = (pin - 1 + (function >> 11 & 31)) % 4 + 1;
		function = pci_bridge(function);
		if (function == PCI_NONE)
			return -ENODEV;
	}
	error = fdt_pci_interrupt(tree, &bridge, first_bus << 16 | function, pin, &interrupt);
	return error ? error : irq_line(&interrupt);
}

/* Do the function's messages keep its requester ID? They do through PCI Express ports (Base 4.0 §7.5.3.2);
 * other bridges put in their own (PCI Express to PCI/PCI-X Bridge 1.0 §2.3). */
static bool is_requester(uint32_t function)
{
	while (function >> 16) {
		uint32_t at;

		function = pci_bridge(function);
		at = function == PCI_NONE ? 0 : pci_capability(function, PCI_EXPRESS, 0);
		if (!at || (pci_read(function, at) >> 20 & 15) - PORT_FIRST > PORT_LAST - PORT_FIRST)
			return false;
	}
	return true;
}

/* Reads the bridge's msi-map, or its msi-parent. An entry of msi-map is: first requester ID, controller, the
 * controller's number for it, how many there are; compared are the bits in msi-map-mask. */
bool pci_message_source(uint32_t function, struct fdt_node *controller, uint32_t *id)
{
	uint32_t requester = (first_bus << 8) + (function >> 8);
	struct fdt_value map;

	if (!is_requester(function))
		return false;
	if (fdt_property(tree, &bridge, "msi-map", &map)) {
		requester &= (uint32_t)fdt_number(tree, &bridge, "msi-map-mask", UINT32_MAX);
		for (uint32_t i = 0; i + 4 <= fdt_cells(&map); i += 4)
			if (requester - fdt_cell(&map, i) < fdt_cell(&map, i + 3)) {
				*id = requester - fdt_cell(&map, i) + fdt_cell(&map, i + 2);
				return fdt_by_phandle(tree, controller, fdt_cell(&map, i + 1));
			}
		return false;
	}
	*id = requester;
	return fdt_property(tree, &bridge, "msi-parent", &map) && fdt_cells(&map) > 0 &&
	       fdt_by_phandle(tree, controller, fdt_cell(&map, 0));
}

/* Reads the memory windows, and gives the first one below 4 GiB. NULL: there is none. */
static const struct fdt_window *read_windows(void)
{
	const struct fdt_window *low = NULL;

	for (uint32_t i = 0; i < WINDOWS_MAX; i++) {
		struct fdt_window *w = &windows[i];

		if (fdt_window(tree, &bridge, i, w) < 0 || !(w->space & SPACE_MEMORY))
			w->cpu.bytes = 0;
		else if (!low && w->bus < 4 * GIB && w->cpu.bytes <= 4 * GIB - w->bus)
			low = w;
	}
	return low;
}

/* The number of buses whose configuration space fits into bytes. */
static uint32_t count_buses(uint64_t bytes)
{
	struct fdt_value range;
	uint64_t last = BUSES - 1;

	if (fdt_property(tree, &bridge, "bus-range", &range) && fdt_cells(&range) == 2) {
		first_bus = fdt_cell(&range, 0);
		last = fdt_cell(&range, 1);
	}
	if (last >= BUSES || first_bus > last)
		return 0;
	bytes = MIN(bytes, PCI_BUSES_MAX * BUS_BYTES);
	return (uint32_t)MIN(last - first_bus + 1, bytes / BUS_BYTES);
}

static const char *open_bridge(void)
{
	struct fdt_range at;
	const struct fdt_window *low;
	uint32_t count;

	if (fdt_reg(tree, &bridge, 0, &at) < 0 || at.start % 4)
		return "it has no configuration space";
	count = count_buses(at.bytes);
	if (!count)
		return "it has no buses";
	low = read_windows();
	if (!low)
		return "it has no window below 4 GiB";
	space = arch_map_device(at.start, count * BUS_BYTES);
	if (!space)
		return "its configuration space cannot be reached";
	buses = count;
	pci_place(MAX(low->bus, PLACE_LEAST), low->bus + low->cpu.bytes);
	return NULL;
}

void pci_tree(const struct fdt *t)
{
	const char *why;

	tree = t;
	if (!fdt_find(tree, &bridge, "pci-host-ecam-generic"))
		return;
	why = open_bridge();
	if (why)
		log_error("bridge=%s refused=\"%s\"", fdt_name(tree, &bridge), why);
}
