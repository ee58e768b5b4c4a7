/* SPDX-License-Identifier: ISC */
/* What the files of the block cache share.
 *
 * A number has one current block at most, which the table finds. Where that is changed while others look at
 * it, or when an older epoch's version of it is still to be written, the change goes to a copy, which is
 * current from then on. The old one is written if its epoch is another, and lives until its holders let go.
 *
 *      free ──▶ READING ──▶ CLEAN ◀────────────┐ written
 *        │                   │  ▲              │
 *        └──▶ CHANGING ◀─────┘  └── evicted    │
 *                │  ▲ in the same epoch        │
 *       let go   ▼  │                          │
 *              DIRTY ───────────────────▶ WRITING
 *
 * The count in storage is of the holders alone: the cache itself has none, and hears from storage's free
 * that the last of them has let go. */
#ifndef FS_CACHE_CACHE_PRIV_H
#define FS_CACHE_CACHE_PRIV_H

#include "fs/cache.h"
#include "kernel/timer.h"

#define BLOCK_BYTES CONFIG_FS_CACHE_BLOCK_BYTES
static_assert((BLOCK_BYTES & (BLOCK_BYTES - 1)) == 0, "a block is a power of two");

enum block_state {
	BLOCK_FREE,     /* in free */
	BLOCK_READING,  /* a request fills it; who wants it waits in gets */
	BLOCK_CLEAN,    /* as on the device; in the list of its rank while nobody holds it */
	BLOCK_CHANGING, /* somebody changes it; who else wants it waits in gets */
	BLOCK_DIRTY,    /* in dirty */
	BLOCK_WRITING,  /* a request writes it */
	BLOCK_ORPHAN,   /* nobody can find it any more; free once its holders let go */
};

/* How much a block is worth. */
enum block_rank {
	BLOCK_RECENT,
	BLOCK_HINTED, /* nobody has asked for it yet */
	BLOCK_PROVEN, /* has been asked for again, after its stretch (block.c) */
};

struct block {
	struct cache_block shown; /* first */
	struct cache *cache;
	struct block *next; /* in the table */
	struct list link;
	struct list gets;   /* struct cache_get that wait for it */
	uint64_t number;
	uint64_t epoch;     /* in which it was changed last: DIRTY, WRITING */
	uint64_t oldest;    /* in which it was first changed of what is not yet written; 0: all is */
	uint64_t copied_in; /* the round of writes that an older version of it may be a part of */
	uint64_t born;      /* what inserted was when it came, or was first used */
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
		struct list blocks; /* those that are CLEAN and nobody holds, in the order in which they came here */
		size_t count;       /* all of this rank */
	} ranks[BLOCK_PROVEN + 1];
	uint64_t inserted;

	/* Who waits for room: for a block, or for a request to read it with. */
	struct list waiting;

	/* request.c */
	struct request *request_memory;
	struct list requests;
	uint32_t requests_free;
	uint32_t busy;         /* requests that the device has, flushes included */

	/* write.c */
	struct list dirty;     /* in the order in which they were let go, so that epochs ascend */
	size_t dirty_count;
	uint64_t epoch;        /* of what is let go now; from 1 */
	uint64_t written;      /* the epoch that is being written, or was last */
	uint32_t writing;      /* requests of it */
	uint64_t round;        /* counts how often writing has come to 0 */
	struct request flush;
	bool is_flushing;
	bool is_unflushed;     /* something was written since the last flush, which the device may lose */
	uint64_t target;       /* epochs up to this one are to be on the medium now */
	uint64_t durable;      /* and up to this one they are */
	int error;             /* of a write or flush, which no sync has told of yet */
	bool is_losing;        /* it is new: what was changed is to be forgotten */
	struct list syncs;     /* upto ascends */
	struct timer timer;    /* of the first change that nothing else drives to the device */

	struct cache_stats stats;
};

/* -- block.c: finding blocks, and which of them makes room -- */

struct block *cache_find(const struct cache *c, uint64_t number);
/* So many blocks at most come by hints before somebody asks for them. */
size_t cache_hinted_max(const struct cache *c);
/* A block for number, which is absent, in the table; its content is anything. Its rank is HINTED where
 * nobody waits for it. NULL: all are held, or have something to be written, or for what nobody waits for,
 * are proven. */
struct block *cache_insert(struct cache *c, uint64_t number, bool is_awaited);
/* As cache_insert, in the place of old, which the table finds no longer then. */
struct block *cache_insert_version(struct block *old);
/* The table finds b no longer. */
void cache_hide(struct block *b);
/* Somebody has asked for b, and holds it now. */
void cache_hold(struct block *b);
/* b is CLEAN now, or nobody holds it any longer: puts it where it can be taken from again, if it can. */
void cache_rest(struct block *b);
/* b's content is of no use: the table finds it no longer, and it is free once nobody holds it. */
void cache_drop(struct block *b);

/* -- request.c -- */

/* NULL: all are with the device, or for what nobody waits for, all but one. */
struct request *cache_request(struct cache *c, bool is_awaited);
void cache_request_free(struct request *r);
/* b comes next after those that it has. */
void cache_request_add(struct request *r, struct block *b);
void cache_request_submit(struct request *r, enum blkdev_kind kind, void (*done)(struct waiter *w));

/* -- read.c -- */

/* Reads op's block, which is absent, and what lies behind it; op waits then. false: there is no room. */
bool cache_read_for(struct cache *c, struct cache_get *op);

/* -- write.c -- */

/* Whoever has changed b has let go of it. */
void cache_changed(struct block *b);
/* Begins what is to be written or flushed now, and settles syncs. */
void cache_write_back(struct cache *c);
void cache_on_time(struct timer *t);

/* -- get.c -- */

/* Serves those who wait for b, or lets them wait for room. */
void cache_wake(struct block *b);
/* Those who wait for b fail. */
void cache_refuse(struct block *b, int error);
/* Something has become free or been written: whoever waited for it goes on. */
void cache_drive(struct cache *c);
void cache_let_go(struct storage *s);

#endif
