/* SPDX-License-Identifier: ISC */
/* A block device, as drivers provide it and fs/ uses it: drivers and file systems meet only here.
 *
 * Requests are asynchronous, scattered and uncopied; they are done in any order, so whoever needs one
 * before another waits for it, and for a flush where the device keeps what was written in a cache. */
#ifndef KERNEL_DEV_BLKDEV_H
#define KERNEL_DEV_BLKDEV_H

#include "kernel/list.h"
#include "kernel/promise.h"

enum blkdev_features {
	BLKDEV_READ_ONLY = 1 << 0, /* writes and discards fail with -EROFS; always without BLOCK_WRITE */
	BLKDEV_CACHES = 1 << 1,    /* what was written may be lost until a flush has been done */
	BLKDEV_DISCARDS = 1 << 2,  /* honours BLKDEV_DISCARD */
};

enum blkdev_kind { BLKDEV_READ, BLKDEV_WRITE, BLKDEV_FLUSH, BLKDEV_DISCARD };

/* A piece of memory: len bytes, a multiple of the device's sector_bytes, to which data is aligned where the
 * device lies in another domain of Xen. */
struct blkdev_slice {
	void *data;
	uint32_t len;
};

struct blkdev;

/* Fulfilled with 0 when it is done. Fails with -EIO, -EINVAL (beyond the end, slices whose bytes are not
 * those of the sectors, or more of either than the device takes), -EROFS, -ENXIO (the device is gone),
 * -EOPNOTSUPP (discard), -ECANCELED (asked for before the device had it; later a request to cancel changes
 * nothing).
 * Until then the device borrows it, slices and their memory. A write that failed may have been done in
 * part: any of its sectors. */
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
	 * the device has no room for wait in the order in which they came. dev, kind, sector, sectors,
	 * slices and count are filled in and checked. */
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
		uint64_t reads, read_bytes, writes, written_bytes, flushes, errors; /* what has settled */
	} stats;
};

/* Nobody asks for anything else where nothing is written: then no more than that is in the image. */
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
/* For drivers, as what an op's promise calls to cancel it: one that waits, its link in a list, fails with
 * -ECANCELED; one that the device has comes back from it. */
void blkdev_cancel(struct promise *p);

/* What the four below have in common. */
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

/* What was written and done before is on the medium when this is done. */
static inline void blkdev_flush(struct blkdev *dev, struct blkdev_op *op)
{
	blkdev_request(dev, op, BLKDEV_FLUSH, 0, 0, NULL, 0);
}

/* The sectors' content is of no use any more. */
static inline void blkdev_discard(struct blkdev *dev, struct blkdev_op *op, uint64_t sector, uint32_t sectors)
{
	blkdev_request(dev, op, BLKDEV_DISCARD, sector, sectors, NULL, 0);
}

#endif
