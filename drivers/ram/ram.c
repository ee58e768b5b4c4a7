/* SPDX-License-Identifier: ISC */
/* A disk in memory: requests are copies, done before submit returns. */
#include <errno.h>
#include <string.h>

#include "drivers/ram/ram.h"
#include "kernel/instance.h"

struct ram {
	struct blkdev dev;
	uint8_t *data;
};

static void submit(struct blkdev *dev, struct blkdev_op *op)
{
	struct ram *ram = container_of(dev, struct ram, dev);
	uint8_t *at = ram->data + op->sector * dev->sector_bytes;

	for (uint32_t i = 0; i < op->count; i++) {
		const struct blkdev_slice *slice = &op->slices[i];

		if (op->kind == BLKDEV_READ)
			memcpy(slice->data, at, slice->len);
		else
			memcpy(at, slice->data, slice->len);
		at += slice->len;
	}
	promise_init(&op->promise, NULL);
	blkdev_done(op, 0);
}

static const struct blkdev_ops ops = { submit };

int ram_create(struct blkdev **out, void *data, uint64_t bytes, uint32_t sector_bytes, bool read_only)
{
	struct ram *ram;

	if (bytes < sector_bytes)
		return -EINVAL;
	ram = instance_alloc(sizeof(*ram));
	if (!ram)
		return -ENOMEM;
	ram->data = data;
	ram->dev = (struct blkdev){
		.ops = &ops,
		.sectors = bytes / sector_bytes,
		.sector_bytes = sector_bytes,
		.slices_max = UINT32_MAX,
		.sectors_max = UINT32_MAX,
		.features = read_only ? BLKDEV_READ_ONLY : 0,
	};
	*out = &ram->dev;
	return 0;
}

void ram_destroy(struct blkdev *dev)
{
	struct ram *ram = container_of(dev, struct ram, dev);

	instance_free(ram, sizeof(*ram));
}
