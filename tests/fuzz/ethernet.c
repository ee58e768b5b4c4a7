/* SPDX-License-Identifier: ISC */
/* Fuzzes everything from the Ethernet frame to TCP's reader: one whole stack with a UDP port, a server on
 * port 80 with an open connection, and a connection that the stack itself has opened. The input is a row
 * of records: raw frames; IP packets whose lengths and checksums are put right, so that mutations get
 * past them; segments whose numbers are relative to a connection's; ARP; time; the application's acts.
 * The last byte sets the device's offloads and MTU, whether frames arrive in pieces, whether buffers are
 * scarce, and whether handlers take packets that no listener wants.
 * Checks, besides the sanitizers, that all frames sent are well formed and at most a few for each received,
 * and that all memory is freed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loop.h"
#include "kernel/random.h"
#include "net/bytes.h"
#include "net/ipv4/igmp.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/input.h"
#include "tests/lib/lan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IP = 14, TCP = 34, RECORDS = 64, FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* Bits of the last byte. */
enum mode {
	CHECKSUMS = 1, LARGE = 2, NARROW = 4, PIECES = 8, OTHERS = 16,
	LEAST_MTU = 32 + 64 + 128, /* all of these */
};

/* The kind of a record, in the low three bits of its first byte. */
enum record { RAW_FRAME, IP_PACKET, SEGMENT, UDP_OR_ICMP, ARP, TIME, ACT, RAW_PACKET };
#define RETURNS (0xf0 | TIME) /* time, after which the link returns */

/* The three connections of the peer: to the server, from the stack, and one not opened yet. */
struct connection {
	uint16_t peer_port, stack_port;
	uint32_t peer_next, stack_next;
	uint32_t stack_clock; /* its last timestamp */
};

/* One side of the application: reads, answers with constant bytes, closes at the input's command. */
struct side {
	struct flow *flow;
	struct flow_read read;
	struct flow_write write;
	struct waiter reader, writer;
	struct slice slices[3];
	bool reading, writing;
};

static struct lan lan;
static struct ethernet *ethernet;
static struct arp *arp;
static struct ipv4 *ipv4;
static struct udp *udp;
static struct tcp *tcp;
static struct buf *hoard; /* header bufs that the input has taken away */
static bool declining, listening, joined;
static struct igmp_group group;
static const struct tcp_limits *limits;
static struct connection connections[3];
static struct side sides[8];
static struct stack_connect connecting;
static struct waiter connected;

static void take_bytes(struct input *in, struct frame *f, size_t max)
{
	size_t len = MIN(MIN(max, in->left), sizeof(f->bytes) - f->len);

	frame_add(f, in->at, len);
	in->at += len;
	in->left -= len;
}

/* -- the application -- */

static void start_reading(struct side *s);

static void have_read(struct waiter *w)
{
	struct side *s = container_of(w, struct side, reader);
	intptr_t n = promise_result(&s->read.promise);

	s->reading = false;
	if (n > 0) {
		CHECK(buf_length(s->read.bufs) == (uint32_t)n && n <= (intptr_t)s->read.max);
		buf_free(s->read.bufs);
		start_reading(s);
	}
}

static void start_reading(struct side *s)
{
	if (!s->flow || s->reading)
		return;
	s->reading = true;
	flow_read(s->flow, &s->read, 700);
	promise_wait(&s->read.promise, &s->reader, have_read);
}

static void have_written(struct waiter *w)
{
	struct side *s = container_of(w, struct side, writer);
	intptr_t n = promise_result(&s->write.promise);

	CHECK(n < 0 || n == 9000);
	s->writing = false;
}

static void start_writing(struct side *s)
{
	static const uint8_t bytes[9000];

	if (!s->flow || s->writing)
		return;
	s->writing = true;
	s->slices[0] = (struct slice){ bytes, 1, NULL }; /* no slice continues another in memory */
	s->slices[1] = (struct slice){ bytes + 2, 3999, NULL };
	s->slices[2] = (struct slice){ bytes + 4000, 5000, NULL };
	flow_write(s->flow, &s->write, s->slices, 3);
	promise_wait(&s->write.promise, &s->writer, have_written);
}

static int accept_side(void *arg, struct flow *flow, const struct endpoint *peer)
{
	struct endpoint local;

	(void)arg;
	tcp_local(flow, &local);
	CHECK(local.port != 0 && local.addr.family == IP_V4);
	tcp_peer(flow, &local);
	CHECK(local.port == peer->port && ip_equal(&local.addr, &peer->addr));
	if (declining)
		return -ECONNREFUSED;
	for (size_t i = 1; i < ARRAY_SIZE(sides); i++) {
		if (!sides[i].flow && !sides[i].reading && !sides[i].writing) {
			sides[i].flow = flow;
			start_reading(&sides[i]);
			return 0;
		}
	}
	return -ENOBUFS;
}

static void have_connected(struct waiter *w)
{
	(void)w;
	if (promise_result(&connecting.promise) == 0) {
		sides[0].flow = connecting.flow;
		start_reading(&sides[0]);
	}
}

static void start_connecting(void)
{
	struct endpoint to = { ip_v4(10, 0, 0, 9), 8000 };

	if (sides[0].flow || sides[0].reading || sides[0].writing || !promise_is_settled(&connecting.promise))
		return;
	tcp_connect(tcp, &connecting, &to);
	promise_wait(&connecting.promise, &connected, have_connected);
}

static void echo(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	(void)arg;
	udp_send(udp, to->port, from, b);
}

static void udp_failed(void *arg, int error, const struct endpoint *from, const struct endpoint *to)
{
	(void)arg;
	CHECK(error < 0 && from->addr.family == IP_V4 && to->addr.family == IP_V4);
}

static void release_hoard(void)
{
	for (struct buf *b; (b = hoard); buf_free(b))
		hoard = b->queue;
}

/* Takes all header bufs but left. */
static void take_hoard(size_t left)
{
	struct buf *b;

	for (; (b = buf_alloc_header()); hoard = b)
		b->queue = hoard;
	for (; left > 0 && (b = hoard); left--, buf_free(b))
		hoard = b->queue;
}

/* Acts of an application, or of the rest of the system, on one connection. */
static void act_on(struct side *s, uint32_t what)
{
	struct flow *flow = s->flow;

	switch (what) {
	case 1:
		flow_shutdown(flow);
		break;
	case 2:
		s->flow = NULL;
		flow_close(flow);
		break;
	case 3:
		s->flow = NULL;
		flow_abort(flow);
		break;
	case 7:
		if (s->reading)
			promise_cancel(&s->read.promise);
		break;
	case 8:
		if (s->writing)
			promise_cancel(&s->write.promise);
		break;
	case 9:
		tcp_set(flow, STACK_KEEPIDLE, 5);
		tcp_set(flow, STACK_KEEPALIVE, 1);
		break;
	}
}

static void set_option(struct flow *flow, enum stack_option option, int32_t value)
{
	struct stack_tcp_info info;
	int32_t is = -1;
	int error = tcp_set(flow, option, value);

	CHECK(error == 0 || error == -EINVAL || error == -ENOPROTOOPT);
	CHECK(tcp_get(flow, option, &is) == 0 || option >= STACK_OPTIONS);
	tcp_info(flow, &info);
	CHECK(option != STACK_MSS || info.cur_mss == (uint32_t)is);
}

static int accept_other(void *arg, uint16_t port, accept_fn **accept, void **accept_arg)
{
	*accept = accept_side;
	*accept_arg = arg;
	return port % 2 ? 0 : -ECONNREFUSED;
}

static int receive_other(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	(void)arg;
	(void)from;
	if (to->port % 2)
		return -ECONNREFUSED;
	buf_free(b);
	return 0;
}

/* Adds and removes addresses, routes and groups. */
static void change_addresses(uint32_t what)
{
	static const struct ip_prefix prefixes[] = {
		{ { IP_V4, { 10, 0, 0, 2 } }, 24 }, { { IP_V4, { 192, 0, 2, 2 } }, 24 },
		{ { IP_V4, { 192, 0, 3, 0 } }, 24 }, { { IP_V4, { 192, 0, 3, 7 } }, 32 },
		{ { IP_V4, { 239, 1, 2, 0 } }, 24 },
	};
	static const struct ip_addr gateway = { IP_V4, { 192, 0, 2, 1 } }, ours = { IP_V4, { 10, 0, 0, 2 } };
	static const struct ip_addr all_of_them = { IP_V4, { 239, 1, 2, 3 } };

	switch (what) {
	case 3:
		ipv4_add_address(ipv4, &prefixes[1]);
		ipv4_add_address(ipv4, &prefixes[2]); /* refused: the subnet's own address */
		CHECK(ipv4_add_route(ipv4, &prefixes[2], &gateway) != -EINVAL);
		ipv4_add_route(ipv4, &prefixes[3], NULL);
		ipv4_add_stand_in(ipv4, &prefixes[2], &gateway);
		CHECK(ipv4_add_route(ipv4, &prefixes[3], &ours) < 0);
		CHECK(ipv4_add_route(ipv4, &prefixes[4], &gateway) == -EINVAL);
		break;
	case 4:
		ipv4_remove_route(ipv4, &prefixes[3]);
		ipv4_remove_address(ipv4, &ours);
		CHECK(ipv4_remove_address(ipv4, &ours) == -EADDRNOTAVAIL);
		break;
	case 5:
		CHECK(ipv4_set_address(ipv4, &prefixes[0], NULL) == 0);
		CHECK(ipv4_remove_route(ipv4, &ipv4_everywhere) == -ENOENT);
		break;
	case 6:
		ipv4_clear_address(ipv4);
		ipv4_listen_unaddressed(ipv4, true);
		break;
	case 7:
		if (joined)
			igmp_leave(ipv4, &group);
		joined = !joined && igmp_join(ipv4, &group, &all_of_them) == 0;
		break;
	}
}

/* Starts and stops the listeners, and lets sending fail. */
static void change_world(uint32_t what)
{
	int32_t ttl;

	if (what == 0 && listening) {
		tcp_unlisten(tcp, 80);
		udp_unlisten(udp, 7);
		listening = false;
	} else if (what == 0) {
		CHECK(tcp_listen(tcp, 80, accept_side, NULL) == 0);
		CHECK(tcp_listen(tcp, 80, accept_side, NULL) == -EADDRINUSE);
		CHECK(udp_listen(udp, 7, echo, NULL) == 0);
		CHECK(udp_listen(udp, 7, echo, NULL) == -EADDRINUSE);
		CHECK(udp_set(udp, 7, STACK_TTL, 3) == 0 && udp_get(udp, 7, STACK_TTL, &ttl) == 0 && ttl == 3);
		listening = true;
	} else if (what == 1) {
		tcp_listen_other(tcp, accept_other, NULL);
		udp_listen_other(udp, receive_other, NULL);
	} else if (what == 2) {
		lan.send_error = lan.send_error ? 0 : -ENOBUFS;
	} else {
		change_addresses(what);
	}
}

static void act(struct input *in, uint8_t head)
{
	uint32_t what = take(in, 1);
	struct side *s = &sides[what & 7];
	static const struct ip_addr others[8] = { /* ourselves, a group, a neighbour, far away, nowhere */
		{ IP_V4, { 10, 0, 0, 2 } }, { IP_V4, { 10, 0, 0, 255 } }, { IP_V4, { 224, 0, 0, 1 } },
		{ IP_V4, { 10, 0, 0, 77 } }, { IP_V4, { 192, 0, 2, 1 } }, { IP_V4, { 240, 0, 0, 1 } },
		{ IP_V6, { 1 } }, { IP_V4, { 127, 0, 0, 1 } },
	};
	struct endpoint to = { others[what & 7], 7 };

	what >>= 4;
	if (s->flow && (what < 4 || (what > 6 && what < 10)))
		act_on(s, what);
	if (what == 0)
		start_writing(s);
	else if (what == 4)
		promise_cancel(&connecting.promise);
	else if (what == 5)
		start_reading(s);
	else if (what == 6)
		start_connecting();
	else if (what == 10)
		take_hoard((size_t)(s - sides));
	else if (what == 11)
		release_hoard();
	else if (what == 12)
		declining = !declining;
	else if (what == 13)
		udp_send(udp, 5000, &to, buf_alloc_slice(NULL, "self", 4));
	else if (what == 14)
		change_world((uint32_t)(s - sides));
	else if (s->flow)
		set_option(s->flow, (enum stack_option)(head >> 3 & 15), head & 0x80 ? 1000 : 0);
}

/* -- the peer -- */

static void learn_clock(struct connection *c, const uint8_t *options, size_t bytes)
{
	for (size_t at = 0, len; at + 10 <= bytes && options[at]; at += len) {
		len = options[at] > 1 ? options[at + 1] : 1;
		CHECK(len > 0);
		if (options[at] == 8)
			c->stack_clock = get_be32(options + at + 2);
	}
}

/* Checks all sent frames, and learns sequence numbers. Gives the number of frames without a connection's
 * data, which windows bound. */
static unsigned look(void)
{
	const struct frame *f;
	unsigned count = 0;

	for (; (f = lan_next(&lan)); count++) {
		uint32_t header, next;

		CHECK(memcmp(f->bytes + 6, LAN_MAC, 6) == 0);
		if (frame_16(f, 12) == 0x0806) {
			CHECK(f->len == 42);
			continue;
		}
		if (f->flags & BUF_TSO4)
			CHECK((lan.dev.features & NETDEV_TSO4) && f->gso_size > 0 && f->len <= IP + UINT16_MAX);
		else
			CHECK(f->len <= (size_t)IP + lan.dev.mtu && frame_ipv4_is_right(f) &&
			      f->bytes[IP] == (f->bytes[IP + 9] == IP_IGMP ? 0x46 : 0x45));
		if (f->bytes[IP + 9] != IP_TCP || frame_16(f, IP + 6) & 0x3fff)
			continue;
		header = (f->bytes[TCP + 12] >> 4) * 4u;
		CHECK(header >= 20 && TCP + header <= f->len);
		next = frame_32(f, TCP + 4) + (uint32_t)(f->len - TCP) - header +
		       !!(f->bytes[TCP + 13] & SYN) + !!(f->bytes[TCP + 13] & FIN);
		count -= f->len > TCP + header;
		for (size_t i = 0; i < ARRAY_SIZE(connections); i++) {
			struct connection *c = &connections[i];

			if (frame_16(f, TCP + 2) != c->peer_port || (f->bytes[TCP + 13] & RST))
				continue;
			if (f->bytes[TCP + 13] & SYN)
				c->stack_port = frame_16(f, TCP);
			learn_clock(c, f->bytes + TCP + 20, header - 20);
			if ((int32_t)(next - c->stack_next) > 0 || (f->bytes[TCP + 13] & SYN))
				c->stack_next = next;
		}
	}
	return count;
}

static void receive(const struct frame *f, uint8_t flags)
{
	lan_receive(&lan, f, flags);
	lan_run();
	CHECK(look() < 64 || lan.dev.mtu < 1500);
}

static void segment(struct connection *c, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t window,
                    const uint8_t *options, size_t options_len, const uint8_t *payload, size_t len)
{
	uint8_t header[20] = {
		(uint8_t)(c->peer_port >> 8), (uint8_t)c->peer_port,
		(uint8_t)(c->stack_port >> 8), (uint8_t)c->stack_port,
		(uint8_t)(seq >> 24), (uint8_t)(seq >> 16), (uint8_t)(seq >> 8), (uint8_t)seq,
		(uint8_t)(ack >> 24), (uint8_t)(ack >> 16), (uint8_t)(ack >> 8), (uint8_t)ack,
		(uint8_t)((5 + (options_len + 3) / 4) << 4), flags,
		(uint8_t)(window >> 8), (uint8_t)window,
	};
	struct frame f;

	frame_ipv4(&f, IP_TCP, LAN_PEER_IP, LAN_IP);
	frame_add(&f, header, sizeof(header));
	frame_add(&f, options, options_len);
	frame_add(&f, (const uint8_t[3]){ 0 }, (4 - options_len % 4) % 4);
	frame_add(&f, payload, len);
	frame_finish(&f);
	receive(&f, 0);
}

/* Makes SACK blocks relative to the stack's next sequence number, and echoes relative to its last
 * timestamp. */
static void move_options(struct frame *options, const struct connection *c)
{
	uint8_t *o = options->bytes;
	size_t len;

	for (size_t at = 0; at + 1 < options->len; at += len) {
		len = o[at] > 1 ? o[at + 1] : 1;
		if (len == 0)
			return;
		for (size_t i = at + 2; o[at] == 5 && i + 4 <= MIN(at + len, options->len); i += 4)
			put_be32(o + i, get_be32(o + i) + c->stack_next);
		if (o[at] == 8 && at + 10 <= options->len)
			put_be32(o + at + 6, get_be32(o + at + 6) + c->stack_clock);
	}
}

/* A record of a segment: connection, flags, both numbers relative to the next ones, window, options,
 * payload. */
static void take_segment(struct input *in, uint8_t head)
{
	struct connection *c = &connections[(head >> 3) % 3];
	uint8_t flags = (uint8_t)take(in, 1);
	uint32_t seq = c->peer_next + (uint32_t)(int16_t)take(in, 2);
	uint32_t ack = c->stack_next + (uint32_t)(int16_t)take(in, 2);
	uint16_t window = (uint16_t)take(in, 2);
	struct frame options = { .len = 0 }, payload = { .len = 0 };

	take_bytes(in, &options, take(in, 1) % 41);
	move_options(&options, c);
	if (head & 0x80)
		take_bytes(in, &payload, take(in, 2) % 1401);
	else if (head & 0x40) /* a large payload of zeros from little input */
		payload.len = take(in, 2) % 1401;
	c->peer_next = seq + (uint32_t)payload.len + !!(flags & SYN) + !!(flags & FIN);
	segment(c, flags, seq, ack, window, options.bytes, options.len, payload.bytes, payload.len);
}

static void take_packet(struct input *in, uint8_t head)
{
	struct frame f;
	size_t header;

	frame_ethernet(&f, LAN_MAC, LAN_PEER_MAC, 0x0800);
	take_bytes(in, &f, take(in, 2) % 1501);
	header = f.len > IP ? (f.bytes[IP] & 15u) * 4 : 0;
	if (f.len >= IP + 20 && frame_16(&f, IP + 6) & 0x3fff) /* a fragment has no checksum of its own */
		put_be16(f.bytes + IP + 2, (uint16_t)(f.len - IP));
	else if (f.len >= IP + MAX(header, (size_t)20) + 20)
		frame_finish(&f);
	if (f.len >= IP + MAX(header, (size_t)20))
		frame_finish_header(&f);
	receive(&f, head >> 6);
}

/* Quotes a segment of the stack's on that connection, as an ICMP error does. */
static void quote(const struct connection *c, struct frame *payload)
{
	struct frame f;
	uint8_t tcp_start[8] = {
		(uint8_t)(c->stack_port >> 8), (uint8_t)c->stack_port,
		(uint8_t)(c->peer_port >> 8), (uint8_t)c->peer_port,
		(uint8_t)((c->stack_next - 1) >> 24), (uint8_t)((c->stack_next - 1) >> 16),
		(uint8_t)((c->stack_next - 1) >> 8), (uint8_t)(c->stack_next - 1),
	};

	frame_ipv4(&f, IP_TCP, LAN_IP, LAN_PEER_IP);
	frame_add(&f, tcp_start, sizeof(tcp_start));
	frame_add(payload, f.bytes + IP, f.len - IP);
}

static void take_udp_or_icmp(struct input *in, uint8_t head)
{
	struct frame f, payload = { .len = 0 };
	uint8_t first = (uint8_t)take(in, 1), second = (uint8_t)take(in, 1);

	if (head & 32)
		quote(&connections[take(in, 1) % 3], &payload);
	else
		take_bytes(in, &payload, take(in, 2) % 1401);
	frame_ipv4(&f, head & 8 ? IP_UDP : IP_ICMP, LAN_PEER_IP, head & 16 ? 0xffffffff : LAN_IP);
	if (head & 16)
		memcpy(f.bytes, LAN_BROADCAST, 6);
	if (head & 8)
		frame_udp(&f, (uint16_t)(first << 8 | 1), second, payload.bytes, payload.len);
	else
		frame_icmp(&f, first, second, take(in, 4), payload.bytes, payload.len);
	frame_finish(&f);
	receive(&f, head >> 6);
}

static void take_arp(struct input *in, uint8_t head)
{
	uint32_t sender = 0x0a000000 | take(in, 1), target = 0x0a000000 | take(in, 1);
	uint8_t mac[6] = { 2, 0, 0, 0, 0, (uint8_t)take(in, 1) };
	struct frame f;

	frame_arp(&f, head & 8 ? 1 : 2, mac, sender, LAN_MAC, target);
	receive(&f, 0);
}

static void take_record(struct input *in)
{
	uint8_t head = (uint8_t)take(in, 1);
	struct frame f = { .len = 0 };

	switch ((enum record)(head & 7)) {
	case RAW_FRAME:
		take_bytes(in, &f, take(in, 2) % LAN_FRAME_BYTES);
		receive(&f, head >> 6);
		break;
	case RAW_PACKET:
		frame_ethernet(&f, LAN_MAC, LAN_PEER_MAC, 0x0800);
		take_bytes(in, &f, take(in, 2) % 1501);
		receive(&f, head >> 6);
		break;
	case IP_PACKET:
		take_packet(in, head);
		break;
	case SEGMENT:
		take_segment(in, head);
		break;
	case UDP_OR_ICMP:
		take_udp_or_icmp(in, head);
		break;
	case ARP:
		take_arp(in, head);
		break;
	case TIME:
		clock_advance_ns(take(in, 2) * NS_PER_MS * (head & 8 ? 100 : 1));
		if (head == RETURNS) {
			arp_announce(arp);
			tcp_retry(tcp);
		}
		lan_run();
		look();
		break;
	case ACT:
		act(in, head);
		lan_run();
		look();
		break;
	}
}

/* -- the whole -- */

static void open_connections(void)
{
	static const uint8_t options[] = { 2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7 };
	struct connection *server = &connections[0], *client = &connections[1];
	struct frame f;

	connections[0] = (struct connection){ 4000, 80, 1000, 0, 0 };
	connections[1] = (struct connection){ 8000, 0, 2000, 0, 0 };
	connections[2] = (struct connection){ 4001, 80, 3000, 0, 0 };
	frame_arp(&f, 1, LAN_PEER_MAC, LAN_PEER_IP, (const uint8_t[6]){ 0 }, LAN_IP);
	receive(&f, 0);
	segment(server, SYN, server->peer_next++, 0, 60000, options, sizeof(options), NULL, 0);
	segment(server, ACK, server->peer_next, server->stack_next, 60000, NULL, 0, NULL, 0);
	CHECK(sides[1].flow);
	start_connecting();
	lan_run();
	look();
	segment(client, SYN | ACK, client->peer_next++, client->stack_next, 60000, options, 4, NULL, 0);
	CHECK(sides[0].flow);
}

static void other_frame(void *arg, const struct ethernet_header *header, struct buf *b)
{
	(void)arg;
	CHECK(header->type != be16(ETHERTYPE_IPV4) && header->type != be16(ETHERTYPE_ARP));
	buf_free(b);
}

static void other_packet(void *arg, struct ip_meta *meta, struct buf *b)
{
	(void)arg;
	CHECK(meta->protocol != IP_ICMP && meta->protocol != IP_TCP && meta->protocol != IP_UDP);
	buf_free(b);
}

static void listen_to_others(void)
{
	static const struct ip_handler handler = { .input = other_packet };

	ethernet_listen_other(ethernet, other_frame, NULL);
	ipv4_listen_other(ipv4, &handler);
}

static void create(uint8_t mode)
{
	static const struct tcp_limits narrow = {
		.connections = 3, .half_open = 1, .time_wait = 1, .send_slices = 1, .receive_bytes = 4096,
		.receive_bufs = 3,
	};
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };
	struct ip_addr gateway = ip_v4(10, 0, 0, 1);
	uint32_t features = 0;

	if (mode & (CHECKSUMS | LARGE))
		features = NETDEV_TX_CSUM | NETDEV_RX_CSUM | (mode & LARGE ? NETDEV_TSO4 : 0);
	memset(sides, 0, sizeof(sides));
	declining = joined = false;
	promise_return(&connecting.promise, 0);
	lan_init(&lan, features);
	lan.pieces = mode & PIECES ? 100 : 0;
	if ((mode & LEAST_MTU) == LEAST_MTU)
		lan.dev.mtu = 68;
	CHECK(ethernet_create(&ethernet, &lan.dev) == 0);
	CHECK(arp_create(&arp, ethernet) == 0);
	CHECK(ipv4_create(&ipv4, ethernet, arp) == 0);
	CHECK(udp_create(&udp, ipv4_ip(ipv4)) == 0);
	limits = mode & NARROW ? &narrow : NULL;
	CHECK(tcp_create(&tcp, ipv4_ip(ipv4), limits) == 0);
	CHECK(ipv4_set_address(ipv4, &prefix, &gateway) == 0);
	CHECK(tcp_listen(tcp, 80, accept_side, NULL) == 0);
	CHECK(udp_listen(udp, 7, echo, NULL) == 0);
	udp_listen_errors(udp, udp_failed, NULL);
	listening = true;
	if (mode & OTHERS)
		listen_to_others();
}

/* Checks that no layer passes on more than it has received, and that no pool gives more than it has. */
static void check_counts(void)
{
	const struct tcp_stats *s = tcp_stats(tcp);
	const struct ethernet_stats *e = ethernet_stats(ethernet);
	const struct ipv4_stats *ip = ipv4_stats(ipv4);

	CHECK(e->in_frames >= e->in_errors + e->in_not_for_us + e->in_unknown_protos);
	CHECK(ip->in_receives >= ip->in_delivers && ip->in_delivers >= s->in_segs);
	if (!limits)
		return;
	CHECK(s->connections <= limits->connections && s->curr_estab <= s->connections);
	CHECK(s->half_open <= limits->half_open && s->time_wait <= limits->time_wait);
	CHECK(s->send_slices <= limits->send_slices + limits->connections);
}

static void destroy(void)
{
	release_hoard();
	check_counts();
	lan.send_error = 0;
	promise_cancel(&connecting.promise);
	lan_run();
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		if (sides[i].flow && i % 2)
			flow_abort(sides[i].flow);
		else if (sides[i].flow)
			flow_close(sides[i].flow);
	}
	lan_run();
	look();
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
		CHECK(!sides[i].reading && !sides[i].writing);
	if (joined)
		igmp_leave(ipv4, &group);
	tcp_destroy(tcp);
	udp_destroy(udp);
	ipv4_destroy(ipv4);
	arp_destroy(arp);
	ethernet_destroy(ethernet);
	lan_run();
	lan_forget(&lan);
	lan_done(&lan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	create(size ? data[size - 1] : 0);
	open_connections();
	for (int i = 0; i < RECORDS && in.left > 0; i++)
		take_record(&in);
	destroy();
	return 0;
}
