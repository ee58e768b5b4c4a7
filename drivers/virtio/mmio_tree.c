/* SPDX-License-Identifier: ISC */
/* Addresses of virtio-mmio devices from a device tree. QEMU has more places than devices and fills them from
 * the last; Firecracker has exactly as many and fills them from the first. So with empty places the highest
 * address is taken, otherwise the lowest: of several devices this is the first one on the monitor's command
 * line, as on x86. Devices see memory as the CPU does (dma-coherent): a hypervisor's do, whether the tree
 * says so or not. */
#include "drivers/irq/tree.h"
#include "drivers/virtio/mmio.h"

#include <errno.h>

#define BYTES_MAX UINT64_C(4096)

struct place {
	uint64_t start;
	uint32_t bytes; /* 0: none */
	int line;       /* if negative, attaching fails; some drivers need none */
};

static const struct fdt *tree;

void virtio_mmio_tree(const struct fdt *t)
{
	tree = t;
}

int virtio_mmio_find_in_tree(struct virtio_device *dev, enum virtio_type type)
{
	struct fdt_node n = FDT_BEGIN;
	struct place lowest = { 0 }, highest = { 0 };
	bool has_empty = false;

	while (fdt_next_with(tree, &n, "compatible", "virtio,mmio")) {
		struct place place;
		struct fdt_range at;
		uint32_t its;

		if (fdt_reg(tree, &n, 0, &at) < 0 || at.bytes < VIRTIO_MMIO_CONFIG || at.start % 4)
			continue;
		place.start = at.start;
		place.bytes = (uint32_t)MIN(at.bytes, BYTES_MAX);
		its = virtio_mmio_type(place.start, place.bytes);
		has_empty |= its == 0;
		if (its != (uint32_t)type)
			continue;
		place.line = irq_line_of(tree, &n, 0);
		if (!lowest.bytes || place.start < lowest.start)
			lowest = place;
		if (place.start >= highest.start)
			highest = place;
	}
	if (has_empty)
		lowest = highest;
	if (!lowest.bytes ||
	    !virtio_mmio_probe(dev, type, lowest.start, lowest.bytes, (uint32_t)lowest.line))
		return -ENODEV;
	return 0;
}
