/* SPDX-License-Identifier: ISC */
/* The block cache of one device, shared by all file systems on it: bounded, write-back.
 *
 * Blocks are CONFIG_FS_CACHE_BLOCK_BYTES long, numbered from the device's start; the device's last may be
 * shorter. A block is counted storage, so a slice of it can be sent and acknowledged uncopied: while another
 * holder has a count, a change copies the block first.
 *
 * Barriers order changes: changes after a barrier reach the medium after all changes before it; between two
 * barriers the order is any. So a power cut leaves all changes up to some barrier, and any of the sectors
 * changed between it and the next one. A block counts as changed when its holder puts it, and a caller may
 * not hold a block for change across its own barrier or sync.
 *
 * The order holds also when the device fails: after a failed write no later change is written, and no block
 * is given for change, until a sync has reported the error. */
#ifndef FS_CACHE_H
#define FS_CACHE_H

#include "kernel/buf.h"
#include "kernel/dev/blkdev.h"

struct cache;

struct cache_config {
	uint32_t blocks;        /* 4 and more; memory is taken at once */
	uint32_t read_ahead;    /* blocks of one request at most; 1 and more */
	uint32_t requests;      /* to the device at a time; 2 and more: reading ahead and writing back leave
	                           one of them for a caller that waits for a block */
	uint64_t write_back_ns; /* the longest that a change stays in memory only */
};

#define CACHE_CONFIG_DEFAULTS { \
	.blocks = CONFIG_FS_CACHE_BLOCKS, \
	.read_ahead = CONFIG_FS_CACHE_READ_AHEAD, \
	.requests = CONFIG_FS_CACHE_REQUESTS, \
	.write_back_ns = CONFIG_FS_CACHE_WRITE_BACK_MS * NS_PER_MS, \
}

/* 0, -ENOMEM, -EINVAL (the block size is no multiple of the device's sectors, or a request to the device may
 * not be as long as a block). Borrows dev. */
int cache_create(struct cache **out, struct blkdev *dev, const struct cache_config *config);
/* Nothing may be pending, pinned or unwritten (cache_sync). */
void cache_destroy(struct cache *c);

/* The part of a block that callers see. */
struct cache_block {
	struct storage storage; /* a count for each holder */
	uint8_t *data;
	uint32_t len;           /* the block's bytes, fewer only in the device's last */
};

static inline void cache_put(struct cache_block *b)
{
	storage_put(&b->storage);
}

enum cache_mode {
	CACHE_READ,   /* to read, and to send; other callers may hold it too */
	CACHE_CHANGE, /* to change: block is the caller's alone until it is put, and will be written; other gets
	                 wait until then, so its holder must not get it again */
	CACHE_FILL,   /* the same, but the old content is not read: the block is all zero */
};

/* Fulfilled with 0 and block, of which the caller has a count; at once if the block is cached. Fails with
 * the device's error, -EINVAL beyond its end, -EROFS (without FS_CACHE_WRITE, too), -ENOBUFS (callers hold
 * all blocks); for change also with the error of a write that no sync has reported yet. Waits for room while
 * blocks are being written. A cancelled get gives no block, but the block is still read. */
struct cache_get {
	struct promise promise;
	struct list link;
	struct cache *cache;
	struct cache_block *block;
	uint64_t number;
	uint32_t ahead;
	uint8_t mode; /* enum cache_mode */
};
/* Gets block number, and hints that up to ahead blocks behind it will be wanted soon. If it has to be read,
 * the absent ones next to it come in the same request: as many as cache_read_ahead would read, or a few if
 * that would read none. */
void cache_get_ahead(struct cache *c, struct cache_get *op, uint64_t number, enum cache_mode mode,
                     uint32_t ahead);

static inline void cache_get(struct cache *c, struct cache_get *op, uint64_t number, enum cache_mode mode)
{
	cache_get_ahead(c, op, number, mode, 0);
}

/* The block with a count, if it is cached and not held for change, else NULL: CACHE_READ without a
 * promise. */
struct cache_block *cache_peek(struct cache *c, uint64_t number);

/* A hint: blocks number to number + count - 1 will be wanted soon. Absent ones are read in
 * requests as large as the device and read_ahead allow: a quarter of the cache at most, and none when memory
 * is short or the cache holds many hinted blocks that no caller has got yet. Gives how many of them, from
 * number on, are cached or being read. */
uint32_t cache_read_ahead(struct cache *c, uint64_t number, uint32_t count);

/* Changes from now on reach the medium only after all changes before. Starts no write. */
void cache_barrier(struct cache *c);

/* Fulfilled with 0 once all earlier changes are on the medium (a flush included). Fails with the first write
 * error that no sync has reported yet: the changes that could not be written, and all later ones, are lost,
 * and the next get reads the device's content. A sync is a barrier, too. */
struct cache_sync {
	struct promise promise;
	struct list link;
	struct cache *cache;
	uint64_t upto; /* the cache's own */
};
void cache_sync(struct cache *c, struct cache_sync *op);

struct cache_stats {
	uint64_t hits, misses, read_ahead, written; /* blocks; reads for a hint are no misses */
	size_t blocks, held, dirty;                 /* now; dirty: changed, put, and not yet written */
};
/* Since the cache was made. */
void cache_stats(const struct cache *c, struct cache_stats *out);

#endif
