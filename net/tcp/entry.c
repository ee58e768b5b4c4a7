/* SPDX-License-Identifier: ISC */
/* Entries of the two small tables, half-open and TIME-WAIT: found by the same keyed hash as control
 * blocks, and each in one list by age. */
#include <string.h>

#include "kernel/siphash.h"
#include "net/tcp/tcp_priv.h"

void key_hash(const struct tcp *tcp, struct tcp_key *k)
{
	const struct ip_addr *remote = &k->remote.addr;
	uint8_t text[20];

	/* our own address is left out: we have few, and others cannot choose it */
	memcpy(text, &k->remote.port, 2);
	memcpy(text + 2, &k->local.port, 2);
	memcpy(text + 4, remote->bytes, sizeof(remote->bytes));
	k->hash = (uint32_t)siphash(tcp->secret, text, 4 + (remote->family == IP_V4 ? 4 : 16));
}

static bool is_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && ip_equal(&a->addr, &b->addr);
}

struct tcp_entry *entry_find(const struct tcp_table *t, const struct tcp_key *k)
{
	struct tcp_entry *e = t->heads[k->hash & t->mask];

	while (e && !(is_same(&e->key.remote, &k->remote) && is_same(&e->key.local, &k->local)))
		e = e->hash_next;
	return e;
}

void entry_put(struct tcp_table *t, struct tcp_entry *e, const struct tcp_key *k)
{
	struct tcp_entry **head = &t->heads[k->hash & t->mask];

	e->key = *k;
	e->hash_next = *head;
	*head = e;
	list_init(&e->link);
}

void entry_drop(struct tcp_table *t, struct tcp_entry *e)
{
	struct tcp_entry **at = &t->heads[e->key.hash & t->mask];

	while (*at != e)
		at = &(*at)->hash_next;
	*at = e->hash_next;
	list_remove(&e->link);
	pool_free(&t->pool, e);
}
