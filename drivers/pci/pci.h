/* SPDX-License-Identifier: ISC */
/* PCI functions (PCI Local Bus 3.0; PCI Express Base 4.0 §7), as set up by firmware, or without it as they
 * are found. The host bridge is ports.c or ecam.c. */
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

/* -- the host bridge's, which tests replace -- */

/* Configuration space in 32-bit words; offset < 256. All ones: there is no such function. */
uint32_t pci_read(uint32_t function, uint32_t offset);
void pci_write(uint32_t function, uint32_t offset, uint32_t value);
/* The number of the first bus, which is 0 in a function's address. */
uint32_t pci_first_bus(void);
/* Maps registers, bytes long, at an address that BARs have. NULL: the CPU cannot reach it, for no window of
 * the host bridge leads there or page tables do not reach so far. */
volatile void *pci_reach(uint64_t address, uint64_t bytes);
/* With pin interrupts: the line of the function's pin for irq_attach_line, which may be shared. A negative
 * errno: it has none. */
int pci_line(uint32_t function);
/* With translated messages: the function's number at controller (its requester ID, unless the tree maps it).
 * false: the tree names no controller for it, or a bridge on the way puts in its own ID. */
struct fdt_node;
bool pci_message_source(uint32_t function, struct fdt_node *controller, uint32_t *id);
/* Opens the host bridge that the tree describes, which it borrows. Without one no function is found. */
struct fdt;
void pci_tree(const struct fdt *tree);

/* -- functions -- */

/* The next function on all buses; PCI_NONE after the last. A zeroed scan begins. Bridges that firmware has
 * left closed are opened on the way; one that cannot be opened is logged. */
struct pci_scan {
	uint32_t next, last_bus;
};
uint32_t pci_next(struct pci_scan *scan);
/* The bridge that the function is behind; PCI_NONE: there is none. */
uint32_t pci_bridge(uint32_t function);
/* The offset of the next capability id after the one at offset after (0: the first); 0: there is none. Ends
 * even if the list is a ring. */
uint32_t pci_capability(uint32_t function, uint8_t id, uint32_t after);
/* The addresses, below 4 GiB, for BARs that firmware has left without one, and for buses behind bridges that
 * it has left closed; without this call there are none. */
void pci_place(uint64_t start, uint64_t end);
/* pci_disable stops memory decoding, for reading the BARs' sizes; pci_enable starts it again, and lets the
 * function write to memory. Each makes the machine rebuild its address space: a third of a millisecond under
 * QEMU. */
void pci_disable(uint32_t function);
void pci_enable(uint32_t function);
/* Maps [offset, offset + bytes) of a memory BAR; NULL: it is shorter, or no memory BAR. */
volatile void *pci_map(uint32_t function, uint32_t bar, uint32_t offset, uint32_t bytes);

/* An entry of the MSI-X table (PCI 3.0 §6.8.2.6 to 9). */
struct pci_message {
	uint32_t address, address_high, data, masked;
};
static_assert(sizeof(struct pci_message) == 16, "MSI-X table entry");

/* Maps the function's table as pci_map does; NULL: it has fewer than count entries. */
volatile struct pci_message *pci_messages(uint32_t function, uint32_t count);
/* Turns messages on, after the table has been filled. */
void pci_messages_on(uint32_t function);

#endif
