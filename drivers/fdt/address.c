/* SPDX-License-Identifier: ISC */
/* Addresses on buses, and what the CPU makes of them (Devicetree Specification 0.4 §2.3.5 to §2.3.8). A bus
 * is a node's ancestor, known by its depth. */
#include "drivers/fdt/fdt_priv.h"

#include <errno.h>

/* A list of entries: an address as the children of the bus have it, for ranges one as its parent has it,
 * and a size. */
struct table {
	struct fdt_value value;
	uint32_t address, above, size; /* cells of each */
	uint32_t count;
};

/* How the children of the bus at that depth of n's path write numbers. False where nobody does so. */
static bool read_form(const struct fdt *tree, const struct fdt_node *n, uint32_t depth, struct table *table)
{
	uint32_t bus = n->path[depth - 1];

	table->address = fdt_count_at(tree, bus, "#address-cells", 2);
	table->size = fdt_count_at(tree, bus, "#size-cells", 1);
	table->count = 0;
	/* Nobody needs more than 64 bits; PCI has flags in the highest of three cells. */
	if (table->address - 1 >= 3 || table->size > 2)
		return false;
	table->count = fdt_cells(&table->value) / (table->address + table->above + table->size);
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

static void read_entry(const struct table *t, uint32_t i, struct fdt_window *out)
{
	uint32_t first = i * (t->address + t->above + t->size);

	out->space = fdt_cell(&t->value, first);
	out->bus = number_at(&t->value, first, t->address);
	out->cpu.start = number_at(&t->value, first + t->address, t->above);
	out->cpu.bytes = number_at(&t->value, first + t->address + t->above, t->size);
}

/* The windows between the bus at that depth, of at least 2, and its parent. */
static bool read_windows(const struct fdt *tree, const struct fdt_node *n, uint32_t depth,
                         struct table *table)
{
	table->above = fdt_count_at(tree, n->path[depth - 2], "#address-cells", 2);
	return table->above - 1 < 2 && fdt_property_at(tree, n->path[depth - 1], "ranges", &table->value) &&
	       read_form(tree, n, depth, table);
}

/* From the addresses of a bus to those of its parent, by the window that has all of range, and an end. */
static bool pass(const struct table *windows, struct fdt_range *range)
{
	struct fdt_window w;

	for (uint32_t i = 0; i < windows->count; i++) {
		read_entry(windows, i, &w);
		if (w.cpu.bytes <= UINT64_MAX - w.cpu.start && range->start >= w.bus &&
		    range->start - w.bus <= w.cpu.bytes && range->bytes <= w.cpu.bytes - (range->start - w.bus)) {
			range->start += w.cpu.start - w.bus;
			return true;
		}
	}
	return !windows->value.bytes; /* the same addresses above and below (§2.3.8) */
}

/* From the addresses of the children of the bus at that depth to those of the root's, the CPU's. */
static int translate(const struct fdt *tree, const struct fdt_node *n, uint32_t depth,
                     struct fdt_range *range)
{
	struct table windows;

	for (; depth > 1; depth--)
		if (!read_windows(tree, n, depth, &windows) || windows.address > 2 || !pass(&windows, range))
			return -ERANGE;
	return range->bytes <= UINT64_MAX - range->start ? 0 : -ERANGE;
}

int fdt_reg(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_range *range)
{
	struct table reg = { .above = 0 };
	struct fdt_window entry;

	if (n->depth < 2 || !fdt_property(tree, n, "reg", &reg.value))
		return -ENOENT;
	if (!read_form(tree, n, n->depth - 1, &reg) || reg.address > 2 || i >= reg.count)
		return -ENOENT;
	read_entry(&reg, i, &entry);
	*range = (struct fdt_range){ entry.bus, entry.cpu.bytes };
	return translate(tree, n, n->depth - 1, range);
}

int fdt_window(const struct fdt *tree, const struct fdt_node *n, uint32_t i, struct fdt_window *window)
{
	struct table windows;

	if (n->depth < 2 || !read_windows(tree, n, n->depth, &windows) || i >= windows.count)
		return -ENOENT;
	read_entry(&windows, i, window);
	return translate(tree, n, n->depth - 1, &window->cpu);
}
