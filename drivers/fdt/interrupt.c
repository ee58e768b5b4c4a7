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

/* A list of cells, read from its front, and the node that its interrupts belong to. */
struct cells {
	struct fdt_value left;
	struct fdt_node node;
	uint32_t unit_cells, interrupt_cells; /* of the node */
	uint32_t phandle;                     /* of the node, for lists repeat them; 0: none yet */
	uint32_t lookups;                     /* of phandles in this call, so far */
};

static bool take(struct cells *from, uint32_t *cells, uint32_t count)
{
	if (count > fdt_cells(&from->left))
		return false;
	for (uint32_t i = 0; i < count; i++)
		cells[i] = fdt_cell(&from->left, i);
	from->left.at += 4 * count;
	from->left.bytes -= 4 * count;
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

	if (!take(from, &from->phandle, 1))
		return false;
	if (before && from->phandle == before)
		return true;
	return from->lookups++ < LOOKUPS_MAX && fdt_by_phandle(tree, &from->node, from->phandle) &&
	       measure(tree, from);
}

static bool take_interrupt(struct cells *from, struct fdt_interrupt *out)
{
	out->controller = from->node;
	out->count = from->interrupt_cells;
	return take(from, out->cells, out->count);
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

/* Looks the interrupt *out, of a device with that unit address, up in the map of the nexus that is its
 * controller now (§2.4.3); *out becomes an interrupt of the nexus's parent, and unit the address there.
 * false: the map has no entry for it. */
static bool pass_nexus(const struct fdt *tree, uint32_t *unit, struct fdt_interrupt *out, uint32_t *lookups)
{
	uint32_t key[UNIT_CELLS + FDT_INTERRUPT_CELLS], mask[ARRAY_SIZE(key)], entry[ARRAY_SIZE(key)];
	struct cells map, masks;
	uint32_t unit_cells, cells;
	struct fdt_interrupt above;

	map.node = out->controller;
	map.phandle = 0;
	map.lookups = *lookups;
	if (!fdt_property(tree, &map.node, "interrupt-map", &map.left) || !measure(tree, &map) ||
	    map.interrupt_cells != out->count)
		return false;
	unit_cells = map.unit_cells;
	cells = unit_cells + out->count;
	memcpy(key, unit, unit_cells * sizeof(*key));
	memcpy(key + unit_cells, out->cells, out->count * sizeof(*key));
	memset(mask, 0xff, sizeof(mask));
	if (fdt_property(tree, &map.node, "interrupt-map-mask", &masks.left) && !take(&masks, mask, cells))
		return false;
	while (map.left.bytes) {
		if (!take(&map, entry, cells) || !take_node(tree, &map) || !take(&map, unit, map.unit_cells) ||
		    !take_interrupt(&map, &above))
			return false;
		if (same_but_for(entry, key, mask, cells)) {
			*out = above;
			*lookups = map.lookups;
			return true;
		}
	}
	return false;
}

/* Follows *out from the nexus, or controller, where it is now to its controller, after lookups look-ups. */
static int resolve(const struct fdt *tree, uint32_t *unit, struct fdt_interrupt *out, uint32_t lookups)
{
	for (int i = 0; i < HOPS_MAX; i++) {
		if (fdt_has(tree, &out->controller, "interrupt-controller"))
			return 0;
		if (!MAPS || !pass_nexus(tree, unit, out, &lookups))
			break;
	}
	return -ERANGE;
}

int fdt_interrupt(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_interrupt *out)
{
	struct cells from, reg;
	uint32_t unit[UNIT_CELLS] = { 0 };
	bool extended = fdt_property(tree, n, "interrupts-extended", &from.left);

	from.node = *n;
	from.phandle = from.lookups = 0;
	if (!extended && (!fdt_property(tree, n, "interrupts", &from.left) ||
	                  !interrupt_parent(tree, &from.node) || !measure(tree, &from)))
		return -ENOENT;
	do {
		if ((extended && !take_node(tree, &from)) || !take_interrupt(&from, out))
			return -ENOENT;
	} while (i--);
	if (MAPS && fdt_property(tree, n, "reg", &reg.left))
		take(&reg, unit, MIN(fdt_cells(&reg.left), (uint32_t)UNIT_CELLS));
	return resolve(tree, unit, out, from.lookups);
}

int fdt_pci_interrupt(const struct fdt *tree, const struct fdt_node *n, uint32_t function, uint32_t pin,
                      struct fdt_interrupt *out)
{
	uint32_t unit[UNIT_CELLS] = { function };

	out->controller = *n;
	out->count = 1;
	out->cells[0] = pin;
	return resolve(tree, unit, out, 0);
}
