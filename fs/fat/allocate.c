/* SPDX-License-Identifier: ISC */
/* Taking and freeing clusters. All copies of the table are kept in step; if the power fails between the
 * writes of two copies, the first one counts. */
#include <errno.h>
#include <string.h>

#include "fs/fat/writer.h"

static uint64_t place_of(const struct fat_geometry *g, uint32_t cluster, uint32_t copy)
{
	return g->table + copy * g->table_stride + (uint64_t)cluster * g->bits / 8;
}

static uint32_t mask_of(const struct fat_geometry *g)
{
	return g->bits == 32 ? 0x0fffffff : (1u << g->bits) - 1;
}

static int read_raw(struct fat_writer *w, uint32_t cluster, uint32_t copy, uint32_t *raw)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;

	*raw = 0;
	return fat_copy_out(&w->lookup.task, place_of(g, cluster, copy), raw, g->bits == 32 ? 4 : 2);
}

int fat_table_read(struct fat_writer *w, uint32_t cluster, uint32_t *value)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	int error = read_raw(w, cluster, 0, value);

	if (g->bits == 12 && cluster & 1)
		*value >>= 4;
	*value &= mask_of(g);
	return error;
}

int fat_table_write(struct fat_writer *w, uint32_t cluster, uint32_t value)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	uint32_t shift = g->bits == 12 && cluster & 1 ? 4 : 0, mask = mask_of(g) << shift, raw;
	int error = 0;

	for (uint32_t copy = 0; copy < g->copies && !error; copy++) {
		error = read_raw(w, cluster, copy, &raw);
		if (error)
			break;
		raw = (raw & ~mask) | (value << shift & mask);
		error = fat_copy_in(w, place_of(g, cluster, copy), &raw, g->bits == 32 ? 4 : 2);
	}
	return error;
}

/* -- taking -- */

/* Linking a cluster behind a folder's last one must be the write of one sector. If the entry of that last one
 * straddles two sectors, as some of FAT12 do, the new cluster's number must leave the first sector's part as
 * it is: gives the bits that must be those of *value. */
static int find_fixed_bits(struct fat_writer *w, uint32_t *fixed, uint32_t *value)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;

	*fixed = *value = 0;
	if (!w->extended || g->bits != 12 ||
	    place_of(g, w->extended, 0) % w->sector_bytes != w->sector_bytes - 1)
		return 0;
	*fixed = w->extended & 1 ? 0x00f : 0x0ff;
	return fat_table_read(w, w->extended, value);
}

/* w->hint becomes the number of a free cluster. */
static int find_free(struct fat_writer *w)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	uint32_t fixed, bits, value;
	int error = find_fixed_bits(w, &fixed, &bits);

	if (error)
		return error;
	for (; w->searched < g->clusters; w->searched++, w->hint++) {
		if (!fat_is_cluster(g, w->hint))
			w->hint = 2;
		error = fat_table_read(w, w->hint, &value);
		if (error)
			return error;
		/* A damaged table may say that the root folder's cluster is free. */
		if (!value && w->hint != g->root_cluster && !((w->hint ^ bits) & fixed))
			return 0;
	}
	return -ENOSPC;
}

int fat_cluster_take(struct fat_writer *w, uint32_t *cluster)
{
	int error = 0;

	/* The choice is kept while this waits for the blocks of the table's copies. */
	if (!w->fresh) {
		error = find_free(w);
		if (error)
			return error;
		w->fresh = w->hint;
	}
	error = fat_table_write(w, w->fresh, FAT_CHAIN_END);
	if (error)
		return error;
	if (w->free_clusters != UINT32_MAX && w->free_clusters)
		w->free_clusters--;
	*cluster = w->fresh;
	w->hint = w->fresh + 1;
	w->searched = w->fresh = 0;
	return 0;
}

int fat_chain_grow(struct fat_writer *w)
{
	uint32_t cluster;
	int error;

	if (!w->grown) {
		error = fat_cluster_take(w, &cluster);
		if (error)
			return error;
		w->grown = cluster;
	}
	error = w->last ? fat_table_write(w, w->last, w->grown) : 0;
	if (error)
		return error;
	if (!w->first)
		w->first = w->grown;
	w->last = w->grown;
	w->grown = 0;
	return 0;
}

int fat_cluster_clear(struct fat_writer *w, uint32_t cluster)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	uint64_t start = fat_cluster_place(g, cluster), end = start + (1u << g->cluster_shift);

	for (uint64_t place = MAX(start, w->cleared); place < end; place = w->cleared) {
		uint32_t offset = (uint32_t)(place % FAT_BLOCK_BYTES);
		uint32_t n = (uint32_t)MIN((uint64_t)(FAT_BLOCK_BYTES - offset), end - place);
		struct cache_block *b;
		int error = fat_block_change(w, place / FAT_BLOCK_BYTES,
		                             n == FAT_BLOCK_BYTES ? CACHE_FILL : CACHE_CHANGE, &b);

		if (error)
			return error;
		if (offset + n > b->len)
			error = -EIO;
		else
			memset(b->data + offset, 0, n);
		cache_put(b);
		if (error)
			return error;
		w->cleared = place + n;
	}
	w->cleared = 0;
	return 0;
}

/* -- freeing -- */

void fat_release_begin(struct fat_writer *w, uint32_t first)
{
	w->release = (struct fat_release){ .cluster = first };
}

int fat_release_run(struct fat_writer *w)
{
	struct fat *fat = fat_of_writer(w);
	struct fat_release *r = &w->release;
	int error;

	while (fat_is_cluster(&fat->geometry, r->cluster)) {
		if (!r->has_next) {
			error = fat_table_read(w, r->cluster, &r->next);
			if (error)
				return error;
			r->has_next = true;
		}
		/* A free cluster in the chain: the chain was damaged, and ends here. */
		if (!r->next)
			break;
		error = fat_table_write(w, r->cluster, 0);
		if (error)
			return error;
		if (w->free_clusters != UINT32_MAX)
			w->free_clusters++;
		r->cluster = r->next;
		r->has_next = false;
	}
	return 0;
}
