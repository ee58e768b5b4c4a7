/* SPDX-License-Identifier: ISC */
/* The requirements on a blob; and reading any blob stays within it, and ends. */
#include "tests/lib/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

TestSuite(fdt_blob, .init = test_begin, .fini = test_end, .timeout = 240);

enum { NODE = 1, NODE_END = 2, PROPERTY = 3, NOP = 4, END = 9 };

/* A tree with everything that the reader looks at. */
static const char whole[] =
	"/memreserve/ 0x40000000 0x1000;\n"
	"/memreserve/ 0x123456789000 0x2000;\n"
	"/ { #address-cells = <2>; #size-cells = <1>; interrupt-parent = <&gic>; compatible = \"a\", \"b\";\n"
	"  aliases { alias = \"/bus@1\"; };\n"
	"  chosen { stdout-path = \"alias/x:9600\"; };\n"
	"  gic: gic { interrupt-controller; #interrupt-cells = <3>; #address-cells = <1>; };\n"
	"  bus@1 { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x1000 0x1000>;\n"
	"    x { reg = <0x10 0x20>; interrupts = <1 2 3>; };\n"
	"    y { status = \"disabled\"; z { }; };\n"
	"    w { reg = <0x20 0x20>; interrupts-extended = <&gic 1 2 3>, <&nexus 1>; };\n"
	"    nexus: pci { #address-cells = <3>; #size-cells = <2>; #interrupt-cells = <1>;\n"
	"      ranges = <0x02000000 0 0 0x100 0 0x100>; interrupt-map-mask = <0x1800 0 0 7>;\n"
	"      interrupt-map = <0 0 0 1 &gic 7 4 5 6>, <0x800 0 0 1 &gic 7 7 8 9>; };\n"
	"  };\n"
	"};\n";
enum { WHOLE_NODES = 8 };

static void refuse(const struct blob *blob, size_t readable_bytes, const char *expected)
{
	struct fdt tree;
	const char *why;

	cr_assert_eq(fdt_open(&tree, blob->bytes, readable_bytes, &why), -EBADMSG);
	cr_assert_str_eq(why, expected);
}

/* -- right ones -- */

Test(fdt_blob, opens_what_dtc_makes)
{
	struct blob blob = blob_compile(whole);
	struct fdt tree = tree_open(&blob);

	cr_assert_eq(tree.bytes, blob.count);
	cr_assert_eq(tree_walk(&tree), WHOLE_NODES);
	blob_free(&blob);
}

Test(fdt_blob, lies_at_any_address)
{
	struct blob blob = blob_compile(whole), moved = { test_alloc(blob.count + 1), blob.count };
	struct fdt tree;

	memcpy(++moved.bytes, blob.bytes, blob.count);
	tree = tree_open(&moved);
	cr_assert_eq(tree_walk(&tree), WHOLE_NODES);
	blob_free(&blob);
	free(moved.bytes - 1);
}

Test(fdt_blob, tells_where_its_room_begins)
{
	struct blob blob = blob_compile("/ { };");
	struct fdt tree;
	uint32_t bytes = blob.count;

	blob.bytes = test_realloc(blob.bytes, blob.count += 4096);
	blob_put(&blob, BLOB_TOTAL, blob.count);
	tree = tree_open(&blob);
	cr_assert_eq(tree.bytes, bytes);
	blob_free(&blob);
}

Test(fdt_blob, reads_reservations_in_their_order)
{
	struct blob blob = blob_compile(whole);
	struct fdt tree = tree_open(&blob);
	struct fdt_range range;

	cr_assert(fdt_reservation(&tree, 0, &range));
	cr_assert(range.start == 0x40000000 && range.bytes == 0x1000);
	cr_assert(fdt_reservation(&tree, 1, &range));
	cr_assert(range.start == 0x123456789000 && range.bytes == 0x2000);
	cr_assert_not(fdt_reservation(&tree, 2, &range));
	cr_assert_not(fdt_reservation(&tree, UINT32_MAX, &range));
	blob_free(&blob);
}

/* -- wrong ones, and the reasons given -- */

Test(fdt_blob, refuses_what_is_none)
{
	struct blob blob = blob_compile(whole);

	for (size_t bytes = 0; bytes < 40; bytes++)
		refuse(&blob, bytes, "there is none");
	blob_put(&blob, BLOB_MAGIC, 0xd00dfeee);
	refuse(&blob, blob.count, "there is none");
	blob_free(&blob);
}

Test(fdt_blob, refuses_other_versions)
{
	struct blob blob = blob_compile(whole);

	blob_put(&blob, BLOB_VERSION, 16);
	refuse(&blob, blob.count, "its version is not 17");
	blob_put(&blob, BLOB_VERSION, 18);
	blob_put(&blob, BLOB_COMPATIBLE, 18);
	refuse(&blob, blob.count, "its version is not 17");
	blob_put(&blob, BLOB_COMPATIBLE, 17);
	tree_open(&blob);
	blob_free(&blob);
}

Test(fdt_blob, refuses_more_than_can_be_read)
{
	struct blob blob = blob_compile(whole);

	for (size_t bytes = 40; bytes < blob.count; bytes++)
		refuse(&blob, bytes, "it is larger than there is room for");
	blob_put(&blob, BLOB_TOTAL, UINT32_MAX);
	refuse(&blob, SIZE_MAX, "it is larger than there is room for");
	blob_free(&blob);
}

/* The header claims the full length: no byte beyond the cut may be read. */
Test(fdt_blob, refuses_a_blob_that_was_cut_anywhere)
{
	struct blob blob = blob_compile(whole);

	for (uint32_t bytes = 40; bytes < blob.count; bytes++) {
		struct blob cut = { test_alloc(bytes), bytes };
		struct fdt tree;
		const char *why;

		memcpy(cut.bytes, blob.bytes, bytes);
		blob_put(&cut, BLOB_TOTAL, bytes);
		cr_assert_eq(fdt_open(&tree, cut.bytes, bytes, &why), -EBADMSG, "cut to %u", bytes);
		cr_assert_not_null(why);
		blob_free(&cut);
	}
	blob_free(&blob);
}

Test(fdt_blob, refuses_blocks_outside_of_it)
{
	static const enum blob_field fields[] = { BLOB_STRUCTURE, BLOB_STRINGS, BLOB_STRINGS_BYTES,
		                                  BLOB_STRUCTURE_BYTES };
	struct blob blob = blob_compile(whole);

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint32_t before = blob_get(&blob, fields[i]);

		blob_put(&blob, fields[i], blob.count + 1);
		refuse(&blob, blob.count, "its blocks lie outside of it");
		blob_put(&blob, fields[i], UINT32_MAX - 3);
		refuse(&blob, blob.count, "its blocks lie outside of it");
		blob_put(&blob, fields[i], before);
	}
	blob_free(&blob);
}

Test(fdt_blob, refuses_reservations_without_end_or_sense)
{
	struct blob blob = blob_compile(whole);
	uint32_t at = blob_get(&blob, BLOB_RESERVATIONS);

	blob_put(&blob, at, UINT32_MAX);
	blob_put(&blob, at + 8, 1);
	refuse(&blob, blob.count, "it reserves more memory than there can be");
	blob_put(&blob, at, 0);
	blob_put(&blob, BLOB_RESERVATIONS, blob.count - 15);
	refuse(&blob, blob.count, "its memory reservations have no end");
	blob_put(&blob, BLOB_RESERVATIONS, UINT32_MAX - 7);
	refuse(&blob, blob.count, "its memory reservations have no end");
	blob_free(&blob);
}

Test(fdt_blob, refuses_strings_without_end)
{
	struct blob blob = blob_compile(whole);
	uint32_t end = blob_get(&blob, BLOB_STRINGS) + blob_get(&blob, BLOB_STRINGS_BYTES);

	blob.bytes[end - 1] = 'x';
	refuse(&blob, blob.count, "its last string has no end");
	blob_free(&blob);
}

/* -- structures, token by token -- */

/* A blob with these cells as its structure, and the string "a". */
static struct blob with_structure(const uint32_t *cells, uint32_t count)
{
	struct blob blob = { NULL, 40 + 16 + 4 * count + 2 };

	blob.bytes = test_alloc(blob.count);
	memset(blob.bytes, 0, blob.count);
	blob_put(&blob, BLOB_MAGIC, 0xd00dfeed);
	blob_put(&blob, BLOB_TOTAL, blob.count);
	blob_put(&blob, BLOB_RESERVATIONS, 40);
	blob_put(&blob, BLOB_STRUCTURE, 56);
	blob_put(&blob, BLOB_STRUCTURE_BYTES, 4 * count);
	blob_put(&blob, BLOB_STRINGS, 56 + 4 * count);
	blob_put(&blob, BLOB_STRINGS_BYTES, 2);
	blob_put(&blob, BLOB_VERSION, 17);
	blob_put(&blob, BLOB_COMPATIBLE, 16);
	for (uint32_t i = 0; i < count; i++)
		blob_put(&blob, 56 + 4 * i, cells[i]);
	blob.bytes[blob.count - 2] = 'a';
	return blob;
}

#define REFUSED(...) \
	do { \
		const uint32_t cells[] = { __VA_ARGS__ }; \
		struct blob blob = with_structure(cells, ARRAY_SIZE(cells)); \
		refuse(&blob, blob.count, "its structure is cut short or wrong"); \
		blob_free(&blob); \
	} while (0)
#define TAKEN(nodes, ...) \
	do { \
		const uint32_t cells[] = { __VA_ARGS__ }; \
		struct blob blob = with_structure(cells, ARRAY_SIZE(cells)); \
		struct fdt tree = tree_open(&blob); \
		cr_assert_eq(tree_walk(&tree), nodes); \
		blob_free(&blob); \
	} while (0)

Test(fdt_blob, takes_structures_that_are_right)
{
	TAKEN(1, NODE, 0, NODE_END, END);
	TAKEN(1, NOP, NODE, 0, NOP, PROPERTY, 4, 0, 7, NOP, NODE_END, NOP, END);
	TAKEN(2, NODE, 0, PROPERTY, 0, 0, NODE, 0x61626300, PROPERTY, 1, 0, 0, NODE_END, NODE_END, END);
	TAKEN(1, NODE, 0, NODE_END, END, NODE, NODE); /* tokens behind the end are ignored */
}

Test(fdt_blob, refuses_structures_that_are_wrong)
{
	REFUSED(END);
	REFUSED(NOP);
	REFUSED(NODE, 0, NODE_END);
	REFUSED(NODE, 0, END);
	REFUSED(NODE, 0, NODE, 0, NODE_END, END);
	REFUSED(NODE_END, END);
	REFUSED(PROPERTY, 0, 0, END);
	REFUSED(NODE, 0, NODE_END, NODE_END, END);
	REFUSED(NODE, 0, NODE_END, NODE, 0, NODE_END, END);
	REFUSED(NODE, 0, NODE_END, PROPERTY, 0, 0, END);
	REFUSED(NODE, 0, NODE, 0, NODE_END, PROPERTY, 0, 0, NODE_END, END);
	REFUSED(NODE, 0, 5, NODE_END, END);
	REFUSED(NODE, 0, 0, NODE_END, END);
	REFUSED(NODE, 0, 0x01000000, NODE_END, END);
}

Test(fdt_blob, refuses_names_and_values_without_end)
{
	REFUSED(NODE, 0x61616161);
	REFUSED(NODE);
	REFUSED(NODE, 0, PROPERTY);
	REFUSED(NODE, 0, PROPERTY, 0);
	REFUSED(NODE, 0, PROPERTY, 13, 0, 1, NODE_END, END);
	REFUSED(NODE, 0, PROPERTY, UINT32_MAX, 0, NODE_END, END);
	REFUSED(NODE, 0, PROPERTY, UINT32_MAX - 11, 0, NODE_END, END);
	REFUSED(NODE, 0, PROPERTY, 0, 2, NODE_END, END); /* a name behind all strings */
	REFUSED(NODE, 0, PROPERTY, 0, UINT32_MAX, NODE_END, END);
}

Test(fdt_blob, a_structure_of_no_whole_cells_ends_before_them)
{
	static const uint32_t cells[] = { NODE, 0, NODE_END, END, 0 };
	struct blob blob = with_structure(cells, ARRAY_SIZE(cells));

	for (uint32_t bytes = 0; bytes <= 4 * ARRAY_SIZE(cells); bytes++) {
		blob_put(&blob, BLOB_STRUCTURE_BYTES, bytes);
		if (bytes < 16)
			refuse(&blob, blob.count, "its structure is cut short or wrong");
		else
			tree_open(&blob);
	}
	blob_free(&blob);
}

Test(fdt_blob, nests_so_deep_and_no_deeper)
{
	uint32_t cells[3 * (FDT_DEPTH + 1) + 1];

	for (uint32_t depth = FDT_DEPTH; depth <= FDT_DEPTH + 1; depth++) {
		struct blob blob;
		struct fdt tree;

		for (uint32_t i = 0; i < depth; i++) {
			cells[2 * i] = NODE;
			cells[2 * i + 1] = 0;
			cells[2 * depth + i] = NODE_END;
		}
		cells[3 * depth] = END;
		blob = with_structure(cells, 3 * depth + 1);
		if (depth > FDT_DEPTH) {
			refuse(&blob, blob.count, "its nodes are nested too deep");
		} else {
			tree = tree_open(&blob);
			cr_assert_eq(tree_walk(&tree), depth);
		}
		blob_free(&blob);
	}
}

/* -- spoilt anywhere -- */

/* Opened or not, all reading stays within the blob (by the sanitizers) and ends (by the suite's time
 * limit). */
static void try(const struct blob *blob)
{
	struct fdt tree;
	const char *why;

	if (fdt_open(&tree, blob->bytes, blob->count, &why) == 0)
		tree_walk(&tree);
}

Test(fdt_blob, survives_every_cell_spoilt)
{
	static const uint32_t values[] = { 0, 1, 2, 3, 4, 5, 9, 16, 255, 0x1000, 0x7fffffff, 0x80000000,
		                           UINT32_MAX - 3, UINT32_MAX };
	struct blob blob = blob_compile(whole);

	for (uint32_t at = 0; at + 4 <= blob.count; at += 4) {
		uint32_t before = blob_get(&blob, at);

		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			blob_put(&blob, at, values[i]);
			try(&blob);
		}
		blob_put(&blob, at, before + 1);
		try(&blob);
		blob_put(&blob, at, before - 1);
		try(&blob);
		blob_put(&blob, at, before);
	}
	blob_free(&blob);
}

Test(fdt_blob, survives_every_byte_spoilt)
{
	struct blob blob = blob_compile(whole);

	for (uint32_t at = 0; at < blob.count; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			blob.bytes[at] ^= (uint8_t)(1 << bit);
			try(&blob);
			blob.bytes[at] ^= (uint8_t)(1 << bit);
		}
	}
	blob_free(&blob);
}
