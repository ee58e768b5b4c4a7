/* SPDX-License-Identifier: ISC */
/* An application's options of a connection, set and read: each by its effect at the peer. */
#include <criterion/criterion.h>
#include <errno.h>

#include "net/tcp/state.h"
#include "tests/lib/segment.h"

#define MSS 1460u

static struct peer peer;
static struct flow *flow;
static struct flow_write write;
static const char data[8 * MSS];
static struct slice slice;

static void create(void)
{
	peer_create(&peer, NULL);
	flow = peer_open(&peer);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_option, .init = create, .fini = destroy);

static void write_bytes(uint32_t from, uint32_t len)
{
	slice = (struct slice){ data + from, len, NULL };
	flow_write(flow, &write, &slice, 1);
}

static void acknowledge(uint32_t seq)
{
	peer_send(&peer, SEG_ACK, 1, seq, NULL, 0);
}

static int32_t get(enum stack_option option)
{
	int32_t value = 0;

	cr_assert_eq(tcp_get(flow, option, &value), 0);
	return value;
}

Test(tcp_option, defaults)
{
	static const int32_t expected[STACK_OPTIONS] = {
		[STACK_NODELAY] = 1, [STACK_CORK] = 0, [STACK_KEEPALIVE] = 0, [STACK_KEEPIDLE] = 7200,
		[STACK_KEEPINTVL] = 75, [STACK_KEEPCNT] = 9, [STACK_LINGER] = -1,
		[STACK_RCVBUF] = CONFIG_TCP_RECEIVE_BYTES, [STACK_SNDBUF] = INT32_MAX, [STACK_USERTIMEOUT] = 0,
		[STACK_MSS] = MSS, [STACK_TTL] = 64, [STACK_DSCP] = 0, [STACK_ERROR] = 0,
	};

	for (int i = 0; i < STACK_OPTIONS; i++)
		cr_assert_eq(get(i), expected[i], "option %d", i);
}

Test(tcp_option, what_is_set_is_read_back)
{
	static const int32_t values[STACK_OPTIONS] = {
		[STACK_NODELAY] = 0, [STACK_CORK] = 1, [STACK_KEEPALIVE] = 1, [STACK_KEEPIDLE] = 32767,
		[STACK_KEEPINTVL] = 1, [STACK_KEEPCNT] = 127, [STACK_LINGER] = 255, [STACK_RCVBUF] = 8192,
		[STACK_SNDBUF] = 1024, [STACK_USERTIMEOUT] = 12300, [STACK_MSS] = 64,
		[STACK_TTL] = 255, [STACK_DSCP] = 63,
	};

	for (int i = 0; i < STACK_ERROR; i++) {
		cr_assert_eq(tcp_set(flow, i, values[i]), 0, "option %d", i);
		cr_assert_eq(get(i), values[i], "option %d", i);
	}
}

Test(tcp_option, what_cannot_be_is_refused_and_changes_nothing)
{
	static const struct {
		enum stack_option option;
		int32_t value;
		int error;
	} bad[] = {
		{ STACK_KEEPIDLE, 0, -EINVAL }, { STACK_KEEPIDLE, 32768, -EINVAL }, { STACK_KEEPINTVL, -1, -EINVAL },
		{ STACK_KEEPCNT, 0, -EINVAL }, { STACK_KEEPCNT, 128, -EINVAL }, { STACK_LINGER, -2, -EINVAL },
		{ STACK_LINGER, 32768, -EINVAL }, { STACK_RCVBUF, -1, -EINVAL }, { STACK_SNDBUF, -1, -EINVAL },
		{ STACK_USERTIMEOUT, -1, -EINVAL }, { STACK_MSS, 63, -EINVAL }, { STACK_MSS, 65536, -EINVAL },
		{ STACK_TTL, 0, -EINVAL }, { STACK_TTL, 256, -EINVAL }, { STACK_DSCP, -1, -EINVAL },
		{ STACK_DSCP, 64, -EINVAL },
		{ STACK_ERROR, 0, -ENOPROTOOPT }, { STACK_OPTIONS, 0, -ENOPROTOOPT },
	};
	int32_t value, before[STACK_OPTIONS];

	for (int i = 0; i < STACK_OPTIONS; i++)
		before[i] = get(i);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_eq(tcp_set(flow, bad[i].option, bad[i].value), bad[i].error, "%zu", i);
	for (int i = 0; i < STACK_OPTIONS; i++)
		cr_assert_eq(get(i), before[i]);
	cr_assert_eq(tcp_get(flow, STACK_OPTIONS, &value), -ENOPROTOOPT);
}

/* -- when to send: RFC 9293 §3.7.4 -- */

Test(tcp_option, nagle_holds_the_tail_while_something_is_in_flight)
{
	cr_assert_eq(tcp_set(flow, STACK_NODELAY, 0), 0);
	write_bytes(0, 100); /* nothing in flight: it goes */
	peer_expect(&peer, SEG_ACK, 1, 1, 100);
	write_bytes(100, 100);
	write_bytes(200, 100);
	peer_expect_nothing(&peer);
	acknowledge(101);
	peer_expect(&peer, SEG_ACK, 101, 1, 200);
	write_bytes(300, MSS + 10); /* full segments do not wait */
	peer_expect(&peer, SEG_ACK, 301, 1, MSS);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_set(flow, STACK_NODELAY, 1), 0);
	peer_expect(&peer, SEG_ACK, 301 + MSS, 1, 10);
}

Test(tcp_option, nagle_holds_back_no_retransmission)
{
	tcp_set(flow, STACK_NODELAY, 0);
	write_bytes(0, 100);
	peer_expect(&peer, SEG_ACK, 1, 1, 100);
	write_bytes(100, 50);
	peer_wait_ms(1500);
	cr_assert_geq(peer_next(&peer)->segment.length, 100);
}

Test(tcp_option, nagle_holds_back_no_tail_that_was_sent_before)
{
	write_bytes(0, 2 * MSS + 10);
	cr_assert_eq(peer_forget(&peer), 3);
	tcp_set(flow, STACK_NODELAY, 0);
	peer_wait_ms(1000);
	peer_forget(&peer);
	acknowledge(1 + MSS); /* the rest is sent again, its tail too */
	peer_expect(&peer, SEG_ACK, 1 + MSS, 1, MSS);
	peer_expect(&peer, SEG_ACK, 1 + 2 * MSS, 1, 10);
}

Test(tcp_option, nagle_holds_back_no_end)
{
	tcp_set(flow, STACK_NODELAY, 0);
	write_bytes(0, 100);
	peer_expect(&peer, SEG_ACK, 1, 1, 100);
	write_bytes(100, 50);
	flow_shutdown(flow);
	peer_expect(&peer, SEG_ACK | SEG_FIN, 101, 1, 50);
}

Test(tcp_option, cork_sends_full_segments_only)
{
	tcp_set(flow, STACK_CORK, 1);
	write_bytes(0, 100);
	peer_expect_nothing(&peer);
	write_bytes(100, MSS);
	peer_expect(&peer, SEG_ACK, 1, 1, MSS);
	acknowledge(1 + MSS);
	peer_expect_nothing(&peer);
	tcp_set(flow, STACK_CORK, 0);
	peer_expect(&peer, SEG_ACK, 1 + MSS, 1, 100);
}

Test(tcp_option, cork_holds_nothing_for_long)
{
	tcp_set(flow, STACK_CORK, 1);
	write_bytes(0, 100);
	peer_wait_ms(199);
	peer_expect_nothing(&peer);
	peer_wait_ms(1);
	peer_expect(&peer, SEG_ACK, 1, 1, 100);
	cr_assert_eq(tcp_stats(peer.tcp)->timeouts, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->retrans_segs, 0);
}

Test(tcp_option, cork_with_a_full_queue_of_crumbs_goes_on)
{
	struct slice crumbs[40];
	uint32_t got = 0;
	struct sent *s;

	tcp_set(flow, STACK_CORK, 1);
	for (size_t i = 0; i < ARRAY_SIZE(crumbs); i++)
		crumbs[i] = (struct slice){ data + 2 * i, 1, NULL };
	flow_write(flow, &write, crumbs, ARRAY_SIZE(crumbs));
	for (int ms = 0; ms < 100 && !promise_is_settled(&write.promise); ms++) {
		while ((s = peer_next(&peer)))
			got += s->segment.length;
		acknowledge(1 + got);
		peer_wait_ms(1);
	}
	cr_assert_eq(promise_result(&write.promise), 40);
}

/* -- bounds -- */

Test(tcp_option, send_buffer_bounds_what_is_accepted)
{
	tcp_set(flow, STACK_SNDBUF, 2000); /* rounded up to 2 KiB */
	cr_assert_eq(get(STACK_SNDBUF), 2048);
	write_bytes(0, 3000);
	cr_assert_not(promise_is_settled(&write.promise));
	cr_assert_eq(write.total, 2048);
	peer_expect(&peer, SEG_ACK, 1, 1, MSS);
	peer_expect(&peer, SEG_ACK, 1 + MSS, 1, 2048 - MSS);
	acknowledge(1 + MSS);
	cr_assert_eq(promise_result(&write.promise), 3000);
	peer_expect(&peer, SEG_ACK, 2049, 1, 952);
}

Test(tcp_option, larger_send_buffer_is_filled_at_once)
{
	tcp_set(flow, STACK_SNDBUF, 1024);
	write_bytes(0, 3000);
	cr_assert_eq(write.total, 1024);
	tcp_set(flow, STACK_SNDBUF, 4096);
	cr_assert_eq(promise_result(&write.promise), 3000);
	peer_forget(&peer);
}

Test(tcp_option, receive_buffer_bounds_the_window)
{
	static const char text[1000];

	tcp_set(flow, STACK_RCVBUF, 4096);
	for (uint32_t i = 0; i < 40; i++)
		peer_send(&peer, SEG_ACK, 1 + 1000 * i, 1, text, 1000);
	peer_forget(&peer);
	/* the window that had been offered is kept to, and not opened again */
	cr_assert_leq(tcp_stats(peer.tcp)->receive_bufs, CONFIG_TCP_RECEIVE_BYTES / 1000 + 1);
	peer_wait_ms(1000);
	for (int32_t left = CONFIG_TCP_RECEIVE_BYTES; left > 0; ) {
		struct flow_read op;
		struct stack_tcp_info info;

		flow_read(flow, &op, 1000);
		left -= (int32_t)promise_result(&op.promise);
		buf_free(op.bufs);
		tcp_info(flow, &info);
		cr_assert_leq(info.cur_rwin_sent, 4096);
	}
	peer_forget(&peer);
}

Test(tcp_option, segments_are_no_longer_than_asked_for)
{
	tcp_set(flow, STACK_MSS, 500);
	write_bytes(0, 600);
	peer_expect(&peer, SEG_ACK, 1, 1, 500);
	peer_expect(&peer, SEG_ACK, 501, 1, 100);
	tcp_set(flow, STACK_MSS, 1000); /* it does not grow again */
	cr_assert_eq(get(STACK_MSS), 500);
	peer.ip.generation++; /* the path is looked at again */
	write_bytes(600, 600);
	peer_expect(&peer, SEG_ACK, 601, 1, 500);
}

/* -- the end -- */

Test(tcp_option, keepalive_probes_and_gives_up)
{
	struct flow_read read;

	tcp_set(flow, STACK_KEEPIDLE, 30);
	tcp_set(flow, STACK_KEEPINTVL, 10);
	tcp_set(flow, STACK_KEEPCNT, 3);
	tcp_set(flow, STACK_KEEPALIVE, 1);
	flow_read(flow, &read, 10);
	peer_wait_ms(29999);
	peer_expect_nothing(&peer);
	peer_wait_ms(1);
	peer_expect(&peer, SEG_ACK, 0, 1, 0);
	acknowledge(1);
	peer_wait_ms(29999);
	peer_expect_nothing(&peer);
	peer_wait_ms(1);
	peer_expect(&peer, SEG_ACK, 0, 1, 0);
	for (int i = 0; i < 2; i++) {
		peer_wait_ms(10000);
		peer_expect(&peer, SEG_ACK, 0, 1, 0);
	}
	peer_wait_ms(9999);
	peer_expect_nothing(&peer);
	peer_wait_ms(1);
	peer_expect_reset(&peer);
	cr_assert_eq(promise_result(&read.promise), -ETIMEDOUT);
	cr_assert_eq(get(STACK_ERROR), -ETIMEDOUT);
	flow_close(flow);
}

Test(tcp_option, keepalive_switched_off_is_off)
{
	tcp_set(flow, STACK_KEEPIDLE, 30);
	tcp_set(flow, STACK_KEEPALIVE, 1);
	peer_wait_ms(20000);
	tcp_set(flow, STACK_KEEPALIVE, 0);
	peer_wait_ms(100000);
	peer_expect_nothing(&peer);
}

Test(tcp_option, user_timeout)
{
	tcp_set(flow, STACK_USERTIMEOUT, 4000);
	write_bytes(0, 10);
	peer_wait_ms(3999);
	cr_assert_eq(get(STACK_ERROR), 0);
	peer_wait_ms(1); /* then, not when the next retransmission would be due */
	cr_assert_eq(get(STACK_ERROR), -ETIMEDOUT);
	peer_forget(&peer);
	cr_assert_eq(tcp_set(flow, STACK_NODELAY, 0), 0); /* of one that has ended: no harm */
	cr_assert_eq(tcp_set(flow, STACK_KEEPALIVE, 1), 0);
	peer_wait_ms(10000000);
	peer_expect_nothing(&peer);
}

Test(tcp_option, linger_of_nothing_resets)
{
	tcp_set(flow, STACK_LINGER, 0);
	write_bytes(0, 10);
	peer_expect(&peer, SEG_ACK, 1, 1, 10);
	flow_close(flow);
	peer_expect_reset(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
}

Test(tcp_option, linger_resets_when_its_time_is_over)
{
	tcp_set(flow, STACK_LINGER, 5);
	write_bytes(0, 10);
	flow_close(flow);
	peer_wait_ms(4999);
	while (peer.count > 0)
		cr_assert_not(peer_next(&peer)->segment.flags & SEG_RST);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 1);
	peer_wait_ms(1);
	peer_expect_reset(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
}

Test(tcp_option, linger_ends_with_the_last_acknowledgement)
{
	tcp_set(flow, STACK_LINGER, 5);
	write_bytes(0, 10);
	flow_close(flow);
	peer_wait_ms(10);
	peer_forget(&peer);
	acknowledge(12);
	peer_wait_ms(5000);
	peer_expect_nothing(&peer);
	peer_send(&peer, SEG_ACK | SEG_FIN, 1, 12, NULL, 0);
	peer_expect(&peer, SEG_ACK, 12, 2, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->time_wait, 1);
}

/* -- asking -- */

Test(tcp_option, info)
{
	struct stack_tcp_info info;
	struct endpoint at;

	tcp_info(flow, &info);
	cr_assert_eq(info.state, TCP_ESTABLISHED);
	cr_assert_not(info.timestamps || info.sack || info.scale || info.ecn);
	cr_assert_eq(info.cur_mss, MSS);
	cr_assert_eq(info.cur_cwnd, 10 * MSS);
	cr_assert_eq(info.cur_rwin_rcvd, 65535);
	cr_assert_eq(info.cur_rwin_sent, MIN(CONFIG_TCP_RECEIVE_BYTES, 65535));
	write_bytes(0, 100);
	peer_send(&peer, SEG_ACK, 1, 1, "unread", 6);
	peer_wait_ms(1500);
	tcp_info(flow, &info);
	cr_assert_eq(info.in_flight, 100);
	cr_assert_eq(info.app_wqueue, 100);
	cr_assert_eq(info.app_rqueue, 6);
	cr_assert_geq(info.segs_retrans, 1);
	cr_assert_geq(info.cur_rto_us, 200000);
	tcp_peer(flow, &at);
	cr_assert_eq(at.port, PEER_PORT);
	tcp_local(flow, &at);
	cr_assert_eq(at.port, 80);
	peer_forget(&peer);
}

Test(tcp_option, info_of_a_round_trip)
{
	struct stack_tcp_info info;

	write_bytes(0, 100);
	peer_wait_ms(40);
	acknowledge(101);
	tcp_info(flow, &info);
	cr_assert(info.smoothed_rtt_us > 0 && info.smoothed_rtt_us <= 40000, "%u", info.smoothed_rtt_us);
	peer_forget(&peer);
}
