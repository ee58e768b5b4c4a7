/* SPDX-License-Identifier: ISC */
/* A reader of flattened device trees (Devicetree Specification 0.4, chapters 2 and 5; version 17). It trusts
 * nothing, allocates nothing and keeps no state: a node is a position in the blob, and each call reads the
 * blob. Whatever the blob contains, the time of each call is at most a small multiple of the blob's length;
 * one for an interrupt may read all of it 64 times, for the controllers on its way.
 *
 *   struct fdt_node n = FDT_BEGIN;
 *   while (fdt_next_with(tree, &n, "compatible", "virtio,mmio"))
 *           if (fdt_reg(tree, &n, 0, &range) == 0 && fdt_interrupt(tree, &n, 0, &interrupt) == 0)
 *                   …
 *
 * A node whose status is not okay does not exist for any of these calls, nor do the nodes below it. Strings
 * are NUL-terminated within their property, or not given. */
#ifndef DRIVERS_FDT_FDT_H
#define DRIVERS_FDT_FDT_H

#include "kernel/util.h"

#define FDT_DEPTH 16          /* levels of nodes, the root included; deeper trees are refused */
#define FDT_INTERRUPT_CELLS 4 /* of an interrupt specifier; longer ones are refused */

/* An opened tree. Borrows the blob, for good. */
struct fdt {
	const uint8_t *blob;
	uint32_t bytes; /* of the blob that are in use: the rest may be given away */
	/* the reader's own: offsets of its blocks */
	uint32_t reservations, reservation_count, structure, strings;
};

/* A node, by its path from the root. */
struct fdt_node {
	uint32_t depth;           /* 1: the root; 0: none */
	uint32_t path[FDT_DEPTH]; /* offsets of its ancestors and, last of depth, of the node itself */
};
#define FDT_BEGIN ((struct fdt_node){ 0 }) /* before the first node */

struct fdt_range {
	uint64_t start, bytes; /* start + bytes needs no more than 64 bits */
};

/* A property's value, borrowed, of any length and alignment; big endian. */
struct fdt_value {
	const uint8_t *at;
	uint32_t bytes;
};

/* -- the blob -- */

/* Opens the tree at blob, of which at most readable_bytes can be read, after checking all of it: every token,
 * length, name and string lies within its block. 0, -EBADMSG; then *why is the end of a sentence that
 * describes the error. */
int fdt_open(struct fdt *tree, const void *blob, size_t readable_bytes, const char **why);
/* Entry i of the memory reservation block (§5.3). false after the last. */
bool fdt_reservation(const struct fdt *tree, uint32_t i, struct fdt_range *range);

/* -- nodes -- */

/* The next node in the order of the blob, children before siblings. false after the last: then n is before
 * the first again, as after each of these calls that finds nothing. */
bool fdt_next(const struct fdt *tree, struct fdt_node *n);
/* The next node whose property is a list of strings with text among them: "compatible", "device_type". */
bool fdt_next_with(const struct fdt *tree, struct fdt_node *n, const char *property, const char *text);
/* The first node whose "compatible" lists that string. */
bool fdt_find(const struct fdt *tree, struct fdt_node *n, const char *compatible);
/* The next child of parent after child. */
bool fdt_next_child(const struct fdt *tree, const struct fdt_node *parent, struct fdt_node *child);
/* The node at path: "/chosen", "/soc/serial@10000000", "/memory" for the first one with a unit address; or
 * one of /aliases, and names of its descendants. The path ends before a ':', which stdout-path may have
 * (§3.6). */
bool fdt_at(const struct fdt *tree, struct fdt_node *n, const char *path);
bool fdt_by_phandle(const struct fdt *tree, struct fdt_node *n, uint32_t phandle);
/* The node's name with its unit address, borrowed; the root's is "". */
const char *fdt_name(const struct fdt *tree, const struct fdt_node *n);
static inline bool fdt_same(const struct fdt_node *a, const struct fdt_node *b)
{
	return a->depth == b->depth && (!a->depth || a->path[a->depth - 1] == b->path[b->depth - 1]);
}

/* -- properties -- */

bool fdt_property(const struct fdt *tree, const struct fdt_node *n, const char *name,
                  struct fdt_value *value);
bool fdt_has(const struct fdt *tree, const struct fdt_node *n, const char *name);
/* The first string of a property, borrowed; NULL: there is none. */
const char *fdt_string(const struct fdt *tree, const struct fdt_node *n, const char *name);
/* Is text among the strings of a property? */
bool fdt_lists(const struct fdt *tree, const struct fdt_node *n, const char *name, const char *text);
/* The number in a property of one cell or two; otherwise: it has another length, or does not exist. */
uint64_t fdt_number(const struct fdt *tree, const struct fdt_node *n, const char *name, uint64_t otherwise);
/* The number of cells in value, and cell i, which must be less. */
static inline uint32_t fdt_cells(const struct fdt_value *value)
{
	return value->bytes / 4;
}
uint32_t fdt_cell(const struct fdt_value *value, uint32_t i);

/* -- addresses -- */

/* Entry i of reg, translated to the CPU's addresses by the ranges of all buses above (§2.3.6, §2.3.8). 0;
 * -ENOENT: the list has no entry i, or is malformed; -ERANGE: the CPU cannot reach it. */
int fdt_reg(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_range *range);
/* Maps the start of entry i of reg, bytes long: registers of 32 bits. NULL: the entry is shorter, or the CPU
 * cannot reach it. */
volatile void *fdt_map(const struct fdt *tree, const struct fdt_node *n, uint32_t i, uint64_t bytes);

/* A piece of a bus's address space, and its place in the CPU's. */
struct fdt_window {
	uint32_t space; /* the highest of three cells, as PCI's addresses have (IEEE 1275 PCI binding §2.2.1) */
	uint64_t bus;   /* address on the bus */
	struct fdt_range cpu;
};
/* Entry i of the ranges of the bus n. As fdt_reg. */
int fdt_window(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_window *window);

/* -- interrupts -- */

/* An interrupt specifier: cells whose meaning the controller's binding defines. */
struct fdt_interrupt {
	struct fdt_node controller;
	uint32_t count, cells[FDT_INTERRUPT_CELLS];
};
/* Entry i of interrupts-extended or of interrupts, followed to its controller (§2.4), with PCI_PINS through
 * interrupt maps too. 0; -ENOENT: the list has no entry i, or is malformed; -ERANGE: it leads to no
 * controller. */
int fdt_interrupt(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_interrupt *out);
/* The same for interrupt pin (1 to 4) of a PCI function, bus << 16 | device << 11 | function << 8, below the
 * host bridge n. Errors as from fdt_interrupt. */
int fdt_pci_interrupt(const struct fdt *tree, const struct fdt_node *n, uint32_t function, uint32_t pin,
                      struct fdt_interrupt *out);

#endif
