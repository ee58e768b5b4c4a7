/* SPDX-License-Identifier: ISC */
/* The whole blob is checked before anything else reads it, so that fdt.c stays inside of it and always ends
 * (Devicetree Specification 0.4 §5.2 to §5.4). */
#include "drivers/fdt/fdt_priv.h"

#include <errno.h>
#include <string.h>

#define MAGIC 0xd00dfeed
#define VERSION 17
#define BYTES_MAX (UINT32_C(1) << 30) /* so that no sum of two offsets wraps */
#define RESERVATION_BYTES 16

enum header { H_MAGIC, H_BYTES, H_STRUCTURE, H_STRINGS, H_RESERVATIONS, H_VERSION, H_COMPATIBLE, H_CPU,
	      H_STRINGS_BYTES, H_STRUCTURE_BYTES, HEADER_CELLS };

/* Is there room for bytes at offset, before end? */
static bool fits(uint32_t offset, uint32_t bytes, uint32_t end)
{
	return offset <= end && bytes <= end - offset;
}

static struct fdt_range reservation_at(const struct fdt *tree, uint32_t i)
{
	struct fdt_value cells = { tree->blob + tree->reservations + i * RESERVATION_BYTES, RESERVATION_BYTES };

	return (struct fdt_range){ (uint64_t)fdt_cell(&cells, 0) << 32 | fdt_cell(&cells, 1),
		                   (uint64_t)fdt_cell(&cells, 2) << 32 | fdt_cell(&cells, 3) };
}

/* Counts the reservations, to the entry of zeros that ends them. */
static const char *check_reservations(struct fdt *tree, uint32_t end)
{
	for (;; tree->reservation_count++) {
		uint32_t at = tree->reservations + tree->reservation_count * RESERVATION_BYTES;
		struct fdt_range range;

		if (!fits(at, RESERVATION_BYTES, end))
			return "its memory reservations have no end";
		tree->bytes = MAX(tree->bytes, at + RESERVATION_BYTES);
		range = reservation_at(tree, tree->reservation_count);
		if (!range.start && !range.bytes)
			return NULL;
		if (range.bytes > UINT64_MAX - range.start)
			return "it reserves more memory than there can be";
	}
}

/* The kind of the token at offset at, and its length; 0: it does not fit before end. */
static uint32_t measure_token(const struct fdt *tree, uint32_t at, uint32_t end, uint32_t *bytes)
{
	uint32_t left = end - at, kind, value = 0;
	struct fdt_value cells = { tree->blob + at, left };

	*bytes = FDT_TOKEN_BYTES;
	if (left < *bytes)
		return 0;
	kind = fdt_cell(&cells, 0);
	if (kind == FDT_NODE) {
		value = (uint32_t)strnlen((const char *)cells.at + *bytes, left - *bytes) + 1;
	} else if (kind == FDT_PROPERTY) {
		*bytes = FDT_PROPERTY_BYTES;
		if (left < *bytes)
			return 0;
		value = fdt_cell(&cells, 1);
	}
	if (value > left - *bytes)
		return 0;
	*bytes += ALIGN_UP(value, 4);
	return kind;
}

/* Checks all tokens: one root, properties before children (§5.4.2), terminated names, an end. The structure
 * block has a whole number of cells, so a name or value that fits does so with its padding. */
static const char *check_structure(struct fdt *tree, uint32_t end, uint32_t strings_bytes)
{
	uint32_t at = tree->structure, depth = 0, kind, bytes;
	bool begun = false, may_have_properties = false;

	for (; (kind = measure_token(tree, at, end, &bytes)); at += bytes) {
		if (kind == FDT_NOP)
			continue;
		if (kind == FDT_END && begun && !depth) {
			tree->bytes = MAX(tree->bytes, at + bytes);
			return NULL;
		}
		if (kind == FDT_NODE && (depth || !begun)) {
			begun = true;
			if (++depth > FDT_DEPTH)
				return "its nodes are nested too deep";
		} else if (kind == FDT_NODE_END && depth) {
			depth--;
		} else if (kind != FDT_PROPERTY || !may_have_properties ||
		           fdt_property_name(tree, at) >= strings_bytes) {
			break;
		}
		may_have_properties = kind != FDT_NODE_END;
	}
	return "its structure is cut short or wrong";
}

static const char *check(struct fdt *tree, size_t readable_bytes)
{
	struct fdt_value header = { tree->blob, HEADER_CELLS * 4 };
	uint32_t bytes, structure_bytes, strings_bytes;
	const char *why;

	if (readable_bytes < header.bytes || fdt_cell(&header, H_MAGIC) != MAGIC)
		return "there is none";
	if (fdt_cell(&header, H_VERSION) < VERSION || fdt_cell(&header, H_COMPATIBLE) > VERSION)
		return "its version is not 17";
	bytes = fdt_cell(&header, H_BYTES);
	if (bytes > readable_bytes || bytes > BYTES_MAX)
		return "it is larger than there is room for";
	tree->reservations = fdt_cell(&header, H_RESERVATIONS);
	tree->structure = fdt_cell(&header, H_STRUCTURE);
	tree->strings = fdt_cell(&header, H_STRINGS);
	structure_bytes = fdt_cell(&header, H_STRUCTURE_BYTES);
	strings_bytes = fdt_cell(&header, H_STRINGS_BYTES);
	if (!fits(tree->structure, structure_bytes, bytes) || !fits(tree->strings, strings_bytes, bytes))
		return "its blocks lie outside of it";
	tree->bytes = tree->strings + strings_bytes;
	if (strings_bytes && tree->blob[tree->bytes - 1]) /* so that every name is terminated */
		return "its last string has no end";
	why = check_reservations(tree, bytes);
	return why ? why : check_structure(tree, tree->structure + ALIGN_DOWN(structure_bytes, 4), strings_bytes);
}

int fdt_open(struct fdt *tree, const void *blob, size_t readable_bytes, const char **why)
{
	*tree = (struct fdt){ .blob = blob };
	*why = check(tree, readable_bytes);
	return *why ? -EBADMSG : 0;
}

bool fdt_reservation(const struct fdt *tree, uint32_t i, struct fdt_range *range)
{
	if (i >= tree->reservation_count)
		return false;
	*range = reservation_at(tree, i);
	return true;
}
