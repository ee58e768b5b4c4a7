/* SPDX-License-Identifier: ISC */
/* What is known of names, within a fixed number of entries. A name's hash chooses a set of entries, and
 * within its set it may lie anywhere: so finding, storing and making room look at a few entries, however
 * many there are. The hash is keyed: nobody outside can choose names that push each other out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/random.h"
#include "kernel/siphash.h"
#include "net/dns/dns_priv.h"

#define WAYS 4u /* entries of a set */

int dns_cache_init(struct dns_cache *c, uint32_t count)
{
	uint32_t sets = 1;

	while (sets * WAYS < count)
		sets *= 2;
	c->set_mask = sets - 1;
	c->entries = calloc((size_t)sets * WAYS, sizeof(struct dns_entry));
	if (!c->entries)
		return -ENOMEM;
	random_bytes(c->key, sizeof(c->key));
	return 0;
}

void dns_cache_destroy(struct dns_cache *c)
{
	free(c->entries);
}

static struct dns_entry *set_of(const struct dns_cache *c, const uint8_t *name, uint16_t type)
{
	uint64_t hash = siphash(c->key, name, dns_name_bytes(name)) + type;

	return &c->entries[(hash & c->set_mask) * WAYS];
}

/* The entry of this name, which may be over; NULL. */
static struct dns_entry *find(const struct dns_cache *c, const uint8_t *name, uint16_t type)
{
	struct dns_entry *set = set_of(c, name, type);

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].expires_ns && set[i].type == type && dns_name_equal(set[i].name, name))
			return &set[i];
	return NULL;
}

const struct dns_entry *dns_cache_find(struct dns_cache *c, const uint8_t *name, uint16_t type)
{
	struct dns_entry *e = find(c, name, type);
	uint64_t now = clock_now_ns();

	if (!e || e->expires_ns <= now)
		return NULL;
	e->used_ns = now;
	return e;
}

/* What an entry is worth: nothing once it is over. */
static uint64_t worth(const struct dns_entry *e, uint64_t now)
{
	return e->expires_ns <= now ? 0 : e->used_ns;
}

void dns_cache_put(struct dns_cache *c, const uint8_t *name, uint16_t type, int error,
                   const struct dns_addresses *found)
{
	struct dns_entry *set = set_of(c, name, type), *e = find(c, name, type);
	uint64_t now = clock_now_ns();

	for (unsigned i = 0; !e && i < WAYS; i++) {
		struct dns_entry *least = &set[0];

		for (unsigned j = 1; j < WAYS; j++)
			if (worth(&set[j], now) < worth(least, now))
				least = &set[j];
		e = least;
	}
	memcpy(e->name, name, dns_name_bytes(name));
	e->type = type;
	e->error = (int16_t)error;
	e->found = *found;
	e->used_ns = now;
	e->expires_ns = now + found->ttl_s * NS_PER_S;
}
