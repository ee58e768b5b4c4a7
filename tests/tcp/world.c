/* SPDX-License-Identifier: ISC */
/* The stack, its card, its neighbour, and time. What the stack sends is read at once, stamped with the
 * clock and kept in order; ARP requests are answered from the loop, as nothing may enter the stack again
 * from within a send. */
#include "tests/tcp/world.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loop.h"
#include "kernel/timer.h"
#include "net/ipv4/ipv4.h"
#include "net/tcp/tcp_priv.h"
#include "tests/lib/clock.h"

#define SENT 1024
#define MTU_DEFAULT 1500

static struct lan lan;
static const struct netdev_ops *lan_ops;
static struct ethernet *ethernet;
static struct arp *arp;
static struct ipv4 *ipv4;
static struct tcp *tcp;
struct talk *talk;
static struct talk talks[WORLD_TALKS];
static unsigned talk_count;
static struct wire sent[SENT];
static unsigned sent_head, sent_count;
static struct timer arp_timer;
static uint32_t asked; /* by ARP */
static struct sleep interval; /* that passes */
static bool ends_with_sending;
static uint32_t mtu = MTU_DEFAULT;

/* Fields of struct tcp_limits that are not as usual. */
static struct { const char *name; size_t offset; uint32_t value; bool given; } limits[] = {
	{ .name = "connections", .offset = offsetof(struct tcp_limits, connections) },
	{ .name = "half_open", .offset = offsetof(struct tcp_limits, half_open) },
	{ .name = "time_wait", .offset = offsetof(struct tcp_limits, time_wait) },
	{ .name = "receive_bytes", .offset = offsetof(struct tcp_limits, receive_bytes) },
	{ .name = "receive_bufs", .offset = offsetof(struct tcp_limits, receive_bufs) },
};

int world_limit(const char *name, uint32_t value)
{
	if (strcmp(name, "mtu") == 0) {
		mtu = value;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (strcmp(limits[i].name, name) == 0) {
			limits[i].value = value;
			limits[i].given = true;
			return 0;
		}
	return -EINVAL;
}

/* -- what the stack sends -- */

static struct talk *talk_of(uint16_t peer_port)
{
	for (unsigned i = 0; i < talk_count; i++)
		if (talks[i].peer_port == peer_port)
			return &talks[i];
	return NULL;
}

bool world_clocks_are_apart(void)
{
	const uint32_t near = 10000000; /* as many milliseconds no script takes */

	for (unsigned i = 0; i < talk_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (talks[i].bases.clock - talks[j].bases.clock + near <= 2 * near)
				return false;
	return talk_count > 1;
}

static void answer_arp(struct timer *t)
{
	struct frame f;

	(void)t;
	frame_arp(&f, 2, LAN_PEER_MAC, asked, LAN_MAC, LAN_IP);
	lan_receive(&lan, &f, 0);
}

static void look_at(const struct frame *f)
{
	struct wire *w = &sent[(sent_head + sent_count) % SENT];
	struct talk *t = talk_of(frame_16(f, 36)), stranger = { .peer_port = 0 };
	const char *wrong;
	char text[WIRE_TEXT];

	if (frame_16(f, 12) == 0x0806) {
		asked = frame_32(f, 38);
		if (frame_16(f, 20) == 1 && asked != LAN_IP)
			timer_start(&arp_timer, clock_now_ns());
		return;
	}
	t = t ? t : &stranger;
	wrong = wire_read(w, &t->bases, f);
	w->dst_port = frame_16(f, 36);
	w->time_ns = clock_now_ns();
	if (w->given & 1u << WIRE_TS_VALUE)
		t->heard_clock = w->value[WIRE_TS_VALUE].least;
	wire_print(w, text);
	report_add(w->time_ns, "> %s", text);
	if (wrong || sent_count == SENT)
		fail(NULL, "%s", wrong ? wrong : "too much is sent");
	sent_count++;
	if (ends_with_sending)
		promise_cancel(&interval.promise);
}

static int send_frame(struct netdev *dev, struct buf *b)
{
	int error = lan_ops->send(dev, b);
	const struct frame *f;

	while ((f = lan_next(&lan)))
		look_at(f);
	return error;
}

const struct wire *world_next(void)
{
	const struct wire *w = &sent[sent_head];

	if (sent_count == 0)
		return NULL;
	sent_head = (sent_head + 1) % SENT;
	sent_count--;
	return w;
}

/* -- what it receives -- */

void world_receive(const struct frame *f)
{
	lan_receive(&lan, f, 0);
	world_run();
}

int world_accept(void *arg, struct flow *flow, const struct endpoint *peer)
{
	struct talk *t = talk_of(peer->port);

	(void)arg;
	if (!t || t->flow)
		fail(NULL, "a connection was accepted that nobody can have begun");
	t->flow = flow;
	t->accepted = true;
	return 0;
}

int world_decline(void *arg, struct flow *flow, const struct endpoint *peer)
{
	(void)arg;
	(void)flow;
	(void)peer;
	return -ECONNREFUSED;
}

/* -- time -- */

void world_run(void)
{
	while (loop_turn())
		;
}

void world_wait_ms(uint64_t ms, bool until_sent)
{
	world_run();
	if (until_sent && sent_count)
		return;
	ends_with_sending = until_sent;
	sleep_until(&interval, clock_now_ns() + ms * NS_PER_MS);
	loop_run(&interval.promise);
	ends_with_sending = false;
	world_run();
}

/* -- the whole -- */

struct tcp *world_tcp(void)
{
	return tcp;
}

void world_choose(uint16_t peer_port)
{
	struct talk *t = talk_of(peer_port);

	talk = t;
	if (t)
		return;
	if (talk_count == WORLD_TALKS)
		fail(NULL, "more than %d talks", WORLD_TALKS);
	talk = t = &talks[talk_count++];
	*t = (struct talk){ .peer_port = peer_port, .stack_port = 80, .bases.peer = WORLD_PEER_ISS };
	promise_return(&t->connecting.promise, 0);
	promise_return(&t->reading.promise, 0);
	promise_return(&t->writing.promise, 0);
}

struct flow *talk_flow(struct talk *t)
{
	if (!t->flow && t->connecting.flow && promise_is_settled(&t->connecting.promise)) {
		t->flow = t->connecting.flow;
		t->connecting.flow = NULL;
	}
	return t->flow;
}

const char *world_state(const struct talk *t)
{
	static const char *const names[TCP_STATES] = {
		[TCP_CLOSED] = "CLOSED", [TCP_LISTEN] = "LISTEN", [TCP_SYN_SENT] = "SYN-SENT",
		[TCP_SYN_RECEIVED] = "SYN-RECEIVED", [TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_FIN_WAIT_1] = "FIN-WAIT-1", [TCP_FIN_WAIT_2] = "FIN-WAIT-2", [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_CLOSING] = "CLOSING", [TCP_LAST_ACK] = "LAST-ACK", [TCP_TIME_WAIT] = "TIME-WAIT",
	};
	struct tcp_key k = {
		.ends = { t->stack_port, t->peer_port, ip_v4(10, 0, 0, 9), ip_v4(10, 0, 0, 2) },
	};
	const struct tcp_conn *c;

	c = conn_find(tcp, &k);
	if (c)
		return names[c->state];
	if (entry_find(&tcp->halves, &k))
		return names[TCP_SYN_RECEIVED];
	return names[entry_find(&tcp->wait_table, &k) ? TCP_TIME_WAIT : TCP_CLOSED];
}

static void check(int error)
{
	if (error < 0)
		fail(NULL, "the stack does not start: error %d", error);
}

/* With the limits that are usual but for those given. */
static void create_tcp(struct ip *ip)
{
	struct tcp_limits all;

	check(tcp_create(&tcp, ip, NULL));
	all = tcp->limits;
	tcp_destroy(tcp);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i].given)
			*(uint32_t *)((char *)&all + limits[i].offset) = limits[i].value;
	check(tcp_create(&tcp, ip, &all));
}

void world_create(void)
{
	static struct netdev_ops ops;
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };
	struct ip_addr gateway = ip_v4(10, 0, 0, 1);
	struct frame f;

	lan_init(&lan, 0);
	lan.dev.mtu = (uint16_t)mtu;
	lan_ops = lan.dev.ops;
	ops = *lan_ops;
	ops.send = send_frame;
	lan.dev.ops = &ops;
	timer_init(&arp_timer, answer_arp);
	check(ethernet_create(&ethernet, &lan.dev));
	check(arp_create(&arp, ethernet));
	check(ipv4_create(&ipv4, ethernet, arp));
	create_tcp(ipv4_ip(ipv4));
	check(ipv4_set_address(ipv4, &prefix, &gateway));
	/* so that the neighbour is known from the start */
	frame_arp(&f, 1, LAN_PEER_MAC, LAN_PEER_IP, (const uint8_t[6]){ 0 }, LAN_IP);
	world_receive(&f);
	world_choose(WORLD_PEER_PORT);
}

const char *world_destroy(void)
{
	struct buf_stats stats;

	for (unsigned i = 0; i < talk_count; i++) {
		promise_cancel(&talks[i].connecting.promise);
		if (talk_flow(&talks[i]))
			flow_abort(talks[i].flow);
	}
	world_run();
	for (const struct talk *t = talks; t < talks + talk_count; t++) {
		if (!promise_is_settled(&t->connecting.promise) || !promise_is_settled(&t->reading.promise) ||
		    !promise_is_settled(&t->writing.promise))
			return "a call never came to its end";
		buf_free(t->reading.bufs); /* read, and not looked at */
	}
	timer_stop(&arp_timer);
	tcp_destroy(tcp);
	ipv4_destroy(ipv4);
	arp_destroy(arp);
	ethernet_destroy(ethernet);
	world_run();
	buf_stats(&stats);
	return lan.held || stats.headers_used || stats.slices_used ? "packet memory was not given back" : NULL;
}
