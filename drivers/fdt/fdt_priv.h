/* SPDX-License-Identifier: ISC */
/* Common to the reader's parts: the tokens of the structure block (Devicetree Specification 0.4 §5.4.1), and
 * access to nodes by their offset alone, as for ancestors of another. */
#ifndef DRIVERS_FDT_FDT_PRIV_H
#define DRIVERS_FDT_FDT_PRIV_H

#include "drivers/fdt/fdt.h"

enum fdt_token { FDT_NODE = 1, FDT_NODE_END = 2, FDT_PROPERTY = 3, FDT_NOP = 4, FDT_END = 9 };
/* Bytes before a node's name, and before a property's value: the token, its length, its name's offset. */
enum { FDT_TOKEN_BYTES = 4, FDT_PROPERTY_BYTES = 12 };

static inline uint32_t fdt_cell_at(const struct fdt *tree, uint32_t offset)
{
	struct fdt_value value = { tree->blob + offset, 4 };

	return fdt_cell(&value, 0);
}

static inline uint32_t fdt_property_bytes(const struct fdt *tree, uint32_t at)
{
	return fdt_cell_at(tree, at + 4);
}

static inline uint32_t fdt_property_name(const struct fdt *tree, uint32_t at)
{
	return fdt_cell_at(tree, at + 8);
}

/* As fdt_property. */
bool fdt_property_at(const struct fdt *tree, uint32_t node, const char *name, struct fdt_value *value);
/* A property of one cell; UINT32_MAX if it has another length, otherwise if it does not exist. */
uint32_t fdt_count_at(const struct fdt *tree, uint32_t node, const char *name, uint32_t otherwise);

#endif
