/* SPDX-License-Identifier: ISC */
/* A block device, as drivers provide it and fs/ uses it: drivers and file systems meet only here.
 *
 * Requests are asynchronous, scattered and uncopied, and complete in any order: a caller that needs one done
 * before another waits for it, and for a flush if the device has a write cache. */
#ifndef KERNEL_DEV_BLKDEV_H
#define KERNEL_DEV_BLKDEV_H

#include "kernel/list.h"
#include "kernel/promise.h"

enum blkdev_features {
	BLKDEV_READ_ONLY = 1 << 0, /* writes and discards fail with -EROFS; always without BLOCK_WRITE */
	BLKDEV_CACHES = 1 << 1,    /* written data may be lost until a flush has completed */
	BLKDEV_DISCARDS = 1 << 2,  /* honours BLKDEV_DISCARD */
};

enum blkdev_kind { BLKDEV_READ, BLKDEV_WRITE, BLKDEV_FLUSH, BLKDEV_DISCARD };

/* A piece of memory of len bytes, a multiple of the device's sector_bytes. For a device in another Xen domain
 * data is aligned to sector_bytes too. */
struct blkdev_slice {
	void *data;
	uint32_t len;
};

struct blkdev;

/* Fulfilled with 0 on completion. Fails with -EIO, -EINVAL (beyond the end, slices whose bytes do not add up
 * to the sectors, or more of either than the device takes), -EROFS, -ENXIO (the device is gone), -EOPNOTSUPP
 * (discard), -ECANCELED (cancelled before the device had it; a later request to cancel changes nothing).
 * The device borrows the op, its slices and their memory until it settles. A failed write may have changed
 * any of its sectors. */
struct blkdev_op {
	struct promise promise;
	struct list link; /* for the device that holds it */
	struct blkdev *dev;
	uint64_t sector;                  /* the first, in units of sector_bytes */
	uint32_t sectors;                 /* of a read, write or discard; 1 and more */
	uint32_t count;                   /* slices, 0 of a flush or discard */
	const struct blkdev_slice *slices;
	uint8_t kind;                     /* enum blkdev_kind */
};

struct blkdev_ops {
	/* Initialises op->promise and may settle it at once. Never blocks, allocates nothing; requests that
	 * the device has no room for wait, first come, first served. dev, kind, sector, sectors, slices and
	 * count have been filled in and checked. */
	void (*submit)(struct blkdev *dev, struct blkdev_op *op);
};

struct blkdev {
	const struct blkdev_ops *ops;
	uint64_t sectors;
	uint32_t sector_bytes; /* 512 or 4096 */
	uint32_t slices_max;   /* of a request; 1 and more */
	uint32_t sectors_max;  /* of a read or write */
	uint32_t features;     /* enum blkdev_features */
	struct blkdev_stats {
		uint64_t reads, read_bytes, writes, written_bytes, flushes, errors; /* settled requests */
	} stats;
};

/* Without BLOCK_WRITE every request is a read, so the compiler drops the code of the other kinds. */
static inline bool blkdev_is_read(const struct blkdev_op *op)
{
	return !IS_ENABLED(CONFIG_BLOCK_WRITE) || op->kind == BLKDEV_READ;
}

static inline bool blkdev_is_kind(const struct blkdev_op *op, enum blkdev_kind kind)
{
	return IS_ENABLED(CONFIG_BLOCK_WRITE) && op->kind == kind;
}

static inline bool blkdev_is_read_only(const struct blkdev *dev)
{
	return !IS_ENABLED(CONFIG_BLOCK_WRITE) || dev->features & BLKDEV_READ_ONLY;
}

/* Checks op against dev and hands it to the driver. */
void blkdev_submit(struct blkdev *dev, struct blkdev_op *op);
/* For drivers: settles op with 0 or a negative errno, and counts it. */
void blkdev_done(struct blkdev_op *op, int error);
/* For drivers, the cancel function of an op's promise: an op that waits, its link in a list, fails with
 * -ECANCELED; an op that the device has completes as usual. */
void blkdev_cancel(struct promise *p);

/* Common to the four calls below. */
static inline void blkdev_request(struct blkdev *dev, struct blkdev_op *op, enum blkdev_kind kind,
                                  uint64_t sector, uint32_t sectors, const struct blkdev_slice *slices,
                                  uint32_t count)
{
	op->kind = (uint8_t)kind;
	op->sector = sector;
	op->sectors = sectors;
	op->slices = slices;
	op->count = count;
	blkdev_submit(dev, op);
}

static inline void blkdev_read(struct blkdev *dev, struct blkdev_op *op, uint64_t sector, uint32_t sectors,
                               const struct blkdev_slice *slices, uint32_t count)
{
	blkdev_request(dev, op, BLKDEV_READ, sector, sectors, slices, count);
}

static inline void blkdev_write(struct blkdev *dev, struct blkdev_op *op, uint64_t sector, uint32_t sectors,
                                const struct blkdev_slice *slices, uint32_t count)
{
	blkdev_request(dev, op, BLKDEV_WRITE, sector, sectors, slices, count);
}

/* On completion every write that completed before is on the medium. */
static inline void blkdev_flush(struct blkdev *dev, struct blkdev_op *op)
{
	blkdev_request(dev, op, BLKDEV_FLUSH, 0, 0, NULL, 0);
}

/* Tells the device that the sectors' content is no longer needed. */
static inline void blkdev_discard(struct blkdev *dev, struct blkdev_op *op, uint64_t sector, uint32_t sectors)
{
	blkdev_request(dev, op, BLKDEV_DISCARD, sector, sectors, NULL, 0);
}

#endif
