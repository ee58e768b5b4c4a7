/* SPDX-License-Identifier: ISC */
/* Queries. Names that need no server, or are in the cache, are answered at once; a query for a name that is
 * being looked up joins that lookup. */
#include "net/dns/resolver.h"

#include <errno.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "net/dns/dns_priv.h"

enum { ROUNDS_MAX = 8 };

/* -- queries -- */

void dns_query_settle(struct dns_query *q, int error)
{
	list_remove(&q->link);
	timer_stop(&q->deadline);
	if (error < 0)
		promise_fail(&q->promise, error);
	else
		promise_fulfil(&q->promise, q->found.count);
}

/* Settles q, and frees its lookup if that has no other asker. */
static void leave(struct dns_query *q, int error)
{
	struct dns_lookup *l = q->lookup;

	dns_query_settle(q, error);
	if (list_is_empty(&l->askers))
		dns_lookup_release(l);
}

static void cancel_query(struct promise *p)
{
	leave(container_of(p, struct dns_query, promise), -ECANCELED);
}

static void deadline_passed(struct timer *t)
{
	leave(container_of(t, struct dns_query, deadline), -ETIMEDOUT);
}

/* Answers addresses as text, and localhost. true: q has settled. */
static bool answer_locally(struct dns_query *q, const char *text, const uint8_t *name, enum ip_family family)
{
	static const uint8_t localhost[] = "\11localhost";
	struct ip_addr *addr = &q->found.addrs[0];

	if (ip_parse(text, addr) < 0) {
		if (!dns_name_is_in(name, localhost))
			return false;
		*addr = (struct ip_addr){ .family = (uint8_t)family };
		addr->bytes[0] = family == IP_V4 ? 127 : 0;
		addr->bytes[family == IP_V4 ? 3 : 15] = 1;
	}
	q->found.ttl_s = CONFIG_DNS_TTL_SECONDS;
	q->found.count = 1;
	dns_query_settle(q, addr->family == family ? 0 : -ENODATA);
	return true;
}

static bool answer_from_cache(struct dns_resolver *r, struct dns_query *q, const struct dns_key *key)
{
	const struct dns_entry *e = dns_cache_find(&r->cache, key);

	if (!e)
		return false;
	q->found = e->found;
	q->found.ttl_s = (uint32_t)((e->expires_ns - clock_now_ns()) / NS_PER_S);
	r->stats.cache_hits++;
	dns_query_settle(q, e->error);
	return true;
}

static struct dns_lookup *find_lookup(struct dns_resolver *r, const struct dns_key *key)
{
	list_for_each(link, &r->active) {
		struct dns_lookup *l = list_entry(link, struct dns_lookup, link);

		if (!memcmp(&l->key, key, sizeof(*key)))
			return l;
	}
	return NULL;
}

void dns_resolve(struct dns_resolver *r, struct dns_query *q, const char *name, enum ip_family family,
                 uint64_t deadline_ns)
{
	struct dns_key key = { .type = family == IP_V4 ? DNS_A : DNS_AAAA };
	struct dns_lookup *l;

	r->stats.queries++;
	promise_init(&q->promise, cancel_query);
	list_init(&q->link);
	timer_init(&q->deadline, deadline_passed);
	if (dns_name_from_text(key.name, name) < 0) {
		dns_query_settle(q, -EINVAL);
		return;
	}
	dns_name_lower(key.name);
	if (answer_locally(q, name, key.name, family) || answer_from_cache(r, q, &key))
		return;
	l = find_lookup(r, &key);
	q->lookup = l ? l : dns_lookup_create(r, &key);
	if (!q->lookup) {
		dns_query_settle(q, -ENOBUFS);
		return;
	}
	list_push_back(&q->lookup->askers, &q->link);
	timer_start(&q->deadline, deadline_ns);
	if (!l)
		dns_lookup_start(q->lookup);
}

/* -- the resolver -- */

int dns_resolver_create(struct dns_resolver **out, struct stack *stack, const struct dns_config *config)
{
	struct dns_resolver *r = instance_alloc(sizeof(*r));

	assert(config->rounds > 0 && config->rounds <= ROUNDS_MAX);
	if (!r)
		return -ENOMEM;
	if (dns_cache_init(&r->cache, config->entries) < 0)
		goto no_cache;
	if (pool_init(&r->lookups, sizeof(struct dns_lookup), _Alignof(max_align_t), config->lookups) < 0)
		goto no_lookups;
	r->stack = stack;
	r->config = *config;
	list_init(&r->active);
	*out = r;
	return 0;

no_lookups:
	dns_cache_destroy(&r->cache);
no_cache:
	instance_free(r, sizeof(*r));
	return -ENOMEM;
}

void dns_resolver_destroy(struct dns_resolver *r)
{
	while (!list_is_empty(&r->active)) {
		struct dns_lookup *l = list_first(&r->active, struct dns_lookup, link);

		leave(list_first(&l->askers, struct dns_query, link), -ECANCELED);
	}
	pool_destroy(&r->lookups);
	dns_cache_destroy(&r->cache);
	instance_free(r, sizeof(*r));
}

void dns_resolver_set_servers(struct dns_resolver *r, const struct ip_addr *addrs, size_t count)
{
	r->first = 0;
	r->servers.count = (uint8_t)MIN(count, ARRAY_SIZE(r->servers.addrs));
	if (count)
		memcpy(r->servers.addrs, addrs, r->servers.count * sizeof(addrs[0]));
	list_for_each_safe(link, &r->active)
		dns_lookup_start(list_entry(link, struct dns_lookup, link));
}

void dns_resolver_stats(const struct dns_resolver *r, struct dns_stats *out)
{
	*out = r->stats;
	out->lookups = (uint32_t)r->lookups.used;
	out->lookups_peak = (uint32_t)r->lookups.peak;
}
