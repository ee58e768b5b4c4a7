/* SPDX-License-Identifier: ISC */
/* The search for a virtio device on all buses. */
#include "drivers/virtio/virtio.h"

#include <errno.h>

static const char *name_of(enum virtio_type type)
{
	if (IS_ENABLED(CONFIG_VIRTIO_BLK) && type == VIRTIO_TYPE_BLOCK)
		return "virtio-blk";
	return type == VIRTIO_TYPE_NET ? "virtio-net" : "virtio-rng";
}

int virtio_find(struct virtio_device *dev, enum virtio_type type)
{
	int error = -ENODEV;

	*dev = (struct virtio_device){ .name = name_of(type) };
	if (IS_ENABLED(CONFIG_VIRTIO_MMIO))
		error = IS_ENABLED(CONFIG_DEVICE_TREE) ? virtio_mmio_find_in_tree(dev, type) :
		                                         virtio_mmio_find(dev, type);
	if (error < 0 && IS_ENABLED(CONFIG_VIRTIO_PCI))
		error = virtio_pci_find(dev, type);
	return error;
}
