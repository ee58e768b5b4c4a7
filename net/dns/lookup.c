/* SPDX-License-Identifier: ISC */
/* A lookup is one name being asked for, by any number of queries. It puts one question at a time, to one
 * server after the other, until one of them gives an answer that counts:
 *
 *   ask ──▶ over UDP ──▶ answer ──▶ end: queries settle, the cache keeps it
 *    ▲         │           ├─ truncated, or too many forgeries: the same over TCP
 *    │         │           ├─ letters' case not kept, no EDNS0: the same without
 *    │         │           └─ an alias: its name, from the first server on
 *    └── next server ◀─ late, failed
 *
 * While the stack has no port or no memory for a question, the lookup waits.
 * Each question has its own id and port, so that an answer to an earlier one is not taken. */
#include <errno.h>
#include <string.h>

#include "kernel/random.h"
#include "net/dns/dns_priv.h"

#define LOG_TAG "dns"
#include "kernel/log.h"

enum {
	PORT_FIRST = 1024, /* RFC 6056 §3.2, RFC 5452 §9.2: of all unreserved ports */
	PORT_TRIES = 16,
	SHORTAGES_MAX = 32, /* times that a lookup waits for room in the stack */
};

/* Ways to ask a server that has not accepted the usual question. */
enum manner {
	OVER_TCP = 1 << 0,
	SMALL_LETTERS = 1 << 1,
	WITHOUT_EDNS = 1 << 2,
};

static void ask(struct dns_lookup *l);

/* -- turns -- */

/* Drops the pending question. */
static void hang_up(struct dns_lookup *l)
{
	timer_stop(&l->timer);
	if (l->port)
		stack_udp_unlisten(l->resolver->stack, l->port);
	l->port = 0;
	if (l->exchange)
		dns_exchange_cancel(l->exchange);
	l->exchange = NULL;
}

void dns_lookup_release(struct dns_lookup *l)
{
	hang_up(l);
	list_remove(&l->link);
	pool_free(&l->resolver->lookups, l);
}

/* Settles all queries, and frees l. error: 0, or why there is no address. */
static void end(struct dns_lookup *l, int error)
{
	struct dns_addresses *found = &l->chase.found;

	/* our own shortages are not cached, as they may soon be over */
	if (error == -EIO || error == -ETIMEDOUT || error == -ELOOP)
		found->ttl_s = CONFIG_DNS_FAILURE_SECONDS;
	else if (error && error != -ENOENT && error != -ENODATA)
		found->ttl_s = 0;
	if (found->ttl_s)
		dns_cache_put(&l->resolver->cache, &l->key, error, found);
	while (!list_is_empty(&l->askers)) {
		struct dns_query *q = list_first(&l->askers, struct dns_query, link);

		q->found = *found;
		dns_query_settle(q, error);
	}
	dns_lookup_release(l);
}

/* The index of the server that is asked now. */
static unsigned server_at_turn(const struct dns_lookup *l)
{
	return (l->first + l->turn) % l->resolver->servers.count;
}

/* Moves on from a server without an answer (error says why), which is not asked again if has_failed. */
static void next_turn(struct dns_lookup *l, int error, bool has_failed)
{
	hang_up(l);
	if (has_failed) {
		l->failed |= (uint8_t)(1u << server_at_turn(l));
		l->resolver->stats.failures++;
	}
	l->error = error;
	l->turn++;
	l->manner = 0;
}

static void next_server(struct dns_lookup *l, int error, bool has_failed)
{
	next_turn(l, error, has_failed);
	ask(l);
}

/* Asks the same server once more, in another manner; it has failed if that was tried already. */
static void ask_differently(struct dns_lookup *l, enum manner manner)
{
	hang_up(l);
	if (l->manner & manner)
		next_turn(l, -EIO, true);
	else
		l->manner |= manner;
	ask(l);
}

static void conclude(struct dns_lookup *l, const uint8_t *data, size_t len, size_t at)
{
	struct dns_chase chase = l->chase;
	int verdict = dns_answer_read(data, len, at, &chase);

	switch (verdict) {
	case -EMSGSIZE:
		ask_differently(l, OVER_TCP);
		return;
	case -EPROTO:
		ask_differently(l, WITHOUT_EDNS);
		return;
	case -EIO: case -EBADMSG:
		next_server(l, -EIO, true);
		return;
	}
	if (verdict != -ELOOP) {
		l->resolver->first = (uint8_t)server_at_turn(l);
		l->chase = chase;
	}
	if (verdict)
		end(l, MIN(verdict, 0));
	else
		dns_lookup_start(l);
}

/* -- answers -- */

static void late(struct timer *t)
{
	struct dns_lookup *l = container_of(t, struct dns_lookup, timer);

	if (!l->port && !l->exchange) {
		ask(l); /* the question could not be sent before */
		return;
	}
	l->resolver->stats.timeouts++;
	next_server(l, -ETIMEDOUT, false);
}

/* The stack has no room for the question, which is no server's fault: it is sent a little later. */
static void wait_for_room(struct dns_lookup *l)
{
	hang_up(l);
	if (l->shortages++ < SHORTAGES_MAX)
		timer_start_in(&l->timer, l->resolver->config.try_ns / 8);
	else
		end(l, -ENOBUFS);
}

static void count_wrong(struct dns_lookup *l, const char *reason)
{
	l->resolver->stats.wrong++;
	log_debug("drop reason=%s port=%u", reason, l->port);
}

/* A datagram from the server's address to the question's source port. */
static void take_datagram(struct dns_lookup *l, const uint8_t *data, size_t len)
{
	bool exact = !(l->manner & SMALL_LETTERS);
	int at = dns_answer_open(data, len, l->id, &l->chase, exact);

	if (at >= 0) {
		conclude(l, data, len, (size_t)at);
	} else if (at == -EILSEQ) {
		count_wrong(l, "case");
		ask_differently(l, SMALL_LETTERS);
	} else {
		count_wrong(l, "not-asked");
		if (++l->wrong >= CONFIG_DNS_FORGERIES)
			ask_differently(l, OVER_TCP);
	}
}

static void receive(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	struct dns_lookup *l = arg;
	uint8_t data[CONFIG_DNS_UDP_BYTES];
	uint32_t len = buf_length(b);
	bool is_theirs = len <= sizeof(data) && from->port == l->to.port && ip_equal(&from->addr, &l->to.addr);

	(void)to;
	if (is_theirs)
		buf_copy_out(b, 0, data, len);
	buf_free(b);
	if (is_theirs)
		take_datagram(l, data, len);
	else
		count_wrong(l, len > sizeof(data) ? "length" : "source");
}

static void take_stream(void *arg, int result, const uint8_t *data, size_t len)
{
	struct dns_lookup *l = arg;

	l->exchange = NULL;
	if (result == 0)
		result = dns_answer_open(data, len, l->id, &l->chase, false);
	if (result == -ENOBUFS)
		wait_for_room(l);
	else if (result < 0)
		next_server(l, -EIO, true);
	else
		conclude(l, data, len, (size_t)result);
}

/* -- questions -- */

/* Each letter in one case or the other: draft-vixie-dnsext-dns0x20. */
static void mix_case(uint8_t *name)
{
	for (size_t i = dns_name_bytes(name); i-- > 0; ) {
		uint8_t c = name[i] | 0x20;

		if (c >= 'a' && c <= 'z')
			name[i] ^= random_u32() & 0x20;
	}
}

/* Writes the question in the present manner; gives its bytes. */
static size_t make_question(struct dns_lookup *l, uint8_t to[DNS_QUERY_BYTES])
{
	l->id = (uint16_t)random_u32();
	dns_name_lower(l->chase.asked.name);
	if (!(l->manner & SMALL_LETTERS))
		mix_case(l->chase.asked.name);
	return dns_write_query(to, l->id, DNS_RECURSION_DESIRED, l->chase.asked.name, l->chase.asked.type,
	                       l->manner & WITHOUT_EDNS ? 0 : CONFIG_DNS_UDP_BYTES);
}

/* Listens to a free port that cannot be guessed. */
static int open_port(struct dns_lookup *l)
{
	uint16_t port;
	int error, tries = PORT_TRIES;

	do {
		port = (uint16_t)(PORT_FIRST + random_u32() % (UINT16_MAX + 1 - PORT_FIRST));
		error = stack_udp_listen(l->resolver->stack, port, receive, l);
	} while (error == -EADDRINUSE && --tries > 0);
	if (error == 0)
		l->port = port;
	return error;
}

static int send_datagram(struct dns_lookup *l, const uint8_t *data, size_t len)
{
	int error = open_port(l);
	struct buf *b;

	if (error < 0)
		return error;
	b = buf_alloc_copy(data, len);
	return b ? stack_udp_send(l->resolver->stack, l->port, &l->to, b) : -ENOBUFS;
}

/* Sends the question to the server whose turn it is. 0, or a negative errno. */
static int put_question(struct dns_lookup *l)
{
	struct dns_resolver *r = l->resolver;
	uint64_t wait_ns = r->config.try_ns << l->turn / r->servers.count;
	uint8_t data[DNS_QUERY_BYTES];
	size_t len = make_question(l, data);
	int error;

	l->wrong = 0;
	if (l->manner & OVER_TCP) {
		wait_ns *= 4;
		error = dns_exchange_start(&l->exchange, r->stack, &l->to, data, len, take_stream, l);
	} else {
		error = send_datagram(l, data, len);
	}
	if (error < 0)
		return error;
	timer_start_in(&l->timer, wait_ns);
	r->stats.questions++;
	r->stats.over_tcp += !!(l->manner & OVER_TCP);
	return 0;
}

/* Finds the next server that may still be asked. false: there is none. */
static bool choose_server(struct dns_lookup *l)
{
	struct dns_resolver *r = l->resolver;

	for (; l->turn < r->config.rounds * r->servers.count; l->turn++) {
		unsigned i = server_at_turn(l);

		l->to.addr = r->servers.addrs[i];
		l->to.port = r->config.port;
		if (!(l->failed & 1u << i))
			return true;
	}
	return false;
}

/* Tries servers until a question has been sent, or none is left: then l has ended. */
static void ask(struct dns_lookup *l)
{
	while (choose_server(l)) {
		int error = put_question(l);

		if (error == -ENOBUFS)
			wait_for_room(l);
		if (error == 0 || error == -ENOBUFS)
			return;
		next_turn(l, -EHOSTUNREACH, true);
	}
	end(l, l->error);
}

void dns_lookup_start(struct dns_lookup *l)
{
	hang_up(l);
	l->first = l->resolver->first;
	l->turn = l->failed = l->manner = l->shortages = 0;
	l->error = -EHOSTUNREACH;
	ask(l);
}

struct dns_lookup *dns_lookup_create(struct dns_resolver *r, const struct dns_key *key)
{
	struct dns_lookup *l = pool_alloc(&r->lookups);

	if (!l)
		return NULL;
	memset(l, 0, sizeof(*l));
	l->resolver = r;
	l->key = l->chase.asked = *key;
	l->chase.found.ttl_s = CONFIG_DNS_TTL_SECONDS;
	list_init(&l->askers);
	list_push_back(&r->active, &l->link);
	timer_init(&l->timer, late);
	return l;
}
