/* SPDX-License-Identifier: ISC */
/* The blob, its nodes and their properties (Devicetree Specification 0.4 chapter 5). fdt_open has looked at
 * every token before anything else does: after it each walk along them stays inside, and ends. */
#include "drivers/fdt/fdt_priv.h"

#include <errno.h>
#include <string.h>

#define MAGIC 0xd00dfeed
#define VERSION 17
#define BYTES_MAX (UINT32_C(1) << 30) /* so that no sum of two offsets wraps */
#define RESERVATION_BYTES 16

enum header { H_MAGIC, H_BYTES, H_STRUCTURE, H_STRINGS, H_RESERVATIONS, H_VERSION, H_COMPATIBLE, H_CPU,
	      H_STRINGS_BYTES, H_STRUCTURE_BYTES, HEADER_CELLS };
enum kind { NODE = 1, NODE_END = 2, PROPERTY = 3, NOP = 4, END = 9 };

struct token {
	uint32_t at, next;
	uint32_t kind;
	uint32_t name;         /* of a property: offset of a string */
	struct fdt_value value; /* of a property; of a node its name with the NUL */
};

uint32_t fdt_cell(const struct fdt_value *value, uint32_t i)
{
	uint32_t x;

	memcpy(&x, value->at + 4 * (size_t)i, sizeof(x));
	return __builtin_bswap32(x);
}

/* -- tokens -- */

/* Reads the token at token->next; false when there is no room for one, or for all of it. */
static bool next_token(const struct fdt *tree, struct token *token)
{
	struct fdt_value head = { tree->blob + token->next, tree->structure_end - token->next };
	uint32_t head_bytes = 4;

	if (head.bytes < head_bytes)
		return false;
	token->at = token->next;
	token->kind = fdt_cell(&head, 0);
	token->value.bytes = 0;
	if (token->kind == NODE) {
		token->value.bytes = (uint32_t)strnlen((const char *)head.at + 4, head.bytes - 4) + 1;
	} else if (token->kind == PROPERTY) {
		head_bytes = 12;
		if (head.bytes < head_bytes)
			return false;
		token->value.bytes = fdt_cell(&head, 1);
		token->name = fdt_cell(&head, 2);
	}
	if (token->value.bytes > head.bytes - head_bytes)
		return false;
	token->value.at = head.at + head_bytes;
	token->next += head_bytes + ALIGN_UP(token->value.bytes, 4);
	return true;
}

/* -- opening -- */

/* Is there room for bytes at offset, before end? */
static bool fits(uint32_t offset, uint32_t bytes, uint32_t end)
{
	return offset <= end && bytes <= end - offset;
}

/* Goes through the reservations, to the entry of zeros that ends them. */
static const char *check_reservations(struct fdt *tree, uint32_t end)
{
	struct fdt_range range;

	for (uint32_t i = 0;; i++) {
		tree->reservations_end = tree->reservations + i * RESERVATION_BYTES;
		if (!fits(tree->reservations_end, RESERVATION_BYTES, end))
			return "its memory reservations have no end";
		tree->reservations_end += RESERVATION_BYTES;
		fdt_reservation(tree, i, &range);
		if (!range.start && !range.bytes)
			break;
		if (range.bytes > UINT64_MAX - range.start)
			return "it reserves more memory than there can be";
	}
	tree->reservations_end -= RESERVATION_BYTES;
	return NULL;
}

/* Goes through all tokens: one root, properties before children (§5.4.2), an end. */
static const char *check_structure(struct fdt *tree)
{
	struct token token = { .next = tree->structure };
	bool begun = false, may_have_properties = false;
	uint32_t depth = 0;

	while (next_token(tree, &token)) {
		if (token.kind == NOP)
			continue;
		if (token.kind == END && begun && !depth) {
			tree->structure_end = token.next;
			return NULL;
		}
		if (token.kind == NODE && (depth || !begun)) {
			begun = true;
			if (++depth > FDT_DEPTH)
				return "its nodes are nested too deep";
		} else if (token.kind == NODE_END && depth) {
			depth--;
		} else if (token.kind != PROPERTY || !may_have_properties ||
		           token.name >= tree->strings_end - tree->strings) {
			break;
		}
		may_have_properties = token.kind != NODE_END;
	}
	return "its structure is cut short or wrong";
}

static const char *open_blob(struct fdt *tree, const struct fdt_value *header, size_t readable_bytes)
{
	uint32_t bytes;
	const char *why;

	if (readable_bytes < header->bytes || fdt_cell(header, H_MAGIC) != MAGIC)
		return "there is none";
	if (fdt_cell(header, H_VERSION) < VERSION || fdt_cell(header, H_COMPATIBLE) > VERSION)
		return "its version is not 17";
	bytes = fdt_cell(header, H_BYTES);
	if (bytes > readable_bytes || bytes > BYTES_MAX)
		return "it is larger than there is room for";
	tree->reservations = fdt_cell(header, H_RESERVATIONS);
	tree->structure = fdt_cell(header, H_STRUCTURE);
	tree->strings = fdt_cell(header, H_STRINGS);
	if (!fits(tree->structure, fdt_cell(header, H_STRUCTURE_BYTES), bytes) ||
	    !fits(tree->strings, fdt_cell(header, H_STRINGS_BYTES), bytes))
		return "its blocks lie outside of it";
	/* Whole cells: so a value that fits does so with what it is filled up with. */
	tree->structure_end = tree->structure + ALIGN_DOWN(fdt_cell(header, H_STRUCTURE_BYTES), 4);
	tree->strings_end = tree->strings + fdt_cell(header, H_STRINGS_BYTES);
	/* So every name ends. */
	if (tree->strings_end > tree->strings && tree->blob[tree->strings_end - 1])
		return "its last string has no end";
	why = check_reservations(tree, bytes);
	if (!why)
		why = check_structure(tree);
	bytes = MAX(tree->structure_end, tree->strings_end);
	tree->bytes = MAX(bytes, tree->reservations_end + RESERVATION_BYTES);
	return why;
}

int fdt_open(struct fdt *tree, const void *blob, size_t readable_bytes, const char **why)
{
	struct fdt_value header = { blob, HEADER_CELLS * 4 };

	*tree = (struct fdt){ .blob = blob };
	*why = open_blob(tree, &header, readable_bytes);
	return *why ? -EBADMSG : 0;
}

bool fdt_reservation(const struct fdt *tree, uint32_t i, struct fdt_range *range)
{
	uint32_t count = (tree->reservations_end - tree->reservations) / RESERVATION_BYTES;
	struct fdt_value cells = { tree->blob + tree->reservations, count * RESERVATION_BYTES };

	if (i >= count)
		return false;
	range->start = (uint64_t)fdt_cell(&cells, i * 4) << 32 | fdt_cell(&cells, i * 4 + 1);
	range->bytes = (uint64_t)fdt_cell(&cells, i * 4 + 2) << 32 | fdt_cell(&cells, i * 4 + 3);
	return true;
}

/* -- nodes -- */

static const char *string_of(const struct fdt_value *value)
{
	return value->bytes && memchr(value->at, 0, value->bytes) ? (const char *)value->at : NULL;
}

static bool is_okay(const struct fdt *tree, const struct fdt_node *n)
{
	struct fdt_value value;
	const char *status;

	if (!fdt_property(tree, n, "status", &value))
		return true;
	status = string_of(&value);
	return status && (!strcmp(status, "okay") || !strcmp(status, "ok"));
}

bool fdt_next(const struct fdt *tree, struct fdt_node *n)
{
	struct token token = { .next = tree->structure };
	uint32_t hidden = 0; /* depth of the node that is not okay and has not ended */

	if (n->depth) {
		token.next = n->path[n->depth - 1];
		next_token(tree, &token);
	}
	while (next_token(tree, &token)) {
		if (token.kind == NODE) {
			n->path[n->depth++] = token.at;
			if (!hidden && is_okay(tree, n))
				return true;
			hidden = hidden ? hidden : n->depth;
		} else if (token.kind == NODE_END) {
			hidden = hidden == n->depth ? 0 : hidden;
			n->depth--;
		}
	}
	*n = FDT_BEGIN;
	return false;
}

bool fdt_next_with(const struct fdt *tree, struct fdt_node *n, const char *property, const char *text)
{
	while (fdt_next(tree, n))
		if (fdt_lists(tree, n, property, text))
			return true;
	return false;
}

bool fdt_next_child(const struct fdt *tree, const struct fdt_node *parent, struct fdt_node *child)
{
	if (!child->depth)
		*child = *parent;
	while (fdt_next(tree, child) && child->depth > parent->depth)
		if (child->depth == parent->depth + 1)
			return true;
	*child = FDT_BEGIN;
	return false;
}

bool fdt_by_phandle(const struct fdt *tree, struct fdt_node *n, uint32_t phandle)
{
	*n = FDT_BEGIN;
	while (phandle + 1 > 1 && fdt_next(tree, n)) { /* 0 and all ones are nobody's */
		uint32_t node = n->path[n->depth - 1];

		if (fdt_count_at(tree, node, "phandle", fdt_count_at(tree, node, "linux,phandle", 0)) == phandle)
			return true;
	}
	return false;
}

const char *fdt_name(const struct fdt *tree, const struct fdt_node *n)
{
	return (const char *)tree->blob + n->path[n->depth - 1] + 4;
}

/* -- properties -- */

/* Of the node that begins at offset node, the property whose name is the first bytes of name. */
static bool property(const struct fdt *tree, uint32_t node, const char *name, size_t bytes,
                     struct fdt_value *value)
{
	struct token token = { .next = node };
	const char *its;

	next_token(tree, &token);
	while (next_token(tree, &token) && (token.kind == PROPERTY || token.kind == NOP)) {
		its = (const char *)tree->blob + tree->strings + token.name;
		if (token.kind == PROPERTY && !strncmp(its, name, bytes) && !its[bytes]) {
			*value = token.value;
			return true;
		}
	}
	return false;
}

bool fdt_property_at(const struct fdt *tree, uint32_t node, const char *name, struct fdt_value *value)
{
	return property(tree, node, name, strlen(name), value);
}

uint32_t fdt_count_at(const struct fdt *tree, uint32_t node, const char *name, uint32_t otherwise)
{
	struct fdt_value value;

	if (!fdt_property_at(tree, node, name, &value))
		return otherwise;
	return value.bytes == 4 ? fdt_cell(&value, 0) : UINT32_MAX;
}

bool fdt_property(const struct fdt *tree, const struct fdt_node *n, const char *name, struct fdt_value *value)
{
	return n->depth && fdt_property_at(tree, n->path[n->depth - 1], name, value);
}

bool fdt_has(const struct fdt *tree, const struct fdt_node *n, const char *name)
{
	struct fdt_value value;

	return fdt_property(tree, n, name, &value);
}

const char *fdt_string(const struct fdt *tree, const struct fdt_node *n, const char *name)
{
	struct fdt_value value;

	return fdt_property(tree, n, name, &value) ? string_of(&value) : NULL;
}

bool fdt_lists(const struct fdt *tree, const struct fdt_node *n, const char *name, const char *text)
{
	struct fdt_value value;
	const char *string;

	if (!fdt_property(tree, n, name, &value))
		return false;
	while ((string = string_of(&value))) {
		uint32_t bytes = (uint32_t)strlen(string) + 1;

		if (!strcmp(string, text))
			return true;
		value.at += bytes;
		value.bytes -= bytes;
	}
	return false;
}

bool fdt_number(const struct fdt *tree, const struct fdt_node *n, const char *name, uint64_t *number)
{
	struct fdt_value value;

	if (!fdt_property(tree, n, name, &value) || (value.bytes != 4 && value.bytes != 8))
		return false;
	*number = fdt_cell(&value, 0);
	if (value.bytes == 8)
		*number = *number << 32 | fdt_cell(&value, 1);
	return true;
}

/* -- paths -- */

/* Goes to the child whose name is the first bytes of name, its unit address left out or not. */
static bool descend(const struct fdt *tree, struct fdt_node *n, const char *name, size_t bytes)
{
	struct fdt_node child = FDT_BEGIN;

	while (fdt_next_child(tree, n, &child)) {
		const char *its = fdt_name(tree, &child);

		if (!strncmp(its, name, bytes) &&
		    (!its[bytes] || (its[bytes] == '@' && !memchr(name, '@', bytes)))) {
			*n = child;
			return true;
		}
	}
	return false;
}

/* Goes along path, from n. */
static bool follow(const struct fdt *tree, struct fdt_node *n, const char *path)
{
	while (*path && *path != ':') {
		size_t bytes = strcspn(path, "/:");

		if (bytes && !descend(tree, n, path, bytes))
			return false;
		path += bytes + (path[bytes] == '/');
	}
	return true;
}

bool fdt_at(const struct fdt *tree, struct fdt_node *n, const char *path)
{
	struct fdt_node root = FDT_BEGIN;
	size_t alias_bytes = strcspn(path, "/:");
	struct fdt_value alias;
	const char *way;
	bool found;

	found = fdt_next(tree, &root);
	*n = root;
	if (found && alias_bytes) {
		found = descend(tree, n, "aliases", 7) && property(tree, n->path[1], path, alias_bytes, &alias) &&
		        (way = string_of(&alias)) && *way == '/';
		*n = root;
		found = found && follow(tree, n, way);
	}
	if (found && follow(tree, n, path + alias_bytes))
		return true;
	*n = FDT_BEGIN;
	return false;
}
