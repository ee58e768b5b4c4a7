/* SPDX-License-Identifier: ISC */
/* The table ("FAT Data Structure"): each cluster's successor. An entry is checked before it is followed, and
 * Brent's algorithm finds a chain that leads into itself: each cluster is compared with a mark passed
 * earlier, which moves on when the number of steps is a power of two, or soon after: behind the contiguous
 * clusters there. These ascend, so they are fewer than a loop is long. */
#include <errno.h>
#include <string.h>

#include "fs/fat/fat_priv.h"

#define LOG_TAG "fat"
#include "kernel/log.h"

#define COMPLAINTS 20

int fat_damaged(struct fat *fat, const char *what, uint32_t cluster)
{
	if (fat->complaints < COMPLAINTS) {
		fat->complaints++;
		log_warn("damaged: %s cluster=%u", what, cluster);
	}
	return -EUCLEAN;
}

static uint64_t place_of(const struct fat_geometry *g, uint32_t cluster)
{
	return g->table + (uint64_t)cluster * g->bits / 8;
}

/* at: the bytes at place_of. */
static uint32_t decode_12(uint32_t cluster, const uint8_t *at)
{
	uint32_t entry = at[0] | (uint32_t)at[1] << 8;

	return cluster & 1 ? entry >> 4 : entry & 0xfff;
}

static uint32_t decode(const struct fat_geometry *g, const uint8_t *at)
{
	uint32_t entry = at[0] | (uint32_t)at[1] << 8;

	if (g->bits == 16)
		return entry;
	return entry | (uint32_t)at[2] << 16 | (uint32_t)(at[3] & 0x0f) << 24;
}

/* Moves c to the cluster that its entry names; in a run only if it is the next one. */
static int follow(struct fat *fat, struct fat_chain *c, uint32_t entry, bool in_run)
{
	const struct fat_geometry *g = &fat->geometry;

	if (entry >= (0x0ffffff8 & (g->bits == 32 ? UINT32_MAX : (1u << g->bits) - 1)))
		return -ENODATA;
	if (in_run && entry != c->cluster + 1)
		return -ENODATA;
	if (!fat_is_cluster(g, entry))
		return fat_damaged(fat, entry ? "a chain leaves the volume" : "a chain runs into a free cluster",
		                   c->cluster);
	if (entry == c->mark)
		return fat_damaged(fat, "a chain is a loop", entry);
	if (fat_check_owner(fat, entry))
		return -EUCLEAN;
	c->cluster = entry;
	c->index++;
	if (!(c->index & (c->index - 1)))
		c->mark = entry;
	return 0;
}

/* How many entries from at to end, up to most, each name the next cluster; the first entry is cluster's. */
static uint32_t count_ascending(const struct fat_geometry *g, uint32_t cluster, const uint8_t *at,
                                const uint8_t *end, uint32_t most)
{
	uint32_t count = 0, bytes = g->bits / 8;

	for (; at < end && count < most && decode(g, at) == cluster + 1; at += bytes, cluster++)
		count++;
	return count;
}

/* Advances, up to index, by steps that need no checks of follow: to the next cluster, if none is shared and
 * it is not the mark. false: there are none. */
static bool skip(struct fat *fat, struct fat_chain *c, const uint8_t *at, const uint8_t *end, uint32_t index)
{
	const struct fat_geometry *g = &fat->geometry;
	uint32_t most = MIN(index - c->index, g->clusters + 1 - c->cluster), count;

	if (CONFIG_FAT_OWNERS_CLUSTERS > 0 && fat->owners)
		return false;
	if (c->mark > c->cluster)
		most = MIN(most, c->mark - c->cluster - 1);
	count = count_ascending(g, c->cluster, at, end, most);
	c->cluster += count;
	if ((c->index ^ (c->index + count)) > c->index)
		c->mark = c->cluster;
	c->index += count;
	return count;
}

/* A FAT12 entry may straddle blocks; a slow walk will do, because such a table is small. */
static int walk_12(struct fat_task *t, struct fat_chain *c, uint32_t index, bool in_run)
{
	const struct fat_geometry *g = &t->fat->geometry;
	uint8_t bytes[2];
	int error = 0;

	while (!error && c->index < index) {
		error = fat_copy_out(t, place_of(g, c->cluster), bytes, sizeof(bytes));
		if (!error)
			error = follow(t->fat, c, decode_12(c->cluster, bytes), in_run);
	}
	return error;
}

static int walk(struct fat_task *t, struct fat_chain *c, uint32_t index, bool in_run)
{
	const struct fat_geometry *g = &t->fat->geometry;

	if (g->bits == 12)
		return walk_12(t, c, index, in_run);
	while (c->index < index) {
		uint64_t number = place_of(g, c->cluster) / FAT_BLOCK_BYTES, place;
		struct cache_block *b;
		int error = fat_block(t, number, FAT_AHEAD, &b);

		if (error)
			return error;
		do {
			place = place_of(g, c->cluster) - number * FAT_BLOCK_BYTES;
			if (place >= b->len)
				break;
			if (skip(t->fat, c, b->data + place, b->data + b->len, index))
				continue;
			error = follow(t->fat, c, decode(g, b->data + place), in_run);
		} while (!error && c->index < index);
		cache_put(b);
		if (error)
			return error;
	}
	return 0;
}

int fat_chain_walk(struct fat_task *t, struct fat_chain *c, uint32_t index)
{
	return walk(t, c, index, false);
}

int fat_chain_run(struct fat_task *t, struct fat_chain *c, uint32_t index)
{
	return walk(t, c, index, true);
}
