/* SPDX-License-Identifier: ISC */
/* Who asks whom. A lookup is one name being asked for, by however many queries; it puts one question at a
 * time, to one server after the other, until one of them has said something that counts:
 *
 *   ask ──▶ over UDP ──▶ answer ──▶ end: queries settle, the cache remembers
 *    ▲         │           ├─ truncated, or too many forgeries: the same over TCP
 *    │         │           ├─ letters' case not kept, no EDNS0: the same without
 *    │         │           └─ an alias: its name, from the first server on
 *    └── next server ◀─ late, failed
 *
 * Each question has its own id and port, so that an answer to an earlier one finds nobody. */
#include "net/dns/resolver.h"

#include <errno.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "kernel/pool.h"
#include "kernel/random.h"
#include "net/dns/dns_priv.h"

#define LOG_TAG "dns"
#include "kernel/log.h"

enum {
	PORT_FIRST = 1024, /* RFC 6056 §3.2, RFC 5452 §9.2: of all ports that are nobody's */
	PORT_TRIES = 16,
	ROUNDS_MAX = 8,
};

/* How a server is asked after it was seen not to take the usual question. */
enum manner {
	OVER_TCP = 1 << 0,
	SMALL_LETTERS = 1 << 1,
	WITHOUT_EDNS = 1 << 2,
};

struct dns_lookup {
	struct dns_resolver *resolver;
	struct list link;              /* in resolver->active */
	struct list askers;            /* of struct dns_query; not empty */
	struct timer timer;            /* the answer is late */
	struct dns_exchange *exchange; /* the question that is on its way over TCP; or NULL */
	struct endpoint to;            /* the server that is asked */
	struct dns_key key;            /* what is looked up */
	struct dns_chase chase;        /* from there on */
	uint16_t id;
	uint16_t port;                 /* the question on its way over UDP is from this one; or 0 */
	uint8_t first, turn;           /* server first + turn is asked, round after round */
	uint8_t failed;                /* a bit for each server that is not asked again */
	uint8_t manner;                /* enum manner */
	uint16_t wrong;                /* datagrams that did not answer this question */
	int error;                     /* of the last server */
};
static_assert(CONFIG_DNS_SERVERS_MAX <= 8, "a bit each");

struct dns_resolver {
	struct stack *stack;
	struct dns_config config;
	struct dns_servers servers;
	uint8_t first; /* the server that answered last */
	struct pool lookups;
	struct list active;
	struct dns_cache cache;
	struct dns_stats stats;
};

static void ask(struct dns_lookup *l);

/* -- queries -- */

/* error: 0 when the addresses are there. */
static void settle(struct dns_query *q, int error)
{
	list_remove(&q->link);
	timer_stop(&q->deadline);
	if (error < 0)
		promise_fail(&q->promise, error);
	else
		promise_fulfil(&q->promise, q->found.count);
}

/* -- the life of a lookup -- */

/* No question is on its way any more. */
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

static void release(struct dns_lookup *l)
{
	hang_up(l);
	list_remove(&l->link);
	pool_free(&l->resolver->lookups, l);
}

/* error: 0, or why there is no address. */
static void end(struct dns_lookup *l, int error)
{
	struct dns_addresses *found = &l->chase.found;

	/* What is wrong here and not with a server may be over the next moment. */
	if (error == -EIO || error == -ETIMEDOUT || error == -ELOOP)
		found->ttl_s = CONFIG_DNS_FAILURE_SECONDS;
	else if (error && error != -ENOENT && error != -ENODATA)
		found->ttl_s = 0;
	if (found->ttl_s)
		dns_cache_put(&l->resolver->cache, &l->key, error, found);
	while (!list_is_empty(&l->askers)) {
		struct dns_query *q = list_first(&l->askers, struct dns_query, link);

		q->found = *found;
		settle(q, error);
	}
	release(l);
}

/* The server at its turn has not answered (error says why), and is not asked again when it has failed. */
static void next_turn(struct dns_lookup *l, int error, bool has_failed)
{
	struct dns_resolver *r = l->resolver;

	hang_up(l);
	if (has_failed) {
		l->failed |= (uint8_t)(1u << (l->first + l->turn) % r->servers.count);
		r->stats.failures++;
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

/* Begins anew with the server that is likely to answer. */
static void first_turn(struct dns_lookup *l)
{
	l->first = l->resolver->first;
	l->turn = l->failed = l->manner = 0;
	l->error = -EHOSTUNREACH;
}

/* The same server once more, in another manner. */
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

	hang_up(l);
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
		l->resolver->first = (uint8_t)((l->first + l->turn) % l->resolver->servers.count);
		l->chase = chase;
	}
	if (verdict) {
		end(l, MIN(verdict, 0));
		return;
	}
	first_turn(l);
	ask(l);
}

/* -- answers -- */

static void late(struct timer *t)
{
	struct dns_lookup *l = container_of(t, struct dns_lookup, timer);

	l->resolver->stats.timeouts++;
	next_server(l, -ETIMEDOUT, false);
}

static void count_wrong(struct dns_lookup *l, const char *reason)
{
	l->resolver->stats.wrong++;
	log_debug("drop reason=%s port=%u", reason, l->port);
}

/* A datagram from the server's address to the port that asked. */
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
	if (result < 0)
		next_server(l, -EIO, true);
	else
		conclude(l, data, len, (size_t)result);
}

/* -- questions -- */

/* Letters of a name: small, or each of a random case. */
static void set_case(uint8_t *name, bool random)
{
	size_t bytes = dns_name_bytes(name);

	for (size_t i = 0; i < bytes; i++) {
		uint8_t c = name[i] | 0x20;

		if (c >= 'a' && c <= 'z')
			name[i] = c ^ (random ? random_u32() & 0x20 : 0);
	}
}

/* The question as it is to be put now; gives its bytes. */
static size_t make_question(struct dns_lookup *l, uint8_t to[DNS_QUESTION_BYTES])
{
	struct dns_writer w;

	l->id = (uint16_t)random_u32();
	set_case(l->chase.asked.name, !(l->manner & SMALL_LETTERS));
	dns_write(&w, to, DNS_QUESTION_BYTES, l->id, DNS_RECURSION_DESIRED);
	dns_write_question(&w, l->chase.asked.name, l->chase.asked.type, DNS_IN);
	if (!(l->manner & WITHOUT_EDNS))
		dns_write_edns(&w, CONFIG_DNS_UDP_BYTES, 0);
	return w.len;
}

/* A port that nobody could have guessed, and that is free. */
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

/* A copy in packet buffers, whose header room is enough for most questions. NULL: there is none left. */
static struct buf *make_payload(const uint8_t *data, size_t len)
{
	struct buf *first = NULL, **end = &first;

	for (uint32_t n; len > 0; data += n, len -= n, end = &(*end)->next) {
		*end = buf_alloc_header();
		if (!*end) {
			buf_free(first);
			return NULL;
		}
		n = (uint32_t)MIN(len, (size_t)BUF_HEADROOM);
		memcpy(buf_push(*end, n), data, n);
	}
	return first;
}

static int send_datagram(struct dns_lookup *l, const uint8_t *data, size_t len)
{
	int error = open_port(l);
	struct buf *b;

	if (error < 0)
		return error;
	b = make_payload(data, len);
	return b ? stack_udp_send(l->resolver->stack, l->port, &l->to, b) : -ENOBUFS;
}

/* Puts the question to the server at its turn. 0, or why that cannot be. */
static int put_question(struct dns_lookup *l)
{
	struct dns_resolver *r = l->resolver;
	uint64_t wait_ns = r->config.try_ns << l->turn / r->servers.count;
	uint8_t data[DNS_QUESTION_BYTES];
	size_t len = make_question(l, data);
	int error;

	r->stats.questions++;
	l->wrong = 0;
	if (l->manner & OVER_TCP) {
		r->stats.over_tcp++;
		wait_ns *= 4;
		error = dns_exchange_start(&l->exchange, r->stack, &l->to, data, len, take_stream, l);
	} else {
		error = send_datagram(l, data, len);
	}
	if (error == 0)
		timer_start(&l->timer, clock_now_ns() + wait_ns);
	return error;
}

/* The next server that may still be asked, if any. */
static bool choose_server(struct dns_lookup *l)
{
	struct dns_resolver *r = l->resolver;

	for (; l->turn < r->config.rounds * r->servers.count; l->turn++) {
		unsigned i = (l->first + l->turn) % r->servers.count;

		l->to = (struct endpoint){ r->servers.addrs[i], r->config.port };
		if (!(l->failed & 1u << i))
			return true;
	}
	return false;
}

/* Until a question is on its way, or there is nobody left to put it to. */
static void ask(struct dns_lookup *l)
{
	while (choose_server(l)) {
		int error = put_question(l);

		if (error == 0)
			return;
		next_turn(l, error == -ENOBUFS ? -ENOBUFS : -EHOSTUNREACH, true);
	}
	end(l, l->error);
}

/* -- asking -- */

/* Nobody may be left who wants to know. */
static void leave(struct dns_query *q, int error)
{
	struct dns_lookup *l = q->lookup;

	settle(q, error);
	if (list_is_empty(&l->askers))
		release(l);
}

static void cancel_query(struct promise *p)
{
	leave(container_of(p, struct dns_query, promise), -ECANCELED);
}

static void deadline_passed(struct timer *t)
{
	leave(container_of(t, struct dns_query, deadline), -ETIMEDOUT);
}

/* What needs no server: true when q has settled. */
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
	settle(q, addr->family == family ? 0 : -ENODATA);
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
	settle(q, e->error);
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

static struct dns_lookup *create_lookup(struct dns_resolver *r, const struct dns_key *key)
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
	first_turn(l);
	return l;
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
		settle(q, -EINVAL);
		return;
	}
	set_case(key.name, false);
	if (answer_locally(q, name, key.name, family) || answer_from_cache(r, q, &key))
		return;
	l = find_lookup(r, &key);
	q->lookup = l ? l : create_lookup(r, &key);
	if (!q->lookup) {
		settle(q, -ENOBUFS);
		return;
	}
	list_push_back(&q->lookup->askers, &q->link);
	if (deadline_ns != DEADLINE_NEVER)
		timer_start(&q->deadline, deadline_ns);
	if (!l)
		ask(q->lookup);
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
	while (!list_is_empty(&r->active))
		leave(list_first(&list_first(&r->active, struct dns_lookup, link)->askers, struct dns_query, link),
		      -ECANCELED);
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
	list_for_each_safe(link, &r->active) {
		struct dns_lookup *l = list_entry(link, struct dns_lookup, link);

		hang_up(l);
		first_turn(l);
		ask(l);
	}
}

void dns_resolver_stats(const struct dns_resolver *r, struct dns_stats *out)
{
	*out = r->stats;
	out->lookups = (uint32_t)r->lookups.used;
	out->lookups_peak = (uint32_t)r->lookups.peak;
}
