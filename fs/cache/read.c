/* SPDX-License-Identifier: ISC */
/* Reading: one block for somebody who waits, or many for a hint. When the many cannot be read, those that
 * somebody waits for are tried again by themselves: one bad sector fails nobody else. */
#include <errno.h>

#include "fs/cache/cache_priv.h"

static void on_read(struct waiter *w)
{
	struct request *r = container_of(w, struct request, waiter);
	struct cache *c = r->cache;
	int error = r->op.promise.error;
	bool is_alone = r->op.count == 1;
	struct list *item;

	c->busy--;
	while ((item = list_pop_front(&r->blocks))) {
		struct block *b = list_entry(item, struct block, link);

		if (!error) {
			b->state = BLOCK_CLEAN;
			cache_rest(b);
			cache_wake(b);
		} else {
			cache_drop(b);
			if (is_alone)
				cache_refuse(b, error);
			else
				cache_wake(b);
		}
	}
	cache_request_free(r);
	cache_drive(c);
}

/* Adds number to what r reads. NULL: there is no room. */
static struct block *add(struct request *r, uint64_t number, bool is_awaited)
{
	struct block *b = cache_insert(r->cache, number, is_awaited);

	if (b) {
		b->state = BLOCK_READING;
		cache_request_add(r, b);
	}
	return b;
}

bool cache_read_for(struct cache *c, struct cache_get *op)
{
	struct request *r = cache_request(c, true);
	struct block *b = r ? add(r, op->number, true) : NULL;

	if (!b) {
		if (r)
			cache_request_free(r);
		return false;
	}
	list_push_back(&b->gets, &op->link);
	cache_request_submit(r, BLKDEV_READ, on_read);
	return true;
}

/* Reads what is absent from number on, up to end, in one request. Gives how many blocks it has room for. */
static uint32_t read_run(struct cache *c, uint64_t number, uint64_t end)
{
	struct request *r = cache_request(c, false);
	uint32_t count = 0;
	struct block *b;

	if (!r)
		return 0;
	while (number < end && count < c->batch && !cache_find(c, number)) {
		b = add(r, number++, false);
		if (!b)
			break;
		b->is_unused = true;
		count++;
	}
	c->stats.read_ahead += count;
	if (count)
		cache_request_submit(r, BLKDEV_READ, on_read);
	else
		cache_request_free(r);
	return count;
}

/* No more than a part of the cache, or it would throw out what it has just read. */
uint32_t cache_read_ahead(struct cache *c, uint64_t number, uint32_t count)
{
	uint32_t most = MIN(count, MAX(c->config.blocks / 4, 1u)), done = 0, step = 1;

	if (number >= c->number_end)
		return 0;
	most = (uint32_t)MIN((uint64_t)most, c->number_end - number);
	for (; done < most && step; done += step)
		step = cache_find(c, number + done) ? 1 : read_run(c, number + done, number + most);
	return done;
}
