/* SPDX-License-Identifier: ISC */
/* A DNS server under the control of a test. */
#include "tests/lib/dns_server.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/timer.h"
#include "net/bytes.h"
#include "tests/lib/check.h"
#include "tests/lib/memory.h"

enum { PREFIX = 2, ROOM = 20000, QUESTION_ROOM = 600 };

/* A message that is being sent. */
struct answer {
	struct storage storage;
	struct timer timer;
	struct dns_server *server;
	struct endpoint to;
	size_t len;
	uint8_t data[PREFIX + ROOM]; /* behind its length, as over TCP */
};

/* A connection, for one question. */
struct client {
	struct dns_server *server;
	struct flow *flow;
	struct flow_read read;
	struct flow_write write;
	struct waiter waiter;
	struct slice slice;
	struct answer *answer;
	size_t got, sent;
	uint8_t question[QUESTION_ROOM];
};

static void answer_free(struct storage *s)
{
	free(container_of(s, struct answer, storage));
}

/* -- making answers -- */

static const struct dns_zone *find(const struct dns_zone *zone, const uint8_t *name, uint16_t type)
{
	uint8_t known[DNS_NAME_BYTES];

	for (; zone && zone->name; zone++) {
		CHECK(dns_name_from_text(known, zone->name) > 0);
		if (dns_name_equal(known, name) && (!type || zone->type == type))
			return zone;
	}
	return NULL;
}

static int add(struct dns_writer *w, const uint8_t *owner, const struct dns_zone *z)
{
	uint8_t name[DNS_NAME_BYTES];
	struct ip_addr addr;

	dns_record_begin(w, owner, z->type, DNS_IN, z->ttl_s);
	if (z->type == DNS_CNAME) {
		CHECK(dns_name_from_text(name, z->value) > 0);
		dns_put_name(w, name);
	} else {
		CHECK(ip_parse(z->value, &addr) == 0);
		dns_put_bytes(w, addr.bytes, 4);
	}
	return dns_record_end(w, DNS_ANSWERS);
}

static void add_soa(struct dns_writer *w, uint32_t negative_s)
{
	uint8_t numbers[20] = { 0 };

	put_be32(numbers + 16, negative_s);
	dns_record_begin(w, (const uint8_t *)"", DNS_SOA, DNS_IN, 3600);
	dns_put_bytes(w, "\0\0", 2);
	dns_put_bytes(w, numbers, sizeof(numbers));
	dns_record_end(w, DNS_AUTHORITIES);
}

/* Gives whether all records fitted. */
static bool fill(const struct dns_server *s, struct dns_writer *w, const struct dns_question *q,
                 uint16_t flags)
{
	uint8_t name[DNS_NAME_BYTES];
	const struct dns_zone *z;
	bool found = false, fits = true;

	memcpy(name, q->name, sizeof(name));
	for (int i = 0; i < 20 && (z = find(s->zone, name, DNS_CNAME)); i++) {
		fits = add(w, name, z) == 0 && fits;
		if (s->is_brief)
			return fits;
		CHECK(dns_name_from_text(name, z->value) > 0);
	}
	for (z = s->zone; z && z->name; z++) {
		if (z->type == q->type && find(z, name, q->type) == z) {
			fits = add(w, name, z) == 0 && fits;
			found = true;
		}
	}
	if (found)
		return fits;
	if (!find(s->zone, name, 0))
		dns_write_flags(w, flags | DNS_NAME_ERROR);
	if (s->negative_s)
		add_soa(w, s->negative_s);
	return fits;
}

static void note(struct dns_server *s, const uint8_t *data, const struct dns_question *q, uint16_t from_port,
                 bool over_tcp, bool has_edns)
{
	struct dns_asked *asked = &s->asked[s->questions++ % ARRAY_SIZE(s->asked)];

	*asked = (struct dns_asked){
		.id = get_be16(data), .from_port = from_port, .over_tcp = over_tcp, .has_edns = has_edns,
		.at_ns = clock_now_ns(), .type = q->type,
	};
	memcpy(asked->name, q->name, sizeof(q->name));
}

/* The answer to a question, with a count; NULL: the resolver would not send such a question. */
static struct answer *make_answer(struct dns_server *s, const uint8_t *data, size_t len, uint16_t from_port,
                                  bool over_tcp)
{
	struct answer *a = test_alloc(sizeof(*a));
	uint16_t flags = DNS_RESPONSE | DNS_RECURSION_DESIRED | DNS_RECURSION_AVAILABLE;
	size_t room = over_tcp ? ROOM : DNS_PLAIN_BYTES;
	struct dns_header h;
	struct dns_question q;
	struct dns_record opt;
	struct dns_writer w;
	int n;

	CHECK(dns_read_header(data, len, &h) > 0 && h.flags == DNS_RECURSION_DESIRED);
	CHECK(h.counts[DNS_QUESTIONS] == 1);
	CHECK((n = dns_read_question(data, len, DNS_HEADER_BYTES, &q)) > 0 && q.class == DNS_IN);
	if (h.counts[DNS_ADDITIONAL]) {
		CHECK(dns_read_record(data, len, DNS_HEADER_BYTES + (size_t)n, &opt) == 11 && opt.type == DNS_OPT);
		room = MAX(room, (size_t)opt.class);
	}
	note(s, data, &q, from_port, over_tcp, h.counts[DNS_ADDITIONAL]);
	if (s->is_small) /* letters only: lengths are below them */
		for (size_t i = 0; i < dns_name_bytes(q.name); i++)
			q.name[i] |= q.name[i] >= 'A' && q.name[i] <= 'Z' ? 0x20 : 0;
	a->storage = (struct storage){ 1, answer_free };
	a->server = s;
	if (h.counts[DNS_ADDITIONAL] && s->is_old)
		flags |= DNS_FORMAT_ERROR;
	dns_write(&w, a->data + PREFIX, room, h.id, flags | s->rcode);
	dns_write_question(&w, q.name, q.type, q.class);
	if (!(flags & DNS_RCODE) && !s->rcode && (!fill(s, &w, &q, flags) || (s->always_truncates && !over_tcp)))
		dns_write_flags(&w, flags | DNS_TRUNCATED);
	if (h.counts[DNS_ADDITIONAL] && !s->is_old)
		dns_write_edns(&w, 4096, 0);
	a->len = w.len;
	if (s->spoil)
		s->spoil(a->data + PREFIX, &a->len, over_tcp);
	put_be16(a->data, (uint16_t)a->len);
	return a;
}

/* -- UDP -- */

static void send_one(struct answer *a, uint16_t id)
{
	struct answer *copy = test_alloc(sizeof(*copy));
	struct buf *b;

	memcpy(copy, a, sizeof(*copy));
	copy->storage.refs = 1;
	put_be16(copy->data + PREFIX, id);
	b = buf_alloc_slice(&copy->storage, copy->data + PREFIX, (uint32_t)a->len);
	storage_put(&copy->storage);
	if (b)
		stack_udp_send(a->server->stack, a->server->port, &a->to, b);
}

static void send_all(struct timer *t)
{
	struct answer *a = container_of(t, struct answer, timer);
	uint16_t id = get_be16(a->data + PREFIX);

	for (unsigned i = 1; i <= a->server->forgeries; i++)
		send_one(a, (uint16_t)(id + i));
	for (unsigned i = 0; i <= a->server->copies; i++)
		send_one(a, id);
	storage_put(&a->storage);
}

static void take_datagram(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	struct dns_server *s = arg;
	uint8_t data[QUESTION_ROOM];
	size_t len = buf_length(b);
	struct answer *a;

	(void)to;
	CHECK(len <= sizeof(data));
	buf_copy_out(b, 0, data, (uint32_t)len);
	buf_free(b);
	a = make_answer(s, data, len, from->port, false);
	if (s->deaf) {
		s->deaf--;
		storage_put(&a->storage);
		return;
	}
	a->to = *from;
	timer_init(&a->timer, send_all);
	if (s->delay_ns)
		timer_start(&a->timer, clock_now_ns() + s->delay_ns);
	else
		send_all(&a->timer);
}

/* -- TCP -- */

static void client_end(struct client *c)
{
	c->server->streams_open--;
	flow_close(c->flow);
	if (c->answer)
		storage_put(&c->answer->storage);
	free(c);
}

static void have_read(struct waiter *w);

static void read_more(struct client *c)
{
	flow_read(c->flow, &c->read, (uint32_t)(sizeof(c->question) - c->got));
	promise_wait(&c->read.promise, &c->waiter, have_read);
}

static void write_more(struct waiter *w)
{
	struct client *c = container_of(w, struct client, waiter);
	size_t total = PREFIX + c->answer->len, n = c->server->piece_bytes ? c->server->piece_bytes : total;

	if (c->sent && promise_result(&c->write.promise) < 0) {
		client_end(c);
		return;
	}
	if (c->sent == total || (c->server->stops_after && c->sent >= c->server->stops_after)) {
		c->got = 0;
		read_more(c); /* until the client closes */
		return;
	}
	n = MIN(n, total - c->sent);
	c->slice = (struct slice){ c->answer->data + c->sent, n, &c->answer->storage };
	c->sent += n;
	flow_write(c->flow, &c->write, &c->slice, 1);
	promise_wait(&c->write.promise, &c->waiter, write_more);
}

static void have_read(struct waiter *w)
{
	struct client *c = container_of(w, struct client, waiter);
	intptr_t n = promise_result(&c->read.promise);
	size_t len;

	if (n <= 0) {
		client_end(c);
		return;
	}
	buf_copy_out(c->read.bufs, 0, c->question + c->got, (uint32_t)n);
	buf_free(c->read.bufs);
	c->got += (size_t)n;
	len = c->got >= PREFIX ? get_be16(c->question) : QUESTION_ROOM;
	if (c->got < PREFIX + len || c->answer || c->server->is_silent) {
		read_more(c);
		return;
	}
	if (c->server->hangs_up) {
		client_end(c);
		return;
	}
	c->answer = make_answer(c->server, c->question + PREFIX, len, 0, true);
	write_more(w);
}

static int take_stream(void *arg, struct flow *flow, const struct endpoint *peer)
{
	struct client *c = test_alloc(sizeof(*c));

	(void)peer;
	c->server = arg;
	c->flow = flow;
	c->server->streams_open++;
	read_more(c);
	return 0;
}

int dns_server_start(struct dns_server *s)
{
	int error = stack_udp_listen(s->stack, s->port, take_datagram, s);

	return error ? error : stack_tcp_listen(s->stack, s->port, take_stream, s);
}

void dns_server_stop(struct dns_server *s)
{
	stack_udp_unlisten(s->stack, s->port);
	stack_tcp_unlisten(s->stack, s->port);
}
