/* SPDX-License-Identifier: ISC */
/* Finding blocks, and which of them makes room: the first that came of those that were used in one stretch
 * only, so that what was read ahead outlives what has been used. A block that is asked for again after that
 * stretch, when many others have come since, is proven, and makes room only when there is no other kind, the
 * one longest unused first: so a file that is read from end to end takes turns in its own half of the cache,
 * and leaves folders and tables alone. */
#include "fs/cache/cache_priv.h"

/* A stretch is as long as it takes this part of the cache's blocks to come. Longer than what one hint brings
 * (read.c), and shorter than what a block that is not proven can count on. */
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

static void set_proven(struct block *b, bool is_proven)
{
	b->cache->proven_count += (size_t)is_proven - b->is_proven;
	b->is_proven = is_proven;
}

void cache_rest(struct block *b)
{
	struct cache *c = b->cache;

	if (b->shown.storage.refs)
		return;
	if (b->state == BLOCK_CLEAN) {
		if (list_is_empty(&b->link))
			list_push_back(b->is_proven ? &c->proven : &c->recent, &b->link);
	} else if (b->state == BLOCK_ORPHAN) {
		b->state = BLOCK_FREE;
		set_proven(b, false);
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

/* NULL: there is none. Who is held is left out, and comes in again as the last when he is let go. */
static struct block *take_unheld(struct list *list)
{
	struct list *item;

	while ((item = list_pop_front(list))) {
		struct block *b = list_entry(item, struct block, link);

		if (!b->shown.storage.refs)
			return b;
	}
	return NULL;
}

struct block *cache_insert(struct cache *c, uint64_t number, bool is_awaited)
{
	struct block *b = take_unheld(&c->free);

	if (!b)
		b = take_unheld(&c->recent);
	if (!b && is_awaited)
		b = take_unheld(&c->proven);
	if (!b)
		return NULL;
	cache_hide(b);
	set_proven(b, false);
	show(b, number);
	b->born = ++c->inserted;
	b->copied_in = b->oldest = 0;
	b->is_unused = false;
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

/* b, which is held, stays in recent, at the place that it came in; not so in proven. */
static void prove(struct block *b)
{
	struct cache *c = b->cache;
	struct block *oldest;

	set_proven(b, true);
	if (c->proven_count <= c->config.blocks / 2 || list_is_empty(&c->proven))
		return;
	oldest = list_first(&c->proven, struct block, link);
	list_remove(&oldest->link);
	set_proven(oldest, false);
	cache_rest(oldest);
}

void cache_hold(struct block *b)
{
	struct cache *c = b->cache;

	b->shown.storage.refs++;
	if (b->is_unused) {
		b->is_unused = false;
		b->born = c->inserted;
	}
	if (!b->is_proven && c->inserted - b->born >= STRETCH(c->config.blocks))
		prove(b);
	if (b->is_proven && b->state == BLOCK_CLEAN)
		list_remove(&b->link);
}
