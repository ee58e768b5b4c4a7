/* SPDX-License-Identifier: ISC */
/* The part that all block devices have in common: invalid requests are refused before they reach a driver,
 * and the outcome of the others is counted. */
#include <errno.h>

#include "kernel/dev/blkdev.h"

/* Is each of op's slices whole sectors, and their sum op->sectors? */
static bool fits(const struct blkdev *dev, const struct blkdev_op *op)
{
	uint64_t bytes = 0;

	if (!op->count || op->count > dev->slices_max || op->sectors > dev->sectors_max)
		return false;
	for (uint32_t i = 0; i < op->count; i++) {
		if (!op->slices[i].len || op->slices[i].len % dev->sector_bytes)
			return false;
		bytes += op->slices[i].len;
	}
	return bytes == (uint64_t)op->sectors * dev->sector_bytes;
}

static int check(const struct blkdev *dev, const struct blkdev_op *op)
{
	if (blkdev_is_kind(op, BLKDEV_FLUSH))
		return 0;
	if (op->kind != BLKDEV_READ && blkdev_is_read_only(dev))
		return -EROFS;
	if (!op->sectors || op->sector > dev->sectors || op->sectors > dev->sectors - op->sector)
		return -EINVAL;
	if (blkdev_is_kind(op, BLKDEV_DISCARD))
		return dev->features & BLKDEV_DISCARDS ? 0 : -EOPNOTSUPP;
	return fits(dev, op) ? 0 : -EINVAL;
}

void blkdev_submit(struct blkdev *dev, struct blkdev_op *op)
{
	int error = check(dev, op);

	op->dev = dev;
	if (error)
		promise_throw(&op->promise, error);
	else
		dev->ops->submit(dev, op);
}

void blkdev_done(struct blkdev_op *op, int error)
{
	struct blkdev_stats *stats = &op->dev->stats;
	uint64_t bytes = (uint64_t)op->sectors * op->dev->sector_bytes;

	if (error) {
		stats->errors += error != -ECANCELED;
		promise_fail(&op->promise, error);
		return;
	}
	if (blkdev_is_read(op)) {
		stats->reads++;
		stats->read_bytes += bytes;
	} else if (op->kind == BLKDEV_WRITE) {
		stats->writes++;
		stats->written_bytes += bytes;
	} else if (op->kind == BLKDEV_FLUSH) {
		stats->flushes++;
	}
	promise_fulfil(&op->promise, 0);
}

void blkdev_cancel(struct promise *p)
{
	struct blkdev_op *op = container_of(p, struct blkdev_op, promise);

	if (list_is_empty(&op->link))
		return;
	list_remove(&op->link);
	blkdev_done(op, -ECANCELED);
}
