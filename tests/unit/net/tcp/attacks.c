/* SPDX-License-Identifier: ISC */
/* Attacks on the virtual wire. Each asserts the same: memory stays within its bound, by the pools' own
 * high-water marks; answers are no more than the rules allow; an earlier connection still works; newcomers
 * get in; and afterwards everything is as it was. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/tcp/tcp_priv.h"
#include "tests/lib/segment.h"

#define MSS 1460u

static struct peer peer;
static const struct tcp_limits limits = {
	.connections = 16, .half_open = 32, .time_wait = 8, .send_slices = 8,
	.receive_bytes = 32768, .receive_bufs = 32,
};

/* One of many clients that take turns at being the peer. */
struct client {
	struct flow *flow;
	struct flow_read read;
	uint32_t iss, received, sent; /* the stack's number; bytes that came from it, and went to it */
	uint8_t host;
	uint16_t port;
};

static struct client victim;

static void be(const struct client *c)
{
	peer.addr = ip_v4(10, 0, 0, c->host);
	peer.port = c->port;
	peer.stack_iss = c->iss;
}

static void open_client(struct client *c, uint8_t host, uint16_t port)
{
	*c = (struct client){ .host = host, .port = port };
	be(c);
	c->flow = peer_open(&peer);
	c->iss = peer.stack_iss;
}

/* The client asks, a waiting application answers, the client gets the answer. */
static void converse(struct client *c)
{
	static const char question[100], answer[200];
	struct slice slice = { answer, sizeof(answer), NULL };
	struct flow_write write;
	struct sent *s;

	peer_forget(&peer);
	be(c);
	flow_read(c->flow, &c->read, 1000);
	peer_send(&peer, SEG_ACK, 1 + c->sent, 1 + c->received, question, sizeof(question));
	c->sent += sizeof(question);
	cr_assert_eq(promise_result(&c->read.promise), (int)sizeof(question));
	buf_free(c->read.bufs);
	flow_write(c->flow, &write, &slice, 1);
	cr_assert_eq(promise_result(&write.promise), (int)sizeof(answer));
	c->received += sizeof(answer);
	s = peer_expect(&peer, SEG_ACK, 1 + c->received - sizeof(answer), 1 + c->sent, sizeof(answer));
	cr_assert(ip_equal(&s->to, &peer.addr));
	peer_send(&peer, SEG_ACK, 1 + c->sent, 1 + c->received, NULL, 0);
}

/* A new client connects, is served, and leaves. */
static void welcome_newcomer(uint16_t port)
{
	struct client c;

	peer_forget(&peer);
	open_client(&c, 200, port);
	converse(&c);
	flow_abort(c.flow);
	peer_forget(&peer);
}

static void create(void)
{
	peer_create(&peer, &limits);
	open_client(&victim, 100, 50000);
	converse(&victim);
}

static void destroy(void)
{
	const struct tcp *tcp = peer.tcp;

	converse(&victim);
	welcome_newcomer(50001);
	cr_assert_leq(tcp->conns.peak, limits.connections);
	cr_assert_leq(tcp->halves.pool.peak, limits.half_open);
	cr_assert_leq(tcp->wait_table.pool.peak, limits.time_wait);
	cr_assert_leq(tcp->slices.peak, limits.connections + limits.send_slices);
	flow_abort(victim.flow);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->receive_bufs, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->send_slices, 0);
	peer_destroy(&peer);
}

TestSuite(tcp_attack, .init = create, .fini = destroy);

/* A stream of numbers that an attacker may send. */
static uint32_t next_random(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

/* Sends a segment from a forged address. Gives the number of segments sent in answer. */
static unsigned send_forged(uint8_t flags, uint8_t options)
{
	struct segment s = {
		.seq = next_random(), .ack = next_random(), .flags = flags, .window = 65535, .options = options,
		.mss = 1460, .scale = 7, .ts_value = next_random(),
	};
	unsigned before = peer.sent_total;

	peer.drop = true;
	peer.addr = ip_v4(11, (uint8_t)next_random(), (uint8_t)next_random(), (uint8_t)next_random());
	peer.port = (uint16_t)(next_random() | 1);
	peer_send_raw(&peer, &s, NULL, 0);
	peer.drop = false;
	return peer.sent_total - before;
}

/* -- floods -- */

Test(tcp_attack, syn_flood)
{
	for (unsigned i = 0; i < 50000; i++) {
		cr_assert_leq(send_forged(SEG_SYN, i % 2 ? SEG_HAS_MSS : SEG_HAS_MSS | SEG_HAS_SCALE |
		                          SEG_HAS_TIMESTAMPS | SEG_HAS_SACK_PERMITTED), 1);
		if (i % 100 == 0)
			welcome_newcomer((uint16_t)(1024 + i / 100)); /* each one, at its first try */
		if (i % 1000 == 0)
			converse(&victim);
		if (i % 50 == 0) {
			peer.drop = true;
			peer_wait_ms(1);
			peer.drop = false;
		}
	}
	cr_assert_eq(peer.tcp->halves.pool.peak, limits.half_open);
	cr_assert_eq(peer.tcp->conns.peak, 2);
	cr_assert_eq(tcp_stats(peer.tcp)->listen_drops, 0);
	/* and when it is over */
	peer.drop = true;
	peer_wait_ms(64000);
	peer.drop = false;
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 0);
}

Test(tcp_attack, flood_of_acknowledgements)
{
	for (unsigned i = 0; i < 50000; i++)
		cr_assert_eq(send_forged(SEG_ACK, 0), 1); /* its reset, nothing more */
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(send_forged(SEG_RST | (i % 2 ? SEG_ACK : 0), 0), 0);
	cr_assert_eq(peer.tcp->conns.peak, 1);
	cr_assert_eq(peer.tcp->halves.pool.peak, 1);
}

/* Completed handshakes without data: the application has to end them, and their number is limited. */
Test(tcp_attack, flood_of_connections)
{
	struct client clients[16];

	for (unsigned i = 0; i < limits.connections - 1; i++)
		open_client(&clients[i], 66, (uint16_t)(1000 + i));
	for (unsigned i = 0; i < 10000; i++)
		cr_assert_eq(send_forged(SEG_SYN, SEG_HAS_MSS), 0); /* all connections are taken */
	converse(&victim);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 0);
	peer.drop = true;
	for (unsigned i = 0; i < limits.connections - 1; i++)
		flow_close(clients[i].flow); /* and no answer comes */
	peer_wait_ms(11000);
	peer.drop = false;
	for (uint16_t i = 0; i < 10; i++) { /* each takes the place of one that was closed */
		clients[i] = (struct client){ .host = 67, .port = (uint16_t)(2000 + i) };
		be(&clients[i]);
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
		peer_expect_reset(&peer);
		peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
		clients[i].iss = peer.stack_iss;
		peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
		clients[i].flow = peer.accepted;
		converse(&clients[i]);
	}
	converse(&victim);
	for (uint16_t i = 0; i < 10; i++)
		flow_abort(clients[i].flow);
	peer.drop = true;
	peer_wait_ms(200000); /* the user timeout, seen when the retransmission timer runs out next */
	peer.drop = false;
}

/* -- attacks by sending -- */

/* Unread data, on the largest number of connections. */
Test(tcp_attack, slow_readers)
{
	static const char payload[MSS];
	struct client clients[12];

	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++) {
		open_client(&clients[i], 66, (uint16_t)(1000 + i));
		for (uint32_t n = 0; n < 40; n++)
			peer_send(&peer, SEG_ACK, 1 + n * MSS, 1, payload, MSS);
		peer_forget(&peer);
		cr_assert_leq(tcp_stats(peer.tcp)->receive_bufs, limits.receive_bufs);
		converse(&victim);
		welcome_newcomer((uint16_t)(3000 + i));
	}
	cr_assert_gt(tcp_stats(peer.tcp)->receive_drops, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++)
		flow_abort(clients[i].flow);
	peer_forget(&peer);
}

Test(tcp_attack, segments_of_one_byte)
{
	struct client c;
	struct buf_stats stats;
	uint32_t got = 0;

	open_client(&c, 66, 1000);
	for (uint32_t n = 0; n < limits.receive_bytes; n++) {
		peer_send(&peer, SEG_ACK, 1 + n, 1, "x", 1);
		if (n % 100 == 0)
			peer_forget(&peer);
	}
	peer_forget(&peer);
	cr_assert_leq(tcp_stats(peer.tcp)->receive_bufs, limits.receive_bufs);
	buf_stats(&stats);
	cr_assert_leq(stats.headers_used, limits.receive_bufs);
	converse(&victim);
	for (;;) {
		flow_read(c.flow, &c.read, 1u << 20);
		if (!promise_is_settled(&c.read.promise))
			break;
		got += (uint32_t)promise_result(&c.read.promise);
		buf_free(c.read.bufs);
	}
	cr_assert_geq(got, (limits.receive_bufs / 2 - 1) * 100); /* put together, not one in each buffer */
	be(&c);
	peer_send(&peer, SEG_ACK, 1 + got, 1, "y", 1); /* and the stream continues where it stopped */
	cr_assert_eq(promise_result(&c.read.promise), 1);
	buf_free(c.read.bufs);
	flow_abort(c.flow);
	peer_forget(&peer);
}

Test(tcp_attack, holes)
{
	static const char payload[MSS];
	struct client clients[3];

	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++) {
		uint32_t len = (uint32_t[]){ 1, 200, MSS }[i];

		open_client(&clients[i], 66, (uint16_t)(1000 + i));
		for (unsigned n = 0; n < 5000; n++) { /* never the next byte, each beside a hole */
			uint32_t at = 2 + next_random() % (limits.receive_bytes - len - 2);

			peer_send(&peer, SEG_ACK, 1 + at, 1, payload, len);
			if (n % 100 == 0) {
				peer_forget(&peer);
				converse(&victim);
				be(&clients[i]);
			}
		}
		cr_assert_leq(tcp_stats(peer.tcp)->receive_bufs, limits.receive_bufs);
		peer_forget(&peer);
	}
	welcome_newcomer(4000);
	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++)
		flow_abort(clients[i].flow);
	peer_forget(&peer);
}

/* -- attacks by receiving -- */

/* Every peer shuts its window: each application's write waits, and takes nothing from others. */
Test(tcp_attack, shut_windows)
{
	static const char data[100000];
	struct client clients[12];
	struct flow_write writes[12];
	struct slice slices[12][3];

	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++) {
		open_client(&clients[i], 66, (uint16_t)(1000 + i));
		peer.window = 0;
		peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
		for (unsigned n = 0; n < 3; n++)
			slices[i][n] = (struct slice){ data + 20000 * n, 10000, NULL };
		flow_write(clients[i].flow, &writes[i], slices[i], 3);
		peer.window = 65535;
		converse(&victim);
	}
	cr_assert_leq(tcp_stats(peer.tcp)->send_slices, limits.connections + limits.send_slices);
	peer.drop = true;
	peer_wait_ms(60000);
	peer.drop = false;
	converse(&victim);
	welcome_newcomer(4000);
	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++) {
		flow_abort(clients[i].flow);
		cr_assert(promise_is_settled(&writes[i].promise));
	}
	peer_forget(&peer);
}

/* A window of one byte, then none, then one: a segment for an answer, no more. */
Test(tcp_attack, window_of_one_byte)
{
	static const char data[5000];
	struct slice slice = { data, sizeof(data), NULL };
	struct flow_write write;
	struct client c = { .host = 66, .port = 1000 };
	uint32_t acked = 0;
	unsigned segments = 0;

	be(&c);
	peer.window = 1;
	c.flow = peer_open(&peer);
	flow_write(c.flow, &write, &slice, 1);
	for (unsigned i = 0; i < 2000; i++) {
		struct sent *s;

		while ((s = peer_next(&peer))) {
			segments++;
			cr_assert_leq(s->segment.length, 1);
			cr_assert_leq(s->segment.seq + s->segment.length - peer.stack_iss, acked + 2);
			if (s->segment.length && s->segment.seq - peer.stack_iss == acked + 1)
				acked++;
		}
		peer.window = (uint16_t)(i % 2);
		peer_send(&peer, SEG_ACK, 1, 1 + acked, NULL, 0);
	}
	cr_assert_leq(segments, 2001);
	peer.window = 65535;
	converse(&victim);
	flow_abort(c.flow);
	peer_forget(&peer);
}

/* The peer shrinks its window: no more is sent, and data in flight is not lost (RFC 9293 §3.8.6). */
Test(tcp_attack, window_that_shrinks)
{
	static const char data[20 * MSS];
	struct slice slice = { data, sizeof(data), NULL };
	struct flow_write write;
	struct client c;
	struct sent *s;

	open_client(&c, 66, 1000);
	flow_write(c.flow, &write, &slice, 1);
	cr_assert_eq(peer_forget(&peer), 10);
	for (uint16_t window = 10 * MSS; window > 0; window = (uint16_t)(window - MSS)) {
		peer.window = window;
		peer_send(&peer, SEG_ACK, 2, 1, NULL, 0); /* beyond, so that it counts as news of the window */
		peer_expect_nothing(&peer);
	}
	peer.window = 2 * MSS;
	peer_send(&peer, SEG_ACK, 1, 1 + 10 * MSS, NULL, 0);
	while ((s = peer_next(&peer)))
		cr_assert_leq(s->segment.seq + s->segment.length - peer.stack_iss, 1 + 12 * MSS);
	peer.window = 65535;
	converse(&victim);
	flow_abort(c.flow);
	peer_forget(&peer);
}

/* -- liars -- */

static uint32_t cwnd_of(const struct client *c)
{
	struct stack_tcp_info info;

	tcp_info(c->flow, &info);
	return info.cur_cwnd;
}

/* Savage et al. 1999: optimistic acknowledgements, dividing and repeating them. */
Test(tcp_attack, optimistic_acknowledgements)
{
	static const char data[100 * MSS];
	struct slice slice = { data, sizeof(data), NULL };
	struct flow_write write;
	struct client c;
	uint32_t before;

	open_client(&c, 66, 1000);
	flow_write(c.flow, &write, &slice, 1);
	cr_assert_eq(peer_forget(&peer), 10);
	before = cwnd_of(&c);
	for (uint32_t i = 1; i < 1000; i++) { /* of unsent data: not believed */
		peer_send(&peer, SEG_ACK, 1, 1 + 10 * MSS + i * 100, NULL, 0);
		cr_assert_eq(cwnd_of(&c), before);
	}
	cr_assert_leq(peer_forget(&peer), 1);
	for (uint32_t i = 1; i <= MSS; i++) /* byte by byte: grows as by one segment */
		peer_send(&peer, SEG_ACK, 1, 1 + i, NULL, 0);
	cr_assert_leq(cwnd_of(&c), before + MSS);
	cr_assert_leq(peer_forget(&peer), 2);
	flow_abort(c.flow);
	peer_forget(&peer);
}

/* -- attacks by guessing (RFC 5961) -- */

/* Sends n segments with flags all over sequence space; gives how many were answered. */
static unsigned guess(uint8_t flags, unsigned n, uint32_t step, const void *payload, uint32_t len)
{
	unsigned before = peer.sent_total;

	be(&victim);
	peer.drop = true;
	for (unsigned i = 0; i < n; i++) {
		struct segment s = {
			.seq = PEER_ISS + victim.sent + 2 + i * step, .ack = next_random(), .flags = flags,
			.window = 65535,
		};

		peer_send_raw(&peer, &s, payload, len);
	}
	peer.drop = false;
	return peer.sent_total - before;
}

Test(tcp_attack, blind_resets)
{
	cr_assert_leq(guess(SEG_RST, 32000, 1, NULL, 0), 1); /* each number of the window but the one */
	converse(&victim);
	guess(SEG_RST | SEG_ACK, 100000, 32768, NULL, 0);
	converse(&victim);
}

Test(tcp_attack, blind_syns)
{
	cr_assert_leq(guess(SEG_SYN, 32000, 1, NULL, 0), 1);
	converse(&victim);
	guess(SEG_SYN | SEG_ACK, 100000, 32768, NULL, 0);
	converse(&victim);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 0);
}

Test(tcp_attack, blind_data)
{
	uint32_t drops;

	/* in the window, but with an impossible acknowledgement: one in 65536 of all numbers is believed */
	guess(SEG_ACK, 10000, 1, "forged", 6);
	drops = tcp_stats(peer.tcp)->receive_bufs;
	cr_assert_leq(drops, 2);
	peer_wait_ms(1000);
	peer_forget(&peer);
}

/* Two ends that each believe the other wrong must not send acknowledgements for ever. */
Test(tcp_attack, storm_of_acknowledgements)
{
	unsigned sent = peer.sent_total;

	be(&victim);
	peer.drop = true;
	for (unsigned i = 0; i < 10000; i++) {
		peer_send(&peer, SEG_ACK, victim.sent + 100000, victim.received + 1, NULL, 0); /* beyond */
		peer_send(&peer, SEG_ACK, victim.sent + 1, victim.received + 100000, NULL, 0); /* of nothing */
		if (i % 10 == 0)
			peer_wait_ms(1);
	}
	peer.drop = false;
	cr_assert_leq(peer.sent_total - sent, 3); /* in a second: RFC 5961 §7 */
}
