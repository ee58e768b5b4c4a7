/* SPDX-License-Identifier: ISC */
/* The interrupt tree (Devicetree Specification 0.4 §2.4): from a device over nexuses, which translate its
 * interrupts by a map, up to the controller. */
#include "drivers/fdt/fdt_priv.h"

#include <errno.h>
#include <string.h>

/* Only PCI host bridges have maps: without pin interrupts they are not needed. */
#define MAPS IS_ENABLED(CONFIG_PCI_PINS)
#define UNIT_CELLS 3   /* of a unit address in a map; longer ones are refused */
#define HOPS_MAX 8     /* nexuses in a row, which may form a ring */
#define LOOKUPS_MAX 64 /* of phandles, in all lists of a call: each one reads the whole tree */

/* A list of interrupts, read from its front; and the node that they belong to: the controller, or a nexus on
 * the way to it. */
struct cells {
	struct fdt_value left;
	struct fdt_node node;
	uint32_t unit_cells, interrupt_cells; /* of the node */
	uint32_t phandle;                     /* of the node, for lists repeat them; 0: unknown */
	uint32_t lookups;                     /* of phandles in this call, so far */
};

static bool take(struct fdt_value *from, uint32_t *cells, uint32_t count)
{
	if (count > fdt_cells(from))
		return false;
	for (uint32_t i = 0; i < count; i++)
		cells[i] = fdt_cell(from, i);
	from->at += 4 * count;
	from->bytes -= 4 * count;
	return true;
}

/* To be called when from->node has changed. false: its interrupts have too many cells. */
static bool measure(const struct fdt *tree, struct cells *from)
{
	uint32_t node = from->node.path[from->node.depth - 1];

	from->unit_cells = fdt_count_at(tree, node, "#address-cells", 0);
	from->interrupt_cells = fdt_count_at(tree, node, "#interrupt-cells", 0);
	return from->unit_cells <= UNIT_CELLS && from->interrupt_cells - 1 < FDT_INTERRUPT_CELLS;
}

/* Takes a phandle; from->node becomes its node. */
static bool take_node(const struct fdt *tree, struct cells *from)
{
	uint32_t before = from->phandle;

	if (!take(&from->left, &from->phandle, 1))
		return false;
	if (before && from->phandle == before)
		return true;
	return from->lookups++ < LOOKUPS_MAX && fdt_by_phandle(tree, &from->node, from->phandle) &&
	       measure(tree, from);
}

/* Moves n to its interrupt parent: the one that n or the nearest ancestor names, or an ancestor that has
 * interrupts itself. */
static bool interrupt_parent(const struct fdt *tree, struct fdt_node *n)
{
	uint32_t phandle;

	while (n->depth) {
		phandle = fdt_count_at(tree, n->path[n->depth - 1], "interrupt-parent", 0);
		if (phandle)
			return fdt_by_phandle(tree, n, phandle);
		n->depth--;
		if (fdt_has(tree, n, "#interrupt-cells"))
			return true;
	}
	return false;
}

static bool same_but_for(const uint32_t *a, const uint32_t *b, const uint32_t *mask, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if ((a[i] ^ b[i]) & mask[i])
			return false;
	return true;
}

/* Looks an interrupt of the nexus at->node, of a device with that unit address, up in the nexus's map
 * (§2.4.3): it becomes an interrupt of the nexus's parent, to which at->node moves, and unit the address
 * there. false: the map has no entry for it. */
static bool pass_nexus(const struct fdt *tree, struct cells *at, uint32_t *unit, uint32_t *interrupt)
{
	uint32_t key[UNIT_CELLS + FDT_INTERRUPT_CELLS], mask[ARRAY_SIZE(key)], entry[ARRAY_SIZE(key)];
	uint32_t cells = at->unit_cells + at->interrupt_cells;
	struct fdt_value masks;

	memcpy(key, unit, at->unit_cells * sizeof(*key));
	memcpy(key + at->unit_cells, interrupt, at->interrupt_cells * sizeof(*key));
	memset(mask, 0xff, sizeof(mask));
	if (!fdt_property(tree, &at->node, "interrupt-map", &at->left) ||
	    (fdt_property(tree, &at->node, "interrupt-map-mask", &masks) && !take(&masks, mask, cells)))
		return false;
	while (take(&at->left, entry, cells) && take_node(tree, at) && take(&at->left, unit, at->unit_cells) &&
	       take(&at->left, interrupt, at->interrupt_cells))
		if (same_but_for(entry, key, mask, cells))
			return true;
	return false;
}

/* Gives the interrupt of at->node, of a device with that unit address, as one of its controller, with the
 * cells in out. */
static int resolve(const struct fdt *tree, struct cells *at, uint32_t *unit, struct fdt_interrupt *out)
{
	for (int i = 0; i < HOPS_MAX; i++) {
		if (fdt_has(tree, &at->node, "interrupt-controller")) {
			out->controller = at->node;
			out->count = at->interrupt_cells;
			return 0;
		}
		if (!MAPS || !pass_nexus(tree, at, unit, out->cells))
			break;
	}
	return -ERANGE;
}

int fdt_interrupt(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_interrupt *out)
{
	struct cells from;
	struct fdt_value reg;
	uint32_t unit[UNIT_CELLS] = { 0 };
	bool extended = fdt_property(tree, n, "interrupts-extended", &from.left);

	from.node = *n;
	from.phandle = from.lookups = 0;
	if (!extended && (!fdt_property(tree, n, "interrupts", &from.left) ||
	                  !interrupt_parent(tree, &from.node) || !measure(tree, &from)))
		return -ENOENT;
	do {
		if ((extended && !take_node(tree, &from)) || !take(&from.left, out->cells, from.interrupt_cells))
			return -ENOENT;
	} while (i--);
	if (MAPS && fdt_property(tree, n, "reg", &reg))
		take(&reg, unit, MIN(fdt_cells(&reg), (uint32_t)UNIT_CELLS));
	return resolve(tree, &from, unit, out);
}

int fdt_pci_interrupt(const struct fdt *tree, const struct fdt_node *n, uint32_t function, uint32_t pin,
                      struct fdt_interrupt *out)
{
	struct cells from;
	uint32_t unit[UNIT_CELLS] = { function };

	from.node = *n;
	from.phandle = from.lookups = 0;
	out->cells[0] = pin;
	if (!measure(tree, &from) || from.interrupt_cells != 1)
		return -ERANGE;
	return resolve(tree, &from, unit, out);
}
