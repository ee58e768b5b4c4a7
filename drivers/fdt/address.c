/* SPDX-License-Identifier: ISC */
/* Addresses on buses and their translation to the CPU's (Devicetree Specification 0.4 §2.3.5 to §2.3.8). A
 * bus is one of a node's ancestors, given by its depth. */
#include "drivers/fdt/fdt_priv.h"

#include <errno.h>

/* A list of entries: an address on the node's own bus, which reg is without; one on its parent's bus; and a
 * size. */
struct table {
	struct fdt_value value;
	uint32_t below, above, size; /* cells of each */
	uint32_t cells, count;       /* of an entry; entries */
};

/* Reads the format of reg, or of ranges, for the node at, which is behind its parent in a path. false: there
 * is none, or its cells are too many: more than 64 bits are never needed, but for PCI's buses, which have
 * flags in the highest of three cells. */
static bool read_table(const struct fdt *tree, const uint32_t *at, bool is_reg, struct table *table)
{
	uint32_t node = at[0], parent = at[-1];

	table->below = is_reg ? 0 : fdt_count_at(tree, node, "#address-cells", 2);
	table->above = fdt_count_at(tree, parent, "#address-cells", 2);
	table->size = fdt_count_at(tree, is_reg ? parent : node, "#size-cells", 1);
	if (table->below - !is_reg >= 3 || table->above - 1 >= 2 || table->size > 2 ||
	    !fdt_property_at(tree, node, is_reg ? "reg" : "ranges", &table->value))
		return false;
	table->cells = table->below + table->above + table->size;
	table->count = fdt_cells(&table->value) / table->cells;
	return true;
}

/* The lower 64 bits of the number in cells cells from first on. */
static uint64_t number_at(const struct fdt_value *value, uint32_t first, uint32_t cells)
{
	uint64_t number = 0;

	while (cells--)
		number = number << 32 | fdt_cell(value, first++);
	return number;
}

/* Gives the address on the node's own bus, and its translation in range. */
static uint64_t read_entry(const struct table *t, uint32_t i, struct fdt_range *range)
{
	uint32_t first = i * t->cells;

	range->start = number_at(&t->value, first + t->below, t->above);
	range->bytes = number_at(&t->value, first + t->below + t->above, t->size);
	return number_at(&t->value, first, t->below);
}

/* Translates range to the bus above, by a window that contains all of it and does not wrap. */
static bool pass(const struct table *windows, struct fdt_range *range)
{
	for (uint32_t i = 0; i < windows->count; i++) {
		struct fdt_range above;
		uint64_t offset = range->start - read_entry(windows, i, &above);

		if (above.bytes <= UINT64_MAX - above.start && offset <= range->start && offset <= above.bytes &&
		    range->bytes <= above.bytes - offset) {
			range->start = above.start + offset;
			return true;
		}
	}
	return !windows->value.bytes; /* an empty ranges: the same addresses on both buses (§2.3.8) */
}

/* Reads entry i of n's ranges if window is given, else of its reg, and translates its address on the bus
 * above up to the root's, the CPU's. */
static int entry_of(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_range *range,
                    struct fdt_window *window)
{
	struct table table;
	uint64_t bus;

	if (n->depth < 2 || !read_table(tree, &n->path[n->depth - 1], !window, &table) || i >= table.count)
		return -ENOENT;
	bus = read_entry(&table, i, range);
	if (window) {
		window->space = fdt_cell(&table.value, i * table.cells);
		window->bus = bus;
	}
	for (const uint32_t *at = &n->path[n->depth - 1]; --at > n->path;)
		if (!read_table(tree, at, false, &table) || table.below > 2 || !pass(&table, range))
			return -ERANGE;
	return range->bytes <= UINT64_MAX - range->start ? 0 : -ERANGE;
}

int fdt_reg(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_range *range)
{
	return entry_of(tree, n, i, range, NULL);
}

int fdt_window(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_window *window)
{
	return entry_of(tree, n, i, &window->cpu, window);
}
