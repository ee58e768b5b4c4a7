/* SPDX-License-Identifier: ISC */
/* Data in both directions: delayed acknowledgements, reassembly, windows, retransmission, recovery,
 * each step against the fake clock. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "kernel/dev/netdev.h"
#include "net/tcp/tcp_priv.h"
#include "tests/unit/net/tcp/stream.h"

TestSuite(tcp_transfer, .init = stream_create, .fini = stream_destroy);

/* Reads all received bytes, compares them with data from offset, gives their number. */
static uint32_t read_bytes(size_t offset, uint32_t max)
{
	struct flow_read op;
	uint32_t at = 0;

	flow_read(flow, &op, max);
	if (!promise_is_settled(&op.promise)) {
		promise_cancel(&op.promise);
		return 0;
	}
	for (const struct buf *b = op.bufs; b; b = b->next) {
		cr_assert_eq(memcmp(b->data, data + offset + at, b->len), 0);
		at += b->len;
	}
	cr_assert_eq(promise_result(&op.promise), at);
	cr_assert_leq(at, max);
	buf_free(op.bufs);
	return at;
}

static void send_data(uint32_t seq, uint32_t len)
{
	peer_send(&peer, SEG_ACK | SEG_PSH, seq, 1, data + seq - 1, len);
}

/* -- receiving -- */

Test(tcp_transfer, one_segment_is_acknowledged_after_the_delay)
{
	flow = peer_open(&peer);
	send_data(1, 100);
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS - 1);
	peer_expect_nothing(&peer);
	peer_wait_ms(1);
	peer_expect(&peer, SEG_ACK, 1, 101, 0);
	cr_assert_eq(read_bytes(0, 1000), 100);
}

Test(tcp_transfer, every_second_full_segment_is_acknowledged_at_once)
{
	flow = peer_open(&peer);
	send_data(1, MSS);
	peer_expect_nothing(&peer);
	send_data(1 + MSS, MSS);
	peer_expect(&peer, SEG_ACK, 1, 1 + 2 * MSS, 0);
	peer_wait_ms(1000);
	peer_expect_nothing(&peer);
}

Test(tcp_transfer, acknowledgement_rides_on_data)
{
	flow = peer_open(&peer);
	send_data(1, 100);
	write_bytes(0, 10);
	peer_expect(&peer, SEG_ACK, 1, 101, 10);
	peer_send(&peer, SEG_ACK, 101, 11, NULL, 0);
	peer_wait_ms(1000);
	peer_expect_nothing(&peer);
}

Test(tcp_transfer, pending_read_is_given_what_comes)
{
	struct flow_read op;

	flow = peer_open(&peer);
	flow_read(flow, &op, 50);
	cr_assert_not(promise_is_settled(&op.promise));
	send_data(1, 100);
	cr_assert_eq(promise_result(&op.promise), 50);
	buf_free(op.bufs);
	cr_assert_eq(read_bytes(50, 1000), 50);
}

Test(tcp_transfer, only_one_read_at_a_time)
{
	struct flow_read op, other;

	flow = peer_open(&peer);
	flow_read(flow, &op, 50);
	flow_read(flow, &other, 50);
	cr_assert_eq(promise_result(&other.promise), -EBUSY);
	promise_cancel(&op.promise);
	cr_assert_eq(promise_result(&op.promise), -ECANCELED);
	flow_read(flow, &op, 0);
	cr_assert_eq(promise_result(&op.promise), -EINVAL);
	send_data(1, 10);
	cr_assert_eq(read_bytes(0, 50), 10);
}

Test(tcp_transfer, out_of_order_segments_are_put_in_order)
{
	flow = peer_open(&peer);
	send_data(201, 100);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	send_data(101, 150); /* overlaps */
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	send_data(401, 100);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(read_bytes(0, 1000), 0);
	send_data(1, 100);
	peer_expect(&peer, SEG_ACK, 1, 301, 0);
	send_data(301, 100);
	peer_expect(&peer, SEG_ACK, 1, 501, 0);
	cr_assert_eq(read_bytes(0, 1000), 500);
}

Test(tcp_transfer, duplicates_are_acknowledged_and_thrown_away)
{
	flow = peer_open(&peer);
	send_data(1, 100);
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS);
	peer_expect(&peer, SEG_ACK, 1, 101, 0);
	send_data(1, 100);
	peer_expect(&peer, SEG_ACK, 1, 101, 0);
	send_data(51, 100);
	peer_expect(&peer, SEG_ACK, 1, 151, 0);
	cr_assert_eq(read_bytes(0, 1000), 150);
}

Test(tcp_transfer, window_closes_as_data_stays_unread_and_opens_again)
{
	const uint32_t window = CONFIG_TCP_RECEIVE_BYTES;
	uint32_t seq = 1, got = 10;
	struct sent *s;

	flow = peer_open(&peer);
	while (seq + MSS <= 1 + window) {
		send_data(seq, MSS);
		seq += MSS;
	}
	send_data(seq, 1 + window - seq);
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS);
	while ((s = peer_next(&peer))) /* the right edge never moves */
		cr_assert_eq(s->segment.ack + s->segment.window, PEER_ISS + 1 + window);
	send_data(1 + window, 1); /* a probe of the shut window */
	s = peer_expect(&peer, SEG_ACK, 1, 1 + window, 0);
	cr_assert_eq(s->segment.window, 0);
	cr_assert_eq(read_bytes(0, 10), 10); /* ten bytes are no window */
	peer_expect_nothing(&peer);
	while (got < 10 + 2 * MSS)
		got += read_bytes(got, 500);
	s = peer_expect(&peer, SEG_ACK, 1, 1 + window, 0);
	cr_assert_geq(s->segment.window, 2 * MSS);
}

Test(tcp_transfer, data_beyond_the_window_is_cut_off)
{
	flow = peer_open(&peer);
	send_data(1, CONFIG_TCP_RECEIVE_BYTES - 100);
	send_data(1 + CONFIG_TCP_RECEIVE_BYTES - 100, 200);
	peer_forget(&peer);
	cr_assert_eq(read_bytes(0, sizeof(data)), CONFIG_TCP_RECEIVE_BYTES);
}

Test(tcp_transfer, tiny_segments_cannot_pin_many_buffers)
{
	struct buf_stats before, stats;

	flow = peer_open(&peer);
	buf_stats(&before);
	for (uint32_t i = 0; i < 4096; i++) {
		send_data(1 + i, 1);
		peer_forget(&peer);
	}
	buf_stats(&stats);
	cr_assert_leq(stats.slices_used - before.slices_used, 1);
	cr_assert_leq(stats.headers_used - before.headers_used, 4096 / 128);
	cr_assert_eq(read_bytes(0, sizeof(data)), 4096);
	for (uint32_t i = 0; i < 4096; i++) { /* and a hole before each */
		send_data(4098 + 2 * i, 1);
		peer_forget(&peer);
	}
	cr_assert_leq(tcp_stats(peer.tcp)->receive_bufs, CONFIG_TCP_RECEIVE_BYTES / 512);
	cr_assert_gt(tcp_stats(peer.tcp)->receive_drops, 0);
}

/* -- sending -- */

Test(tcp_transfer, a_write_of_any_length_takes_one_slice_and_leaves_in_full_segments)
{
	uint32_t seq = 1;

	flow = peer_open(&peer);
	write_bytes(0, sizeof(data));
	cr_assert_eq(promise_result(&write_op.promise), sizeof(data));
	cr_assert_eq(tcp_stats(peer.tcp)->send_slices, 1);
	for (int i = 0; i < 10; i++, seq += MSS) /* RFC 6928 */
		expect_data(seq, MSS);
	peer_expect_nothing(&peer);
	while (seq <= sizeof(data)) {
		struct sent *s;

		peer_send(&peer, SEG_ACK, 1, seq, NULL, 0);
		while ((s = peer_next(&peer))) {
			cr_assert_eq(s->segment.seq - peer.stack_iss, seq);
			cr_assert_eq(memcmp(s->payload, data + seq - 1, s->segment.length), 0);
			seq += s->segment.length;
		}
	}
	cr_assert_eq(seq, 1 + sizeof(data));
	peer_send(&peer, SEG_ACK, 1, seq, NULL, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->send_slices, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->retrans_segs, 0);
	peer_wait_ms(5000);
	peer_expect_nothing(&peer);
}

Test(tcp_transfer, a_burst_is_left_to_a_device_that_cuts_segments)
{
	struct sent *s;

	peer.tso_bytes = 65515;
	flow = peer_open(&peer);
	write_bytes(0, sizeof(data));
	s = peer_expect(&peer, SEG_ACK, 1, 1, 10 * MSS);
	cr_assert_eq(s->gso_size, MSS);
	peer_send(&peer, SEG_ACK, 1, 1 + 10 * MSS, NULL, 0);
	s = peer_next(&peer);
	cr_assert_eq(s->segment.length % MSS, 0);
	cr_assert_gt(s->segment.length, MSS);
}

static void freed(struct storage *s)
{
	s->free = NULL;
}

Test(tcp_transfer, storage_is_held_until_acknowledged)
{
	struct storage storage = { .refs = 1, .free = freed };
	struct slice slice = { data, 100, &storage };

	flow = peer_open(&peer);
	flow_write(flow, &write_op, &slice, 1);
	storage_put(&storage);
	expect_data(1, 100);
	cr_assert_not_null(storage.free);
	peer_wait_ms(1000);
	expect_data(1, 100);
	cr_assert_not_null(storage.free);
	peer_send(&peer, SEG_ACK, 1, 101, NULL, 0);
	cr_assert_null(storage.free);
}

Test(tcp_transfer, gather_of_more_slices_than_the_queue_holds_is_accepted_bit_by_bit)
{
	struct slice slices[40];
	struct flow_write second;
	uint32_t seq = 1;

	for (size_t i = 0; i < ARRAY_SIZE(slices); i++) /* gaps, so that no slice continues another */
		slices[i] = (struct slice){ data + 2 * i, 1, NULL };
	flow = peer_open(&peer);
	flow_write(flow, &write_op, slices, ARRAY_SIZE(slices));
	cr_assert_not(promise_is_settled(&write_op.promise));
	flow_write(flow, &second, slices, 1);
	while (!promise_is_settled(&second.promise)) {
		struct sent *s = peer_next(&peer);

		cr_assert_not_null(s);
		for (uint32_t i = 0; i < s->segment.length; i++, seq++)
			cr_assert_eq(s->payload[i], data[2 * ((seq - 1) % 40)]);
		peer_send(&peer, SEG_ACK, 1, seq, NULL, 0);
	}
	cr_assert_eq(promise_result(&write_op.promise), 40);
}

/* The device's ring may be too short for a chain of all that a connection holds. */
Test(tcp_transfer, a_segment_has_no_more_slices_than_every_device_takes)
{
	struct slice slices[TCP_CONN_SLICES];
	uint32_t n = NETDEV_SLICES - 1;

	cr_assert_lt(n, TCP_CONN_SLICES);
	for (size_t i = 0; i < TCP_CONN_SLICES; i++)
		slices[i] = (struct slice){ data + 2 * i, 1, NULL };
	flow = peer_open(&peer);
	flow_write(flow, &write_op, slices, TCP_CONN_SLICES);
	flow_shutdown(flow);
	peer_expect(&peer, SEG_ACK, 1, 1, n);
	peer_expect(&peer, SEG_ACK, 1 + n, 1, TCP_CONN_SLICES - n);
	peer_expect(&peer, SEG_ACK | SEG_FIN, 1 + TCP_CONN_SLICES, 1, 0);
	peer_expect_nothing(&peer);
	peer_wait_ms(300); /* lost */
	peer_expect(&peer, SEG_ACK, 1, 1, n);
	peer_send(&peer, SEG_ACK, 1, 1 + n, NULL, 0);
	peer_expect(&peer, SEG_ACK | SEG_FIN, 1 + n, 1, TCP_CONN_SLICES - n);
}

Test(tcp_transfer, small_peer_window_is_filled_without_silliness)
{
	flow = peer_open(&peer);
	peer.window = 2000;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	write_bytes(0, 10000);
	expect_data(1, MSS);
	peer_expect_nothing(&peer); /* 540 bytes would be silly: the window once was 65535 */
	peer_send(&peer, SEG_ACK, 1, 1 + MSS, NULL, 0);
	expect_data(1 + MSS, MSS);
}

Test(tcp_transfer, peer_with_a_window_that_never_holds_a_segment_is_served)
{
	peer.window = 1000;
	flow = peer_open(&peer);
	write_bytes(0, 3000);
	expect_data(1, 1000);
	peer_send(&peer, SEG_ACK, 1, 1001, NULL, 0);
	expect_data(1001, 1000);
}

Test(tcp_transfer, shut_window_is_probed_with_backing_off)
{
	uint32_t wait_ms = 1000;

	flow = peer_open(&peer);
	write_bytes(0, 100);
	expect_data(1, 100);
	peer_send(&peer, SEG_ACK, 1, 101, NULL, 0);
	peer.window = 0;
	peer_send(&peer, SEG_ACK, 1, 101, NULL, 0);
	write_bytes(100, 5000);
	peer_expect_nothing(&peer);
	wait_ms = CONFIG_TCP_RTO_MIN_MS; /* round trips took no time */
	for (int i = 0; i < 20; i++) {
		peer_wait_ms(wait_ms - 1);
		peer_expect_nothing(&peer);
		peer_wait_ms(1);
		expect_data(101, 1);
		peer_send(&peer, SEG_ACK, 1, 101, NULL, 0);
		peer_expect_nothing(&peer);
		wait_ms = MIN(wait_ms * 2, UINT32_C(60000));
	}
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
	peer.window = 65535;
	peer_send(&peer, SEG_ACK, 1, 101, NULL, 0);
	expect_data(101, MSS);
	expect_data(101 + MSS, MSS);
}

Test(tcp_transfer, probe_that_is_taken_goes_on_from_there)
{
	flow = peer_open(&peer);
	peer.window = 0;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	write_bytes(0, 500);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS);
	expect_data(1, 1);
	peer.window = 1000;
	peer_send(&peer, SEG_ACK, 1, 2, NULL, 0);
	expect_data(2, 499);
}

Test(tcp_transfer, old_segment_does_not_update_the_window)
{
	flow = peer_open(&peer);
	send_data(1, 10);
	peer.window = 500;
	send_data(11, 10);
	peer.window = 60000;
	peer_send(&peer, SEG_ACK, 10, 1, data + 9, 1);
	peer_forget(&peer);
	write_bytes(0, 1000);
	peer_expect_nothing(&peer);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS);
	expect_data_with_ack(1, 21, 500); /* the persist timer overrides silly window avoidance */
}

Test(tcp_transfer, retransmission_backs_off_to_the_limit_and_gives_up)
{
	uint32_t wait_ms = CONFIG_TCP_RTO_MIN_MS, at_ms = 0;
	struct flow_read op;

	flow = peer_open(&peer);
	write_bytes(0, 100);
	expect_data(1, 100);
	for (;;) {
		wait_ms = MIN(wait_ms, UINT32_C(60000));
		if (at_ms + wait_ms > CONFIG_TCP_USER_TIMEOUT_SECONDS * 1000u)
			break;
		peer_wait_ms(wait_ms - 1);
		peer_expect_nothing(&peer);
		peer_wait_ms(1);
		expect_data(1, 100);
		at_ms += wait_ms;
		wait_ms *= 2;
	}
	peer_wait_ms(60000);
	peer_expect_reset(&peer);
	flow_read(flow, &op, 10);
	cr_assert_eq(promise_result(&op.promise), -ETIMEDOUT);
	write_bytes(0, 10);
	cr_assert_eq(promise_result(&write_op.promise), -ETIMEDOUT);
	flow_close(flow);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
	cr_assert_eq(peer.doubts, 1); /* RFC 9293 §3.8.3 (b) */
}

/* A link that was away is no network that is overloaded. */
Test(tcp_transfer, what_has_timed_out_is_sent_again_when_the_link_returns)
{
	flow = peer_open(&peer);
	tcp_retry(peer.tcp);
	peer_expect_nothing(&peer);
	write_bytes(0, 100);
	peer_forget(&peer);
	tcp_retry(peer.tcp);
	peer_wait_ms(1);
	peer_expect_nothing(&peer); /* an answer may be on its way */
	peer_wait_ms(10000);
	peer_forget(&peer);
	peer_wait_ms(100);
	peer_expect_nothing(&peer);
	tcp_retry(peer.tcp);
	peer_wait_ms(1);
	expect_data(1, 100);
	peer_expect_nothing(&peer);
	peer_wait_ms(2 * CONFIG_TCP_RTO_MIN_MS);
	expect_data(1, 100); /* from the start */
	peer_send(&peer, SEG_ACK, 1, 1 + 100, NULL, 0);
	peer_expect_nothing(&peer);
}

Test(tcp_transfer, timeout_goes_back_with_a_window_of_one_segment)
{
	flow = peer_open(&peer);
	write_bytes(0, 10 * MSS);
	peer_forget(&peer);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS);
	expect_data(1, MSS);
	peer_expect_nothing(&peer);
	peer_send(&peer, SEG_ACK, 1, 1 + MSS, NULL, 0); /* slow start */
	expect_data(1 + MSS, MSS);
	expect_data(1 + 2 * MSS, MSS);
	peer_expect_nothing(&peer);
	peer_send(&peer, SEG_ACK, 1, 1 + 10 * MSS, NULL, 0);
	peer_expect_nothing(&peer);
}

Test(tcp_transfer, retransmission_is_not_measured)
{
	flow = peer_open(&peer);
	peer_wait_ms(10000);
	write_bytes(0, 100);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS);
	peer_forget(&peer);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS * 2 - 10);
	peer_send(&peer, SEG_ACK, 1, 101, NULL, 0); /* of which one? */
	write_bytes(100, 100); /* Karn: backed off until one is measured */
	expect_data(101, 100);
	peer_wait_ms(2 * CONFIG_TCP_RTO_MIN_MS - 1);
	peer_expect_nothing(&peer);
	peer_send(&peer, SEG_ACK, 1, 201, NULL, 0);
	write_bytes(200, 100);
	expect_data(201, 100);
	peer_wait_ms(447); /* 0 and 399 ms were measured: 399 / 8 + 4 * 399 / 4, not backed off */
	peer_expect_nothing(&peer);
	peer_wait_ms(1);
	expect_data(201, 100);
}

static void send_duplicates(uint32_t ack, int n)
{
	while (n-- > 0)
		peer_send(&peer, SEG_ACK, 1, ack, NULL, 0);
}

Test(tcp_transfer, third_duplicate_retransmits)
{
	flow = peer_open(&peer);
	write_bytes(0, 60 * MSS);
	cr_assert_eq(peer_forget(&peer), 10);
	send_duplicates(1, 2); /* limited transmit: a new segment for each */
	expect_data(1 + 10 * MSS, MSS);
	expect_data(1 + 11 * MSS, MSS);
	send_duplicates(1, 1);
	expect_data(1, MSS);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->fast_retransmits, 1);
	send_duplicates(1, 4); /* cwnd 7 + 3 + 4 = 14 > 12 in flight */
	expect_data(1 + 12 * MSS, MSS);
	expect_data(1 + 13 * MSS, MSS);
	peer_expect_nothing(&peer);
	peer_send(&peer, SEG_ACK, 1, 1 + 4 * MSS, NULL, 0); /* partial: the next hole */
	expect_data(1 + 4 * MSS, MSS);
	peer_forget(&peer);
	peer_send(&peer, SEG_ACK, 1, 1 + 14 * MSS, NULL, 0); /* the end of it */
	peer_forget(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
}

Test(tcp_transfer, window_updates_and_data_are_no_duplicates)
{
	flow = peer_open(&peer);
	write_bytes(0, 5 * MSS);
	peer_forget(&peer);
	for (int i = 0; i < 5; i++) {
		peer.window--;
		peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
		send_data(1 + (uint32_t)i, 1);
	}
	peer_forget(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->retrans_segs, 0);
}

Test(tcp_transfer, timestamps_are_echoed_and_old_ones_refused)
{
	struct sent *s;

	peer.options |= SEG_HAS_TIMESTAMPS;
	peer.ts_value = 1000;
	flow = peer_open(&peer);
	peer.ts_value = 1010;
	send_data(1, 10);
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS);
	s = peer_expect(&peer, SEG_ACK, 1, 11, 0);
	cr_assert_eq(s->segment.ts_echo, 1010);
	peer.ts_value = 1009;
	send_data(11, 10);
	peer_expect(&peer, SEG_ACK, 1, 11, 0);
	cr_assert_eq(read_bytes(0, 100), 10);
	write_bytes(0, MSS);
	expect_data_with_ack(1, 11, MSS - SEGMENT_TIMESTAMPS_BYTES);
}

Test(tcp_transfer, scaled_window_is_used)
{
	peer.options |= SEG_HAS_SCALE;
	peer.scale = 7;
	peer.window = 1000;
	flow = peer_open(&peer);
	write_bytes(0, sizeof(data));
	cr_assert_eq(peer_forget(&peer), 10);
}

Test(tcp_transfer, empty_packet_pools_delay_and_break_nothing)
{
	struct buf *hoard = NULL, *b;

	flow = peer_open(&peer);
	while ((b = buf_alloc_header())) {
		b->queue = hoard;
		hoard = b;
	}
	write_bytes(0, 100);
	send_data(1, 2000);
	peer_wait_ms(1000);
	peer_expect_nothing(&peer);
	while ((b = hoard)) {
		hoard = b->queue;
		buf_free(b);
	}
	peer_wait_ms(100);
	expect_data_with_ack(1, 2001, 100);
}
