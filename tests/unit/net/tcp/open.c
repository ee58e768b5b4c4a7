/* SPDX-License-Identifier: ISC */
/* Opening: both handshakes, simultaneous open, options, refusals (RFC 9293 §3.5, §3.10.7). */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/lib/segment.h"

static struct peer peer;

static void create(void)
{
	peer_create(&peer, NULL);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_open, .init = create, .fini = destroy);

Test(tcp_open, passive)
{
	struct flow *f = peer_open(&peer);
	struct endpoint local;

	cr_assert_eq(peer.accepted_from.port, PEER_PORT);
	cr_assert(ip_equal(&peer.accepted_from.addr, &peer.addr));
	tcp_local(f, &local);
	cr_assert_eq(local.port, 80);
	cr_assert_eq(tcp_stats(peer.tcp)->passive_opens, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->curr_estab, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 0);
}

Test(tcp_open, passive_answers_only_the_options_that_were_offered)
{
	struct sent *s;

	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	s = peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	cr_assert_eq(s->segment.options, SEG_HAS_MSS);
	cr_assert_eq(s->segment.mss, 1460);
	peer.port++;
	peer.options = SEG_HAS_MSS | SEG_HAS_SCALE | SEG_HAS_TIMESTAMPS | SEG_HAS_SACK_PERMITTED;
	peer.ts_value = 7777;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	s = peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	cr_assert_eq(s->segment.options, peer.options);
	cr_assert_eq(s->segment.ts_echo, 7777);
}

Test(tcp_open, data_may_ride_on_the_last_segment_of_the_handshake)
{
	struct flow_read op;

	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(&peer, SEG_ACK | SEG_FIN, 1, 1, "hello", 5);
	cr_assert_not_null(peer.accepted);
	flow_read(peer.accepted, &op, 100);
	cr_assert_eq(promise_result(&op.promise), 5);
	buf_free(op.bufs);
	flow_read(peer.accepted, &op, 100);
	cr_assert_eq(promise_result(&op.promise), 0);
	peer_expect(&peer, SEG_ACK, 1, 7, 0);
}

Test(tcp_open, syn_ack_is_sent_again_until_its_tries_are_used_up)
{
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	for (uint32_t wait_ms = 1000; wait_ms <= 16000; wait_ms *= 2) {
		peer_wait_ms(wait_ms - 1);
		peer_expect_nothing(&peer);
		peer_wait_ms(1);
		peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	}
	peer_wait_ms(33000);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 0);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	peer_expect_reset(&peer);
}

Test(tcp_open, handshake_that_was_lost_twice_begins_with_one_segment)
{
	static const char data[20 * 1460];
	struct slice slice = { data, sizeof(data), NULL };
	struct flow_write op;

	for (unsigned tries = 1; tries <= 2; tries++, peer.port++) {
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
		peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
		for (unsigned i = 0; i < tries; i++) {
			peer_wait_ms(1000u << i);
			peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
		}
		peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
		flow_write(peer.accepted, &op, &slice, 1);
		cr_assert_eq(peer_forget(&peer), tries == 1 ? 10 : 1); /* RFC 6928 §2 */
		peer_wait_ms(2999);
		peer_expect_nothing(&peer); /* RFC 6298 §5.7 */
		peer_wait_ms(1);
		peer_expect(&peer, SEG_ACK, 1, 1, 1460);
		flow_abort(peer.accepted);
		peer_expect_reset(&peer);
	}
}

Test(tcp_open, repeated_syn_is_answered_at_once)
{
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 1);
}

Test(tcp_open, half_open_entry_takes_a_reset_only_at_its_exact_number)
{
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(&peer, SEG_RST, 2, 0, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 1);
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 0);
	peer_expect_nothing(&peer);
}

Test(tcp_open, half_open_entry_answers_a_storm_seldom_but_each_repeated_syn)
{
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	for (uint32_t ms = 0; ms < 990; ms += 10) {
		peer_send(&peer, SEG_SYN, 5, 0, NULL, 0);
		peer_send(&peer, SEG_RST, 2, 0, NULL, 0);
		peer_send(&peer, SEG_ACK, 1u << 20, 1, "x", 1);
		peer_wait_ms(10);
	}
	cr_assert_eq(peer_forget(&peer), 2);
	cr_assert_eq(tcp_stats(peer.tcp)->challenges, 2);
	for (int i = 0; i < 3; i++) {
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
		peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	}
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	cr_assert_eq(peer.accepts, 1);
}

Test(tcp_open, wrong_acknowledgement_of_our_syn_is_reset_and_changes_nothing)
{
	struct sent *s;

	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 77, NULL, 0);
	s = peer_expect_reset(&peer);
	cr_assert_eq(s->segment.seq - peer.stack_iss, 77);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	cr_assert_not_null(peer.accepted);
}

Test(tcp_open, closed_port_answers_with_a_reset)
{
	struct sent *s;

	peer.stack_port = 81;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	s = peer_expect_reset(&peer);
	cr_assert_eq(s->segment.flags, SEG_RST | SEG_ACK);
	cr_assert_eq(s->segment.ack, PEER_ISS + 1);
	cr_assert_eq(s->segment.seq, 0);
	peer_send(&peer, SEG_ACK, 1, 555, "x", 1);
	s = peer_expect_reset(&peer);
	cr_assert_eq(s->segment.flags, SEG_RST);
	cr_assert_eq(s->segment.seq, peer.stack_iss + 555);
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	peer_expect_nothing(&peer);
}

Test(tcp_open, listener_that_declines_resets)
{
	peer.accept_result = -EACCES;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	peer_expect_reset(&peer);
	cr_assert_eq(peer.accepts, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->declined, 1);
}

static int accept_and_close(void *arg, struct flow *flow, const struct endpoint *from)
{
	(void)arg;
	(void)from;
	flow_close(flow);
	return 0;
}

static int accept_and_abort(void *arg, struct flow *flow, const struct endpoint *from)
{
	(void)arg;
	(void)from;
	flow_abort(flow);
	return 0;
}

Test(tcp_open, accepting_may_end_the_connection_at_once)
{
	cr_assert_eq(tcp_listen(peer.tcp, 81, accept_and_close, NULL), 0);
	cr_assert_eq(tcp_listen(peer.tcp, 82, accept_and_abort, NULL), 0);
	peer.stack_port = 81;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	peer.stack_port = 82;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(&peer, SEG_ACK, 1, 1, "with data", 9);
	peer_expect(&peer, SEG_RST | SEG_ACK, 1, 10, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
}

static int only_port_7(void *arg, uint16_t port, accept_fn **accept, void **accept_arg)
{
	*accept = peer_accept;
	*accept_arg = arg;
	return port == 7 ? 0 : -ECONNREFUSED;
}

Test(tcp_open, listener_function_may_decline_a_port)
{
	tcp_listen_other(peer.tcp, only_port_7, &peer);
	peer.stack_port = 8;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect_reset(&peer);
	peer.stack_port = 7;
	peer_open(&peer);
}

Test(tcp_open, listening)
{
	cr_assert_eq(tcp_listen(peer.tcp, 80, peer_accept, &peer), -EADDRINUSE);
	cr_assert_eq(tcp_listen(peer.tcp, 0, peer_accept, &peer), -EINVAL);
	for (unsigned i = 1; i < CONFIG_TCP_LISTENERS; i++)
		cr_assert_eq(tcp_listen(peer.tcp, (uint16_t)(1000 + i), peer_accept, &peer), 0);
	cr_assert_eq(tcp_listen(peer.tcp, 999, peer_accept, &peer), -ENOBUFS);
	tcp_unlisten(peer.tcp, 80);
	cr_assert_eq(tcp_listen(peer.tcp, 999, peer_accept, &peer), 0);
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect_reset(&peer);
}

Test(tcp_open, unlistening_in_mid_handshake_resets)
{
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	tcp_unlisten(peer.tcp, 80);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	peer_expect_reset(&peer);
}

Test(tcp_open, active)
{
	struct flow *f = peer_accept_connect(&peer);
	struct endpoint at;

	cr_assert_eq(tcp_stats(peer.tcp)->active_opens, 1);
	tcp_peer(f, &at);
	cr_assert_eq(at.port, PEER_PORT);
	flow_abort(f);
	peer_expect_reset(&peer);
}

static void begin_connect(struct stack_connect *op)
{
	struct endpoint to = { peer.addr, peer.port };

	tcp_connect(peer.tcp, op, &to);
	peer.stack_port = peer_expect(&peer, SEG_SYN, 0, 0, 0)->segment.src_port;
	cr_assert_geq(peer.stack_port, 49152);
}

Test(tcp_open, active_offers_all_options)
{
	struct stack_connect op;
	struct endpoint to = { peer.addr, peer.port };
	struct sent *s;

	tcp_connect(peer.tcp, &op, &to);
	s = peer_expect(&peer, SEG_SYN, 0, 0, 0);
	cr_assert_eq(s->segment.options,
	             SEG_HAS_MSS | SEG_HAS_SCALE | SEG_HAS_TIMESTAMPS | SEG_HAS_SACK_PERMITTED);
	cr_assert_eq(s->segment.ts_echo, 0); /* RFC 7323 §3.2: zero, and no uninitialised memory */
	promise_cancel(&op.promise);
	cr_assert_eq(promise_result(&op.promise), -ECANCELED);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
}

Test(tcp_open, active_refused)
{
	struct stack_connect op;

	begin_connect(&op);
	peer_send(&peer, SEG_RST, 0, 0, NULL, 0); /* without an ACK anyone could forge it */
	peer_send(&peer, SEG_RST | SEG_ACK, 0, 2, NULL, 0);
	cr_assert_not(promise_is_settled(&op.promise));
	peer_send(&peer, SEG_RST | SEG_ACK, 0, 1, NULL, 0);
	cr_assert_eq(promise_result(&op.promise), -ECONNREFUSED);
	cr_assert_eq(tcp_stats(peer.tcp)->attempt_fails, 1);
	peer_expect_nothing(&peer);
}

Test(tcp_open, active_resets_an_acknowledgement_of_something_else)
{
	struct stack_connect op;

	begin_connect(&op);
	peer_send(&peer, SEG_SYN | SEG_ACK, 0, 500, NULL, 0);
	cr_assert_eq(peer_expect_reset(&peer)->segment.seq - peer.stack_iss, 500);
	cr_assert_not(promise_is_settled(&op.promise));
	peer_send(&peer, SEG_SYN | SEG_ACK, 0, 1, NULL, 0);
	cr_assert_eq(promise_result(&op.promise), 0);
}

Test(tcp_open, active_gives_up_after_the_user_timeout)
{
	struct stack_connect op;
	uint32_t at_ms = 0;

	begin_connect(&op);
	for (uint32_t wait_ms = 1000; at_ms + wait_ms < 60000; wait_ms *= 2) {
		peer_wait_ms(wait_ms - 1);
		peer_expect_nothing(&peer);
		peer_wait_ms(1);
		peer_expect(&peer, SEG_SYN, 0, 0, 0);
		at_ms += wait_ms;
	}
	peer_wait_ms((CONFIG_TCP_USER_TIMEOUT_SECONDS + 60) * 1000);
	cr_assert_eq(promise_result(&op.promise), -ETIMEDOUT);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
}

Test(tcp_open, simultaneous)
{
	struct stack_connect op;

	begin_connect(&op);
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	cr_assert_not(promise_is_settled(&op.promise));
	peer_send(&peer, SEG_SYN | SEG_ACK, 0, 1, NULL, 0); /* says nothing new but its ACK */
	peer_expect(&peer, SEG_ACK, 1, 1, 0); /* another may wait for it */
	cr_assert_eq(promise_result(&op.promise), 0);
	cr_assert_eq(tcp_stats(peer.tcp)->curr_estab, 1);
}

Test(tcp_open, simultaneous_syn_ack_is_sent_again)
{
	struct stack_connect op;

	begin_connect(&op);
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_wait_ms(1000);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	cr_assert_eq(promise_result(&op.promise), -ECONNREFUSED);
}

Test(tcp_open, unreachable)
{
	struct stack_connect op;
	struct endpoint to = { peer.addr, 0 };
	uint8_t quoted[8];
	struct ip_error error = { .error = -EHOSTUNREACH, .src.addr = peer.stack_addr, .dst.addr = peer.addr,
	                          .quoted = quoted, .quoted_len = 8 };
	uint32_t seq;

	tcp_connect(peer.tcp, &op, &to);
	cr_assert_eq(promise_result(&op.promise), -EINVAL);
	peer.unreachable = true;
	to.port = 1;
	tcp_connect(peer.tcp, &op, &to);
	cr_assert_eq(promise_result(&op.promise), -EHOSTUNREACH);
	peer.unreachable = false;
	begin_connect(&op);
	for (int i = 0; i < 2; i++) { /* the first error quotes another connection's number */
		seq = peer.stack_iss + 1 - (uint32_t)i;
		for (int byte = 0; byte < 4; byte++)
			quoted[4 + byte] = (uint8_t)(seq >> (24 - 8 * byte));
		quoted[0] = (uint8_t)(peer.stack_port >> 8);
		quoted[1] = (uint8_t)peer.stack_port;
		quoted[2] = PEER_PORT >> 8;
		quoted[3] = PEER_PORT & 0xff;
		cr_assert_not(promise_is_settled(&op.promise));
		peer.handler->error(peer.handler->arg, &error);
	}
	cr_assert_eq(promise_result(&op.promise), -EHOSTUNREACH);
}

/* RFC 4022: all failures from SYN-RECEIVED, for any reason. */
Test(tcp_open, handshakes_that_come_to_nothing_are_counted)
{
	uint8_t quoted[8] = { 0, 80, PEER_PORT >> 8, PEER_PORT & 0xff };
	struct ip_error error = { .error = -EHOSTUNREACH, .src.addr = peer.stack_addr, .dst.addr = peer.addr,
	                          .quoted = quoted, .quoted_len = 8, .local = true };

	for (unsigned i = 0; i < 3; i++) {
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
		peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
		cr_assert_eq(tcp_stats(peer.tcp)->half_open, 1);
		if (i == 0)
			peer.handler->error(peer.handler->arg, &error);
		else if (i == 1)
			peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
		else
			peer_wait_ms(64000);
		peer_forget(&peer);
		cr_assert_eq(tcp_stats(peer.tcp)->half_open, 0);
		cr_assert_eq(tcp_stats(peer.tcp)->attempt_fails, i + 1);
	}
	peer_open(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->attempt_fails, 3);
	cr_assert_eq(tcp_stats(peer.tcp)->passive_opens, 1);
}

Test(tcp_open, peer_without_mss_gets_the_default_and_small_ones_a_floor)
{
	static const char data[2000];
	struct slice slice = { data, sizeof(data), NULL };
	struct flow_write op;

	peer.options = 0;
	flow_write(peer_open(&peer), &op, &slice, 1);
	peer_expect(&peer, SEG_ACK, 1, 1, 536);
	peer_forget(&peer);
	peer.port++;
	peer.options = SEG_HAS_MSS;
	peer.mss = 1;
	flow_write(peer_open(&peer), &op, &slice, 1);
	peer_expect(&peer, SEG_ACK, 1, 1, 64);
	peer_forget(&peer);
	peer.port++;
	peer.payload_bytes = 80; /* the link is narrower still */
	flow_write(peer_open(&peer), &op, &slice, 1);
	peer_expect(&peer, SEG_ACK, 1, 1, 60);
}

Test(tcp_open, malformed_segments_are_counted_and_dropped)
{
	struct ip_meta meta = { .ip = &peer.ip, .src.addr = peer.addr, .dst.addr = peer.stack_addr,
	                        .protocol = IP_TCP };
	struct buf *b = buf_alloc_header();

	b->flags = BUF_CSUM_VALID;
	for (int i = 0; i < 12; i++)
		*buf_push(b, 1) = 0;
	peer.handler->input(peer.handler->arg, &meta, b);
	cr_assert_eq(tcp_stats(peer.tcp)->in_errs, 1);
	b = buf_alloc_header(); /* checksum 0 over a header that is not zero */
	for (int i = 0; i < 20; i++)
		*buf_push(b, 1) = 0x55;
	peer.handler->input(peer.handler->arg, &meta, b);
	cr_assert_eq(tcp_stats(peer.tcp)->in_errs, 2);
	peer_expect_nothing(&peer);
}
