/* SPDX-License-Identifier: ISC */
/* Nodes and their properties (Devicetree Specification 0.4 §5.4). open.c has checked every token that is read
 * here. */
#include "drivers/fdt/fdt_priv.h"

#include <string.h>

/* Offset of the token after the one at offset at. Most of the reader's time is spent here: a name ends in the
 * first cell that has a zero byte. */
static uint32_t token_after(const struct fdt *tree, uint32_t at)
{
	uint32_t kind = fdt_cell_at(tree, at), cell;

	if (kind == FDT_PROPERTY)
		return at + FDT_PROPERTY_BYTES + ALIGN_UP(fdt_property_bytes(tree, at), 4);
	at += FDT_TOKEN_BYTES;
	if (kind == FDT_NODE)
		do {
			cell = fdt_cell_at(tree, at);
			at += 4;
		} while (!((cell - 0x01010101) & ~cell & 0x80808080));
	return at;
}

/* Offset of a property of the node at offset node; 0: it has none of that name. */
static uint32_t find(const struct fdt *tree, uint32_t node, const char *name)
{
	const char *strings = (const char *)tree->blob + tree->strings, *its;

	for (uint32_t at = token_after(tree, node), kind;; at = token_after(tree, at)) {
		kind = fdt_cell_at(tree, at);
		if (kind == FDT_PROPERTY) {
			its = strings + fdt_property_name(tree, at);
			if (*its == *name && !strcmp(its, name))
				return at;
		} else if (kind != FDT_NOP) {
			return 0;
		}
	}
}

static struct fdt_value value_at(const struct fdt *tree, uint32_t property)
{
	return (struct fdt_value){ tree->blob + property + FDT_PROPERTY_BYTES,
		                   fdt_property_bytes(tree, property) };
}

/* The first of a property's strings; NULL: the last one is not terminated, or the property's offset is 0. */
static const char *strings_at(const struct fdt *tree, uint32_t property)
{
	const char *strings = (const char *)tree->blob + property + FDT_PROPERTY_BYTES;
	uint32_t bytes = property ? fdt_property_bytes(tree, property) : 0;

	return bytes && !strings[bytes - 1] ? strings : NULL;
}

/* -- nodes -- */

static bool is_okay(const struct fdt *tree, uint32_t node)
{
	uint32_t property = find(tree, node, "status");
	const char *status = strings_at(tree, property);

	return !property || (status && (!strcmp(status, "ok") || !strcmp(status, "okay")));
}

bool fdt_next(const struct fdt *tree, struct fdt_node *n)
{
	uint32_t at = n->depth ? token_after(tree, n->path[n->depth - 1]) : tree->structure, kind;
	uint32_t hidden = 0; /* depth of the enclosing node that is not okay; 0: none */

	for (; (kind = fdt_cell_at(tree, at)) != FDT_END; at = token_after(tree, at)) {
		if (kind == FDT_NODE) {
			n->path[n->depth++] = at;
			if (!hidden && is_okay(tree, at))
				return true;
			hidden = hidden ? hidden : n->depth;
		} else if (kind == FDT_NODE_END) {
			hidden = hidden == n->depth ? 0 : hidden;
			n->depth--;
		}
	}
	n->depth = 0;
	return false;
}

bool fdt_next_with(const struct fdt *tree, struct fdt_node *n, const char *property, const char *text)
{
	while (fdt_next(tree, n))
		if (fdt_lists(tree, n, property, text))
			return true;
	return false;
}

bool fdt_find(const struct fdt *tree, struct fdt_node *n, const char *compatible)
{
	n->depth = 0;
	return fdt_next_with(tree, n, "compatible", compatible);
}

bool fdt_next_child(const struct fdt *tree, const struct fdt_node *parent, struct fdt_node *child)
{
	if (!child->depth)
		*child = *parent;
	while (fdt_next(tree, child) && child->depth > parent->depth)
		if (child->depth == parent->depth + 1)
			return true;
	child->depth = 0;
	return false;
}

bool fdt_by_phandle(const struct fdt *tree, struct fdt_node *n, uint32_t phandle)
{
	n->depth = 0;
	while (phandle + 1 > 1 && fdt_next(tree, n)) /* 0 and all ones are no phandles */
		if (fdt_count_at(tree, n->path[n->depth - 1], "phandle", 0) == phandle)
			return true;
	return false;
}

const char *fdt_name(const struct fdt *tree, const struct fdt_node *n)
{
	return (const char *)tree->blob + n->path[n->depth - 1] + FDT_TOKEN_BYTES;
}

/* -- properties -- */

uint32_t fdt_cell(const struct fdt_value *value, uint32_t i)
{
	uint32_t x;

	memcpy(&x, value->at + 4 * (size_t)i, sizeof(x));
	return __builtin_bswap32(x);
}

uint32_t fdt_count_at(const struct fdt *tree, uint32_t node, const char *name, uint32_t otherwise)
{
	uint32_t property = find(tree, node, name);

	if (!property)
		return otherwise;
	if (fdt_property_bytes(tree, property) != 4)
		return UINT32_MAX;
	return fdt_cell_at(tree, property + FDT_PROPERTY_BYTES);
}

/* Gives the value of the property at an offset. false: the offset is 0, so there is none. */
static bool give(const struct fdt *tree, uint32_t property, struct fdt_value *value)
{
	if (property)
		*value = value_at(tree, property);
	return property;
}

bool fdt_property_at(const struct fdt *tree, uint32_t node, const char *name, struct fdt_value *value)
{
	return give(tree, find(tree, node, name), value);
}

/* As find, for n, which may be before the first node. */
static uint32_t find_of(const struct fdt *tree, const struct fdt_node *n, const char *name)
{
	return n->depth ? find(tree, n->path[n->depth - 1], name) : 0;
}

bool fdt_property(const struct fdt *tree, const struct fdt_node *n, const char *name, struct fdt_value *value)
{
	return give(tree, find_of(tree, n, name), value);
}

bool fdt_has(const struct fdt *tree, const struct fdt_node *n, const char *name)
{
	return find_of(tree, n, name);
}

const char *fdt_string(const struct fdt *tree, const struct fdt_node *n, const char *name)
{
	return strings_at(tree, find_of(tree, n, name));
}

bool fdt_lists(const struct fdt *tree, const struct fdt_node *n, const char *name, const char *text)
{
	uint32_t property = find_of(tree, n, name);
	const char *string = strings_at(tree, property), *end;

	if (!string)
		return false;
	for (end = string + fdt_property_bytes(tree, property); string < end; string += strlen(string) + 1)
		if (!strcmp(string, text))
			return true;
	return false;
}

uint64_t fdt_number(const struct fdt *tree, const struct fdt_node *n, const char *name, uint64_t otherwise)
{
	uint32_t property = find_of(tree, n, name), bytes = property ? fdt_property_bytes(tree, property) : 0;
	uint64_t number;

	if (bytes != 4 && bytes != 8)
		return otherwise;
	number = fdt_cell_at(tree, property + FDT_PROPERTY_BYTES);
	return bytes == 4 ? number : number << 32 | fdt_cell_at(tree, property + FDT_PROPERTY_BYTES + 4);
}
