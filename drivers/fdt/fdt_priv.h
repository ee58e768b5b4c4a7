/* SPDX-License-Identifier: ISC */
/* What the reader's parts ask of nodes of whom they know only where they begin: ancestors of another. */
#ifndef DRIVERS_FDT_FDT_PRIV_H
#define DRIVERS_FDT_FDT_PRIV_H

#include "drivers/fdt/fdt.h"

/* As fdt_property. */
bool fdt_property_at(const struct fdt *tree, uint32_t node, const char *name, struct fdt_value *value);
/* A property of one cell; UINT32_MAX when it is something else, and otherwise where it is not there. */
uint32_t fdt_count_at(const struct fdt *tree, uint32_t node, const char *name, uint32_t otherwise);

#endif
