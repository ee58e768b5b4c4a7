/* SPDX-License-Identifier: ISC */
/* The cache of names, with a fixed number of entries. A name's hash chooses a set of entries, and within the
 * set it may be anywhere: so finding, storing and making room look at a few entries, however many there are.
 * The hash is keyed, so that outsiders cannot choose names that evict each other. */
#include <errno.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "kernel/random.h"
#include "kernel/siphash.h"
#include "net/dns/dns_priv.h"

#define WAYS 4u /* entries of a set */

static size_t entries_bytes(const struct dns_cache *c)
{
	return (c->set_mask + (size_t)1) * WAYS * sizeof(struct dns_entry);
}

int dns_cache_init(struct dns_cache *c, uint32_t count)
{
	uint32_t sets = 1;

	while (sets * WAYS < count)
		sets *= 2;
	c->set_mask = sets - 1;
	c->entries = instance_alloc(entries_bytes(c));
	if (!c->entries)
		return -ENOMEM;
	random_bytes(c->secret, sizeof(c->secret));
	return 0;
}

void dns_cache_destroy(struct dns_cache *c)
{
	instance_free(c->entries, entries_bytes(c));
}

static bool is_of(const struct dns_entry *e, const struct dns_key *key)
{
	return !memcmp(&e->key, key, sizeof(*key));
}

/* An entry's worth: nothing once it has expired. */
static uint64_t worth(const struct dns_entry *e, uint64_t now)
{
	return e->expires_ns <= now ? 0 : e->used_ns;
}

/* The key's entry, or the least worthy of its set. */
static struct dns_entry *place_of(const struct dns_cache *c, const struct dns_key *key, uint64_t now)
{
	struct dns_entry *set = &c->entries[(siphash(c->secret, key, sizeof(*key)) & c->set_mask) * WAYS];
	struct dns_entry *to = set;

	for (struct dns_entry *e = set; e < set + WAYS; e++) {
		if (is_of(e, key))
			return e;
		if (worth(e, now) < worth(to, now))
			to = e;
	}
	return to;
}

const struct dns_entry *dns_cache_find(struct dns_cache *c, const struct dns_key *key)
{
	uint64_t now = clock_now_ns();
	struct dns_entry *e = place_of(c, key, now);

	if (e->expires_ns <= now || !is_of(e, key))
		return NULL;
	e->used_ns = now;
	return e;
}

void dns_cache_put(struct dns_cache *c, const struct dns_key *key, int error,
                   const struct dns_addresses *found)
{
	uint64_t now = clock_now_ns();
	struct dns_entry *to = place_of(c, key, now);

	to->key = *key;
	to->error = (int16_t)error;
	to->found = *found;
	to->used_ns = now;
	to->expires_ns = now + found->ttl_s * NS_PER_S;
}
