/* SPDX-License-Identifier: ISC */
/* Loss recovery with selective acknowledgements and the tail loss probe (RFC 2018, RFC 6675, RFC 8985). */
#include <criterion/criterion.h>

#include "net/tcp/tcp_priv.h"
#include "tests/lib/segment.h"

#define MSS 1460

static struct peer peer;
static struct flow *flow;
static struct flow_write op;
static struct slice slice;
static const uint8_t data[100 * MSS];

static void create(void)
{
	peer_create(&peer, NULL);
	peer.options |= SEG_HAS_SACK_PERMITTED;
	flow = peer_open(&peer);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_recovery, .init = create, .fini = destroy);

static void write_segments(uint32_t n)
{
	slice = (struct slice){ data, n * MSS, NULL };
	flow_write(flow, &op, &slice, 1);
}

/* Numbers of segments: acknowledges all before ack, and [start, end) beyond. */
static void send_sack(uint32_t ack, uint32_t start, uint32_t end)
{
	struct segment s = {
		.seq = PEER_ISS + 1, .ack = peer.stack_iss + 1 + ack * MSS, .flags = SEG_ACK, .window = 65535,
		.sack_count = 1,
		.sacks = { { peer.stack_iss + 1 + start * MSS, peer.stack_iss + 1 + end * MSS } },
	};

	peer_send_raw(&peer, &s, NULL, 0);
}

static void expect_segments(uint32_t first, uint32_t end)
{
	for (; first < end; first++)
		peer_expect(&peer, SEG_ACK, 1 + first * MSS, 1, MSS);
}

Test(tcp_recovery, three_segments_beyond_a_hole_are_proof_in_one_acknowledgement)
{
	write_segments(20);
	expect_segments(0, 10);
	send_sack(0, 4, 6);
	expect_segments(10, 12); /* in place of segments that have left the network */
	peer_expect_nothing(&peer);
	send_sack(0, 4, 7);
	expect_segments(0, 1); /* PRR: one has arrived, one is sent */
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->fast_retransmits, 1);
	send_sack(2, 4, 7); /* with 0, which was sent after all others, 1 has arrived: the others are lost */
	expect_segments(2, 4);
	peer_expect_nothing(&peer);
	send_sack(7, 9, 10);
	expect_segments(7, 9);
	expect_segments(10, 12);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->fast_retransmits, 1);
}

Test(tcp_recovery, hole_is_one_burst_where_the_device_cuts)
{
	struct sent *s;

	flow_abort(flow);
	peer_forget(&peer);
	peer.tso_bytes = 65515;
	flow = peer_open(&peer);
	write_segments(10);
	peer_expect(&peer, SEG_ACK, 1, 1, 10 * MSS);
	send_sack(0, 4, 10);
	s = peer_expect(&peer, SEG_ACK, 1, 1, 4 * MSS);
	cr_assert_eq(s->gso_size, MSS);
}

Test(tcp_recovery, nonsense_blocks_prove_nothing)
{
	struct segment s = { .seq = PEER_ISS + 1, .ack = peer.stack_iss + 1, .flags = SEG_ACK, .window = 65535,
	                     .sack_count = 4 };
	static const struct sack_block bad[4] = {
		{ -4 * MSS, -2 * MSS }, { 2 * MSS, 400 * MSS }, { 5 * MSS, 3 * MSS }, { 11 * MSS, 15 * MSS },
	};

	write_segments(20);
	peer_forget(&peer);
	for (int i = 0; i < 4; i++)
		s.sacks[i] = (struct sack_block){ s.ack + bad[i].start, s.ack + bad[i].end };
	for (int i = 0; i < 10; i++)
		peer_send_raw(&peer, &s, NULL, 0);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->recoveries, 0);
}

Test(tcp_recovery, tail_is_probed_before_the_timeout_and_its_answer_shows_the_hole)
{
	write_segments(4);
	expect_segments(0, 4);
	peer_wait_ms(9);
	peer_expect_nothing(&peer);
	peer_wait_ms(1); /* round trips took no time: the least wait */
	expect_segments(3, 4);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
	send_sack(1, 3, 4);
	expect_segments(1, 3);
	send_sack(1, 3, 4);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->fast_retransmits, 1);
	send_sack(4, 4, 4);
	peer_wait_ms(1000);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
}

Test(tcp_recovery, unanswered_probe_is_followed_by_the_timeout)
{
	write_segments(3);
	peer_forget(&peer);
	peer_wait_ms(10);
	expect_segments(2, 3);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS - 1);
	peer_expect_nothing(&peer);
	peer_wait_ms(1);
	expect_segments(0, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 1);
}

Test(tcp_recovery, lost_retransmission_is_probed)
{
	write_segments(10);
	peer_forget(&peer);
	send_sack(0, 1, 10);
	expect_segments(0, 1);
	peer_wait_ms(10);
	expect_segments(0, 1);
	send_sack(10, 10, 10);
	peer_wait_ms(1000);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
}

Test(tcp_recovery, single_segment_is_left_to_the_timeout)
{
	write_segments(1);
	peer_forget(&peer);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS - 1);
	peer_expect_nothing(&peer);
	peer_wait_ms(1);
	expect_segments(0, 1);
}

Test(tcp_recovery, fin_is_probed_with_the_last_data)
{
	write_segments(2);
	flow_close(flow);
	peer_forget(&peer);
	peer_wait_ms(10);
	peer_expect(&peer, SEG_ACK | SEG_FIN, 1 + MSS, 1, MSS);
}

Test(tcp_recovery, timeout_after_progress_is_a_new_loss_though_still_backed_off)
{
	const struct tcp_conn *c = container_of(flow, struct tcp_conn, flow);

	write_segments(10);
	peer_forget(&peer);
	peer_wait_ms(10 + CONFIG_TCP_RTO_MIN_MS); /* the probe, the timeout */
	cr_assert_eq(c->congestion.ssthresh, 7 * MSS);
	send_sack(10, 10, 10);
	cr_assert_eq(c->rto.backoff, 1); /* nothing was measured: Karn */
	peer_forget(&peer);
	write_segments(10);
	expect_segments(10, 12);
	peer_wait_ms(2 * CONFIG_TCP_RTO_MIN_MS);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 2);
	cr_assert_eq(c->congestion.ssthresh, 2 * MSS);
}

Test(tcp_recovery, our_blocks_name_the_newest_first)
{
	struct sent *s;

	peer_send(&peer, SEG_ACK, 101, 1, data, 100);
	s = peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(s->segment.sack_count, 1);
	cr_assert_eq(s->segment.sacks[0].start, PEER_ISS + 101);
	cr_assert_eq(s->segment.sacks[0].end, PEER_ISS + 201);
	peer_send(&peer, SEG_ACK, 501, 1, data, 100);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_ACK, 301, 1, data, 100);
	s = peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(s->segment.sack_count, 3);
	cr_assert_eq(s->segment.sacks[0].start, PEER_ISS + 301);
	peer_send(&peer, SEG_ACK, 1, 1, data, 100);
	s = peer_expect(&peer, SEG_ACK, 1, 201, 0);
	cr_assert_eq(s->segment.sack_count, 2);
}

/* -- RFC 2883 -- */

static void expect_blocks(uint32_t ack, unsigned count, const uint32_t (*blocks)[2])
{
	struct sent *s = peer_expect(&peer, SEG_ACK, 1, ack, 0);

	cr_assert_eq(s->segment.sack_count, count);
	for (unsigned i = 0; i < count; i++) {
		cr_assert_eq(s->segment.sacks[i].start - PEER_ISS, blocks[i][0]);
		cr_assert_eq(s->segment.sacks[i].end - PEER_ISS, blocks[i][1]);
	}
}

Test(tcp_recovery, what_comes_twice_is_reported_once_and_first)
{
	peer_send(&peer, SEG_ACK, 1, 1, data, 100);
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS);
	expect_blocks(101, 0, NULL);
	peer_send(&peer, SEG_ACK, 1, 1, data, 100); /* §4.1.1: the last segment */
	expect_blocks(101, 1, (uint32_t[][2]){ { 1, 101 } });
	peer_send(&peer, SEG_ACK, 1, 1, data, 50); /* an older one, quite out of the window */
	expect_blocks(101, 1, (uint32_t[][2]){ { 1, 51 } });
	peer_send(&peer, SEG_ACK, 201, 1, data, 100);
	expect_blocks(101, 1, (uint32_t[][2]){ { 201, 301 } });
	peer_send(&peer, SEG_ACK, 401, 1, data, 100);
	expect_blocks(101, 2, (uint32_t[][2]){ { 401, 501 }, { 201, 301 } });
	peer_send(&peer, SEG_ACK, 1, 1, data, 100); /* below all of that */
	expect_blocks(101, 3, (uint32_t[][2]){ { 1, 101 }, { 401, 501 }, { 201, 301 } });
	peer_send(&peer, SEG_ACK, 221, 1, data, 50); /* §4.1.3: in a block, which follows */
	expect_blocks(101, 3, (uint32_t[][2]){ { 221, 271 }, { 201, 301 }, { 401, 501 } });
	peer_send(&peer, SEG_ACK, 101, 1, data, 100);
	expect_blocks(301, 1, (uint32_t[][2]){ { 401, 501 } });
	peer_expect_nothing(&peer);
}

Test(tcp_recovery, part_of_a_segment_that_came_twice_is_reported)
{
	peer_send(&peer, SEG_ACK, 1, 1, data, 100);
	peer_send(&peer, SEG_ACK, 51, 1, data, 100);
	expect_blocks(101, 1, (uint32_t[][2]){ { 51, 101 } });
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS);
	expect_blocks(151, 0, NULL);
}

Test(tcp_recovery, needless_repetitions_widen_the_time_for_reordering)
{
	const struct tcp_conn *c = container_of(flow, struct tcp_conn, flow);

	write_segments(60);
	expect_segments(0, 10);
	send_sack(0, 1, 5);
	expect_segments(0, 1);
	peer_forget(&peer);
	send_sack(6, 0, 1); /* it had only been late */
	cr_assert_eq(c->congestion.reorder_steps, 1);
	send_sack(7, 0, 1); /* in the same round trip */
	cr_assert_eq(c->congestion.reorder_steps, 1);
	cr_assert_eq(c->congestion.reorder_persist, 16);
}

/* -- cases found by the property test -- */

/* The window shuts during a recovery, leaving cwnd below a segment, and opens: sending must resume. */
Test(tcp_recovery, window_that_shuts_during_recovery_and_opens_is_used)
{
	struct segment s = {
		.seq = PEER_ISS + 1, .flags = SEG_ACK, .sack_count = 1,
		.sacks = { { peer.stack_iss + 1 + 2 * MSS, peer.stack_iss + 1 + 5 * MSS } },
	};

	write_segments(20);
	expect_segments(0, 10);
	send_sack(0, 2, 5);
	peer_forget(&peer);
	s.ack = peer.stack_iss + 1 + MSS;
	peer_send_raw(&peer, &s, NULL, 0); /* the window is shut */
	s.ack = peer.stack_iss + 1 + 9 * MSS;
	peer_send_raw(&peer, &s, NULL, 0);
	peer_forget(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->recoveries, 0);
	s.window = 1000;
	peer_send_raw(&peer, &s, NULL, 0);
	peer_wait_ms(2000);
	cr_assert_not_null(peer_next(&peer));
}

/* -- more of the life of a recovery -- */

static struct tcp_conn *conn(void)
{
	return container_of(flow, struct tcp_conn, flow);
}

Test(tcp_recovery, state_is_attached_only_while_something_is_wrong)
{
	write_segments(60);
	cr_assert_eq(tcp_stats(peer.tcp)->recoveries, 0);
	peer_forget(&peer);
	send_sack(2, 3, 6);
	cr_assert_eq(tcp_stats(peer.tcp)->recoveries, 1);
	peer_forget(&peer);
	for (int i = 0; i < 3; i++) { /* the hole is filled; it is over when D-SACKs cannot come any more */
		uint32_t sent = (conn()->snd_max - peer.stack_iss) / MSS;

		send_sack(sent, sent, sent);
		peer_forget(&peer);
	}
	cr_assert_eq(tcp_stats(peer.tcp)->fast_retransmits, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->retrans_segs, 1);
}

Test(tcp_recovery, window_comes_down_once_for_all_losses_of_a_round_trip)
{
	uint32_t ssthresh;

	write_segments(60);
	peer_forget(&peer);
	send_sack(0, 1, 4);
	ssthresh = conn()->congestion.ssthresh;
	cr_assert_eq(ssthresh, 7 * MSS);
	for (uint32_t i = 5; i < 10; i += 2)
		send_sack(i - 1, i, i + 1); /* more holes of the same flight */
	cr_assert_eq(conn()->congestion.ssthresh, ssthresh);
	cr_assert_eq(tcp_stats(peer.tcp)->fast_retransmits, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
}

Test(tcp_recovery, timeout_sends_again_only_what_has_not_arrived)
{
	write_segments(10);
	peer_forget(&peer);
	peer_wait_ms(10);
	expect_segments(9, 10); /* the probe */
	send_sack(0, 4, 6); /* two are no proof, and the peer is silent from here on */
	peer_wait_ms(2);
	peer_forget(&peer);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS);
	expect_segments(0, 1);
	peer_expect_nothing(&peer);
	send_sack(4, 4, 6);
	peer_forget(&peer);
	send_sack(6, 6, 6);
	expect_segments(8, 9);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 1);
}

/* RFC 2018 §8: the peer may discard selectively acknowledged data. */
Test(tcp_recovery, peer_that_reneges_is_served)
{
	write_segments(4);
	peer_forget(&peer);
	send_sack(0, 1, 4);
	expect_segments(0, 1);
	peer_wait_ms(10 + 3 * CONFIG_TCP_RTO_MIN_MS + 3);
	peer_forget(&peer);
	send_sack(1, 1, 1); /* and no word of the rest */
	for (int i = 0; i < 40; i++) {
		const struct sent *s;

		while ((s = peer_next(&peer)))
			if (s->segment.seq == peer.stack_iss + 1 + MSS)
				return;
		peer_wait_ms(100);
	}
	cr_assert_fail("the second segment was not sent again");
}

#define STAMPED_MSS (MSS - SEGMENT_TIMESTAMPS_BYTES)

/* With timestamps, and one segment in flight. */
static void send_stamped(void)
{
	flow_abort(flow);
	peer_forget(&peer);
	peer.options |= SEG_HAS_TIMESTAMPS;
	peer.ts_value = 1;
	flow = peer_open(&peer);
	slice = (struct slice){ data, STAMPED_MSS, NULL };
	flow_write(flow, &op, &slice, 1);
}

Test(tcp_recovery, timeout_that_was_none_is_undone)
{
	uint32_t cwnd, stamp;

	send_stamped();
	cwnd = conn()->congestion.cwnd;
	stamp = peer_next(&peer)->segment.ts_value;
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS + 20);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 1);
	cr_assert_lt(conn()->congestion.cwnd, cwnd);
	peer_forget(&peer);
	peer.ts_echo = stamp; /* RFC 3522: it was the first that came, late */
	peer_send(&peer, SEG_ACK, 1, 1 + STAMPED_MSS, NULL, 0);
	cr_assert_geq(conn()->congestion.cwnd, cwnd);
	cr_assert_eq(tcp_stats(peer.tcp)->spurious_recoveries, 1);
}

Test(tcp_recovery, timeout_whose_repetition_was_needed_is_not)
{
	send_stamped();
	peer_next(&peer);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS + 20);
	peer.ts_echo = peer_next(&peer)->segment.ts_value;
	peer_send(&peer, SEG_ACK, 1, 1 + STAMPED_MSS, NULL, 0);
	cr_assert_leq(conn()->congestion.cwnd, 2u * MSS);
	cr_assert_eq(tcp_stats(peer.tcp)->spurious_recoveries, 0);
}

Test(tcp_recovery, tail_that_a_probe_repaired_costs_what_a_loss_does)
{
	uint32_t cwnd = conn()->congestion.cwnd;

	write_segments(5);
	peer_forget(&peer);
	peer_wait_ms(10);
	expect_segments(4, 5);
	peer_wait_ms(5);
	send_sack(5, 5, 5);
	cr_assert_lt(conn()->congestion.cwnd, cwnd);
}

Test(tcp_recovery, probe_that_came_twice_costs_nothing)
{
	uint32_t cwnd = conn()->congestion.cwnd;

	write_segments(5);
	peer_forget(&peer);
	peer_wait_ms(10);
	expect_segments(4, 5);
	peer_wait_ms(5);
	send_sack(5, 4, 5); /* D-SACK */
	cr_assert_geq(conn()->congestion.cwnd, cwnd);
	cr_assert_gt(conn()->congestion.ssthresh, cwnd);
}

Test(tcp_recovery, empty_pool_leaves_new_reno)
{
	struct tcp_limits limits = {
		.connections = 2, .half_open = 2, .time_wait = 2, .send_slices = 8, .receive_bytes = 32768,
		.receive_bufs = 32,
	};

	peer_destroy(&peer);
	peer_create(&peer, &limits);
	peer.options |= SEG_HAS_SACK_PERMITTED;
	flow = peer_open(&peer);
	write_segments(20);
	expect_segments(0, 10);
	send_sack(0, 2, 3);
	send_sack(0, 2, 4);
	expect_segments(10, 12); /* limited transmit */
	send_sack(0, 2, 5);
	expect_segments(0, 1);
	send_sack(1, 2, 5); /* a partial acknowledgement */
	expect_segments(1, 2);
	peer_forget(&peer);
	send_sack(12, 12, 12);
	cr_assert_eq(tcp_stats(peer.tcp)->fast_retransmits, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->recoveries, 0);
}

/* Segments of one turn of the loop are acknowledged once per row. */
Test(tcp_recovery, a_burst_of_late_segments_is_acknowledged_once)
{
	struct sent *s;

	for (uint32_t i = 1; i < 8; i++)
		if (i != 4)
			peer_send(&peer, SEG_ACK, 1 + i * MSS, 1, data, MSS);
	s = peer_next(&peer);
	cr_assert_not_null(s);
	cr_assert(s->segment.ack == PEER_ISS + 1 && s->segment.sack_count == 1);
	cr_assert(s->segment.sacks[0].start == PEER_ISS + 1 + MSS &&
	          s->segment.sacks[0].end == PEER_ISS + 1 + 4 * MSS);
	s = peer_next(&peer);
	cr_assert_not_null(s);
	cr_assert_eq(s->segment.sack_count, 2);
	cr_assert(s->segment.sacks[0].start == PEER_ISS + 1 + 5 * MSS &&
	          s->segment.sacks[0].end == PEER_ISS + 1 + 8 * MSS);
	cr_assert(s->segment.sacks[1].start == PEER_ISS + 1 + MSS &&
	          s->segment.sacks[1].end == PEER_ISS + 1 + 4 * MSS);
	cr_assert_null(peer_next(&peer));
	/* a connection that ends meanwhile owes no acknowledgement */
	peer_send(&peer, SEG_ACK, 1 + 9 * MSS, 1, data, MSS);
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	cr_assert_null(peer_next(&peer));
}
