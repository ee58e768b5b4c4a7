/* SPDX-License-Identifier: ISC */
/* Fuzzes the reader of device trees: the input is a blob. Checks, besides the sanitizers, that the walk of an
 * opened tree is in order and ends, that results lie in the blob, that ranges do not wrap, and that nodes are
 * found by their paths and phandles. */
#include <string.h>

#include "arch/arch.h"
#include "drivers/fdt/fdt.h"
#include "tests/lib/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MOST = 8192, NODES_MOST = 200, ENTRIES_MOST = 40, REGISTERS_BYTES = 4096 };

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	static uint32_t registers;

	CHECK(start % 4 == 0 && bytes == REGISTERS_BYTES && start <= UINT64_MAX - bytes);
	return &registers;
}

static void check_strings(const struct fdt *tree, const struct fdt_node *n)
{
	static const char *const names[] = { "compatible", "device_type", "stdout-path", "bootargs", "a" };
	struct fdt_value value;
	struct fdt_node other;
	const char *text;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool there = fdt_property(tree, n, names[i], &value);

		CHECK(there == fdt_has(tree, n, names[i]));
		text = fdt_string(tree, n, names[i]);
		CHECK(!text || (there && (const uint8_t *)text == value.at && strlen(text) < value.bytes));
		if (!text)
			continue;
		CHECK(value.at >= tree->blob && value.bytes <= tree->bytes - (size_t)(value.at - tree->blob));
		CHECK(fdt_lists(tree, n, names[i], text));
		if (fdt_at(tree, &other, text))
			CHECK(other.depth >= 1);
	}
}

static void check_addresses(const struct fdt *tree, const struct fdt_node *n)
{
	struct fdt_interrupt interrupt;
	struct fdt_window window;
	struct fdt_range range;

	for (uint32_t i = 0; i < ENTRIES_MOST && fdt_reg(tree, n, i, &range) == 0; i++) {
		CHECK(range.bytes <= UINT64_MAX - range.start);
		CHECK(!fdt_map(tree, n, i, REGISTERS_BYTES) == (range.start % 4 || range.bytes < REGISTERS_BYTES));
	}
	for (uint32_t i = 0; i < ENTRIES_MOST && fdt_window(tree, n, i, &window) == 0; i++)
		CHECK(window.cpu.bytes <= UINT64_MAX - window.cpu.start);
	for (uint32_t i = 0; i < ENTRIES_MOST && fdt_interrupt(tree, n, i, &interrupt) == 0; i++) {
		CHECK(interrupt.count - 1 < FDT_INTERRUPT_CELLS);
		CHECK(fdt_has(tree, &interrupt.controller, "interrupt-controller"));
	}
	for (uint32_t pin = 1; pin <= 4; pin++)
		if (fdt_pci_interrupt(tree, n, pin << 11, pin, &interrupt) == 0)
			CHECK(fdt_has(tree, &interrupt.controller, "interrupt-controller"));
}

/* Counts n's children, and checks that looking up a child's name finds it, or another of the same name. */
static unsigned check_children(const struct fdt *tree, const struct fdt_node *n)
{
	struct fdt_node child = FDT_BEGIN, found;
	char path[SIZE_MOST];
	unsigned count = 0;

	while (fdt_next_child(tree, n, &child)) {
		const char *name = fdt_name(tree, &child);

		CHECK(child.depth == n->depth + 1 && child.path[n->depth - 1] == n->path[n->depth - 1]);
		count++;
		if (n->depth != 1 || !*name || strpbrk(name, "/:"))
			continue;
		path[0] = '/';
		strcpy(path + 1, name);
		CHECK(fdt_at(tree, &found, path) && found.depth == 2);
		CHECK(!strncmp(fdt_name(tree, &found), name, strlen(name)));
	}
	return count;
}

static void check_phandle(const struct fdt *tree, const struct fdt_node *n)
{
	struct fdt_node found;
	struct fdt_value value;
	uint64_t number = fdt_number(tree, n, "phandle", UINT64_MAX);

	if (!fdt_property(tree, n, "phandle", &value) || value.bytes != 4)
		return;
	CHECK(number <= UINT32_MAX);
	CHECK(fdt_by_phandle(tree, &found, (uint32_t)number) == (number != 0 && number != UINT32_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fdt_node n = FDT_BEGIN;
	unsigned nodes = 0, children = 1;
	struct fdt_range range;
	struct fdt tree;
	const char *why;

	if (size > SIZE_MOST)
		return 0;
	if (fdt_open(&tree, data, size, &why) < 0) {
		CHECK(*why);
		return 0;
	}
	CHECK(!why && tree.bytes <= size);
	for (uint32_t i = 0; fdt_reservation(&tree, i, &range); i++)
		CHECK(i < size / 16 && range.bytes <= UINT64_MAX - range.start);
	while (nodes < NODES_MOST && fdt_next(&tree, &n)) {
		CHECK(n.depth >= 1 && n.depth <= FDT_DEPTH && strlen(fdt_name(&tree, &n)) < size);
		nodes++;
		check_strings(&tree, &n);
		check_addresses(&tree, &n);
		check_phandle(&tree, &n);
		children += check_children(&tree, &n);
	}
	CHECK(nodes == NODES_MOST || !nodes || nodes == children);
	for (nodes = 0, n = FDT_BEGIN; fdt_next_with(&tree, &n, "compatible", "virtio,mmio"); nodes++)
		CHECK(nodes < size);
	fdt_at(&tree, &n, "serial0/a:b");
	return 0;
}
