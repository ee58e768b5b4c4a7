/* SPDX-License-Identifier: ISC */
/* Every limit is reached, refused and counted, while everything else works; numbers that an outsider must
 * not guess; the table under many connections. */
#include <criterion/criterion.h>
#include <errno.h>

#include "kernel/page.h"
#include "net/http/server_priv.h"
#include "net/tcp/tcp_priv.h"
#include "tests/lib/segment.h"

static struct peer peer;
static const struct tcp_limits few = {
	.connections = 4, .half_open = 3, .time_wait = 2, .send_slices = 0,
	.receive_bytes = 8192, .receive_bufs = 8,
};

static void create(void)
{
	peer_create(&peer, &few);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_limits, .init = create, .fini = destroy);

/* More handshakes than entries: the others get cookies, whose own tests are in cookie.c. */
Test(tcp_limits, half_open)
{
	uint32_t iss[10];

	for (uint16_t i = 0; i < 10; i++) {
		peer.port = PEER_PORT + i;
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
		peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
		iss[i] = peer.stack_iss;
		cr_assert_eq(tcp_stats(peer.tcp)->half_open, MIN(i + 1, 3));
		peer_wait_ms(1);
	}
	cr_assert_eq(tcp_stats(peer.tcp)->cookies_sent, 7);
	for (unsigned i = 0; i < 4; i++) { /* the oldest were not forgotten, the newest have a way in */
		unsigned which = (unsigned[]){ 0, 9, 1, 8 }[i];

		peer.port = (uint16_t)(PEER_PORT + which);
		peer.stack_iss = iss[which];
		peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
		cr_assert_eq(peer.accepts, i + 1);
	}
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->cookies_accepted, 2);
}

/* Clients that do not close their ends do not keep newcomers out. */
Test(tcp_limits, what_is_closed_makes_room)
{
	for (uint16_t i = 0; i < 4; i++) {
		peer.port = PEER_PORT + i;
		flow_close(peer_open(&peer));
		peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
		if (i < 3)
			peer_send(&peer, SEG_ACK, 1, 2, NULL, 0); /* the last never answers */
	}
	peer.port = PEER_PORT + 4;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect_nothing(&peer); /* they may close at once */
	for (uint16_t i = 4; i < 8; i++) {
		peer.port = PEER_PORT + i;
		peer_wait_ms(i < 7 ? 1000 : 10000);
		peer_forget(&peer);
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
		peer_expect_reset(&peer);
		peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
		peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
		cr_assert_eq(peer.accepts, i + 1u);
	}
}

Test(tcp_limits, connections)
{
	struct flow *flows[4];

	for (uint16_t i = 0; i < 4; i++) {
		peer.port = PEER_PORT + i;
		flows[i] = peer_open(&peer);
	}
	peer.port++;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0); /* no answer: the client tries again */
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->listen_drops, 1);
	flow_abort(flows[2]);
	peer_expect_reset(&peer);
	peer_open(&peer);
}

Test(tcp_limits, last_connection_goes_to_the_first_handshake_that_completes)
{
	for (uint16_t i = 0; i < 3; i++) {
		peer.port = PEER_PORT + i;
		peer_open(&peer);
	}
	peer.port = 1;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	uint32_t first_iss = peer.stack_iss;
	peer.port = 2;
	peer_open(&peer);
	peer.port = 1;
	peer.stack_iss = first_iss;
	peer.accepted = NULL;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	cr_assert_null(peer.accepted);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 1); /* the peer's next segment tries again */
	peer.port = PEER_PORT;
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 4); /* the application still holds the flow */
}

/* The same for a handshake begun before the last connection was taken. */
Test(tcp_limits, what_is_closed_makes_room_for_a_handshake_that_completes)
{
	uint32_t iss;

	for (uint16_t i = 0; i < 3; i++) {
		peer.port = PEER_PORT + i;
		flow_close(peer_open(&peer));
		peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
		peer_send(&peer, SEG_ACK, 1, 2, NULL, 0);
	}
	peer.port = 1;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	iss = peer.stack_iss;
	peer.port = 2;
	peer_open(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 4);
	peer_wait_ms(1000);
	peer_forget(&peer);
	peer.port = 1;
	peer.stack_iss = iss;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	peer_expect_reset(&peer);
	cr_assert_eq(peer.accepts, 5);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->listen_drops, 0);
}

/* Nor does a peer of a closed connection keep us from opening another. */
Test(tcp_limits, what_is_closed_makes_room_for_an_open_of_ours)
{
	struct endpoint to = { peer.addr, 7 };
	struct stack_connect op;

	for (uint16_t i = 0; i < 4; i++) {
		peer.port = PEER_PORT + i;
		flow_close(peer_open(&peer));
		peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	}
	tcp_connect(peer.tcp, &op, &to);
	cr_assert_eq(promise_result(&op.promise), -ENOBUFS);
	peer_wait_ms(10000);
	tcp_connect(peer.tcp, &op, &to);
	cr_assert_not(promise_is_settled(&op.promise));
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 4);
	promise_cancel(&op.promise);
	peer_forget(&peer);
}

Test(tcp_limits, connect)
{
	struct stack_connect ops[5];
	struct endpoint to = { peer.addr, 7 };

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		tcp_connect(peer.tcp, &ops[i], &to);
	cr_assert_not(promise_is_settled(&ops[3].promise));
	cr_assert_eq(promise_result(&ops[4].promise), -ENOBUFS);
	for (size_t i = 0; i < 4; i++)
		promise_cancel(&ops[i].promise);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
}

Test(tcp_limits, time_wait)
{
	for (uint16_t i = 0; i < 5; i++) {
		peer.port = PEER_PORT + i;
		flow_close(peer_open(&peer));
		peer_forget(&peer);
		peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2, NULL, 0);
		peer_expect(&peer, SEG_ACK, 2, 2, 0);
	}
	cr_assert_eq(tcp_stats(peer.tcp)->time_wait, 2);
	cr_assert_eq(tcp_stats(peer.tcp)->time_wait_drops, 3);
	peer_wait_ms(CONFIG_TCP_TIME_WAIT_SECONDS * 1000);
	cr_assert_eq(tcp_stats(peer.tcp)->time_wait, 0);
}

Test(tcp_limits, receive_bufs)
{
	static const char payload[500];
	struct flow *first = peer_open(&peer), *second;
	struct flow_read op;

	for (uint32_t i = 0; i < 12; i++)
		peer_send(&peer, SEG_ACK, 1 + 500 * i, 1, payload, 500);
	peer_forget(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->receive_bufs, 4); /* half of all bufs */
	cr_assert_eq(tcp_stats(peer.tcp)->receive_drops, 8);
	peer.port++;
	peer_open(&peer);
	for (uint32_t i = 0; i < 12; i++)
		peer_send(&peer, SEG_ACK, 1 + 500 * i, 1, payload, 500);
	peer_forget(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->receive_bufs, 6); /* and half of the rest */
	peer.port++;
	second = peer_open(&peer);
	for (uint32_t i = 0; i < 12; i++) { /* a reader that waits is not held back by others */
		flow_read(second, &op, 1000);
		peer_send(&peer, SEG_ACK, 1 + 500 * i, 1, payload, 500);
		cr_assert_eq(promise_result(&op.promise), 500);
		buf_free(op.bufs);
	}
	flow_read(first, &op, 100000);
	cr_assert_eq(promise_result(&op.promise), 2000);
	buf_free(op.bufs);
	peer_forget(&peer);
}

Test(tcp_limits, send_slices)
{
	static const char text[] = "0123456789";
	struct slice slices[3] = { { text, 1, NULL }, { text + 2, 1, NULL }, { text + 4, 1, NULL } };
	struct flow_write op;
	struct sent *s;
	uint32_t got = 0;

	flow_write(peer_open(&peer), &op, slices, 3);
	while ((s = peer_next(&peer))) {
		for (uint32_t i = 0; i < s->segment.length; i++)
			cr_assert_eq(s->payload[i], text[2 * got++]);
		peer_send(&peer, SEG_ACK, 1, 1 + got, NULL, 0);
	}
	cr_assert_eq(promise_result(&op.promise), 3);
	cr_assert_eq(got, 3);
}

LIMIT_BYTES(TCP_CONNECTIONS, TCP_CONN_BYTES, 368);
LIMIT_BYTES(TCP_HALF_OPEN, sizeof(struct tcp_half), 96);
LIMIT_BYTES(TCP_TIME_WAIT, sizeof(struct tcp_entry), 88);
LIMIT_BYTES(TCP_LISTENERS, sizeof(struct tcp_listener), 24);
LIMIT_BYTES(TCP_SEND_SLICES, sizeof(struct send_slice), 32);

/* The sum in docs/limits.md. */
Test(tcp_limits, memory)
{
	const size_t idle = sizeof(struct tcp_conn) + sizeof(struct http_connection);
	const size_t beside = 2 * sizeof(void *) + sizeof(struct send_slice); /* at most two heads of a chain */

	cr_assert_leq(sizeof(struct tcp_conn), TCP_CONN_BYTES);
	cr_assert(sizeof(void *) != 8 || sizeof(struct tcp_conn) == TCP_CONN_BYTES);
	cr_assert_leq(idle, 512);
	cr_assert_leq(10000 * (idle + beside), 8u << 20);
}

/* -- numbers -- */

Test(tcp_limits, initial_sequence_numbers)
{
	struct tcp_ends k = { 80, 1000, peer.addr, peer.stack_addr };
	uint32_t a, b, first;

	tcp_update_clock(peer.tcp);
	first = a = isn_choose(peer.tcp, &k);
	for (int i = 0; i < 100; i++) { /* close together for one connection: RFC 6528's clock */
		peer_wait_ms(1);
		tcp_update_clock(peer.tcp);
		b = isn_choose(peer.tcp, &k);
		cr_assert(b - a == 244 || b - a == 245);
		a = b;
	}
	k.remote_port++; /* far apart for another */
	b = isn_choose(peer.tcp, &k);
	cr_assert_gt(b - first, 100000);
	k.remote_port--;
	k.local_port++;
	cr_assert_neq(isn_choose(peer.tcp, &k), b);
	peer.tcp->secret[0] ^= 1;
	k.local_port--;
	cr_assert_neq(isn_choose(peer.tcp, &k), a);
}

Test(tcp_limits, local_ports)
{
	struct tcp_key k = { .ends = { 0, 7, peer.addr, peer.stack_addr } };
	static uint8_t seen[65536];

	for (int i = 0; i < 16384; i++) {
		cr_assert(isn_choose_port(peer.tcp, &k));
		cr_assert_geq(k.ends.local_port, 49152);
		cr_assert_eq(seen[k.ends.local_port]++, 0);
	}
}

Test(tcp_limits, local_port_in_use_is_passed_over)
{
	struct tcp_key k = { .ends = { 0, 7, peer.addr, peer.stack_addr } };
	struct stack_connect op;
	uint16_t port;

	tcp_connect(peer.tcp, &op, &(struct endpoint){ k.ends.remote, k.ends.remote_port });
	port = peer_expect(&peer, SEG_SYN, 0, 0, 0)->segment.src_port;
	for (int i = 0; i < 40000; i++) {
		cr_assert(isn_choose_port(peer.tcp, &k));
		cr_assert_neq(k.ends.local_port, port);
	}
	promise_cancel(&op.promise);
}

/* -- many connections -- */

Test(tcp_table, finds_each_of_a_thousand)
{
	struct tcp_limits many = few;
	static struct flow *flows[1000];
	static uint32_t iss[1000];

	many.connections = 1000;
	peer_create(&peer, &many);
	for (uint16_t i = 0; i < 1000; i++) {
		peer.port = i + 1;
		peer.addr = ip_v4(10, 0, 1, (uint8_t)(i % 7));
		flows[i] = peer_open(&peer);
		iss[i] = peer.stack_iss;
	}
	cr_assert_eq(tcp_stats(peer.tcp)->curr_estab, 1000);
	for (uint16_t n = 0; n < 1000; n++) {
		uint16_t i = (uint16_t)(n * 7 % 1000);
		struct flow_read op;

		peer.port = i + 1;
		peer.addr = ip_v4(10, 0, 1, (uint8_t)(i % 7));
		peer.stack_iss = iss[i];
		peer_send(&peer, SEG_ACK | SEG_FIN, 1, 1, "x", 1);
		peer_expect(&peer, SEG_ACK, 1, 3, 0);
		flow_read(flows[i], &op, 10);
		cr_assert_eq(promise_result(&op.promise), 1);
		buf_free(op.bufs);
		flow_close(flows[i]);
		peer_expect(&peer, SEG_ACK | SEG_FIN, 1, 3, 0);
		peer_send(&peer, SEG_ACK, 3, 2, NULL, 0);
	}
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
	peer_destroy(&peer);
}

Test(tcp_table, two_addresses_of_ours_are_two_connections)
{
	peer_create(&peer, &few);
	peer_open(&peer);
	peer.stack_addr = ip_v4(10, 0, 0, 3);
	peer_open(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 2);
	peer_destroy(&peer);
}

Test(tcp_table, destroying_with_everything_in_use)
{
	struct flow_read op;
	struct stack_connect connect;
	struct endpoint to = { ip_v4(10, 0, 0, 9), 7 };

	peer_create(&peer, &few);
	flow_read(peer_open(&peer), &op, 10);
	peer.port++;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer.port++;
	peer_send(&peer, SEG_ACK, 1, 1, "unread", 6);
	tcp_connect(peer.tcp, &connect, &to);
	peer_destroy(&peer);
	cr_assert_eq(promise_result(&op.promise), -ECANCELED);
	cr_assert_eq(promise_result(&connect.promise), -ECANCELED);
}

Test(tcp_table, creation_without_memory_takes_none)
{
	struct tcp_limits huge = few;
	struct page_stats before, after;
	struct tcp *tcp;

	peer_create(&peer, &few); /* for its IP */
	page_stats(&before);
	huge.send_slices = UINT32_MAX;
	cr_assert_eq(tcp_create(&tcp, &peer.ip, &huge), -ENOMEM);
	huge = few;
	huge.half_open = 1 << 24;
	cr_assert_eq(tcp_create(&tcp, &peer.ip, &huge), -ENOMEM);
	page_stats(&after);
	cr_assert_eq(after.used, before.used);
	peer_destroy(&peer);
}
