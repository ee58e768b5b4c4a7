/* SPDX-License-Identifier: ISC */
/* PCI functions (PCI Local Bus 3.0; PCI Express Base 4.0 §7), as firmware has set them up, or where there is
 * none as they are found. The host bridge is ports.c or ecam.c. */
#ifndef DRIVERS_PCI_PCI_H
#define DRIVERS_PCI_PCI_H

#include "kernel/util.h"

/* A function: bus << 16 | device << 11 | function << 8, as configuration addresses have it. */
#define PCI_NONE UINT32_MAX

enum pci_register {
	PCI_ID = 0x00, PCI_COMMAND = 0x04, PCI_HEADER = 0x0c, PCI_BAR = 0x10, PCI_BUSES = 0x18,
	PCI_WINDOW = 0x20, PCI_WINDOW_WIDE = 0x24, PCI_SUBSYSTEM = 0x2c, PCI_CAPABILITIES = 0x34,
	PCI_INTERRUPT = 0x3c,
};
enum pci_capability_id { PCI_VENDOR_SPECIFIC = 0x09, PCI_EXPRESS = 0x10, PCI_MSIX = 0x11 };

/* -- the host bridge's own, of which tests have theirs -- */

/* Configuration space by 32-bit words; offset < 256. All ones where there is no function. */
uint32_t pci_read(uint32_t function, uint32_t offset);
void pci_write(uint32_t function, uint32_t offset, uint32_t value);
/* The number of the first bus, which is 0 in a function's address. */
uint32_t pci_first_bus(void);
/* Makes so many bytes accessible at an address that BARs have. NULL when the CPU cannot reach
 * it: no window of the host bridge leads there, or page tables do not reach so far. */
volatile void *pci_reach(uint64_t address, uint64_t bytes);
/* Where interrupts come by pins: the line that the function's goes to, as irq_attach_line takes it, shared
 * with others. A negative errno: it has none. */
int pci_line(uint32_t function);
/* Where messages are translated: who writes the function's, as controller knows it (its requester ID, unless
 * the tree says otherwise). False when the tree names no controller for them, or a bridge on the way writes
 * them as its own. */
struct fdt_node;
bool pci_message_source(uint32_t function, struct fdt_node *controller, uint32_t *id);
/* Opens the bridge that the tree describes, which it borrows. Without one nothing is found. */
struct fdt;
void pci_tree(const struct fdt *tree);

/* -- functions -- */

static inline uint8_t pci_read8(uint32_t function, uint32_t offset)
{
	return (uint8_t)(pci_read(function, offset & ~3u) >> (offset & 3) * 8);
}

/* The next function on all buses; PCI_NONE after the last. All zero begins. Bridges that firmware has left
 * closed are opened on the way; one that cannot be is named in the log. */
struct pci_scan {
	uint32_t next, last_bus;
};
uint32_t pci_next(struct pci_scan *scan);
/* The bridge that the function is behind; PCI_NONE when there is none. */
uint32_t pci_bridge(uint32_t function);
/* The offset of the next capability id after one at offset after (0: the first); 0 when there is none.
 * Ends whatever the list looks like. */
uint32_t pci_capability(uint32_t function, uint8_t id, uint32_t after);
/* Where BARs are put that firmware has left without an address, and what lies behind bridges that it has left
 * closed: below 4 GiB; nowhere, unless the machine says so. */
void pci_place(uint64_t start, uint64_t end);
/* Between these two the function does not answer, and its BARs may be asked for their size. Then it answers,
 * and may write to memory by itself. Each makes the machine build its address space anew: a third of a
 * millisecond under QEMU. */
void pci_disable(uint32_t function);
void pci_enable(uint32_t function);
/* Makes [offset, offset + bytes) of a memory BAR accessible; NULL when it has not got them. */
volatile void *pci_map(uint32_t function, uint32_t bar, uint32_t offset, uint32_t bytes);

/* An entry of the MSI-X table (PCI 3.0 §6.8.2.6 to 9). */
struct pci_message {
	uint32_t address, address_high, data, masked;
};
static_assert(sizeof(struct pci_message) == 16, "MSI-X table entry");

/* The function's table, made accessible as by pci_map; NULL when it has not got count entries. */
volatile struct pci_message *pci_messages(uint32_t function, uint32_t count);
/* After the table has been filled. */
void pci_messages_on(uint32_t function);

#endif
