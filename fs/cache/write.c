/* SPDX-License-Identifier: ISC */
/* Writing back, by epochs: all of an epoch's blocks are written, and flushed if the device has a cache,
 * before the first of the next. A block that is changed meanwhile is copied first (get.c), so that the device
 * sees each epoch as it was.
 *
 * Blocks are written when a sync or the timer wants their epoch on the medium (target), when a get waits for
 * room, and when half of all blocks are dirty. If a write fails, all changes of its epoch and of later ones
 * are dropped: a block that depends on a lost one must not reach the medium without it. */
#include <errno.h>

#include "fs/cache/cache_priv.h"

void cache_barrier(struct cache *c)
{
	c->epoch++;
}

void cache_changed(struct block *b)
{
	struct cache *c = b->cache;

	b->state = BLOCK_DIRTY;
	b->epoch = c->epoch;
	if (!b->oldest)
		b->oldest = c->epoch;
	else if (b->oldest <= c->target)
		c->target = c->epoch++; /* a sync waits for its earlier change */
	list_push_back(&c->dirty, &b->link);
	c->dirty_count++;
	if (!timer_is_running(&c->timer))
		timer_start_in(&c->timer, c->config.write_back_ns);
}

void cache_on_time(struct timer *t)
{
	struct cache *c = container_of(t, struct cache, timer);

	c->target = c->epoch++;
	cache_drive(c);
}

/* -- lost changes -- */

static void note_error(struct cache *c, int error)
{
	c->is_losing = true;
	if (!c->error)
		c->error = error;
}

/* Drops all changes, once the device has none of our writes any more. Pending syncs fail; if they do not
 * cover every lost change, the next sync fails, too. */
static void lose_changes(struct cache *c)
{
	bool is_told = !list_is_empty(&c->syncs);
	uint64_t told = is_told ? list_entry(c->syncs.prev, struct cache_sync, link)->upto : 0;
	struct list *item;

	for (uint32_t i = 0; i < c->config.blocks; i++) {
		struct block *b = &c->blocks[i];

		if (b->state != BLOCK_DIRTY && b->state != BLOCK_CHANGING)
			continue;
		is_told = is_told && b->oldest && b->oldest <= told;
		cache_drop(b);
		cache_wake(b);
	}
	c->dirty_count = 0;
	while ((item = list_pop_front(&c->syncs)))
		promise_fail(&list_entry(item, struct cache_sync, link)->promise, c->error);
	c->target = c->durable;
	c->is_losing = false;
	if (is_told)
		c->error = 0;
}

/* -- flushing -- */

static void on_flushed(struct waiter *w)
{
	struct cache *c = container_of(w, struct request, waiter)->cache;

	c->busy--;
	c->is_flushing = false;
	if (c->flush.op.promise.error)
		note_error(c, c->flush.op.promise.error);
	else
		c->is_unflushed = false;
	cache_drive(c);
}

static void flush(struct cache *c)
{
	c->is_flushing = true;
	cache_request_submit(&c->flush, BLKDEV_FLUSH, on_flushed);
}

/* -- writing -- */

static void on_written(struct waiter *w)
{
	struct request *r = container_of(w, struct request, waiter);
	struct cache *c = r->cache;
	int error = r->op.promise.error;
	struct list *item;

	c->busy--;
	c->round += --c->writing == 0;
	if (error)
		note_error(c, error);
	if (c->dev->features & BLKDEV_CACHES)
		c->is_unflushed = true;
	while ((item = list_pop_front(&r->blocks))) {
		struct block *b = list_entry(item, struct block, link);

		if (error || !b->is_current) {
			cache_drop(b);
		} else {
			b->state = BLOCK_CLEAN;
			b->oldest = 0;
			cache_rest(b);
		}
		c->stats.written += !error;
	}
	cache_request_free(r);
	cache_drive(c);
}

static bool can_be_written(const struct cache *c, const struct block *b)
{
	return b && b->state == BLOCK_DIRTY && b->epoch == c->written && b->copied_in != c->round;
}

/* The first block of the run that b lies in, so far as one request reaches. */
static struct block *run_start(const struct cache *c, struct block *b)
{
	for (uint32_t i = 1; i < c->batch && b->is_current && b->number; i++) {
		struct block *before = cache_find(c, b->number - 1);

		if (!can_be_written(c, before))
			break;
		b = before;
	}
	return b;
}

static void write_run(struct cache *c, struct request *r, struct block *b)
{
	b = run_start(c, b);
	do {
		list_remove(&b->link);
		c->dirty_count--;
		b->state = BLOCK_WRITING;
		cache_request_add(r, b);
		b = cache_find(c, b->number + 1);
	} while (r->op.count < c->batch && can_be_written(c, b));
	c->writing++;
	cache_request_submit(r, BLKDEV_WRITE, on_written);
}

static bool is_wanted(const struct cache *c, const struct block *b)
{
	return b->epoch <= c->target || !list_is_empty(&c->waiting) || c->dirty_count > c->config.blocks / 2;
}

/* Advances to the epoch of b, the oldest change. false: not yet possible. */
static bool turn_to_epoch_of(struct cache *c, const struct block *b)
{
	if (b->epoch == c->written)
		return true;
	if (c->writing)
		return false;
	if (c->is_unflushed) {
		flush(c);
		return false;
	}
	c->written = b->epoch;
	return true;
}

static void write_dirty(struct cache *c)
{
	while (!c->is_flushing && !list_is_empty(&c->dirty)) {
		struct block *b = list_first(&c->dirty, struct block, link);
		struct request *r;

		if (!is_wanted(c, b) || !turn_to_epoch_of(c, b) || !can_be_written(c, b))
			return;
		r = cache_request(c, false);
		if (!r)
			return;
		write_run(c, r, b);
	}
}

/* -- syncing -- */

/* Epochs up to this one are written, though perhaps not flushed. */
static uint64_t written_upto(const struct cache *c)
{
	uint64_t first = c->epoch;

	for (uint32_t i = 0; i < c->config.blocks; i++)
		if (c->blocks[i].oldest)
			first = MIN(first, c->blocks[i].oldest);
	return first - 1;
}

static void settle_syncs(struct cache *c)
{
	uint64_t upto;

	if (c->target <= c->durable || c->is_flushing)
		return;
	upto = written_upto(c);
	if (c->is_unflushed) {
		if (upto >= c->target && !c->writing)
			flush(c);
		return;
	}
	c->durable = upto;
	while (!list_is_empty(&c->syncs)) {
		struct cache_sync *op = list_first(&c->syncs, struct cache_sync, link);

		if (op->upto > upto)
			break;
		list_remove(&op->link);
		promise_fulfil(&op->promise, 0);
	}
}

void cache_write_back(struct cache *c)
{
	if (!c->is_losing) {
		settle_syncs(c);
		write_dirty(c);
	} else if (!c->writing) {
		lose_changes(c);
	}
}

static void cancel(struct promise *p)
{
	struct cache_sync *op = container_of(p, struct cache_sync, promise);

	list_remove(&op->link);
	promise_fail(p, -ECANCELED);
}

void cache_sync(struct cache *c, struct cache_sync *op)
{
	op->cache = c;
	if (c->error && !c->is_losing) {
		promise_throw(&op->promise, c->error);
		c->error = 0;
		return;
	}
	promise_init(&op->promise, cancel);
	op->upto = c->target = c->epoch++;
	list_push_back(&c->syncs, &op->link);
	cache_drive(c);
}
