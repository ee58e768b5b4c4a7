/* SPDX-License-Identifier: ISC */
/* Mapping of a node's registers. */
#include "arch/arch.h"
#include "drivers/fdt/fdt.h"

volatile void *fdt_map(const struct fdt *tree, const struct fdt_node *n, uint32_t i, uint64_t bytes)
{
	struct fdt_range at;

	if (fdt_reg(tree, n, i, &at) < 0 || at.start % 4 || at.bytes < bytes)
		return NULL;
	return arch_map_device(at.start, bytes);
}
