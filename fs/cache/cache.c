/* SPDX-License-Identifier: ISC */
/* The block cache: creation and destruction. All memory is taken here: for the blocks' data, and for their
 * descriptors. */
#include <errno.h>

#include "fs/cache/cache_priv.h"
#include "kernel/instance.h"
#include "kernel/page.h"

static size_t data_pages(const struct cache *c)
{
	return ((size_t)c->config.blocks * BLOCK_BYTES + PAGE_BYTES - 1) / PAGE_BYTES;
}

/* Blocks, table, requests, slices. */
LIMIT_BYTES(FS_CACHE_BLOCKS, BLOCK_BYTES, 4096);
LIMIT_BYTES(FS_CACHE_READ_AHEAD, sizeof(struct blkdev_slice), 16);
LIMIT_BYTES(FS_CACHE_REQUESTS, sizeof(struct request), 160);

static size_t known_bytes(const struct cache *c)
{
	size_t requests = c->config.requests;

	return c->config.blocks * sizeof(*c->blocks) + (sizeof(*c->table) << c->table_bits) +
	       requests * (sizeof(*c->request_memory) + c->batch * sizeof(struct blkdev_slice));
}

static void make_blocks(struct cache *c)
{
	for (uint32_t i = 0; i < c->config.blocks; i++) {
		struct block *b = &c->blocks[i];

		b->shown.storage.free = cache_let_go;
		b->shown.data = c->data + (size_t)i * BLOCK_BYTES;
		b->cache = c;
		list_init(&b->gets);
		list_push_back(&c->free, &b->link);
	}
}

static void make_requests(struct cache *c)
{
	struct blkdev_slice *slices = (struct blkdev_slice *)(c->request_memory + c->config.requests);

	for (uint32_t i = 0; i < c->config.requests; i++) {
		struct request *r = &c->request_memory[i];

		r->cache = c;
		r->slices = slices + (size_t)i * c->batch;
		list_init(&r->blocks);
		list_push_back(&c->requests, &r->link);
	}
	c->requests_free = c->config.requests;
	c->flush.cache = c;
	list_init(&c->flush.blocks);
}

static void make_lists(struct cache *c)
{
	struct list *const lists[] = {
		&c->free, &c->waiting, &c->requests, &c->dirty, &c->syncs,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		list_init(lists[i]);
	for (size_t i = 0; i < ARRAY_SIZE(c->ranks); i++)
		list_init(&c->ranks[i].blocks);
	c->ranks[BLOCK_RECENT].count = c->config.blocks;
}

/* Computes the sizes that follow from the device and the configuration. */
static int measure(struct cache *c, struct blkdev *dev)
{
	uint64_t bytes = dev->sectors * dev->sector_bytes;

	assert(c->config.blocks >= 4 && c->config.read_ahead >= 1 && c->config.requests >= 2);
	if (dev->sector_bytes > BLOCK_BYTES || BLOCK_BYTES % dev->sector_bytes)
		return -EINVAL;
	c->dev = dev;
	c->block_sectors = BLOCK_BYTES / dev->sector_bytes;
	c->batch = MIN(dev->sectors_max / c->block_sectors, MIN(dev->slices_max, c->config.read_ahead));
	if (!c->batch || !dev->sectors || dev->sectors > UINT64_MAX / dev->sector_bytes)
		return -EINVAL;
	c->number_end = (bytes - 1) / BLOCK_BYTES + 1;
	c->last_bytes = (uint32_t)((bytes - 1) % BLOCK_BYTES + 1);
	while ((UINT32_C(1) << c->table_bits) < c->config.blocks && c->table_bits < 31)
		c->table_bits++;
	return 0;
}

static int take_memory(struct cache *c)
{
	c->data = page_alloc(data_pages(c), false);
	c->blocks = instance_alloc(known_bytes(c));
	if (!c->data || !c->blocks)
		return -ENOMEM;
	c->table = (struct block **)(c->blocks + c->config.blocks);
	c->request_memory = (struct request *)(c->table + ((size_t)1 << c->table_bits));
	return 0;
}

static void free_memory(struct cache *c)
{
	if (c->data)
		page_free(c->data, data_pages(c));
	instance_free(c->blocks, known_bytes(c));
	instance_free(c, sizeof(*c));
}

int cache_create(struct cache **out, struct blkdev *dev, const struct cache_config *config)
{
	struct cache *c = instance_alloc(sizeof(*c));
	int error;

	if (!c)
		return -ENOMEM;
	c->config = *config;
	error = measure(c, dev);
	if (!error)
		error = take_memory(c);
	if (error) {
		free_memory(c);
		return error;
	}
	make_lists(c);
	make_blocks(c);
	make_requests(c);
	c->epoch = 1;
	c->round = 1;
	if (IS_ENABLED(CONFIG_FS_CACHE_WRITE))
		timer_init(&c->timer, cache_on_time);
	*out = c;
	return 0;
}

void cache_destroy(struct cache *c)
{
	assert(!c->busy && !c->dirty_count && list_is_empty(&c->waiting) && list_is_empty(&c->syncs));
	for (uint32_t i = 0; i < c->config.blocks; i++) {
		assert(!c->blocks[i].shown.storage.refs);
		c->ranks[c->blocks[i].rank].count--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(c->ranks); i++)
		assert(!c->ranks[i].count);
	if (IS_ENABLED(CONFIG_FS_CACHE_WRITE))
		timer_stop(&c->timer);
	free_memory(c);
}

void cache_stats(const struct cache *c, struct cache_stats *out)
{
	*out = c->stats;
	out->blocks = c->config.blocks;
	for (uint32_t i = 0; i < c->config.blocks; i++) {
		const struct block *b = &c->blocks[i];

		out->held += b->shown.storage.refs > 0;
		out->dirty += b->state == BLOCK_DIRTY || b->state == BLOCK_WRITING;
	}
}
