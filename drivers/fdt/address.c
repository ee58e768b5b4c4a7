/* SPDX-License-Identifier: ISC */
/* Addresses on buses, and what the CPU makes of them (Devicetree Specification 0.4 §2.3.5 to §2.3.8). A bus
 * is a node's ancestor, known by its depth. */
#include "drivers/fdt/fdt_priv.h"

#include <errno.h>

/* A list of entries: an address as the node's children have it, which reg is without; one as its parent has
 * it; and a size. */
struct table {
	struct fdt_value value;
	uint32_t below, above, size; /* cells of each */
	uint32_t count;
};

/* Reads how reg, else ranges, is written by the node at that depth, of at least 2, of n's path. False where
 * there is none, or nobody writes so: nobody needs more than 64 bits, and PCI's buses have flags in the
 * highest of three cells. */
static bool read_table(const struct fdt *tree, const struct fdt_node *n, uint32_t depth, bool is_reg,
                      struct table *table)
{
	uint32_t node = n->path[depth - 1], parent = n->path[depth - 2];

	table->below = is_reg ? 0 : fdt_count_at(tree, node, "#address-cells", 2);
	table->above = fdt_count_at(tree, parent, "#address-cells", 2);
	table->size = fdt_count_at(tree, is_reg ? parent : node, "#size-cells", 1);
	if (table->below - !is_reg >= 3 || table->above - 1 >= 2 || table->size > 2 ||
	    !fdt_property_at(tree, node, is_reg ? "reg" : "ranges", &table->value))
		return false;
	table->count = fdt_cells(&table->value) / (table->below + table->above + table->size);
	return true;
}

/* The lower 64 bits of a number of so many cells. */
static uint64_t number_at(const struct fdt_value *value, uint32_t first, uint32_t cells)
{
	uint64_t number = 0;

	while (cells--)
		number = number << 32 | fdt_cell(value, first++);
	return number;
}

/* Gives the address below, and puts what it is above into range. */
static uint64_t read_entry(const struct table *t, uint32_t i, struct fdt_range *range)
{
	uint32_t first = i * (t->below + t->above + t->size);

	range->start = number_at(&t->value, first + t->below, t->above);
	range->bytes = number_at(&t->value, first + t->below + t->above, t->size);
	return number_at(&t->value, first, t->below);
}

/* From the addresses of a bus to those of its parent, by the window that has all of range, and an end. */
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
	return !windows->value.bytes; /* the same addresses above and below (§2.3.8) */
}

/* Entry i of n's ranges if there is a window for it, else of its reg. Its address above is then taken up to
 * the root's, the CPU's. */
static int entry_of(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_range *range,
                    struct fdt_window *window)
{
	struct table table;
	uint64_t bus;

	if (n->depth < 2 || !read_table(tree, n, n->depth, !window, &table) || i >= table.count)
		return -ENOENT;
	bus = read_entry(&table, i, range);
	if (window) {
		window->space = fdt_cell(&table.value, i * (table.below + table.above + table.size));
		window->bus = bus;
	}
	for (uint32_t depth = n->depth; --depth > 1;)
		if (!read_table(tree, n, depth, false, &table) || table.below > 2 || !pass(&table, range))
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
