/* SPDX-License-Identifier: ISC */
/* Explicit congestion notification (RFC 3168 §6.1): agreeing, marks that come, marks that are echoed. */
#include <criterion/criterion.h>

#include "net/tcp/tcp_priv.h"
#include "tests/lib/segment.h"

#define MSS 1460u
#define ECN_SETUP (SEG_ECE | SEG_CWR)

static struct peer peer;
static struct flow *flow;
static const char data[40 * MSS];
static struct slice slice;
static struct flow_write write;

static void create(void)
{
	peer_create(&peer, NULL);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_ecn, .init = create, .fini = destroy);

static bool is_agreed(void)
{
	struct stack_tcp_info info;

	tcp_info(flow, &info);
	return info.ecn;
}

/* Opens with a SYN of these flags; gives those of the SYN-ACK. */
static uint8_t open_with(uint8_t flags)
{
	struct sent *s;
	uint8_t said;

	peer_send(&peer, flags, 0, 0, NULL, 0);
	s = peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	cr_assert_eq(s->ecn, 0); /* §6.1.1 */
	said = s->segment.flags;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	flow = peer.accepted;
	return said;
}

static void write_bytes(uint32_t len)
{
	slice = (struct slice){ data, len, NULL };
	flow_write(flow, &write, &slice, 1);
}

static uint32_t cwnd(void)
{
	struct stack_tcp_info info;

	tcp_info(flow, &info);
	return info.cur_cwnd;
}

/* -- agreeing: §6.1.1 -- */

Test(tcp_ecn, is_agreed_to_when_both_flags_ask)
{
	cr_assert_eq(open_with(SEG_SYN | ECN_SETUP), SEG_SYN | SEG_ACK | SEG_ECE);
	cr_assert(is_agreed());
}

Test(tcp_ecn, is_not_agreed_to_otherwise)
{
	static const uint8_t flags[] = { 0, SEG_ECE, SEG_CWR };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++, peer.port++) {
		cr_assert_eq(open_with(SEG_SYN | flags[i]), SEG_SYN | SEG_ACK);
		cr_assert_not(is_agreed());
		write_bytes(10);
		cr_assert_eq(peer_expect(&peer, SEG_ACK, 1, 1, 10)->ecn, 0);
		flow_abort(flow);
		peer_expect_reset(&peer);
	}
}

Test(tcp_ecn, is_asked_for)
{
	static const struct {
		uint8_t answer;
		bool agreed;
	} cases[] = { { SEG_ECE, true }, { 0, false }, { SEG_CWR, false }, { ECN_SETUP, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stack_connect op;
		struct endpoint to = { peer.addr, peer.port };
		struct sent *s;

		tcp_connect(peer.tcp, &op, &to);
		s = peer_expect(&peer, SEG_SYN, 0, 0, 0);
		cr_assert_eq(s->segment.flags, SEG_SYN | ECN_SETUP);
		cr_assert_eq(s->ecn, 0);
		peer.stack_port = s->segment.src_port;
		peer_send(&peer, SEG_SYN | SEG_ACK | cases[i].answer, 0, 1, NULL, 0);
		peer_expect(&peer, SEG_ACK, 1, 1, 0);
		flow = op.flow;
		cr_assert_eq(is_agreed(), cases[i].agreed, "%zu", i);
		flow_abort(flow);
		peer_expect_reset(&peer);
	}
}

Test(tcp_ecn, is_agreed_to_by_both_at_once)
{
	struct stack_connect op;
	struct endpoint to = { peer.addr, peer.port };

	peer_wait_ms(1000); /* so that slowing down would not be too soon */
	tcp_connect(peer.tcp, &op, &to);
	peer.stack_port = peer_expect(&peer, SEG_SYN, 0, 0, 0)->segment.src_port;
	peer_send(&peer, SEG_SYN | ECN_SETUP, 0, 0, NULL, 0);
	cr_assert_eq(peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0)->segment.flags, SEG_SYN | SEG_ACK | SEG_ECE);
	peer_send(&peer, SEG_SYN | SEG_ACK | SEG_ECE, 0, 1, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1, 1, 0);
	cr_assert_eq(promise_result(&op.promise), 0);
	flow = op.flow;
	cr_assert(is_agreed());
	cr_assert_eq(cwnd(), 10 * MSS, "it tells of no mark");
	flow_abort(flow);
	peer_expect_reset(&peer);
}

/* §6.1.1.1: a middlebox may drop such a SYN. */
Test(tcp_ecn, is_not_asked_for_again)
{
	struct stack_connect op;
	struct endpoint to = { peer.addr, peer.port };

	tcp_connect(peer.tcp, &op, &to);
	peer_expect(&peer, SEG_SYN, 0, 0, 0);
	peer_wait_ms(1000);
	cr_assert_eq(peer_expect(&peer, SEG_SYN, 0, 0, 0)->segment.flags, SEG_SYN);
	promise_cancel(&op.promise);
}

Test(tcp_ecn, is_kept_by_a_cookie)
{
	const struct tcp_limits one = { .connections = 2, .half_open = 1, .time_wait = 1, .receive_bytes = 8192,
	                                .receive_bufs = 8 };

	peer_destroy(&peer);
	peer_create(&peer, &one);
	for (int ecn = 0; ecn < 2; ecn++) {
		peer.port = 1;
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
		peer_forget(&peer);
		peer.port = (uint16_t)(PEER_PORT + ecn);
		peer.options = SEG_HAS_MSS | SEG_HAS_TIMESTAMPS;
		open_with(ecn ? SEG_SYN | ECN_SETUP : SEG_SYN);
		cr_assert_eq(is_agreed(), ecn);
	}
	cr_assert_eq(tcp_stats(peer.tcp)->cookies_accepted, 2);
}

/* -- marks that come: §6.1.3 -- */

static struct sent *expect_ack(uint8_t flags, uint32_t ack)
{
	return peer_expect(&peer, flags, 1, ack, 0);
}

static void send_byte(uint32_t seq, uint8_t flags, uint8_t ecn)
{
	peer.ecn = ecn;
	peer_send(&peer, flags, seq, 1, "x", 1);
	peer.ecn = 0;
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS);
}

Test(tcp_ecn, mark_is_echoed_until_the_peer_has_slowed_down)
{
	open_with(SEG_SYN | ECN_SETUP);
	send_byte(1, SEG_ACK, IP_ECT0);
	expect_ack(SEG_ACK, 2);
	send_byte(2, SEG_ACK, IP_ECN_MARKED);
	cr_assert_eq(expect_ack(SEG_ACK | SEG_ECE, 3)->ecn, 0); /* §6.1.4: no pure acknowledgement is marked */
	send_byte(3, SEG_ACK, IP_ECT0);
	expect_ack(SEG_ACK | SEG_ECE, 4);
	write_bytes(10); /* data says it too */
	peer_expect(&peer, SEG_ACK | SEG_ECE, 1, 4, 10);
	peer_send(&peer, SEG_ACK, 4, 11, NULL, 0);
	peer.stack_iss += 10;
	send_byte(4, SEG_ACK | SEG_CWR, IP_ECT0);
	expect_ack(SEG_ACK, 5);
	send_byte(5, SEG_ACK | SEG_CWR, IP_ECN_MARKED); /* a mark on that same segment is a new one */
	expect_ack(SEG_ACK | SEG_ECE, 6);
}

Test(tcp_ecn, mark_counts_only_when_agreed_on_and_on_data)
{
	open_with(SEG_SYN);
	send_byte(1, SEG_ACK, IP_ECN_MARKED);
	expect_ack(SEG_ACK, 2);
	flow_abort(flow);
	peer_forget(&peer);
	peer.port++;
	open_with(SEG_SYN | ECN_SETUP);
	peer.ecn = IP_ECN_MARKED;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	send_byte(1, SEG_ACK, 0);
	expect_ack(SEG_ACK, 2);
	peer.ecn = IP_ECN_MARKED;
	peer_send(&peer, SEG_ACK, 1u << 20, 1, "beyond the window", 17);
	peer_expect(&peer, SEG_ACK, 1, 2, 0);
}

/* -- marks that are echoed: §6.1.2 -- */

Test(tcp_ecn, new_data_alone_is_capable)
{
	open_with(SEG_SYN | ECN_SETUP);
	write_bytes(100);
	cr_assert_eq(peer_expect(&peer, SEG_ACK, 1, 1, 100)->ecn, IP_ECT0);
	peer_wait_ms(3000);
	cr_assert_eq(peer_expect(&peer, SEG_ACK, 1, 1, 100)->ecn, 0); /* §6.1.5: no retransmission */
	peer_forget(&peer);
	peer.window = 0;
	peer_send(&peer, SEG_ACK, 1, 101, NULL, 0);
	write_bytes(100);
	peer_wait_ms(10000);
	cr_assert_eq(peer_expect(&peer, SEG_ACK, 101, 1, 1)->ecn, 0); /* §6.1.6: no probe of a window */
	peer_forget(&peer);
}

Test(tcp_ecn, echo_slows_down_once_a_round_trip_and_is_answered)
{
	uint32_t before, seq = 1 + 10 * MSS;
	struct sent *s;

	open_with(SEG_SYN | ECN_SETUP);
	write_bytes(sizeof(data));
	cr_assert_eq(peer_forget(&peer), 10);
	peer_wait_ms(100);
	before = cwnd();
	peer_send(&peer, SEG_ACK | SEG_ECE, 1, 1 + 5 * MSS, NULL, 0);
	cr_assert_lt(cwnd(), before);
	before = cwnd();
	for (uint32_t n = 6; n <= 10; n++) { /* the same news, again and again */
		peer_wait_ms(1);
		peer_send(&peer, SEG_ACK | SEG_ECE, 1, 1 + n * MSS, NULL, 0);
	}
	cr_assert_geq(cwnd(), before);
	for (unsigned i = 0; (s = peer_next(&peer)); i++, seq += MSS) { /* the first new segment alone says so */
		cr_assert_eq(s->segment.seq - peer.stack_iss, seq);
		cr_assert_eq(s->segment.flags & ~SEG_PSH, SEG_ACK | (i == 0 ? SEG_CWR : 0), "%u", i);
		cr_assert_eq(s->ecn, IP_ECT0);
	}
	peer_wait_ms(110); /* another round trip, another mark */
	before = cwnd();
	peer_send(&peer, SEG_ACK | SEG_ECE, 1, seq, NULL, 0);
	cr_assert_lt(cwnd(), before);
	peer_forget(&peer);
}

/* A connection that a loss has slowed down is not slowed down again. */
Test(tcp_ecn, echo_within_recovery_changes_nothing)
{
	struct stack_tcp_info before, after;

	open_with(SEG_SYN | ECN_SETUP);
	write_bytes(sizeof(data));
	peer_wait_ms(100);
	peer_send(&peer, SEG_ACK, 1, 1 + MSS, NULL, 0);
	for (int i = 0; i < 3; i++)
		peer_send(&peer, SEG_ACK, 1, 1 + MSS, NULL, 0);
	tcp_info(flow, &before);
	cr_assert_lt(before.cur_ssthresh, 20 * MSS);
	peer_wait_ms(150);
	peer_send(&peer, SEG_ACK | SEG_ECE, 1, 1 + MSS, NULL, 0);
	tcp_info(flow, &after);
	cr_assert_eq(after.cur_ssthresh, before.cur_ssthresh);
	peer_forget(&peer);
}

/* A device that cuts a burst into segments would set the flag in each. */
Test(tcp_ecn, answer_is_in_no_burst)
{
	struct sent *s;

	peer.tso_bytes = 65000;
	open_with(SEG_SYN | ECN_SETUP);
	write_bytes(sizeof(data));
	peer_forget(&peer);
	peer_wait_ms(100);
	peer_send(&peer, SEG_ACK | SEG_ECE, 1, 1 + 10 * MSS, NULL, 0);
	s = peer_next(&peer);
	cr_assert_not_null(s);
	cr_assert(s->segment.flags & SEG_CWR);
	cr_assert_eq(s->gso_size, 0);
	cr_assert_leq(s->segment.length, MSS);
	s = peer_next(&peer);
	cr_assert_not_null(s);
	cr_assert_not(s->segment.flags & SEG_CWR);
	cr_assert_neq(s->gso_size, 0);
	peer_forget(&peer);
}

Test(tcp_ecn, answer_that_found_no_room_is_given_again)
{
	struct sent *s;

	open_with(SEG_SYN | ECN_SETUP);
	write_bytes(sizeof(data));
	peer_forget(&peer);
	peer_wait_ms(100);
	peer.full = true;
	peer_send(&peer, SEG_ACK | SEG_ECE, 1, 1 + 10 * MSS, NULL, 0);
	peer.full = false;
	peer_expect_nothing(&peer);
	peer_wait_ms(TCP_NO_MEMORY_MS);
	s = peer_next(&peer);
	cr_assert_not_null(s);
	cr_assert(s->segment.flags & SEG_CWR);
	peer_forget(&peer);
}

Test(tcp_ecn, echo_of_what_was_never_sent_is_not_believed)
{
	uint32_t before;

	open_with(SEG_SYN | ECN_SETUP);
	write_bytes(sizeof(data));
	peer_forget(&peer);
	peer_wait_ms(100);
	before = cwnd();
	peer_send(&peer, SEG_ACK | SEG_ECE, 1, 1 + 20 * MSS, NULL, 0);
	cr_assert_eq(cwnd(), before);
	flow_abort(flow);
	peer_forget(&peer);
}

Test(tcp_ecn, options_leave_it_alone)
{
	open_with(SEG_SYN | ECN_SETUP);
	cr_assert(is_agreed());
	tcp_set(flow, STACK_NODELAY, 0);
	tcp_set(flow, STACK_KEEPALIVE, 1);
	cr_assert(is_agreed());
}
