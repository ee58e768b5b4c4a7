/* SPDX-License-Identifier: ISC */
/* Closing: both halves, both orders, both at once, resets, TIME-WAIT (RFC 9293 §3.6, §3.10.7, RFC 5961). */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/lib/segment.h"

static struct peer peer;
static struct flow *flow;

static void create(void)
{
	peer_create(&peer, NULL);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_close, .init = create, .fini = destroy);

static intptr_t write_bytes(const void *data, size_t len)
{
	struct flow_write op;
	struct slice slice = { data, len, NULL };

	flow_write(flow, &op, &slice, 1);
	cr_assert(promise_is_settled(&op.promise));
	return promise_result(&op.promise);
}

static intptr_t read_bytes(void)
{
	struct flow_read op;

	flow_read(flow, &op, 1000);
	if (!promise_is_settled(&op.promise)) {
		promise_cancel(&op.promise);
		return -EAGAIN;
	}
	buf_free(op.bufs);
	return promise_result(&op.promise);
}

static const struct tcp_stats *stats(void)
{
	return tcp_stats(peer.tcp);
}

Test(tcp_close, we_close_first)
{
	flow = peer_open(&peer);
	flow_close(flow);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 2, NULL, 0);
	cr_assert_eq(stats()->connections, 1);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2, NULL, 0);
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	cr_assert_eq(stats()->connections, 0);
	cr_assert_eq(stats()->time_wait, 1);
	peer_wait_ms(CONFIG_TCP_TIME_WAIT_SECONDS * 1000 - 1);
	cr_assert_eq(stats()->time_wait, 1);
	peer_wait_ms(1);
	cr_assert_eq(stats()->time_wait, 0);
}

Test(tcp_close, fin_and_ack_of_ours_in_one_segment)
{
	flow = peer_open(&peer);
	flow_close(flow);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2, NULL, 0);
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	cr_assert_eq(stats()->time_wait, 1);
}

Test(tcp_close, peer_closes_first)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 1, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 2, 0);
	cr_assert_eq(read_bytes(), 0);
	cr_assert_eq(read_bytes(), 0);
	cr_assert_eq(stats()->curr_estab, 1);
	flow_close(flow);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 2, 0);
	peer_send(&peer, SEG_ACK, 2, 2, NULL, 0);
	cr_assert_eq(stats()->connections, 0);
	cr_assert_eq(stats()->time_wait, 0);
	cr_assert_eq(stats()->curr_estab, 0);
	cr_assert_eq(stats()->estab_resets, 0);
}

/* An ending image waits only for connections with data that the peer has yet to acknowledge. */
Test(tcp_close, is_in_progress_until_the_peer_has_it_all)
{
	flow = peer_open(&peer);
	cr_assert(!tcp_is_closing(peer.tcp));
	write_bytes("data", 4);
	cr_assert(!tcp_is_closing(peer.tcp), "somebody has it still");
	flow_close(flow);
	cr_assert(tcp_is_closing(peer.tcp));
	peer_send(&peer, SEG_ACK, 1, 5, NULL, 0);
	cr_assert(tcp_is_closing(peer.tcp), "FIN is missing");
	peer_send(&peer, SEG_ACK, 1, 6, NULL, 0);
	cr_assert(!tcp_is_closing(peer.tcp), "FIN-WAIT-2");
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 6, NULL, 0);
	cr_assert(!tcp_is_closing(peer.tcp), "TIME-WAIT");
}

Test(tcp_close, is_in_progress_also_when_the_peer_began)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 1, NULL, 0);
	cr_assert(!tcp_is_closing(peer.tcp));
	flow_close(flow);
	cr_assert(tcp_is_closing(peer.tcp));
	peer_send(&peer, SEG_ACK, 2, 2, NULL, 0);
	cr_assert(!tcp_is_closing(peer.tcp));
}

Test(tcp_close, a_reset_is_not_in_progress)
{
	flow = peer_open(&peer);
	write_bytes("data", 4);
	flow_abort(flow);
	cr_assert(!tcp_is_closing(peer.tcp));
}

Test(tcp_close, both_at_once)
{
	flow = peer_open(&peer);
	flow_close(flow);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 1, NULL, 0); /* crossing */
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	cr_assert_eq(stats()->connections, 1);
	peer_send(&peer, SEG_ACK, 2, 2, NULL, 0);
	cr_assert_eq(stats()->connections, 0);
	cr_assert_eq(stats()->time_wait, 1);
}

Test(tcp_close, half_close_by_us)
{
	flow = peer_open(&peer);
	cr_assert_eq(flow_shutdown(flow), 0);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 2, NULL, 0);
	cr_assert_eq(write_bytes("x", 1), -EPIPE);
	peer_wait_ms(CONFIG_TCP_FIN_WAIT_SECONDS * 1000 + 1000);
	peer_send(&peer, SEG_ACK, 1, 2, "late", 4);
	cr_assert_eq(read_bytes(), 4);
	peer_forget(&peer);
	peer_send(&peer, SEG_FIN | SEG_ACK, 5, 2, "er", 2);
	peer_expect(&peer, SEG_ACK, 2, 8, 0);
	cr_assert_eq(stats()->time_wait, 1);
	cr_assert_eq(read_bytes(), 2); /* received data stays readable */
	cr_assert_eq(read_bytes(), 0);
	cr_assert_eq(stats()->connections, 1);
	flow_close(flow);
	cr_assert_eq(stats()->connections, 0);
	peer_expect_nothing(&peer);
}

Test(tcp_close, half_close_by_peer)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 1, "bye", 3);
	peer_expect(&peer, SEG_ACK, 1, 5, 0);
	cr_assert_eq(read_bytes(), 3);
	cr_assert_eq(read_bytes(), 0);
	cr_assert_eq(write_bytes("answer", 6), 6);
	peer_expect(&peer, SEG_ACK, 1, 5, 6);
	peer_send(&peer, SEG_ACK, 5, 7, NULL, 0);
	cr_assert_eq(flow_shutdown(flow), 0);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 7, 5, 0);
	peer_send(&peer, SEG_ACK, 5, 8, NULL, 0);
	cr_assert_eq(read_bytes(), 0);
	flow_close(flow);
	cr_assert_eq(stats()->connections, 0);
}

Test(tcp_close, fin_follows_the_data_and_both_are_sent_again)
{
	flow = peer_open(&peer);
	write_bytes("data", 4);
	flow_close(flow);
	peer_expect(&peer, SEG_ACK, 1, 1, 4);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 5, 1, 0);
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 4);
	peer_send(&peer, SEG_ACK, 1, 5, NULL, 0); /* the data only */
	peer_wait_ms(CONFIG_TCP_RTO_MIN_MS * 2);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 5, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 6, NULL, 0);
	peer_wait_ms(5000);
	peer_expect_nothing(&peer);
}

Test(tcp_close, fin_that_comes_early_waits_for_its_data)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_FIN | SEG_ACK, 6, 1, "world", 5);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(read_bytes(), -EAGAIN);
	peer_send(&peer, SEG_ACK, 1, 1, "hello", 5);
	peer_expect(&peer, SEG_ACK, 1, 12, 0);
	cr_assert_eq(read_bytes(), 10);
	cr_assert_eq(read_bytes(), 0);
	peer_send(&peer, SEG_FIN | SEG_ACK, 11, 1, NULL, 0); /* again */
	peer_expect(&peer, SEG_ACK, 1, 12, 0);
}

Test(tcp_close, fin_without_data_that_comes_early)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_FIN | SEG_ACK, 6, 1, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 1, "hello", 5);
	peer_expect(&peer, SEG_ACK, 1, 7, 0);
	cr_assert_eq(read_bytes(), 5);
	cr_assert_eq(read_bytes(), 0);
}

Test(tcp_close, unread_data_makes_closing_a_reset)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_ACK, 1, 1, "unread", 6);
	flow_close(flow);
	peer_expect_reset(&peer);
	cr_assert_eq(stats()->connections, 0);
}

Test(tcp_close, data_after_closing_is_reset)
{
	flow = peer_open(&peer);
	flow_close(flow);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 2, "late", 4);
	peer_expect_reset(&peer);
	cr_assert_eq(stats()->connections, 0);
}

Test(tcp_close, pending_operations_are_cancelled)
{
	struct flow_read reading;
	struct flow_write writing;
	struct slice slices[40];

	for (size_t i = 0; i < ARRAY_SIZE(slices); i++)
		slices[i] = (struct slice){ "same", 1, NULL }; /* no slice continues another in memory */
	flow = peer_open(&peer);
	flow_read(flow, &reading, 10);
	flow_write(flow, &writing, slices, ARRAY_SIZE(slices));
	cr_assert_not(promise_is_settled(&writing.promise));
	flow_close(flow);
	cr_assert_eq(promise_result(&reading.promise), -ECANCELED);
	cr_assert_eq(promise_result(&writing.promise), -ECANCELED);
}

Test(tcp_close, shutdown_waits_for_pending_writes)
{
	struct flow_write writing;
	struct slice slices[40];
	uint32_t got = 0;
	struct sent *s;

	for (size_t i = 0; i < ARRAY_SIZE(slices); i++)
		slices[i] = (struct slice){ "same", 1, NULL };
	flow = peer_open(&peer);
	flow_write(flow, &writing, slices, ARRAY_SIZE(slices));
	flow_shutdown(flow);
	while ((s = peer_next(&peer))) {
		got += s->segment.length;
		if (s->segment.flags & SEG_FIN)
			break;
		peer_send(&peer, SEG_ACK, 1, 1 + got, NULL, 0);
	}
	cr_assert_not_null(s);
	cr_assert_eq(got, 40);
	cr_assert_eq(promise_result(&writing.promise), 40);
}

Test(tcp_close, abort)
{
	struct flow_read op;
	struct sent *s;

	flow = peer_open(&peer);
	write_bytes("data", 4);
	peer_forget(&peer);
	flow_read(flow, &op, 10);
	flow_abort(flow);
	s = peer_expect_reset(&peer);
	cr_assert_eq(s->segment.seq - peer.stack_iss, 5);
	cr_assert_eq(promise_result(&op.promise), -ECANCELED);
	cr_assert_eq(stats()->connections, 0);
	cr_assert_eq(stats()->send_slices, 0);
}

Test(tcp_close, reset_by_peer)
{
	struct flow_read op;

	flow = peer_open(&peer);
	write_bytes("data", 4);
	peer_forget(&peer);
	flow_read(flow, &op, 10);
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	cr_assert_eq(promise_result(&op.promise), -ECONNRESET);
	cr_assert_eq(read_bytes(), -ECONNRESET);
	cr_assert_eq(write_bytes("x", 1), -ECONNRESET);
	cr_assert_eq(flow_shutdown(flow), -ECONNRESET);
	cr_assert_eq(stats()->estab_resets, 1);
	cr_assert_eq(stats()->connections, 1); /* until the application closes */
	flow_close(flow);
	cr_assert_eq(stats()->connections, 0);
	peer_expect_nothing(&peer);
}

/* -- RFC 5961 -- */

Test(tcp_close, reset_must_hit_the_exact_number)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_RST, 2, 0, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_RST, 3, 0, NULL, 0); /* the next challenge has to wait */
	peer_expect_nothing(&peer);
	peer_wait_ms(512);
	peer_send(&peer, SEG_RST, 3, 0, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_RST, 100000, 0, NULL, 0); /* outside the window: not a word */
	peer_send(&peer, SEG_RST, (uint32_t)-1, 0, NULL, 0);
	peer_wait_ms(512);
	peer_expect_nothing(&peer);
	cr_assert_eq(read_bytes(), -EAGAIN);
}

Test(tcp_close, syn_in_a_connection_is_challenged)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_SYN, 5, 0, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	for (int i = 0; i < 100; i++)
		peer_send(&peer, SEG_SYN, 5, 0, NULL, 0);
	peer_expect_nothing(&peer);
	peer_wait_ms(512);
	peer_send(&peer, SEG_SYN | SEG_ACK, 0, 1, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(stats()->challenges, 2);
	cr_assert_eq(read_bytes(), -EAGAIN);
}

Test(tcp_close, acknowledgement_of_what_was_never_sent_is_challenged)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_ACK, 1, 2, "x", 1);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(read_bytes(), -EAGAIN);
	peer_wait_ms(512);
	peer_send(&peer, SEG_ACK, 1, (uint32_t)-100000, "x", 1); /* older than any window was wide */
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(read_bytes(), -EAGAIN);
}

Test(tcp_close, segment_outside_the_window_is_answered)
{
	flow = peer_open(&peer);
	peer_send(&peer, SEG_ACK, 50000, 1, "x", 1);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_ACK, (uint32_t)-10, 1, "x", 1);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_ACK, 0, 1, NULL, 0); /* a keep-alive probe */
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(read_bytes(), -EAGAIN);
}

Test(tcp_close, segment_without_an_acknowledgement_is_dropped)
{
	flow = peer_open(&peer);
	peer_send(&peer, 0, 1, 0, "x", 1);
	peer_send(&peer, SEG_FIN, 1, 0, NULL, 0);
	peer_expect_nothing(&peer);
	cr_assert_eq(read_bytes(), -EAGAIN);
}

/* -- waiting at the end -- */

Test(tcp_close, fin_wait_2_ends_when_nobody_holds_the_flow)
{
	flow = peer_open(&peer);
	flow_close(flow);
	peer_forget(&peer);
	peer_send(&peer, SEG_ACK, 1, 2, NULL, 0);
	peer_wait_ms(CONFIG_TCP_FIN_WAIT_SECONDS * 1000 - 1);
	cr_assert_eq(stats()->connections, 1);
	peer_wait_ms(1);
	cr_assert_eq(stats()->connections, 0);
}

Test(tcp_close, fin_wait_2_ends_when_the_flow_is_let_go_later)
{
	flow = peer_open(&peer);
	flow_shutdown(flow);
	peer_forget(&peer);
	peer_send(&peer, SEG_ACK, 1, 2, NULL, 0);
	peer_wait_ms(100000);
	cr_assert_eq(stats()->connections, 1);
	flow_close(flow);
	peer_wait_ms(CONFIG_TCP_FIN_WAIT_SECONDS * 1000);
	cr_assert_eq(stats()->connections, 0);
}

Test(tcp_close, closed_connection_does_not_wait_for_ever_for_a_shut_window)
{
	peer.window = 0;
	flow = peer_open(&peer);
	write_bytes("data", 4);
	flow_close(flow);
	for (int i = 0; i < CONFIG_TCP_USER_TIMEOUT_SECONDS + 60; i++) {
		struct sent *s;

		peer_wait_ms(1000);
		while ((s = peer_next(&peer)))
			if (!(s->segment.flags & SEG_RST))
				peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	}
	cr_assert_eq(stats()->connections, 0);
}

Test(tcp_close, acknowledgements_do_not_put_off_the_end_of_a_shut_window)
{
	flow = peer_open(&peer);
	peer.window = 0;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	write_bytes("data", 4);
	flow_close(flow);
	for (int i = 0; i < (CONFIG_TCP_USER_TIMEOUT_SECONDS + 60) * 10; i++) {
		peer_wait_ms(100); /* more often than the window is probed */
		peer_forget(&peer);
		if (stats()->connections > 0)
			peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	}
	cr_assert_eq(stats()->connections, 0);
}

static void enter_time_wait(void)
{
	flow = peer_open(&peer);
	flow_close(flow);
	peer_forget(&peer);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2, NULL, 0);
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	cr_assert_eq(stats()->time_wait, 1);
}

Test(tcp_close, time_wait_answers_a_repeated_fin_and_starts_again)
{
	enter_time_wait();
	peer_wait_ms(CONFIG_TCP_TIME_WAIT_SECONDS * 1000 - 1);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2, NULL, 0);
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	peer_wait_ms(CONFIG_TCP_TIME_WAIT_SECONDS * 1000 - 1);
	cr_assert_eq(stats()->time_wait, 1);
	peer_wait_ms(1);
	cr_assert_eq(stats()->time_wait, 0);
}

/* The peer waits for the answer to its FIN; anything else, a storm of it too, gets an answer now and then. */
Test(tcp_close, time_wait_answers_a_storm_seldom_but_each_repeated_fin)
{
	enter_time_wait();
	for (uint32_t ms = 0; ms < 1000; ms += 10) {
		peer_send(&peer, SEG_ACK, 1000, 2, "x", 1);
		peer_send(&peer, SEG_SYN | SEG_ACK, 0, 2, NULL, 0);
		peer_wait_ms(10);
	}
	cr_assert_eq(peer_forget(&peer), 2);
	for (int i = 0; i < 3; i++) {
		peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2, NULL, 0);
		peer_expect(&peer, SEG_ACK, 2, 2, 0);
	}
}

Test(tcp_close, time_wait_is_not_drawn_out_by_a_fin_of_somebody_else)
{
	enter_time_wait();
	peer_wait_ms(CONFIG_TCP_TIME_WAIT_SECONDS * 1000 - 1);
	peer_send(&peer, SEG_FIN | SEG_ACK, 77, 2, NULL, 0);
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	peer_wait_ms(1);
	cr_assert_eq(stats()->time_wait, 0);
}

Test(tcp_close, time_wait_gives_way_to_a_new_connection_only)
{
	enter_time_wait();
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0); /* an old duplicate */
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	peer_send(&peer, SEG_SYN, 100, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 101, 0);
	cr_assert_eq(stats()->time_wait, 0);
	cr_assert_eq(stats()->half_open, 1);
}

Test(tcp_close, new_connection_begins_beyond_the_numbers_of_one_in_time_wait)
{
	static const uint8_t data[100000]; /* in no time: the clock of initial numbers stands still */
	uint32_t seq = 1, old_iss;
	struct sent *s;

	flow = peer_open(&peer);
	write_bytes(data, sizeof(data));
	flow_close(flow);
	for (; (s = peer_next(&peer)); peer_send(&peer, SEG_ACK, 1, seq, NULL, 0))
		seq += segment_space(&s->segment);
	cr_assert_eq(seq, 2 + sizeof(data));
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, seq, NULL, 0);
	peer_expect(&peer, SEG_ACK, seq, 2, 0);
	cr_assert_eq(stats()->time_wait, 1);
	old_iss = peer.stack_iss;
	peer_send(&peer, SEG_SYN, 100, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 101, 0);
	cr_assert_gt(peer.stack_iss - old_iss, seq);
	cr_assert_eq(stats()->time_wait, 0);
}

Test(tcp_close, time_wait_ends_by_an_exact_reset)
{
	enter_time_wait();
	peer_send(&peer, SEG_RST, 3, 0, NULL, 0);
	cr_assert_eq(stats()->time_wait, 1);
	peer_send(&peer, SEG_ACK, 2, 2, NULL, 0);
	peer_expect_nothing(&peer);
	peer_send(&peer, SEG_RST, 2, 0, NULL, 0);
	cr_assert_eq(stats()->time_wait, 0);
}

Test(tcp_close, our_address_goes)
{
	struct ip_addr other = ip_v4(10, 9, 8, 7);
	struct flow_read op;

	flow = peer_open(&peer);
	flow_close(flow); /* no application holds this one */
	peer_forget(&peer);
	peer.port++;
	flow = peer_open(&peer);
	flow_read(flow, &op, 1000);
	peer.handler->gone(peer.handler->arg, &other);
	cr_assert_eq(stats()->connections, 2);
	cr_assert_not(promise_is_settled(&op.promise));
	peer.handler->gone(peer.handler->arg, &peer.stack_addr);
	cr_assert_eq(promise_result(&op.promise), -EADDRNOTAVAIL);
	cr_assert_eq(write_bytes("x", 1), -EADDRNOTAVAIL);
	cr_assert_eq(stats()->connections, 1);
	peer.handler->gone(peer.handler->arg, &peer.stack_addr); /* nothing is left to end */
	flow_close(flow);
	cr_assert_eq(stats()->connections, 0);
	peer_forget(&peer);
}
