/* SPDX-License-Identifier: ISC */
/* A virtual TCP peer that speaks raw segments, below one struct tcp in place of IP. */
#include "tests/lib/segment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loop.h"
#include "tests/lib/clock.h"

#define PACKET_BYTES 2048

static void free_storage(struct storage *s)
{
	free(s);
}

static void look_at_path(struct ip_route *r)
{
	const struct peer *p = container_of(r->ip, struct peer, ip);

	r->payload_bytes = p->path_bytes ? MIN(p->path_bytes, r->link_bytes) : r->link_bytes;
	r->generation = p->ip.generation;
}

static int route(struct ip *ip, struct ip_route *r, const struct ip_addr *src, const struct ip_addr *dst)
{
	struct peer *p = container_of(ip, struct peer, ip);

	if (p->unreachable)
		return -ENETUNREACH;
	*r = (struct ip_route){
		.ip = ip, .src = src ? *src : p->stack_addr, .dst = *dst, .payload_bytes = p->payload_bytes,
		.link_bytes = p->payload_bytes, .tso_bytes = p->tso_bytes,
	};
	look_at_path(r);
	return 0;
}

static int send_segment(struct ip_route *r, uint8_t protocol, struct buf *b, uint16_t checksum_at,
                        unsigned flags)
{
	struct peer *p = container_of(r->ip, struct peer, ip);
	uint32_t total = buf_length(b), wire;
	uint8_t *bytes = malloc(total);
	struct sent *s = &p->queue[(p->head + p->count) % PEER_QUEUE];
	int header;

	cr_assert_eq(protocol, IP_TCP);
	cr_assert_eq(checksum_at, SEGMENT_CHECKSUM_AT);
	cr_assert(flags & IP_DF);
	wire = b->flags & BUF_TSO4 ? MIN(total, b->len + b->gso_size) : total;
	if (r->generation != p->ip.generation)
		look_at_path(r);
	else
		cr_assert_leq(wire, r->payload_bytes); /* TCP knew this limit */
	if (p->full || wire > r->payload_bytes) {
		buf_free(b);
		free(bytes);
		return p->full ? -ENOBUFS : -EMSGSIZE;
	}
	buf_copy_out(b, 0, bytes, total);
	header = segment_parse(&s->segment, bytes, b->len);
	cr_assert_geq(header, SEGMENT_HEADER_BYTES);
	s->segment.length = total - (uint32_t)header;
	s->to = r->dst;
	s->ecn = flags & 3;
	s->gso_size = b->flags & BUF_TSO4 ? b->gso_size : 0;
	cr_assert(s->gso_size == 0 || total <= r->tso_bytes, "%u bytes", total);
	buf_free(b);
	p->sent_total++;
	if (p->drop || (p->hole_bytes && wire > p->hole_bytes && !(p->hole_cuts && p->may_be_cut))) {
		free(bytes);
		return 0;
	}
	memmove(bytes, bytes + header, s->segment.length);
	s->payload = bytes;
	cr_assert_lt(p->count, PEER_QUEUE);
	p->count++;
	return 0;
}

static int listen_ip(struct ip *ip, uint8_t protocol, const struct ip_handler *handler)
{
	cr_assert_eq(protocol, IP_TCP);
	container_of(ip, struct peer, ip)->handler = handler;
	return 0;
}

/* As IP does it, with a floor of 552. */
static void too_big(struct ip_route *r, uint32_t mtu)
{
	struct peer *p = container_of(r->ip, struct peer, ip);

	p->may_be_cut |= mtu < 552;
	if (mtu == IP_MTU_UNKNOWN || mtu >= r->payload_bytes + 20u)
		return;
	p->path_bytes = (uint16_t)(MAX(mtu, 552u) - 20);
	p->ip.generation++;
	look_at_path(r);
}

static void doubt(struct ip_route *r)
{
	container_of(r->ip, struct peer, ip)->doubts++;
}

static const struct ip_ops peer_ops = {
	.route = route, .send = send_segment, .listen = listen_ip, .too_big = too_big,
	.look = look_at_path, .doubt = doubt,
};

int peer_accept(void *arg, struct flow *flow, const struct endpoint *from)
{
	struct peer *p = arg;

	p->accepts++;
	if (p->accept_result < 0)
		return p->accept_result;
	p->accepted = flow;
	p->accepted_from = *from;
	return 0;
}

void peer_create(struct peer *p, const struct tcp_limits *limits)
{
	memset(p, 0, sizeof(*p));
	p->ip = (struct ip){ .ops = &peer_ops, .generation = 1 };
	p->addr = ip_v4(10, 0, 0, 1);
	p->stack_addr = ip_v4(10, 0, 0, 2);
	p->port = PEER_PORT;
	p->stack_port = 80;
	p->window = 65535;
	p->payload_bytes = 1480;
	p->mss = 1460;
	p->options = SEG_HAS_MSS;
	cr_assert_eq(tcp_create(&p->tcp, &p->ip, limits), 0);
	cr_assert_eq(tcp_listen(p->tcp, 80, peer_accept, p), 0);
}

void peer_destroy(struct peer *p)
{
	struct buf_stats stats;

	peer_forget(p);
	tcp_destroy(p->tcp);
	peer_run();
	buf_stats(&stats);
	cr_assert_eq(stats.headers_used, 0, "%zu header bufs leaked", stats.headers_used);
	cr_assert_eq(stats.slices_used, 0, "%zu slices leaked", stats.slices_used);
}

void peer_send_raw(struct peer *p, const struct segment *segment, const void *payload, uint32_t len)
{
	struct ip_meta meta = {
		.ip = &p->ip, .src.addr = p->addr, .dst.addr = p->stack_addr, .protocol = IP_TCP, .ttl = 64,
		.ecn = p->ecn,
	};
	struct segment s = *segment;
	uint8_t bytes[SEGMENT_HEADER_MAX];
	struct storage *storage;
	uint32_t header;
	struct buf *b;

	s.src_port = p->port;
	s.dst_port = p->stack_port;
	header = segment_emit(&s, bytes, sizeof(bytes));
	storage = malloc(sizeof(*storage) + header + len);
	*storage = (struct storage){ .refs = 1, .free = free_storage };
	memcpy(storage + 1, bytes, header);
	if (len)
		memcpy((uint8_t *)(storage + 1) + header, payload, len);
	b = buf_alloc_slice(storage, storage + 1, header + len);
	cr_assert_not_null(b);
	storage_put(storage);
	b->flags = BUF_CSUM_VALID;
	p->handler->input(p->handler->arg, &meta, b);
}

void peer_send(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, const void *payload, uint32_t len)
{
	struct segment s = {
		.seq = PEER_ISS + seq, .ack = flags & SEG_ACK ? p->stack_iss + ack : 0, .flags = flags,
		.window = p->window, .options = p->options & SEG_HAS_TIMESTAMPS,
		.ts_value = p->ts_value, .ts_echo = p->ts_echo, .mss = p->mss, .scale = p->scale,
	};

	if (flags & SEG_SYN)
		s.options = p->options;
	peer_send_raw(p, &s, payload, len);
}

struct sent *peer_next(struct peer *p)
{
	static struct sent out;

	free(out.payload);
	out.payload = NULL;
	if (p->count == 0)
		loop_turn(); /* runs code that waits for the device to take its last frame */
	if (p->count == 0)
		return NULL;
	out = p->queue[p->head];
	p->head = (p->head + 1) % PEER_QUEUE;
	p->count--;
	return &out;
}

unsigned peer_forget(struct peer *p)
{
	unsigned n = 0;

	while (peer_next(p))
		n++;
	return n;
}

struct sent *peer_expect(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct sent *s = peer_next(p);
	unsigned ignored;

	cr_assert_not_null(s, "nothing was sent");
	if (s->segment.flags & SEG_SYN)
		p->stack_iss = s->segment.seq;
	ignored = SEG_PSH | (flags & SEG_SYN ? SEG_ECE | SEG_CWR : 0);
	cr_assert_eq(s->segment.flags & ~ignored, flags & ~ignored, "flags %x, not %x", s->segment.flags, flags);
	cr_assert_eq(s->segment.seq - p->stack_iss, seq, "seq %u, not %u", s->segment.seq - p->stack_iss, seq);
	if (flags & SEG_ACK)
		cr_assert_eq(s->segment.ack - PEER_ISS, ack, "ack %u, not %u", s->segment.ack - PEER_ISS, ack);
	cr_assert_eq(s->segment.length, len, "length %u, not %u", s->segment.length, len);
	if (s->segment.options & SEG_HAS_TIMESTAMPS)
		p->ts_echo = s->segment.ts_value;
	return s;
}

void peer_expect_nothing(struct peer *p)
{
	const struct sent *s = peer_next(p);

	cr_assert_null(s, "flags %x seq %u ack %u length %u was sent", s->segment.flags,
	               s->segment.seq - p->stack_iss, s->segment.ack - PEER_ISS, s->segment.length);
}

struct sent *peer_expect_reset(struct peer *p)
{
	struct sent *s = peer_next(p);

	cr_assert_not_null(s, "nothing was sent");
	cr_assert(s->segment.flags & SEG_RST, "flags %x", s->segment.flags);
	return s;
}

struct flow *peer_open(struct peer *p)
{
	p->accepted = NULL;
	peer_send(p, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(p, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(p, SEG_ACK, 1, 1, NULL, 0);
	cr_assert_not_null(p->accepted);
	peer_expect_nothing(p);
	return p->accepted;
}

struct flow *peer_accept_connect(struct peer *p)
{
	static struct stack_connect op;
	struct endpoint to = { p->addr, p->port };
	struct sent *s;

	tcp_connect(p->tcp, &op, &to);
	s = peer_expect(p, SEG_SYN, 0, 0, 0);
	p->stack_port = s->segment.src_port;
	peer_send(p, SEG_SYN | SEG_ACK, 0, 1, NULL, 0);
	cr_assert_eq(promise_result(&op.promise), 0);
	peer_expect(p, SEG_ACK, 1, 1, 0);
	return op.flow;
}

void peer_run(void)
{
	while (loop_turn())
		;
}

void peer_wait_ms(uint32_t ms)
{
	peer_run();
	while (ms-- > 0) {
		clock_advance_ns(NS_PER_MS);
		peer_run();
	}
}
