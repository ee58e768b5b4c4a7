/* SPDX-License-Identifier: ISC */
/* The window that we offer: it grows with a reader that keeps up, up to its bounds, and with no other. */
#include <criterion/criterion.h>

#include "net/tcp/tcp_priv.h"
#include "tests/lib/segment.h"

#define MSS 1460
#define RTT_MS 100

static const struct tcp_limits wide = {
	.connections = 2, .half_open = 2, .time_wait = 2, .send_slices = 4,
	.receive_bytes = 16384, .receive_max_bytes = 262144, .receive_bufs = 1000,
};

static struct peer peer;
static struct flow *flow;
static uint32_t seq; /* the peer's next */
static const uint8_t data[MSS];

static void create(const struct tcp_limits *limits)
{
	peer_create(&peer, limits);
	peer.options |= SEG_HAS_SCALE;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_wait_ms(RTT_MS);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	flow = peer.accepted;
	cr_assert_not_null(flow);
	seq = 1;
}

static const struct tcp_conn *conn(void)
{
	return container_of(flow, struct tcp_conn, flow);
}

static uint32_t read_all(void)
{
	struct flow_read op;

	if (conn()->recvq.bytes == 0)
		return 0;
	flow_read(flow, &op, UINT32_MAX);
	buf_free(op.bufs);
	return (uint32_t)promise_result(&op.promise);
}

/* Fills the window, a round trip passes, and the application reads if it is so. Gives the window's limit. */
static uint32_t round_trip(bool reads)
{
	uint32_t edge = conn()->rcv_adv - PEER_ISS;

	while (seq + MSS <= edge) {
		peer_send(&peer, SEG_ACK, seq, 1, data, MSS);
		seq += MSS;
		if (reads)
			read_all();
	}
	peer_wait_ms(RTT_MS);
	peer_forget(&peer);
	cr_assert_leq(conn()->rcv_adv - conn()->rcv_nxt, recvq_limit(conn()->tcp, &conn()->recvq));
	return recvq_limit(conn()->tcp, &conn()->recvq);
}

Test(tcp_window, doubles_each_round_trip_up_to_its_bound)
{
	uint32_t limit = 16384, next, rounds = 0;

	create(&wide);
	for (; limit < 262144; limit = next, rounds++) {
		next = round_trip(true);
		cr_assert_leq(next, 2 * limit);
	}
	cr_assert_leq(rounds, 10);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(round_trip(true), 262144);
	peer_destroy(&peer);
}

Test(tcp_window, does_not_grow_for_a_reader_that_does_not_keep_up)
{
	create(&wide);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(round_trip(false), 16384);
		if (i % 4 == 3)
			read_all();
		peer_wait_ms(3 * RTT_MS);
		peer_forget(&peer);
	}
	peer_destroy(&peer);
}

Test(tcp_window, does_not_grow_for_a_peer_that_sends_little)
{
	create(&wide);
	for (int i = 0; i < 50; i++) {
		peer_send(&peer, SEG_ACK, seq, 1, data, MSS);
		seq += MSS;
		read_all();
		peer_wait_ms(RTT_MS);
		peer_forget(&peer);
	}
	cr_assert_eq(recvq_limit(conn()->tcp, &conn()->recvq), 16384);
	peer_destroy(&peer);
}

Test(tcp_window, does_not_grow_beyond_the_packets_that_there_are)
{
	struct tcp_limits few = wide;

	few.receive_bufs = 40;
	create(&few);
	for (int i = 0; i < 20; i++)
		cr_assert_leq(round_trip(true), 32768);
	cr_assert_eq(recvq_limit(conn()->tcp, &conn()->recvq), 32768);
	peer_destroy(&peer);
}

Test(tcp_window, is_narrow_again_when_packets_are_short)
{
	struct tcp_limits few = wide;

	few.receive_bufs = 40;
	create(&few);
	for (int i = 0; i < 10; i++)
		round_trip(true);
	conn()->tcp->stats.receive_bufs += 35; /* others hold them */
	round_trip(true);
	round_trip(true);
	cr_assert_eq(recvq_limit(conn()->tcp, &conn()->recvq), 16384);
	conn()->tcp->stats.receive_bufs -= 35;
	peer_destroy(&peer);
}
