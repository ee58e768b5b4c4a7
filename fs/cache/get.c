/* SPDX-License-Identifier: ISC */
/* Giving blocks out, and taking them back. A get that cannot be served waits: at the block that is being
 * read or changed, or for room. Settling calls no waiter, so nothing here is re-entered. */
#include <errno.h>
#include <string.h>

#include "fs/cache/cache_priv.h"

static bool can_be_shown(const struct block *b)
{
	return b->state == BLOCK_CLEAN || b->state == BLOCK_DIRTY || b->state == BLOCK_WRITING;
}

static void give(struct cache_get *op, struct block *b)
{
	cache_hold(b);
	op->block = &b->shown;
	promise_fulfil(&op->promise, 0);
}

/* A new version of old, to be changed. NULL: there is no room. */
static struct block *copy(struct block *old, bool with_content)
{
	struct cache *c = old->cache;
	struct block *b = cache_insert_version(old);

	if (!b)
		return NULL;
	if (with_content)
		memcpy(b->shown.data, old->shown.data, old->shown.len);
	/* The device may reorder two writes of the same sectors, so this version waits for the next round. */
	b->copied_in = old->state == BLOCK_WRITING ? c->round : old->copied_in;
	if (old->state == BLOCK_DIRTY && old->epoch == c->epoch) {
		c->dirty_count--;
		b->oldest = old->oldest;
		cache_drop(old);
	} else if (old->state == BLOCK_CLEAN) {
		cache_drop(old);
	}
	return b;
}

/* b has no readers, and no other epoch's version of it is to be written. */
static bool can_change_in_place(const struct block *b)
{
	return !b->shown.storage.refs &&
	       (b->state == BLOCK_CLEAN || (b->state == BLOCK_DIRTY && b->epoch == b->cache->epoch));
}

/* b: the current block, or NULL when op fills one that is absent. false: there is no room. */
static bool change(struct cache *c, struct cache_get *op, struct block *b)
{
	if (!b) {
		b = cache_insert(c, op->number, true);
	} else if (!can_change_in_place(b)) {
		b = copy(b, op->mode == CACHE_CHANGE);
	} else {
		c->dirty_count -= b->state == BLOCK_DIRTY;
		list_remove(&b->link);
	}
	if (!b)
		return false;
	b->state = BLOCK_CHANGING;
	if (op->mode == CACHE_FILL)
		memset(b->shown.data, 0, BLOCK_BYTES);
	give(op, b);
	return true;
}

/* Constant false without FS_CACHE_WRITE, so that the compiler drops the writing. */
static bool is_change(const struct cache_get *op)
{
	return IS_ENABLED(CONFIG_FS_CACHE_WRITE) && op->mode != CACHE_READ;
}

/* Serves op, which is in no list, or lets it wait at its block. false: there is no room for it now. */
static bool serve(struct cache *c, struct cache_get *op)
{
	struct block *b = cache_find(c, op->number);

	if (is_change(op) && c->error)
		promise_fail(&op->promise, c->error);
	else if (b && !can_be_shown(b))
		list_push_back(&b->gets, &op->link);
	else if (is_change(op) && (b || op->mode == CACHE_FILL))
		return change(c, op, b);
	else if (b)
		give(op, b);
	else
		return cache_read_for(c, op);
	return true;
}

/* Stops at the present last: a get that is served may wait for b again, behind it. */
void cache_wake(struct block *b)
{
	struct list *last = b->gets.prev, *item = NULL;

	if (list_is_empty(&b->gets))
		return;
	while (item != last) {
		item = list_pop_front(&b->gets);
		if (!serve(b->cache, list_entry(item, struct cache_get, link)))
			list_push_back(&b->cache->waiting, item);
	}
}

void cache_refuse(struct block *b, int error)
{
	struct list *item;

	while ((item = list_pop_front(&b->gets)))
		promise_fail(&list_entry(item, struct cache_get, link)->promise, error);
}

static void serve_waiting(struct cache *c)
{
	struct list *item;

	while ((item = list_pop_front(&c->waiting))) {
		if (!serve(c, list_entry(item, struct cache_get, link))) {
			list_push_front(&c->waiting, item);
			return;
		}
	}
}

void cache_drive(struct cache *c)
{
	struct list *item;

	serve_waiting(c);
	if (IS_ENABLED(CONFIG_FS_CACHE_WRITE)) {
		cache_write_back(c);
		serve_waiting(c); /* lost changes have made room */
	}
	/* The device is idle, so only callers could make room, by putting blocks. */
	while (!c->busy && (item = list_pop_front(&c->waiting))) {
		promise_fail(&list_entry(item, struct cache_get, link)->promise, -ENOBUFS);
		serve_waiting(c);
	}
}

void cache_let_go(struct storage *s)
{
	struct block *b = container_of(s, struct block, shown.storage);

	if (IS_ENABLED(CONFIG_FS_CACHE_WRITE) && b->state == BLOCK_CHANGING) {
		cache_changed(b);
		cache_wake(b);
		cache_drive(b->cache);
		return;
	}
	cache_rest(b);
	if (!list_is_empty(&b->cache->waiting))
		cache_drive(b->cache);
}

static void cancel(struct promise *p)
{
	struct cache_get *op = container_of(p, struct cache_get, promise);

	list_remove(&op->link);
	promise_fail(p, -ECANCELED);
}

struct cache_block *cache_peek(struct cache *c, uint64_t number)
{
	struct block *b = cache_find(c, number);

	if (!b || !can_be_shown(b))
		return NULL;
	c->stats.hits++;
	cache_hold(b);
	return &b->shown;
}

void cache_get_ahead(struct cache *c, struct cache_get *op, uint64_t number, enum cache_mode mode,
                     uint32_t ahead)
{
	bool is_there;

	op->cache = c;
	op->number = number;
	op->mode = mode;
	op->ahead = ahead;
	op->block = mode == CACHE_READ ? cache_peek(c, number) : NULL;
	if (op->block) {
		promise_return(&op->promise, 0);
		return;
	}
	if (number >= c->number_end || (mode != CACHE_READ && blkdev_is_read_only(c->dev))) {
		promise_throw(&op->promise, number >= c->number_end ? -EINVAL : -EROFS);
		return;
	}
	is_there = cache_find(c, number);
	if (mode != CACHE_FILL)
		*(is_there ? &c->stats.hits : &c->stats.misses) += 1;
	promise_init(&op->promise, cancel);
	/* A get that needs room does not overtake those that wait for it. */
	if ((!is_there && !list_is_empty(&c->waiting)) || !serve(c, op)) {
		list_push_back(&c->waiting, &op->link);
		cache_drive(c);
	}
}
