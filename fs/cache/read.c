/* SPDX-License-Identifier: ISC */
/* Reading: consecutive blocks, for a get that waits for the first of them, or for a hint. If a request fails,
 * each of its blocks that a get waits for is read again alone: one bad sector fails only its own block. */
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

/* Adds block number to r. NULL: there is no room. */
static struct block *add(struct request *r, uint64_t number, bool is_awaited)
{
	struct block *b = cache_insert(r->cache, number, is_awaited);

	if (b) {
		b->state = BLOCK_READING;
		cache_request_add(r, b);
	}
	return b;
}

/* Reads the absent blocks from number on, up to end, in one request; op waits for the first of them; NULL:
 * for a hint. Gives how many blocks there is room for. */
static uint32_t read_run(struct cache *c, uint64_t number, uint64_t end, struct cache_get *op)
{
	struct request *r = cache_request(c, op);
	uint32_t count = 0;
	struct block *b;

	if (!r)
		return 0;
	for (; number < end && count < c->batch && !cache_find(c, number); count++) {
		b = add(r, number++, op);
		if (!b)
			break;
		c->stats.read_ahead += !op;
		if (op) {
			op->ahead = 0; /* if this fails, the block is read again alone */
			list_push_back(&b->gets, &op->link);
		}
		op = NULL;
	}
	if (count)
		cache_request_submit(r, BLKDEV_READ, on_read);
	else
		cache_request_free(r);
	return count;
}

/* How many of the blocks from number on a hint may bring. All of them, up to a quarter of the cache, or none:
 * a device wants large requests. Too many hinted blocks would evict those in use, and the readers of several
 * files would evict each other's before they use them. */
static uint32_t hinted_blocks(const struct cache *c, uint64_t number, uint64_t count)
{
	count = MIN(MIN(count, c->config.blocks / 4), c->number_end - number);
	return count + c->ranks[BLOCK_HINTED].count <= cache_hinted_max(c) ? (uint32_t)count : 0;
}

/* Reads at least a few blocks behind op's: a reader whose hints are refused, because others have left theirs
 * unused, must not need a request for each block. */
bool cache_read_for(struct cache *c, struct cache_get *op)
{
	uint64_t behind = op->number + 1;
	uint32_t few = MIN(op->ahead, 1 + c->config.blocks / 64), count = hinted_blocks(c, behind, op->ahead);

	return read_run(c, op->number, MIN(behind + MAX(count, few), c->number_end), op);
}

uint32_t cache_read_ahead(struct cache *c, uint64_t number, uint32_t count)
{
	uint64_t end = MIN(number + count, c->number_end);
	uint32_t done = 0, step = 1;

	while (number + done < end && cache_find(c, number + done))
		done++;
	if (number + done >= end)
		return done;
	end = number + done + hinted_blocks(c, number + done, count - done);
	for (; number + done < end && step; done += step)
		step = cache_find(c, number + done) ? 1 : read_run(c, number + done, end, NULL);
	return done;
}
