/* SPDX-License-Identifier: ISC */
/* Addresses of virtio-mmio devices from a device tree. QEMU has more places than devices and fills them from
 * the last; Firecracker has exactly as many and fills them from the first. So with empty places the highest
 * address is taken, otherwise the lowest: of several devices this is the first one on the monitor's command
 * line, as on x86. Devices see memory as the CPU does (dma-coherent): a hypervisor's do, whether the tree
 * says so or not. */
#include "drivers/irq/tree.h"
#include "drivers/virtio/mmio.h"

#include <errno.h>

#define BYTES_MAX 4096u

struct place {
	struct fdt_range at;
	struct fdt_node node;
};

static const struct fdt *tree;

void virtio_mmio_tree(const struct fdt *t)
{
	tree = t;
}

/* The next place after n's. False after the last. */
static bool next_place(struct place *place)
{
	while (fdt_next_with(tree, &place->node, "compatible", "virtio,mmio")) {
		if (fdt_reg(tree, &place->node, 0, &place->at) < 0)
			continue;
		place->at.bytes = MIN(place->at.bytes, (uint64_t)BYTES_MAX);
		if (place->at.bytes >= VIRTIO_MMIO_CONFIG && place->at.start % 4 == 0)
			return true;
	}
	return false;
}

int virtio_mmio_find_in_tree(struct virtio_device *dev, enum virtio_type type)
{
	struct place place, lowest, highest;
	bool has_empty = false;
	int line;

	place.node.depth = lowest.node.depth = highest.node.depth = 0;
	highest.at.start = 0;
	while (next_place(&place)) {
		uint32_t its = virtio_mmio_type(place.at.start, (uint32_t)place.at.bytes);

		has_empty |= its == 0;
		if (its != (uint32_t)type)
			continue;
		if (!lowest.node.depth || place.at.start < lowest.at.start)
			lowest = place;
		if (place.at.start >= highest.at.start)
			highest = place;
	}
	place = has_empty ? highest : lowest;
	if (!place.node.depth)
		return -ENODEV;
	line = irq_line_of(tree, &place.node, 0); /* if negative, attaching fails; some drivers need none */
	if (!virtio_mmio_probe(dev, type, place.at.start, (uint32_t)place.at.bytes, (uint32_t)line))
		return -ENODEV;
	return 0;
}
