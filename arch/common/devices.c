/* SPDX-License-Identifier: ISC */
/* The devices of virtual machines, as configured. */
#define LOG_TAG "machine"
#include <errno.h>

#include "arch/arch.h"
#include "arch/common/devices.h"
#include "arch/common/image.h"
#include "arch/common/memory.h"
#include "arch/common/paging.h"
#include "drivers/ram/ram.h"
#include "drivers/virtio/virtio.h"
#include "drivers/xen/xen.h"
#include "kernel/log.h"

struct netdev *machine_netdev(void)
{
	struct netdev *dev = NULL;

	if (IS_ENABLED(CONFIG_VIRTIO_NET))
		virtio_net_create(&dev);
	else if (IS_ENABLED(CONFIG_XEN_NET))
		xen_net_create(&dev);
	return dev;
}

#define SECTOR_BYTES 512

/* Its memory may not be mapped yet. */
static int create_initrd_disk(struct blkdev **out)
{
	uint64_t start = machine_initrd.start, end = start + machine_initrd.bytes;
	uint64_t image = paging_device_address((uintptr_t)ARCH_FAR(image_start));
	bool is_image = start < image + image_size_bytes && end > image;

	if (machine_initrd.bytes < SECTOR_BYTES || is_image || memory_map_pages(start, end) < 0) {
		log_error("disk=none: start the machine with -initrd and a file of whole sectors");
		return -ENODEV;
	}
	return ram_create(out, (void *)(uintptr_t)start, machine_initrd.bytes, SECTOR_BYTES, false);
}

struct blkdev *machine_blkdev(void)
{
	struct blkdev *dev = NULL;
	int error = -ENODEV;

	if (IS_ENABLED(CONFIG_VIRTIO_BLK))
		error = virtio_blk_create(&dev);
	else if (IS_ENABLED(CONFIG_XEN_BLK))
		error = xen_blk_create(&dev);
	else if (IS_ENABLED(CONFIG_DISK_INITRD))
		error = create_initrd_disk(&dev);
	else if (IS_ENABLED(CONFIG_DISK_EMBEDDED))
		error = ram_create_embedded(&dev);
	return error ? NULL : dev;
}
