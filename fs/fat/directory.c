/* SPDX-License-Identifier: ISC */
/* Folders as rows of slots: in a chain of clusters or, for the root of FAT12 and FAT16, in an area of
 * its own. */
#include <errno.h>

#include "fs/fat/fat_priv.h"

void fat_directory_begin(struct fat *fat, struct fat_directory *d, uint32_t first)
{
	fat_chain_begin(&d->chain, first ?: fat->geometry.root_cluster);
	d->slot = 0;
}

uint64_t fat_directory_place(const struct fat *fat, const struct fat_directory *d)
{
	const struct fat_geometry *g = &fat->geometry;
	uint64_t start = d->chain.first ? fat_cluster_place(g, d->chain.cluster) : g->root;

	return start + (uint64_t)d->slot * sizeof(struct fat_slot);
}

/* The number of slots that lie together: a cluster's, or the fixed root's. */
static uint32_t slots_of(const struct fat *fat, const struct fat_directory *d)
{
	const struct fat_geometry *g = &fat->geometry;

	return d->chain.first ? (1u << g->cluster_shift) / sizeof(struct fat_slot) : g->root_slots;
}

static int next_cluster(struct fat_task *t, struct fat_directory *d)
{
	int error = d->chain.first ? fat_chain_walk(t, &d->chain, d->chain.index + 1) : -ENODATA;

	if (!error)
		d->slot = 0;
	return error;
}

int fat_directory_next(struct fat_task *t, struct fat_directory *d, uint32_t count)
{
	struct fat_directory at = *d;

	at.slot += count;
	while (at.slot >= slots_of(t->fat, &at)) {
		uint32_t slot = at.slot - slots_of(t->fat, &at);
		int error = next_cluster(t, &at);

		if (error)
			return error;
		at.slot = slot;
	}
	*d = at;
	return 0;
}

int fat_directory_scan(struct fat_task *t, struct fat_directory *d,
                       int (*look)(void *arg, const struct fat_slot *s), void *arg)
{
	int result = 0;

	while (result == 0) {
		uint32_t end = slots_of(t->fat, d), offset;
		struct cache_block *b;
		uint64_t place;

		if (d->slot >= end) {
			result = next_cluster(t, d);
			continue;
		}
		place = fat_directory_place(t->fat, d);
		result = fat_block(t, place / FAT_BLOCK_BYTES, FAT_AHEAD, &b);
		if (result)
			break;
		offset = (uint32_t)(place % FAT_BLOCK_BYTES);
		if (offset >= b->len)
			result = -EIO;
		for (; !result && offset < b->len && d->slot < end; offset += sizeof(struct fat_slot)) {
			result = look(arg, (const struct fat_slot *)(b->data + offset));
			d->slot += !result;
		}
		cache_put(b);
	}
	return result;
}
