/* SPDX-License-Identifier: ISC */
/* Requests to the device: consecutive blocks, each a slice. */
#include "fs/cache/cache_priv.h"

struct request *cache_request(struct cache *c, bool is_awaited)
{
	struct list *item;

	if (c->requests_free < (is_awaited ? 1 : 2))
		return NULL;
	c->requests_free--;
	item = list_pop_front(&c->requests);
	return list_entry(item, struct request, link);
}

void cache_request_free(struct request *r)
{
	r->op.count = 0;
	r->cache->requests_free++;
	list_push_back(&r->cache->requests, &r->link);
}

void cache_request_add(struct request *r, struct block *b)
{
	assert_debug(r->op.count < r->cache->batch);
	list_push_back(&r->blocks, &b->link);
	r->slices[r->op.count++] = (struct blkdev_slice){ b->shown.data, b->shown.len };
}

void cache_request_submit(struct request *r, enum blkdev_kind kind, void (*done)(struct waiter *w))
{
	struct cache *c = r->cache;
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < r->op.count; i++)
		bytes += r->slices[i].len;
	r->op.kind = kind;
	r->op.sectors = bytes / c->dev->sector_bytes;
	r->op.sector = bytes ? list_first(&r->blocks, struct block, link)->number * c->block_sectors : 0;
	r->op.slices = r->slices;
	c->busy++;
	blkdev_submit(c->dev, &r->op);
	promise_wait(&r->op.promise, &r->waiter, done);
}
