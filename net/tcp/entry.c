/* SPDX-License-Identifier: ISC */
/* Entries of the two small tables, half-open and TIME-WAIT: found by the same keyed hash as control
 * blocks, listed by age; and the segments sent for them. */
#include <errno.h>
#include <string.h>

#include "kernel/instance.h"
#include "kernel/siphash.h"
#include "net/tcp/tcp_priv.h"

uint32_t ends_hash(const struct tcp *tcp, const struct tcp_ends *ends)
{
	/* our own address is left out: we have few, and others cannot choose it */
	size_t len = offsetof(struct tcp_ends, remote.bytes) + (ends->remote.family == IP_V4 ? 4 : 16);

	return (uint32_t)siphash(tcp->secret, ends, len);
}

static uint64_t word(const struct tcp_ends *ends, size_t at)
{
	uint64_t x;

	memcpy(&x, (const char *)ends + at, sizeof(x));
	return x;
}

/* Compares by words, the last two of which overlap: this is done for each packet that arrives. */
bool ends_equal(const struct tcp_ends *a, const struct tcp_ends *b)
{
	const size_t last = sizeof(*a) - sizeof(uint64_t);
	uint64_t differences = word(a, last) ^ word(b, last);

	static_assert(sizeof(*a) > 32 && sizeof(*a) <= 40, "five words");
	for (size_t at = 0; at < 32; at += sizeof(uint64_t))
		differences |= word(a, at) ^ word(b, at);
	return differences == 0;
}

/* -- tables -- */

OUT_OF_LINE void *heads_alloc(uint32_t count, uint32_t *mask)
{
	size_t heads = 1;

	while (heads < count)
		heads *= 2;
	*mask = (uint32_t)(heads - 1);
	return instance_alloc(heads * sizeof(void *));
}

void heads_free(void *heads, uint32_t mask)
{
	instance_free(heads, ((size_t)mask + 1) * sizeof(void *));
}

static void table_fired(struct timer *timer)
{
	struct tcp_table *t = container_of(timer, struct tcp_table, timer);
	struct tcp_entry *e;

	tcp_update_clock(t->tcp);
	for (unsigned i = ARRAY_SIZE(t->waiting); i-- > 0; ) /* waiting again moves e to a list already visited */
		while ((e = entry_oldest(t, i))) {
			if (seq_lt(t->tcp->now_ms, e->due_ms)) {
				tcp_start_timer(t->tcp, timer, e->due_ms);
				break;
			}
			t->due(t, e);
		}
}

int table_init(struct tcp_table *t, struct tcp *tcp, size_t entry_bytes, uint32_t count,
               void (*due)(struct tcp_table *t, struct tcp_entry *e))
{
	t->tcp = tcp;
	t->due = due;
	timer_init(&t->timer, table_fired);
	for (unsigned i = 0; i < ARRAY_SIZE(t->waiting); i++)
		list_init(&t->waiting[i]);
	t->heads = heads_alloc(count, &t->mask);
	return t->heads ? pool_init(&t->pool, entry_bytes, 8, count) : -ENOMEM;
}

void table_destroy(struct tcp_table *t)
{
	timer_stop(&t->timer);
	for (uint32_t i = 0; t->heads && i <= t->mask; i++)
		while (t->heads[i])
			entry_drop(t, t->heads[i]);
	if (t->pool.memory)
		pool_destroy(&t->pool);
	heads_free(t->heads, t->mask);
}

/* -- entries -- */

struct tcp_entry *entry_find(const struct tcp_table *t, const struct tcp_key *k)
{
	struct tcp_entry *e = t->heads[k->hash & t->mask];

	while (e && !ends_equal(&e->key.ends, &k->ends))
		e = e->hash_next;
	return e;
}

OUT_OF_LINE void entry_add(struct tcp_table *t, struct tcp_entry *e, uint32_t in_ms)
{
	struct tcp_entry **head = &t->heads[e->key.hash & t->mask];

	e->hash_next = *head;
	*head = e;
	list_init(&e->link);
	entry_wait(t, e, in_ms);
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

void entry_wait(struct tcp_table *t, struct tcp_entry *e, uint32_t in_ms)
{
	e->due_ms = t->tcp->now_ms + in_ms;
	list_remove(&e->link);
	list_push_back(&t->waiting[e->tries], &e->link);
	tcp_start_timer(t->tcp, &t->timer, e->due_ms);
}

OUT_OF_LINE struct tcp_entry *entry_oldest(const struct tcp_table *t, unsigned tries)
{
	const struct list *list = &t->waiting[tries];

	return list_is_empty(list) ? NULL : list_entry(list->next, struct tcp_entry, link);
}

/* -- sending -- */

OUT_OF_LINE uint32_t entry_timestamp(const struct tcp *tcp, const struct tcp_entry *e)
{
	return tcp->now_ms + isn_ts_offset(tcp, &e->key.ends);
}

void entry_send(struct tcp *tcp, const struct tcp_entry *e, uint8_t flags, uint32_t window,
                uint32_t timestamp)
{
	struct segment s = {
		.seq = e->snd_nxt, .ack = e->rcv_nxt, .flags = flags, .window = (uint16_t)window,
		.options = e->options & SEG_HAS_TIMESTAMPS, .ts_value = timestamp, .ts_echo = e->ts_recent,
	};

	if (flags & SEG_SYN) {
		s.seq--;
		s.options = SEG_HAS_MSS | e->options;
		s.scale = tcp->rcv_scale;
		if (IS_ENABLED(CONFIG_TCP_ECN) && e->options & SEG_HAS_ECN)
			s.flags |= SEG_ECE;
	}
	tcp_send_bare(tcp, &e->key.ends, e->key.wishes, &s);
}

OUT_OF_LINE void entry_send_ack(struct tcp *tcp, const struct tcp_entry *e, uint32_t window)
{
	entry_send(tcp, e, SEG_ACK, window, entry_timestamp(tcp, e));
}

void entry_challenge(struct tcp *tcp, struct tcp_entry *e, uint32_t window)
{
	if (tcp_may_challenge(tcp, &e->challenged))
		entry_send_ack(tcp, e, window);
}
