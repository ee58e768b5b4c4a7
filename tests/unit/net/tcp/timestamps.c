/* SPDX-License-Identifier: ISC */
/* Timestamps: echoes, and refusal of old segments (RFC 7323 §3 to §5), and their use for a SYN that finds its
 * connection in TIME-WAIT (RFC 6191 §2). */
#include <criterion/criterion.h>

#include "net/tcp/tcp_priv.h"
#include "tests/lib/clock.h"
#include "tests/lib/segment.h"

#define DAY_NS (24 * 3600 * NS_PER_S)
#define HALF_CIRCLE (1u << 31)

static struct peer peer;
static struct flow *flow;

static void create(void)
{
	peer_create(&peer, NULL);
	peer.options = SEG_HAS_MSS | SEG_HAS_TIMESTAMPS;
	peer.ts_value = 1000;
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_timestamps, .init = create, .fini = destroy);

/* Sends a byte at seq with this timestamp, and expects ack in answer with that echo. */
static void expect_echo(uint32_t ts_value, uint32_t seq, uint32_t ack, uint32_t echo)
{
	struct sent *s;

	peer.ts_value = ts_value;
	peer_send(&peer, SEG_ACK, seq, 1, "x", 1);
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS);
	s = peer_expect(&peer, SEG_ACK, 1, ack, 0);
	cr_assert_eq(s->segment.options, SEG_HAS_TIMESTAMPS);
	cr_assert_eq(s->segment.ts_echo, echo, "%u", s->segment.ts_echo);
	peer_expect_nothing(&peer);
}

Test(tcp_timestamps, newest_in_order_is_echoed)
{
	flow = peer_open(&peer);
	expect_echo(1010, 1, 2, 1010);
	expect_echo(1010, 2, 3, 1010);
	expect_echo(1020, 3, 4, 1020);
}

/* §4.3: the echo is of the segment that the acknowledgement waited for, not of later ones. */
Test(tcp_timestamps, out_of_order_segments_do_not_count)
{
	flow = peer_open(&peer);
	expect_echo(1010, 1, 2, 1010);
	expect_echo(1020, 3, 2, 1010);
	expect_echo(1015, 2, 4, 1015); /* fills the hole; older than later segments, and accepted */
}

Test(tcp_timestamps, first_of_two_segments_that_are_acknowledged_together_is_echoed)
{
	flow = peer_open(&peer);
	peer.ts_value = 1010;
	peer_send(&peer, SEG_ACK, 1, 1, "x", 1);
	expect_echo(1020, 2, 3, 1010);
}

Test(tcp_timestamps, old_ones_are_answered_and_not_taken)
{
	flow = peer_open(&peer);
	expect_echo(1010, 1, 2, 1010);
	expect_echo(1009, 2, 2, 1010);
	expect_echo(1010 - HALF_CIRCLE + 1, 2, 2, 1010);
	expect_echo(1010 + HALF_CIRCLE - 1, 2, 3, 1010 + HALF_CIRCLE - 1);
}

Test(tcp_timestamps, old_ones_outside_the_window_change_nothing)
{
	flow = peer_open(&peer);
	expect_echo(2000, 1u << 20, 1, 1000);
	expect_echo(2000, 1, 2, 2000);
}

/* §4: some peers do not echo. */
Test(tcp_timestamps, an_echo_of_nothing_measures_nothing)
{
	struct slice slice = { "x", 1, NULL };
	struct stack_tcp_info info;
	struct flow_write write;
	struct tcp_conn *c;

	flow = peer_open(&peer);
	c = conn_of(flow);
	c->ts_offset = 60000 - c->tcp->now_ms; /* nothing seems to be a minute ago */
	flow_write(flow, &write, &slice, 1);
	peer_expect(&peer, SEG_ACK, 1, 1, 1);
	peer_wait_ms(20);
	peer.ts_echo = 0;
	peer_send(&peer, SEG_ACK, 1, 2, NULL, 0);
	tcp_info(flow, &info);
	cr_assert_leq(info.smoothed_rtt_us, 20000);
}

/* §5.5: after this long the peer's clock may have wrapped. */
Test(tcp_timestamps, grow_old)
{
	flow = peer_open(&peer);
	expect_echo(1010, 1, 2, 1010);
	clock_advance_ns(23 * DAY_NS);
	peer_run();
	expect_echo(1009, 2, 2, 1010);
	clock_advance_ns(DAY_NS);
	peer_run();
	expect_echo(1009, 2, 3, 1009);
}

/* §3.2: a segment without one is dropped in silence, but for a reset. */
Test(tcp_timestamps, segments_without_are_dropped)
{
	flow = peer_open(&peer);
	peer.options = SEG_HAS_MSS;
	peer_send(&peer, SEG_ACK, 1, 1, "x", 1);
	peer_send(&peer, SEG_ACK | SEG_FIN, 1, 1, NULL, 0);
	peer_wait_ms(1000);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->curr_estab, 1);
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->curr_estab, 0);
}

/* §5.2: a reset is not refused for its age. */
Test(tcp_timestamps, old_one_on_a_reset_does_not_count)
{
	flow = peer_open(&peer);
	expect_echo(1010, 1, 2, 1010);
	peer.ts_value = 5;
	peer_send(&peer, SEG_RST, 2, 0, NULL, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->curr_estab, 0);
}

Test(tcp_timestamps, our_reset_carries_one)
{
	struct sent *s;

	flow = peer_open(&peer);
	flow_abort(flow);
	s = peer_expect_reset(&peer);
	cr_assert_eq(s->segment.options, SEG_HAS_TIMESTAMPS);
	cr_assert_eq(s->segment.ts_echo, 1000);
}

Test(tcp_timestamps, are_not_used_when_only_one_end_offers)
{
	struct sent *s;

	peer.options = SEG_HAS_MSS;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	s = peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	cr_assert_eq(s->segment.options, SEG_HAS_MSS);
	peer.options |= SEG_HAS_TIMESTAMPS; /* without having been agreed on */
	peer_send(&peer, SEG_ACK, 1, 1, "x", 1);
	peer.ts_value = 1;
	peer_send(&peer, SEG_ACK, 2, 1, "x", 1);
	peer_wait_ms(CONFIG_TCP_DELAYED_ACK_MS);
	s = peer_expect(&peer, SEG_ACK, 1, 3, 0);
	cr_assert_eq(s->segment.options, 0);
}

/* -- TIME-WAIT: RFC 6191 §2 -- */

static void enter_time_wait(bool timestamps)
{
	peer.options = SEG_HAS_MSS | (timestamps ? SEG_HAS_TIMESTAMPS : 0);
	peer.ts_value = 1000;
	flow_close(peer_open(&peer));
	peer_expect(&peer, SEG_FIN | SEG_ACK, 1, 1, 0);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2, NULL, 0);
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->time_wait, 1);
}

Test(tcp_timestamps, what_begins_a_connection_anew_in_time_wait)
{
	static const struct {
		bool had, has; /* timestamps: the old connection, the SYN */
		uint32_t ts_value, seq;
		bool begins;
	} cases[] = {
		{ true, true, 1001, 0, true },     /* newer, with any sequence number */
		{ true, true, 1001, 100, true },
		{ true, true, 1000, 100, true },   /* the same: the number decides */
		{ true, true, 1000, 0, false },
		{ true, true, 999, 100, false },   /* older */
		{ true, false, 0, 100, true },     /* only the number */
		{ true, false, 0, 0, false },
		{ false, true, 5, 0, true },       /* the old had none */
		{ false, false, 0, 100, true },
		{ false, false, 0, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		peer.port++;
		enter_time_wait(cases[i].had);
		peer.options = SEG_HAS_MSS | (cases[i].has ? SEG_HAS_TIMESTAMPS : 0);
		peer.ts_value = cases[i].ts_value;
		peer_send(&peer, SEG_SYN, cases[i].seq, 0, NULL, 0);
		cr_assert_eq(tcp_stats(peer.tcp)->time_wait, !cases[i].begins, "%zu", i);
		cr_assert_eq(tcp_stats(peer.tcp)->half_open, cases[i].begins, "%zu", i);
		peer_forget(&peer);
		peer_wait_ms(100000);
		peer_forget(&peer);
	}
}
