/* SPDX-License-Identifier: ISC */
/* Our own packet pools are empty, or the device's queue is full: pending segments are sent as soon as there
 * is room again, and no conclusion is drawn on the network: no timeout, no backing off, no smaller congestion
 * window. */
#include <criterion/criterion.h>
#include <errno.h>

#include "net/tcp/tcp_priv.h"
#include "tests/lib/segment.h"
#include "tests/lib/test.h"

#define MSS 1460
#define ROUND_TRIP_MS (2 * TCP_NO_MEMORY_MS) /* so that no tail probe comes in between */

static struct peer peer;
static struct flow *flow;
static struct flow_write op;
static struct slice slice;
static const uint8_t data[20 * MSS];
static struct buf *hoard;

static void create(void)
{
	peer_create(&peer, NULL);
	peer.options |= SEG_HAS_SACK_PERMITTED;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_wait_ms(ROUND_TRIP_MS);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	flow = peer.accepted;
	cr_assert_not_null(flow);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_memory, .init = create, .fini = destroy);

static struct tcp_conn *conn(void)
{
	return container_of(flow, struct tcp_conn, flow);
}

static const struct tcp_stats *stats(void)
{
	return tcp_stats(peer.tcp);
}

static void write_segments(uint32_t n)
{
	slice = (struct slice){ data, n * MSS, NULL };
	flow_write(flow, &op, &slice, 1);
}

static void take_all_headers(void)
{
	for (struct buf *b; (b = buf_alloc_header()); hoard = b)
		b->queue = hoard;
}

static void give_back(void)
{
	for (struct buf *b; (b = hoard); buf_free(b))
		hoard = b->queue;
}

static void expect_segments(uint32_t first, uint32_t end)
{
	for (; first < end; first++)
		peer_expect(&peer, SEG_ACK, 1 + first * MSS, 1, MSS);
}

/* Asserts that the network has not been blamed so far. */
static void expect_no_blame(uint32_t cwnd)
{
	cr_assert_eq(stats()->timeouts, 0);
	cr_assert_eq(conn()->rto.backoff, 0);
	cr_assert_eq(conn()->congestion.cwnd, cwnd);
}

Test(tcp_memory, data_that_finds_none_is_no_loss)
{
	uint32_t cwnd = conn()->congestion.cwnd;

	take_all_headers();
	write_segments(4);
	peer_wait_ms(5000); /* many retransmission timeouts long */
	peer_expect_nothing(&peer);
	expect_no_blame(cwnd);
	give_back();
	peer_wait_ms(TCP_NO_MEMORY_MS);
	expect_segments(0, 4);
	peer_expect_nothing(&peer);
	expect_no_blame(cwnd);
	cr_assert_eq(stats()->retrans_segs, 0);
}

Test(tcp_memory, a_full_device_is_no_loss)
{
	uint32_t cwnd = conn()->congestion.cwnd;

	write_segments(2);
	expect_segments(0, 2);
	peer.full = true;
	slice = (struct slice){ data, 2 * MSS, NULL };
	cr_assert(promise_is_settled(&op.promise));
	flow_write(flow, &op, &slice, 1);
	peer_wait_ms(TCP_NO_MEMORY_MS / 2);
	peer_expect_nothing(&peer);
	peer.full = false;
	peer_wait_ms(TCP_NO_MEMORY_MS);
	expect_segments(2, 4);
	peer_expect_nothing(&peer);
	expect_no_blame(cwnd);
	cr_assert_eq(stats()->retrans_segs, 0);
}

Test(tcp_memory, an_acknowledgement_waits_for_a_full_device)
{
	peer.full = true;
	peer_send(&peer, SEG_ACK, 1, 1, data, 2 * MSS);
	peer_wait_ms(100);
	peer_expect_nothing(&peer);
	peer.full = false;
	peer_wait_ms(TCP_NO_MEMORY_MS);
	peer_expect(&peer, SEG_ACK, 1, 1 + 2 * MSS, 0);
	peer_expect_nothing(&peer);
}

Test(tcp_memory, a_fin_waits_for_a_full_device)
{
	peer.full = true;
	flow_close(flow);
	peer_wait_ms(2000);
	peer_expect_nothing(&peer);
	peer.full = false;
	peer_wait_ms(TCP_NO_MEMORY_MS);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	cr_assert_eq(stats()->timeouts, 0);
}

Test(tcp_memory, data_that_finds_none_behind_data_in_flight_is_no_loss)
{
	uint32_t cwnd = conn()->congestion.cwnd;

	test_alloc_fail_at(1 + 3 * 4 + 2); /* the send queue's, then header, slice and the peer's copy each */
	write_segments(8);
	cr_assert(test_alloc_failed());
	expect_segments(0, 4);
	peer_expect_nothing(&peer);
	peer_wait_ms(TCP_NO_MEMORY_MS);
	expect_segments(4, 8);
	peer_expect_nothing(&peer);
	expect_no_blame(cwnd);
	cr_assert_eq(stats()->retrans_segs, 0);
}

Test(tcp_memory, what_is_in_flight_keeps_its_timeout)
{
	write_segments(1);
	expect_segments(0, 1);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS - 5);
	take_all_headers();
	slice = (struct slice){ data + MSS, MSS, NULL };
	flow_write(flow, &op, &slice, 1);
	give_back();
	peer_wait_ms(5);
	expect_segments(0, 1);
	cr_assert_eq(stats()->timeouts, 1);
}

Test(tcp_memory, retransmission_that_finds_none_counts_one_timeout)
{
	write_segments(1);
	expect_segments(0, 1);
	take_all_headers();
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS + 5000);
	peer_expect_nothing(&peer);
	cr_assert_eq(stats()->timeouts, 1);
	cr_assert_eq(conn()->rto.backoff, 1);
	give_back();
	peer_wait_ms(TCP_NO_MEMORY_MS);
	expect_segments(0, 1);
	peer_wait_ms(2 * CONFIG_TCP_RTO_MIN_MS - TCP_NO_MEMORY_MS);
	peer_wait_ms(TCP_NO_MEMORY_MS);
	expect_segments(0, 1); /* its timer started anew */
	cr_assert_eq(stats()->timeouts, 2);
}

Test(tcp_memory, retransmission_into_a_silly_window_is_not_forgotten)
{
	write_segments(1);
	expect_segments(0, 1);
	peer.window = 100; /* less than half of the window before */
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	take_all_headers();
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS);
	give_back();
	peer_wait_ms(TCP_NO_MEMORY_MS);
	peer_expect(&peer, SEG_ACK, 1, 1, 100);
}

Test(tcp_memory, fast_retransmission_that_finds_none_needs_no_timeout)
{
	struct segment s = {
		.seq = PEER_ISS + 1, .ack = peer.stack_iss + 1, .flags = SEG_ACK, .window = 65535, .sack_count = 1,
		.sacks = { { peer.stack_iss + 1 + MSS, peer.stack_iss + 1 + 5 * MSS } },
	};

	write_segments(5);
	expect_segments(0, 5);
	take_all_headers();
	peer_send_raw(&peer, &s, NULL, 0);
	cr_assert_eq(stats()->fast_retransmits, 1);
	give_back();
	peer_wait_ms(TCP_NO_MEMORY_MS);
	expect_segments(0, 1);
	peer_expect_nothing(&peer);
	cr_assert_eq(stats()->timeouts, 0);
}

/* A FIN counted as sent, but not sent, would be taken as acknowledged by the acknowledgement of the data. */
Test(tcp_memory, fin_that_finds_none_is_not_yet_sent)
{
	write_segments(1);
	expect_segments(0, 1);
	take_all_headers();
	flow_close(flow);
	cr_assert_eq(conn()->state, TCP_ESTABLISHED);
	peer_send(&peer, SEG_ACK, 1, 1 + MSS, NULL, 0);
	cr_assert_eq(conn()->state, TCP_ESTABLISHED);
	give_back();
	peer_wait_ms(TCP_NO_MEMORY_MS);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1 + MSS, 1, 0);
	cr_assert_eq(conn()->state, TCP_FIN_WAIT_1);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2 + MSS, NULL, 0);
	peer_expect(&peer, SEG_ACK, 2 + MSS, 2, 0);
	cr_assert_eq(stats()->time_wait, 1);
	cr_assert_eq(stats()->timeouts, 0);
}

Test(tcp_memory, last_fin_that_finds_none_keeps_the_connection)
{
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 1, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 2, 0);
	write_segments(1);
	peer_expect(&peer, SEG_ACK, 1, 2, MSS);
	take_all_headers();
	flow_close(flow);
	peer_send(&peer, SEG_ACK, 2, 1 + MSS, NULL, 0);
	cr_assert_eq(stats()->connections, 1);
	give_back();
	peer_wait_ms(TCP_NO_MEMORY_MS);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1 + MSS, 2, 0);
	peer_send(&peer, SEG_ACK, 2, 2 + MSS, NULL, 0);
	cr_assert_eq(stats()->connections, 0);
}

Test(tcp_memory, syn_that_finds_none_does_not_back_off)
{
	struct stack_connect connect;
	struct endpoint to = { peer.addr, 7 };

	take_all_headers();
	tcp_connect(peer.tcp, &connect, &to);
	peer_wait_ms(3000);
	peer_expect_nothing(&peer);
	give_back();
	peer_wait_ms(TCP_NO_MEMORY_MS);
	peer_expect(&peer, SEG_SYN, 0, 0, 0);
	peer_wait_ms(RTO_INITIAL_MS - 1);
	peer_expect_nothing(&peer);
	cr_assert_eq(stats()->retrans_segs, 0);
	peer_wait_ms(1);
	peer_expect(&peer, SEG_SYN, 0, 0, 0);
	cr_assert_eq(stats()->timeouts, 1);
	promise_cancel(&connect.promise);
}

Test(tcp_memory, acknowledgement_that_finds_none_follows)
{
	take_all_headers();
	peer_send(&peer, SEG_ACK, 1 + MSS, 1, data, MSS); /* a hole is told of at once */
	peer_expect_nothing(&peer);
	give_back();
	peer_wait_ms(TCP_NO_MEMORY_MS);
	cr_assert_eq(peer_expect(&peer, SEG_ACK, 1, 1, 0)->segment.sack_count, 1);
}

Test(tcp_memory, acknowledgements_need_no_slices)
{
	struct buf *slices = NULL, *b;

	while ((b = buf_alloc_slice(NULL, data, 1))) {
		b->queue = slices;
		slices = b;
	}
	write_segments(1);
	b = slices;
	slices = b->queue;
	buf_free(b); /* for the peer's segments */
	peer_send(&peer, SEG_ACK, 1 + MSS, 1, data, 200); /* which keeps it */
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	while ((b = slices)) {
		slices = b->queue;
		buf_free(b);
	}
	peer_wait_ms(TCP_NO_MEMORY_MS);
	peer_expect(&peer, SEG_ACK, 1, 1, MSS - 28); /* and tells of it, too */
}

/* Two pieces to send, and memory for one: others may hold the rest for long. */
Test(tcp_memory, data_goes_out_by_pieces_when_slices_are_short)
{
	struct slice pieces[2] = { { data, 10, NULL }, { data + 20, 10, NULL } };
	struct buf *slices = NULL, *b;

	while ((b = buf_alloc_slice(NULL, data, 1))) {
		b->queue = slices;
		slices = b;
	}
	b = slices;
	slices = b->queue;
	buf_free(b);
	flow_write(flow, &op, pieces, 2);
	peer_expect(&peer, SEG_ACK, 1, 1, 10);
	peer_expect(&peer, SEG_ACK, 11, 1, 10);
	while ((b = slices)) {
		slices = b->queue;
		buf_free(b);
	}
}

Test(tcp_memory, read_that_cannot_be_cut_waits)
{
	struct flow_read read;

	peer_send(&peer, SEG_ACK, 1, 1, data, MSS);
	test_alloc_fail_at(1);
	flow_read(flow, &read, 100);
	cr_assert(test_alloc_failed());
	cr_assert_not(promise_is_settled(&read.promise));
	peer_wait_ms(TCP_NO_MEMORY_MS);
	cr_assert_eq(promise_result(&read.promise), 100);
	buf_free(read.bufs);
}

/* The connection is over, and a read of its received data waits for memory. */
Test(tcp_memory, a_read_after_the_end_waits_for_memory)
{
	struct flow_read read;

	peer_send(&peer, SEG_ACK, 1, 1, data, 500);
	peer_send(&peer, SEG_FIN | SEG_ACK, 501, 1, NULL, 0);
	cr_assert_eq(flow_shutdown(flow), 0);
	peer_forget(&peer);
	peer_send(&peer, SEG_ACK, 502, 2, NULL, 0);
	cr_assert_eq(conn()->state, TCP_CLOSED);
	test_alloc_fail_at(1);
	flow_read(flow, &read, 100);
	cr_assert(test_alloc_failed() && !promise_is_settled(&read.promise));
	peer_wait_ms(TCP_NO_MEMORY_MS);
	peer_expect_nothing(&peer);
	cr_assert_eq(promise_result(&read.promise), 100);
	buf_free(read.bufs);
	peer_wait_ms(300000);
	peer_expect_nothing(&peer);
	flow_close(flow);
}
