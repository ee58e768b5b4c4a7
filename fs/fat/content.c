/* SPDX-License-Identifier: ISC */
/* Writes a file's new content, from the op's slices, the old content, or zeros,
 *
 *   0 ········ at ········ at + len ········ size
 *   old          slices       old, then zeros
 *
 * into clusters that nothing refers to yet. So a file that is changed in its middle, or grows by a cluster,
 * is written anew as a whole: nothing less is atomic, because FAT has the file's size in one sector and its
 * chain in another. Only bytes that fit into the old last cluster are written in place. */
#include <errno.h>
#include <string.h>

#include "fs/fat/writer.h"

void fat_content_end(struct fat_writer *w)
{
	if (w->source)
		cache_put(w->source);
	w->source = NULL;
}

/* The place of byte w->done on the device, and how many bytes from there on are contiguous. */
static int find_target(struct fat_writer *w, uint64_t *place, uint32_t *left)
{
	struct fat *fat = fat_of_writer(w);
	uint32_t shift = fat->geometry.cluster_shift, bytes = 1u << shift, cluster = w->last;
	uint32_t offset = (uint32_t)(w->done & (bytes - 1));
	int error = 0;

	if (w->in_place) {
		error = fat_chain_walk(&w->lookup.task, &w->from, (uint32_t)(w->done >> shift));
		cluster = w->from.cluster;
	} else if (w->done == w->room) {
		error = fat_chain_grow(w);
		if (!error)
			w->room += bytes;
		cluster = w->last;
	}
	if (error)
		return error == -ENODATA ? fat_damaged(fat, "a file's chain is too short", cluster) : error;
	*place = fat_cluster_place(&fat->geometry, cluster) + offset;
	*left = MIN(bytes - offset, FAT_BLOCK_BYTES - (uint32_t)(*place % FAT_BLOCK_BYTES));
	return 0;
}

/* A piece of the old content, in w->source. */
static int find_old(struct fat_writer *w, const void **data, uint32_t *left)
{
	struct fat *fat = fat_of_writer(w);
	uint32_t shift = fat->geometry.cluster_shift, offset = (uint32_t)(w->done & ((1u << shift) - 1));
	int error = fat_chain_walk(&w->lookup.task, &w->from, (uint32_t)(w->done >> shift));
	uint64_t place = fat_cluster_place(&fat->geometry, w->from.cluster) + offset;

	if (error)
		return error == -ENODATA ? fat_damaged(fat, "a file's chain is shorter than the file", w->old.first) :
			error;
	if (w->source && w->source_number != place / FAT_BLOCK_BYTES)
		fat_content_end(w);
	if (!w->source) {
		error = fat_block(&w->lookup.task, place / FAT_BLOCK_BYTES, FAT_AHEAD, &w->source);
		if (error) {
			w->source = NULL;
			return error;
		}
		w->source_number = place / FAT_BLOCK_BYTES;
	}
	*data = w->source->data + place % FAT_BLOCK_BYTES;
	*left = MIN((1u << shift) - offset, FAT_BLOCK_BYTES - (uint32_t)(place % FAT_BLOCK_BYTES));
	return 0;
}

/* A piece of the op's slices; there is one left. */
static void find_piece(struct fat_writer *w, const void **data, uint32_t *left)
{
	while (w->piece_at == w->op->slices[w->piece].len) {
		w->piece++;
		w->piece_at = 0;
	}
	*data = (const char *)w->op->slices[w->piece].data + w->piece_at;
	*left = (uint32_t)MIN(w->op->slices[w->piece].len - w->piece_at, (size_t)FAT_BLOCK_BYTES);
}

/* The new content's bytes at w->done. data NULL: zeros. */
static int find_source(struct fat_writer *w, const void **data, uint32_t *left)
{
	uint64_t end = w->size;

	if (w->done - w->at < w->len) {
		find_piece(w, data, left);
		return 0;
	}
	if (w->done < w->at && w->len)
		end = w->at;
	*data = NULL;
	*left = FAT_BLOCK_BYTES;
	if (w->done < w->old.size && !w->in_place) {
		int error = find_old(w, data, left);

		end = MIN(end, (uint64_t)w->old.size);
		if (error)
			return error;
	}
	*left = (uint32_t)MIN((uint64_t)*left, end - w->done);
	return 0;
}

int fat_content_write(struct fat_writer *w)
{
	while (w->done < w->size) {
		uint32_t room = 0, n = 0, offset;
		struct cache_block *b;
		const void *data = NULL;
		uint64_t place = 0;
		int error = find_target(w, &place, &room);

		if (!error)
			error = find_source(w, &data, &n);
		if (error)
			return error;
		offset = (uint32_t)(place % FAT_BLOCK_BYTES);
		error = fat_block_change(w, place / FAT_BLOCK_BYTES,
		                         room == FAT_BLOCK_BYTES ? CACHE_FILL : CACHE_CHANGE, &b);
		if (error)
			return error;
		n = MIN(n, room);
		if (data)
			memcpy(b->data + offset, data, n);
		else
			memset(b->data + offset, 0, n);
		cache_put(b);
		if (w->done - w->at < w->len)
			w->piece_at += n;
		w->done += n;
	}
	fat_content_end(w);
	return 0;
}
