/* SPDX-License-Identifier: ISC */
/* Bridges, and the free addresses to give away (PCI-to-PCI Bridge Architecture 1.2 §3.2.5). Without firmware,
 * buses are numbered as a scan reaches them, those behind a bridge contiguously. Bridge windows have units of
 * 1 MiB: each such bus has one, from the end of the free addresses downwards in the order of the numbers, so
 * that windows are contiguous, too. The host's own bus has the rest. */
#define LOG_TAG "pci"
#include "drivers/pci/pci_priv.h"
#include "kernel/log.h"

#define BUS_BYTES 0x100000
#define WINDOW_NONE 0x0000fff0 /* its base is above its limit */

static uint32_t place_end;           /* end of the addresses of the host's own bus */
static uint32_t next[PCI_BUSES_MAX]; /* the first free address of each bus */
static uint32_t last_open;           /* last bus that has addresses */
static uint32_t top;                 /* end of bus 1's addresses */

void pci_place(uint64_t start, uint64_t end)
{
	next[0] = (uint32_t)start;
	place_end = (uint32_t)MIN(end, (uint64_t)UINT32_MAX);
	top = ALIGN_DOWN(place_end, BUS_BYTES);
	last_open = 0;
}

/* The first address of a bus behind a bridge. */
static uint32_t bus_start(uint32_t bus)
{
	return top - bus * BUS_BYTES;
}

uint32_t pci_room(uint32_t function, uint64_t bytes)
{
	uint32_t bus = function >> 16, base, end;

	if (bus > last_open || !bytes || bytes > UINT32_MAX)
		return 0;
	end = bus ? bus_start(bus - 1) : place_end;
	base = ALIGN_UP(next[bus], (uint32_t)bytes);
	if (base < next[bus] || base >= end || bytes > end - base)
		return 0;
	next[bus] = base + (uint32_t)bytes;
	return base;
}

static bool is_bridge(uint32_t function)
{
	return (pci_read(function, PCI_HEADER) >> 16 & 0x7f) == 1;
}

/* A bridge's last bus << 16 | the bus behind it << 8 | its own; 0: it has not been numbered. */
static uint32_t read_buses(uint32_t bridge)
{
	uint32_t buses = pci_read(bridge, PCI_BUSES) & 0xffffff;

	return buses & 0xff00 ? buses - pci_first_bus() * 0x10101 : 0;
}

static void write_buses(uint32_t bridge, uint32_t bus, uint32_t last)
{
	pci_write(bridge, PCI_BUSES, (last << 16 | bus << 8 | bridge >> 16) + pci_first_bus() * 0x10101);
}

/* Numbers the bus behind the bridge, and those further behind. During the scan the bridge leads to all
 * possible buses. */
static void number(uint32_t bridge, uint32_t bus)
{
	struct pci_scan scan = { bus << 16, bus };

	write_buses(bridge, bus, PCI_BUSES_MAX - 1);
	while (pci_next(&scan) >> 16 == bus)
		;
	write_buses(bridge, bus, scan.last_bus);
}

/* Opens the bridge's window for the addresses of its buses. false: too few are left. */
static bool open_window(uint32_t bridge, uint32_t bus, uint32_t last)
{
	if (!bus || last >= PCI_BUSES_MAX || (top - next[0]) / BUS_BYTES < last || top < next[0])
		return false;
	while (last_open < last) {
		place_end = bus_start(++last_open);
		next[last_open] = place_end;
	}
	pci_write(bridge, PCI_WINDOW, bus_start(last) >> 16 | bus_start(bus));
	pci_write(bridge, PCI_WINDOW_WIDE, WINDOW_NONE);
	pci_enable(bridge);
	return true;
}

uint32_t pci_bridge_open(uint32_t function, uint32_t last)
{
	static bool told;
	uint32_t buses;

	if (!is_bridge(function))
		return 0;
	buses = read_buses(function);
	if (pci_read(function, PCI_COMMAND) & PCI_COMMAND_MEMORY)
		return buses >> 16;
	if (!buses && last + 1 < PCI_BUSES_MAX) {
		number(function, last + 1);
		buses = read_buses(function);
	}
	if (!open_window(function, buses >> 8 & 0xff, buses >> 16) && !told) {
		log_warn("bridge=%u:%u passed_over=\"too many buses, or too few addresses\"", function >> 16,
		         function >> 11 & 31);
		told = true;
	}
	return buses >> 16;
}

uint32_t pci_bridge(uint32_t function)
{
	struct pci_scan scan = { 0 };
	uint32_t bridge;

	while ((bridge = pci_next(&scan)) != PCI_NONE && bridge >> 16 < function >> 16)
		if (is_bridge(bridge) && (read_buses(bridge) >> 8 & 0xff) == function >> 16)
			return bridge;
	return PCI_NONE;
}
