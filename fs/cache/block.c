/* SPDX-License-Identifier: ISC */
/* Finding blocks, and which of them makes room: the one longest unused of those that were used in one
 * stretch only. A block that is asked for again after that stretch, when many others have come since, is
 * proven, and makes room only when there is no other kind: so that a file that is read from end to end
 * takes turns in its own half of the cache, and leaves folders and tables alone. */
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

struct block *cache_insert(struct cache *c, uint64_t number)
{
	struct list *item = list_pop_front(&c->free);
	struct block *b;

	if (!item)
		item = list_pop_front(&c->recent);
	if (!item)
		item = list_pop_front(&c->proven);
	if (!item)
		return NULL;
	b = list_entry(item, struct block, link);
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
	struct block *b = cache_insert(old->cache, old->number);

	if (!b)
		return NULL;
	cache_hide(old);
	b->born = old->born;
	return b;
}

void cache_note_use(struct block *b)
{
	struct cache *c = b->cache;
	struct block *oldest;

	if (b->is_unused) {
		b->is_unused = false;
		b->born = c->inserted;
	}
	if (b->is_proven || c->inserted - b->born < STRETCH(c->config.blocks))
		return;
	set_proven(b, true);
	if (c->proven_count <= c->config.blocks / 2 || list_is_empty(&c->proven))
		return;
	oldest = list_first(&c->proven, struct block, link);
	list_remove(&oldest->link);
	set_proven(oldest, false);
	cache_rest(oldest);
}
