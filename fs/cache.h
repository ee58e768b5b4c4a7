/* SPDX-License-Identifier: ISC */
/* The block cache of one device, shared by whatever file systems lie on it: bounded, write-back.
 *
 * Blocks are CONFIG_FS_CACHE_BLOCK_BYTES long, numbered from the device's start; the device's last may be
 * shorter. A block is counted storage, so a slice of it can be sent and acknowledged uncopied: as long as
 * somebody else has a count, changing it makes a copy of it first.
 *
 * Changes are ordered by barriers: what was changed after a barrier reaches the medium after all that was
 * changed before it; between two barriers the order is any. So a power cut leaves all changes up to some
 * barrier, and any of the sectors that were changed between it and the next one. A block counts as changed
 * when whoever changed it lets go of it, and nobody may hold one for change across a barrier or a sync of
 * his own.
 *
 * The order holds also when the device fails: once a write did, nothing that was changed after it is
 * written, and no block is given for change, until a sync has told of it. */
#ifndef FS_CACHE_H
#define FS_CACHE_H

#include "kernel/buf.h"
#include "kernel/dev/blkdev.h"

struct cache;

struct cache_config {
	uint32_t blocks;        /* 4 and more; memory is taken at once */
	uint32_t read_ahead;    /* blocks of one request at most; 1 and more */
	uint32_t requests;      /* to the device at a time; 2 and more: reading for a hint and writing back leave
	                           one of them to who waits for a block */
	uint64_t write_back_ns; /* the longest that a change stays in memory alone */
};

#define CACHE_CONFIG_DEFAULTS { \
	.blocks = CONFIG_FS_CACHE_BLOCKS, \
	.read_ahead = CONFIG_FS_CACHE_READ_AHEAD, \
	.requests = CONFIG_FS_CACHE_REQUESTS, \
	.write_back_ns = CONFIG_FS_CACHE_WRITE_BACK_MS * NS_PER_MS, \
}

/* 0, -ENOMEM, -EINVAL (a device whose sectors are no whole part of a block, or that takes less than a block
 * at a time). Borrows dev. */
int cache_create(struct cache **out, struct blkdev *dev, const struct cache_config *config);
/* Nothing may be pending, pinned or unwritten (cache_sync). */
void cache_destroy(struct cache *c);

/* As others see a block. */
struct cache_block {
	struct storage storage; /* counted by whoever holds it */
	uint8_t *data;
	uint32_t len;           /* the block's bytes, fewer only of the device's last */
};

static inline void cache_put(struct cache_block *b)
{
	storage_put(&b->storage);
}

enum cache_mode {
	CACHE_READ,   /* to look at, and to send; others may have it too */
	CACHE_CHANGE, /* to change: block is the caller's alone until it lets go, and will be written; others who
	                 want it wait until then, so who holds it does not ask for it again */
	CACHE_FILL,   /* the same, but its old content is of no use: it is not read, and all zero */
};

/* Fulfilled with 0 and block, of which the caller has a count; at once where the block is there. Fails with
 * the device's error, -EINVAL beyond its end, -EROFS (without FS_CACHE_WRITE, too), -ENOBUFS: all blocks are
 * held by callers; for change also with the error of a write that no sync has told of. Waits for room while
 * blocks are being written. Whoever cancels it gets no block, and it is read all the same. */
struct cache_get {
	struct promise promise;
	struct list link;
	struct cache *cache;
	struct cache_block *block;
	uint64_t number;
	uint32_t ahead;
	uint8_t mode; /* enum cache_mode */
};
/* Up to ahead blocks behind it will be wanted soon: should it have to be read, so many of them as are
 * absent and lie together come in the same request: as many as cache_read_ahead would read, and a few where
 * that would read none. */
void cache_get_ahead(struct cache *c, struct cache_get *op, uint64_t number, enum cache_mode mode,
                     uint32_t ahead);

static inline void cache_get(struct cache *c, struct cache_get *op, uint64_t number, enum cache_mode mode)
{
	cache_get_ahead(c, op, number, mode, 0);
}

/* The block if it is there and nobody changes it, with a count, else NULL: CACHE_READ without a promise. */
struct cache_block *cache_peek(struct cache *c, uint64_t number);

/* A hint: blocks number to number + count - 1 will be wanted soon. Those that are absent are read in
 * requests as large as the device and read_ahead allow, a quarter of the cache at most, and none when
 * memory is short, or much is there already that nobody has asked for yet. Gives how many of them, from
 * number on, are there or on their way. */
uint32_t cache_read_ahead(struct cache *c, uint64_t number, uint32_t count);

/* What is changed from now on reaches the medium only after all that was changed before. Nothing is written
 * now. */
void cache_barrier(struct cache *c);

/* Fulfilled with 0 once all that was changed before is on the medium (a flush included). Fails with the first
 * error that writing met and no sync has told of: what could not be written, and all that was changed after
 * it, is lost, and the next to ask reads what the device has. It is a barrier, too. */
struct cache_sync {
	struct promise promise;
	struct list link;
	struct cache *cache;
	uint64_t upto; /* the cache's own */
};
void cache_sync(struct cache *c, struct cache_sync *op);

struct cache_stats {
	uint64_t hits, misses, read_ahead, written; /* blocks; those that a hint has brought are no misses */
	size_t blocks, held, dirty;                 /* now; dirty: changed, let go, and not yet written */
};
/* Since the cache was made. */
void cache_stats(const struct cache *c, struct cache_stats *out);

#endif
