/* SPDX-License-Identifier: ISC */
/* kv_read: pieces of a file as the cache has them, uncopied. The operation's cursor remembers a run, clusters
 * of the file that are contiguous on the device, and how far reading ahead has come:
 *
 *   file       │ 0 1 2 … index ··············· index + count │ …
 *   device                cluster ······ cluster + count
 *
 * Reading ahead begins only when a block was absent: a file that is wholly in the cache costs a lookup of
 * each of its blocks, and none in the table if one cluster holds it. */
#include <errno.h>

#include "fs/fat/fat_priv.h"

struct cursor {
	uint32_t index, cluster, count; /* count 0: at the start */
	bool is_whole;                  /* the file's next cluster, if any, lies elsewhere */
	uint64_t ahead;                 /* blocks of the device before this one were hinted; 0: none were */
};
static_assert(sizeof(struct cursor) <= sizeof(((struct kv_read *)0)->cursor), "room in the operation");

/* A sequential reader that comes within AHEAD blocks of the end of reading ahead starts another step: the
 * device reads that while the reader uses the step before ("make bench", disk). */
#define AHEAD_STEP MIN(CONFIG_FS_CACHE_READ_AHEAD, CONFIG_FS_CACHE_BLOCKS / 4)
#define AHEAD (AHEAD_STEP + AHEAD_STEP / 4)

/* Blocks of an operation, and those read ahead of it. */
#define RUN_BLOCKS (KV_READ_SLICES + AHEAD + AHEAD_STEP)

/* Makes the run begin with cluster number index of the file, which lies behind the run. */
static int move(struct fat_task *t, struct cursor *c, uint32_t index)
{
	struct fat_chain chain;
	int error;

	fat_chain_begin(&chain, c->cluster + c->count - 1);
	error = fat_chain_walk(t, &chain, index - (c->index + c->count - 1));
	/* Keeps the progress, also on failure, so that no cluster is walked twice. */
	c->index += c->count - 1 + chain.index;
	c->cluster = chain.cluster;
	c->count = 1;
	c->is_whole = false;
	return error;
}

/* Makes the run count clusters long, or as many as are contiguous. is_whole remembers that these are all: a
 * reader that waited for a block of the file then needs none of the table, which may have been evicted for
 * it. */
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
	/* Lengthens by more than is needed, so that a sequential reader seldom reads the table. */
	rest = fat_clusters_of(t->fat, op->entry->size) - c->index;
	if (!error && !c->is_whole && c->count < index - c->index + wanted)
		error = lengthen(t, c, MIN(rest, index - c->index + wanted + MIN(c->count, 8 * wanted)));
	if (error == -ENODATA)
		return fat_damaged(t->fat, "a file's chain is shorter than the file", c->cluster);
	return error;
}

/* Reads ahead in the run, which is read at block number and ends before block end. */
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

/* Gives the promise's result: the number of bytes from place to end of the device, as far as there are slices
 * and blocks for. */
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
