/* SPDX-License-Identifier: ISC */
/* kv_read: pieces of a file as the cache has them, uncopied. The operation's cursor remembers a run, clusters
 * of the file that lie together on the device, and how far has been read ahead:
 *
 *   file       │ 0 1 2 … index ··············· index + count │ …
 *   device                cluster ······ cluster + count
 *
 * Nothing is read ahead before a block was absent: a file that is in the cache whole costs a look at each of
 * its blocks, and none at the table where one cluster holds it. */
#include <errno.h>

#include "fs/fat/fat_priv.h"

struct cursor {
	uint32_t index, cluster, count; /* count 0: at the start */
	bool is_whole;                  /* what comes next in the file lies elsewhere */
	uint64_t ahead;                 /* blocks of the device before this one were asked for; 0: none were */
};
static_assert(sizeof(struct cursor) <= sizeof(((struct kv_read *)0)->cursor), "room in the operation");

/* Whoever reads on has a step more read ahead when he has come so near to what was asked for: the device
 * does that while he goes through the step before ("make bench", disk). */
#define AHEAD_STEP MIN(CONFIG_FS_CACHE_READ_AHEAD, CONFIG_FS_CACHE_BLOCKS / 4)
#define AHEAD (AHEAD_STEP + AHEAD_STEP / 4)

/* What an operation gives, and what is read ahead of it. */
#define RUN_BLOCKS (KV_READ_SLICES + AHEAD + AHEAD_STEP)

/* Makes the run begin with cluster number index of the file, which is not before it. */
static int move(struct fat_task *t, struct cursor *c, uint32_t index)
{
	struct fat_chain chain;
	int error;

	fat_chain_begin(&chain, c->cluster + c->count - 1);
	error = fat_chain_walk(t, &chain, index - (c->index + c->count - 1));
	/* What has been walked is not walked again. */
	c->index += c->count - 1 + chain.index;
	c->cluster = chain.cluster;
	c->count = 1;
	c->is_whole = false;
	return error;
}

/* Makes the run count clusters long, or as many as lie together. That these are all is remembered: who has
 * waited for a block of the file need not have one of the table, too, which may have made room for it. */
static int lengthen(struct fat_task *t, struct cursor *c, uint32_t count)
{
	struct fat_chain chain;
	int error;

	fat_chain_begin(&chain, c->cluster + c->count - 1);
	error = fat_chain_run(t, &chain, count - c->count);
	c->count += chain.index;
	c->is_whole = error == -ENODATA;
	return c->is_whole ? 0 : error;
}

/* Finds the run that the file's byte offset lies in. */
static int find_run(struct fat_task *t, struct kv_read *op, struct cursor *c)
{
	uint32_t shift = t->fat->geometry.cluster_shift, index = (uint32_t)(op->offset >> shift);
	uint32_t wanted = fat_clusters_of(t->fat, (uint64_t)RUN_BLOCKS * FAT_BLOCK_BYTES) + 1, rest;
	int error = 0;

	if (!c->count || index < c->index)
		*c = (struct cursor){ .cluster = (uint32_t)op->entry->place[1], .count = 1 };
	if (index >= c->index + c->count)
		error = move(t, c, index);
	/* Who reads on does not look at the table each time. */
	rest = fat_clusters_of(t->fat, op->entry->size) - c->index;
	if (!error && !c->is_whole && c->count < index - c->index + wanted)
		error = lengthen(t, c, MIN(rest, index - c->index + wanted + MIN(c->count, 8 * wanted)));
	if (error == -ENODATA)
		return fat_damaged(t->fat, "a file's chain is shorter than the file", c->cluster);
	return error;
}

/* The run is read at block number and ends before block end. */
static void read_ahead(struct fat *fat, struct cursor *c, uint64_t number, uint64_t end)
{
	if (c->ahead < number || c->ahead > number + RUN_BLOCKS)
		c->ahead = number;
	end = MIN(end, c->ahead + AHEAD_STEP);
	if (c->ahead < end && c->ahead <= number + AHEAD)
		c->ahead += cache_read_ahead(fat->cache, c->ahead, (uint32_t)(end - c->ahead));
}

static void add_slice(struct kv_read *op, struct cache_block *b, uint32_t offset, uint32_t len)
{
	op->slices[op->count++] = (struct slice){ b->data + offset, len, &b->storage };
}

/* Gives the promise's result: the bytes of place to end of the device, as many as there are slices and blocks
 * for. */
static intptr_t gather(struct fat_task *t, struct kv_read *op, uint64_t place, uint64_t end)
{
	struct cursor *c = (struct cursor *)op->cursor;
	uint64_t run_end = fat_cluster_place(&t->fat->geometry, c->cluster + c->count);
	uint64_t number = place / FAT_BLOCK_BYTES, start = place, last = (run_end - 1) / FAT_BLOCK_BYTES;
	uint32_t offset, len;
	struct cache_block *b;
	int error;

	if (c->ahead)
		read_ahead(t->fat, c, number, last + 1);
	while (place < end && op->count < KV_READ_SLICES) {
		b = t->get.block ? NULL : cache_peek(t->fat->cache, number);
		if (!b && op->count)
			break;
		if (!b) {
			if (!c->ahead)
				read_ahead(t->fat, c, number, last + 1);
			error = fat_block(t, number, (uint32_t)MIN(last - number, (uint64_t)RUN_BLOCKS), &b);
			if (error)
				return error;
		}
		offset = (uint32_t)(place % FAT_BLOCK_BYTES);
		len = (uint32_t)MIN((uint64_t)(FAT_BLOCK_BYTES - offset), end - place);
		if (offset + len > b->len) {
			cache_put(b);
			break;
		}
		add_slice(op, b, offset, len);
		place += len;
		number++;
	}
	return place > start ? (intptr_t)(place - start) : -EIO;
}

static intptr_t step(struct fat_task *t)
{
	struct kv_read *op = container_of(t, struct kv_read, own);
	const struct kv_entry *e = op->entry;
	const struct fat_geometry *g = &t->fat->geometry;
	struct cursor *c = (struct cursor *)op->cursor;
	uint64_t place, run_end;
	uint32_t shift = g->cluster_shift;
	int error;

	if (fat_is_stale(t->fat, e->place[0], (uint32_t)(e->place[1] >> 32)))
		return -ESTALE;
	if (op->offset >= e->size || !op->max)
		return 0;
	error = find_run(t, op, c);
	if (error)
		return error;
	place = fat_cluster_place(g, c->cluster) + (op->offset - ((uint64_t)c->index << shift));
	run_end = fat_cluster_place(g, c->cluster + c->count);
	return gather(t, op, place, place + MIN(MIN((uint64_t)op->max, e->size - op->offset), run_end - place));
}

static void cancel(struct promise *p)
{
	fat_task_cancel((struct fat_task *)container_of(p, struct kv_read, promise)->own);
}

void fat_read(struct kv *kv, struct kv_read *op)
{
	struct fat_task *t = (struct fat_task *)op->own;

	static_assert(sizeof(*t) <= sizeof(op->own), "room in the operation");
	fat_task_start(t, fat_of(kv), &op->promise, cancel, step);
}
