/* SPDX-License-Identifier: ISC */
/* Declarations shared by the files of the block cache.
 *
 * A number has one current block at most, which the table finds. If readers hold it, or if its version of an
 * older epoch is still to be written, a change goes to a copy, which is current from then on. The old version
 * is written if its epoch is another, and lives until its holders put it.
 *
 *      free ──▶ READING ──▶ CLEAN ◀────────────┐ written
 *        │                   │  ▲              │
 *        └──▶ CHANGING ◀─────┘  └── evicted    │
 *                │  ▲ in the same epoch        │
 *       let go   ▼  │                          │
 *              DIRTY ───────────────────▶ WRITING
 *
 * The count in storage is of the holders only: the cache itself has none, and storage's free tells it that
 * the last of them has put the block. */
#ifndef FS_CACHE_CACHE_PRIV_H
#define FS_CACHE_CACHE_PRIV_H

#include "fs/cache.h"
#include "kernel/timer.h"

#define BLOCK_BYTES CONFIG_FS_CACHE_BLOCK_BYTES
static_assert((BLOCK_BYTES & (BLOCK_BYTES - 1)) == 0, "a block is a power of two");

enum block_state {
	BLOCK_FREE,     /* in free */
	BLOCK_READING,  /* a request fills it; gets for it wait in gets */
	BLOCK_CLEAN,    /* as on the device; in the list of its rank while it is not held */
	BLOCK_CHANGING, /* held for change; other gets for it wait in gets */
	BLOCK_DIRTY,    /* in dirty */
	BLOCK_WRITING,  /* a request writes it */
	BLOCK_ORPHAN,   /* not in the table any more; free once its holders put it */
};

/* How much a block is worth. */
enum block_rank {
	BLOCK_RECENT,
	BLOCK_HINTED, /* read for a hint; no caller has got it yet */
	BLOCK_PROVEN, /* got again after its stretch (block.c) */
};

struct block {
	struct cache_block shown; /* first */
	struct cache *cache;
	struct block *next; /* in the table */
	struct list link;
	struct list gets;   /* struct cache_get that wait for it */
	uint64_t number;
	uint64_t epoch;     /* of its last change: DIRTY, WRITING */
	uint64_t oldest;    /* of its first change that is not yet written; 0: all are */
	uint64_t copied_in; /* the round of writes that may include an older version of it */
	uint64_t born;      /* value of inserted when it came, or was first used */
	uint8_t state;      /* enum block_state */
	uint8_t rank;       /* enum block_rank */
	bool is_current;    /* the table finds it */
};

/* A read or write of consecutive blocks, or a flush. */
struct request {
	struct blkdev_op op;
	struct waiter waiter;
	struct cache *cache;
	struct list link;   /* in requests while it is free */
	struct list blocks;
	struct blkdev_slice *slices; /* batch of them */
};

struct cache {
	struct blkdev *dev;
	uint64_t number_end;   /* blocks of the device */
	uint32_t last_bytes;   /* of its last one */
	uint32_t block_sectors;
	uint32_t batch;        /* blocks of a request at most */
	struct cache_config config;

	/* block.c */
	uint8_t *data; /* of all blocks */
	struct block *blocks, **table;
	unsigned table_bits;
	struct list free;
	struct rank {
		struct list blocks; /* CLEAN and not held, in the order in which they came here */
		size_t count;       /* all of this rank */
	} ranks[BLOCK_PROVEN + 1];
	uint64_t inserted;

	/* Gets that wait for room: for a block, or for a request to read it with. */
	struct list waiting;

	/* request.c */
	struct request *request_memory;
	struct list requests;
	uint32_t requests_free;
	uint32_t busy;         /* requests that the device has, flushes included */

	/* write.c */
	struct list dirty;     /* in the order in which they were put, so that epochs ascend */
	size_t dirty_count;
	uint64_t epoch;        /* of changes that are put now; from 1 */
	uint64_t written;      /* the epoch that is being written, or was last */
	uint32_t writing;      /* requests of it */
	uint64_t round;        /* counts how often writing has come to 0 */
	struct request flush;
	bool is_flushing;
	bool is_unflushed;     /* the device may lose writes since the last flush */
	uint64_t target;       /* epochs up to this one are to be on the medium now */
	uint64_t durable;      /* and up to this one they are on it */
	int error;             /* of a write or flush, not yet reported by a sync */
	bool is_losing;        /* error is new: all changes are to be dropped */
	struct list syncs;     /* upto ascends */
	struct timer timer;    /* limits how long the first dirty block stays unwritten */

	struct cache_stats stats;
};

/* -- block.c: finding blocks, and choosing the one to evict -- */

struct block *cache_find(const struct cache *c, uint64_t number);
/* The most blocks that hints may bring before callers get them. */
size_t cache_hinted_max(const struct cache *c);
/* A block for number, which is absent, in the table; its content is anything. Its rank is HINTED
 * unless is_awaited. NULL: all blocks are held, unwritten or, unless is_awaited, proven. */
struct block *cache_insert(struct cache *c, uint64_t number, bool is_awaited);
/* As cache_insert, in the place of old, which leaves the table. */
struct block *cache_insert_version(struct block *old);
/* Removes b from the table. */
void cache_hide(struct block *b);
/* Counts a new holder of b, and updates its rank. */
void cache_hold(struct block *b);
/* To be called when b becomes CLEAN or loses its last holder: lists b for reuse once it is both. */
void cache_rest(struct block *b);
/* Discards b's content: b leaves the table, and is free once it has no holder. */
void cache_drop(struct block *b);

/* -- request.c -- */

/* NULL: the device has all requests or, unless is_awaited, all but one. */
struct request *cache_request(struct cache *c, bool is_awaited);
void cache_request_free(struct request *r);
/* Appends b, whose number follows that of r's last block. */
void cache_request_add(struct request *r, struct block *b);
void cache_request_submit(struct request *r, enum blkdev_kind kind, void (*done)(struct waiter *w));

/* -- read.c -- */

/* Reads op's block, which is absent, and those behind it; op waits then. false: there is no room. */
bool cache_read_for(struct cache *c, struct cache_get *op);

/* -- write.c -- */

/* The holder that has changed b has put it. */
void cache_changed(struct block *b);
/* Starts the writes and flushes that are due, and settles syncs. */
void cache_write_back(struct cache *c);
void cache_on_time(struct timer *t);

/* -- get.c -- */

/* Serves the gets that wait for b, or lets them wait for room. */
void cache_wake(struct block *b);
/* Fails the gets that wait for b. */
void cache_refuse(struct block *b, int error);
/* To be called when a block or request becomes free, or a write has ended: continues all that waited. */
void cache_drive(struct cache *c);
void cache_let_go(struct storage *s);

#endif
