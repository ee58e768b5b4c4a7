/* SPDX-License-Identifier: ISC */
/* Finding PCI functions and their capabilities. Configuration space is checked like all input from outside:
 * lists end, windows lie in their BARs. */
#include "drivers/pci/pci_priv.h"

#define FUNCTION_STEP 0x100
#define DEVICE_STEP 0x800
#define END 0x1000000 /* 256 buses */
#define MULTI_FUNCTION 0x800000
#define COMMAND_MASTER 4
#define STATUS_CAPABILITIES 0x100000
#define BAR_IO 1
#define BAR_64 4
#define CAPABILITIES_MAX 48 /* as many as fit into the space */
#define MSIX_ENABLE 0x80000000
#define MSIX_MASK_ALL 0x40000000

static bool exists(uint32_t function)
{
	return (uint16_t)pci_read(function, PCI_ID) != 0xffff;
}

/* Scans one bus after another, as far as bridges lead. */
uint32_t pci_next(struct pci_scan *scan)
{
	while (scan->next < END && scan->next >> 16 <= scan->last_bus) {
		uint32_t at = scan->next;
		bool there = exists(at), first = !(at & (DEVICE_STEP - 1));

		scan->next = at + FUNCTION_STEP;
		if (first && !(there && (pci_read(at, PCI_HEADER) & MULTI_FUNCTION)))
			scan->next = at + DEVICE_STEP;
		if (there) {
			scan->last_bus = MAX(scan->last_bus, pci_bridge_open(at, scan->last_bus));
			return at;
		}
	}
	return PCI_NONE;
}

uint32_t pci_capability(uint32_t function, uint8_t id, uint32_t after)
{
	uint32_t at;

	if (!(pci_read(function, PCI_COMMAND) & STATUS_CAPABILITIES))
		return 0;
	at = (after ? pci_read(function, after) >> 8 : pci_read(function, PCI_CAPABILITIES)) & 0xfc;
	for (unsigned i = 0; at >= 0x40 && i < CAPABILITIES_MAX; i++) {
		uint32_t word = pci_read(function, at);

		if ((uint8_t)word == id)
			return at;
		at = word >> 8 & 0xfc;
	}
	return 0;
}

/* Finds a BAR's size by writing ones (PCI 3.0 §6.2.5.1), and its address, giving it one if it has none. 0: it
 * is not a memory BAR, or there is no free address. */
static uint64_t bar_window(uint32_t function, uint32_t offset, uint64_t *base)
{
	uint32_t low = pci_read(function, offset), high = 0;
	bool wide = (low & 6) == BAR_64;
	uint64_t size;

	if ((low & BAR_IO) || (wide && offset == PCI_BAR + 5 * 4))
		return 0;
	pci_write(function, offset, UINT32_MAX);
	size = -(uint64_t)(pci_read(function, offset) & ~UINT32_C(15));
	if (wide) {
		high = pci_read(function, offset + 4);
		pci_write(function, offset + 4, UINT32_MAX);
		size -= (uint64_t)pci_read(function, offset + 4) << 32;
	} else {
		size = (uint32_t)size;
	}
	*base = (uint64_t)high << 32 | (low & ~UINT32_C(15));
	if (!*base)
		*base = pci_room(function, size);
	pci_write(function, offset, (uint32_t)*base | (low & 15));
	if (wide)
		pci_write(function, offset + 4, (uint32_t)(*base >> 32));
	return *base ? size : 0;
}

volatile void *pci_map(uint32_t function, uint32_t bar, uint32_t offset, uint32_t bytes)
{
	uint64_t base, size;

	if (bar > 5)
		return NULL;
	size = bar_window(function, PCI_BAR + bar * 4, &base);
	if (!bytes || (uint64_t)offset + bytes > size)
		return NULL;
	return pci_reach(base + offset, bytes);
}

static void set_command(uint32_t function, uint32_t off, uint32_t on)
{
	/* The upper half is the status register, where ones clear bits. */
	pci_write(function, PCI_COMMAND, (pci_read(function, PCI_COMMAND) & 0xffff & ~off) | on);
}

void pci_disable(uint32_t function)
{
	set_command(function, PCI_COMMAND_MEMORY, 0);
}

void pci_enable(uint32_t function)
{
	set_command(function, 0, PCI_COMMAND_MEMORY | COMMAND_MASTER);
}

volatile struct pci_message *pci_messages(uint32_t function, uint32_t count)
{
	uint32_t at = pci_capability(function, PCI_MSIX, 0), table;

	if (!at || at > 0xf4 || count > (pci_read(function, at) >> 16 & 0x7ff) + 1)
		return NULL;
	table = pci_read(function, at + 4);
	return pci_map(function, table & 7, table & ~7u, count * sizeof(struct pci_message));
}

void pci_messages_on(uint32_t function)
{
	uint32_t at = pci_capability(function, PCI_MSIX, 0);

	pci_write(function, at, (pci_read(function, at) & ~(uint32_t)MSIX_MASK_ALL) | MSIX_ENABLE);
}
