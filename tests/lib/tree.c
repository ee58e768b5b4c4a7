/* SPDX-License-Identifier: ISC */
/* Device trees for tests, compiled by dtc, which is forced to accept wrong ones too. */
#define _GNU_SOURCE
#include "tests/lib/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOB_MAX 65536

struct blob blob_compile(const char *source)
{
	char path[] = "/tmp/fdt-XXXXXX", command[100];
	int file = mkstemp(path);
	uint8_t bytes[BLOB_MAX];
	struct blob blob;
	FILE *pipe;

	cr_assert(file >= 0 && dprintf(file, "/dts-v1/;\n%s", source) > 0);
	close(file);
	snprintf(command, sizeof(command), "dtc -f -q -q -q -I dts -O dtb %s", path);
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	blob.count = (uint32_t)fread(bytes, 1, sizeof(bytes), pipe);
	cr_assert_eq(pclose(pipe), 0, "dtc does not take it: %s", source);
	unlink(path);
	blob.bytes = test_alloc(blob.count);
	memcpy(blob.bytes, bytes, blob.count);
	return blob;
}

void blob_free(struct blob *blob)
{
	free(blob->bytes);
}

uint32_t blob_get(const struct blob *blob, uint32_t at)
{
	struct fdt_value value = { blob->bytes, blob->count };

	return fdt_cell(&value, at / 4);
}

void blob_put(struct blob *blob, uint32_t at, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(blob->bytes + at, &value, sizeof(value));
}

struct fdt tree_open(const struct blob *blob)
{
	struct fdt tree;
	const char *why;

	cr_assert_eq(fdt_open(&tree, blob->bytes, blob->count, &why), 0, "%s", why);
	cr_assert_null(why);
	return tree;
}

static void ask_all(const struct fdt *tree, const struct fdt_node *n)
{
	static const char *const names[] = { "reg", "compatible", "status", "phandle", "ranges", "interrupts",
		                             "a" };
	struct fdt_interrupt interrupt;
	struct fdt_value value;
	struct fdt_window window;
	struct fdt_range range;
	const char *text;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (fdt_property(tree, n, names[i], &value) && value.bytes)
			cr_assert(value.at >= tree->blob && value.at + value.bytes <= tree->blob + tree->bytes);
		text = fdt_string(tree, n, names[i]);
		cr_assert(!text || strlen(text) < value.bytes);
		fdt_lists(tree, n, names[i], "none");
		fdt_number(tree, n, names[i], 0);
	}
	for (uint32_t i = 0; fdt_reg(tree, n, i, &range) == 0; i++)
		cr_assert(range.bytes <= UINT64_MAX - range.start && i < tree->bytes);
	for (uint32_t i = 0; fdt_window(tree, n, i, &window) == 0; i++)
		cr_assert(window.cpu.bytes <= UINT64_MAX - window.cpu.start && i < tree->bytes);
	for (uint32_t i = 0; fdt_interrupt(tree, n, i, &interrupt) == 0; i++)
		cr_assert(interrupt.count >= 1 && interrupt.count <= FDT_INTERRUPT_CELLS && i < tree->bytes);
	for (uint32_t pin = 0; pin <= 4; pin++)
		fdt_pci_interrupt(tree, n, 0x800, pin, &interrupt);
}

unsigned tree_walk(const struct fdt *tree)
{
	struct fdt_node n = FDT_BEGIN, other;
	unsigned count = 0;

	while (fdt_next(tree, &n)) {
		cr_assert(n.depth >= 1 && n.depth <= FDT_DEPTH);
		cr_assert_lt(strlen(fdt_name(tree, &n)), tree->bytes);
		ask_all(tree, &n);
		cr_assert_lt(count++, tree->bytes / 8);
	}
	cr_assert_eq(n.depth, 0);
	fdt_at(tree, &other, "/chosen");
	fdt_at(tree, &other, "alias/x");
	fdt_by_phandle(tree, &other, 1);
	return count;
}
