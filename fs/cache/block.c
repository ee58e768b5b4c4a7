/* SPDX-License-Identifier: ISC */
/* Finding blocks, and choosing the one to evict: the least recently used of those that were used within one
 * stretch only. Hinted blocks outlive those, unless they are too many, or so many other blocks have come
 * since that they will hardly be used. A block that is used again after its stretch, when many others have
 * come since, is proven, and is evicted only when no other kind is left: so a file that is read from end to
 * end uses half of the cache at most, and leaves the blocks of folders and tables in the other half. */
#include "fs/cache/cache_priv.h"

/* The length of a stretch, in blocks that come in meanwhile: more than one hint brings. */
#define STRETCH(blocks) ((blocks) / 8 * 3)

static struct block **chain_of(const struct cache *c, uint64_t number)
{
	return &c->table[(number * UINT64_C(0x9e3779b97f4a7c15)) >> 32 >> (32 - c->table_bits)];
}

struct block *cache_find(const struct cache *c, uint64_t number)
{
	struct block *b = *chain_of(c, number);

	while (b && b->number != number)
		b = b->next;
	return b;
}

void cache_hide(struct block *b)
{
	struct block **at = chain_of(b->cache, b->number);

	if (!b->is_current)
		return;
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	b->is_current = false;
}

static void show(struct block *b, uint64_t number)
{
	struct cache *c = b->cache;
	struct block **chain = chain_of(c, number);

	b->number = number;
	b->shown.len = number == c->number_end - 1 ? c->last_bytes : BLOCK_BYTES;
	b->next = *chain;
	*chain = b;
	b->is_current = true;
}

static void set_rank(struct block *b, enum block_rank rank)
{
	struct rank *ranks = b->cache->ranks;

	ranks[b->rank].count--;
	ranks[rank].count++;
	b->rank = rank;
}

void cache_rest(struct block *b)
{
	struct cache *c = b->cache;

	if (b->shown.storage.refs)
		return;
	if (b->state == BLOCK_CLEAN) {
		list_push_back(&c->ranks[b->rank].blocks, &b->link);
	} else if (b->state == BLOCK_ORPHAN) {
		b->state = BLOCK_FREE;
		set_rank(b, BLOCK_RECENT);
		list_push_back(&c->free, &b->link);
	}
}

void cache_drop(struct block *b)
{
	list_remove(&b->link);
	cache_hide(b);
	b->oldest = 0;
	b->state = BLOCK_ORPHAN;
	cache_rest(b);
}

size_t cache_hinted_max(const struct cache *c)
{
	return (c->config.blocks - c->ranks[BLOCK_PROVEN].count) / 4 * 3;
}

/* Hinted blocks are too many, or the oldest of them will hardly be used any more. */
static bool can_spare_hinted(const struct cache *c)
{
	const struct rank *hinted = &c->ranks[BLOCK_HINTED];

	if (list_is_empty(&hinted->blocks))
		return false;
	return hinted->count > cache_hinted_max(c) ||
	       c->inserted - list_first(&hinted->blocks, struct block, link)->born > 2 * c->config.blocks;
}

/* The list whose first block is taken next; it may be empty. */
static struct list *makes_room(struct cache *c, bool is_awaited)
{
	struct list *list = &c->free;

	if (list_is_empty(list))
		list = &c->ranks[can_spare_hinted(c) ? BLOCK_HINTED : BLOCK_RECENT].blocks;
	if (list_is_empty(list))
		list = &c->ranks[BLOCK_HINTED].blocks;
	if (list_is_empty(list) && is_awaited)
		list = &c->ranks[BLOCK_PROVEN].blocks;
	return list;
}

struct block *cache_insert(struct cache *c, uint64_t number, bool is_awaited)
{
	struct list *item = list_pop_front(makes_room(c, is_awaited));
	struct block *b;

	if (!item)
		return NULL;
	b = list_entry(item, struct block, link);
	cache_hide(b);
	set_rank(b, is_awaited ? BLOCK_RECENT : BLOCK_HINTED);
	show(b, number);
	b->born = ++c->inserted;
	b->copied_in = b->oldest = 0;
	return b;
}

struct block *cache_insert_version(struct block *old)
{
	struct block *b = cache_insert(old->cache, old->number, true);

	if (!b)
		return NULL;
	cache_hide(old);
	b->born = old->born;
	return b;
}

static void prove(struct block *b)
{
	struct rank *proven = &b->cache->ranks[BLOCK_PROVEN];
	struct block *oldest;

	set_rank(b, BLOCK_PROVEN);
	if (proven->count <= b->cache->config.blocks / 2 || list_is_empty(&proven->blocks))
		return;
	oldest = list_first(&proven->blocks, struct block, link);
	list_remove(&oldest->link);
	set_rank(oldest, BLOCK_RECENT);
	cache_rest(oldest);
}

void cache_hold(struct block *b)
{
	struct cache *c = b->cache;

	b->shown.storage.refs++;
	if (b->state == BLOCK_CLEAN)
		list_remove(&b->link);
	if (b->rank == BLOCK_HINTED) {
		set_rank(b, BLOCK_RECENT);
		b->born = c->inserted;
	} else if (b->rank == BLOCK_RECENT && c->inserted - b->born >= STRETCH(c->config.blocks)) {
		prove(b);
	}
}
