/* SPDX-License-Identifier: ISC */
/* SYN cookies (RFC 4987 §3.6): the options they encode, refused ones, and that they take no memory. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/tcp/tcp_priv.h"
#include "tests/lib/segment.h"

#define FLOOD_PORT 1000
#define UNIT_MS ((1u << 30) / 15625) /* 2^36 ns: a cookie's unit of time */

static struct peer peer;
static const struct tcp_limits few = {
	.connections = 4, .half_open = 2, .time_wait = 2, .send_slices = 0,
	.receive_bytes = 100000, .receive_bufs = 8,
};

/* Fills the table with forged handshakes. */
static void fill(void)
{
	uint16_t port = peer.port;
	uint8_t options = peer.options;

	peer.options = SEG_HAS_MSS;
	for (peer.port = FLOOD_PORT; peer.port < FLOOD_PORT + few.half_open; peer.port++)
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_forget(&peer);
	peer.port = port;
	peer.options = options;
}

static void create(void)
{
	peer_create(&peer, &few);
	fill();
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_cookie, .init = create, .fini = destroy);

/* Gives the SYN-ACK. */
static struct segment ask(void)
{
	struct sent *s;

	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	s = peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, few.half_open);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
	return s->segment;
}

static void answer(void)
{
	peer.ts_value++;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
}

static void expect_refused(void)
{
	unsigned accepts = peer.accepts;

	answer();
	peer_expect_reset(&peer);
	peer_expect_nothing(&peer);
	cr_assert_eq(peer.accepts, accepts);
	cr_assert_eq(tcp_stats(peer.tcp)->connections, 0);
}

Test(tcp_cookie, lets_newcomers_in)
{
	ask();
	answer();
	cr_assert_eq(peer.accepts, 1);
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->cookies_sent, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->cookies_accepted, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->passive_opens, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->listen_drops, 0);
}

Test(tcp_cookie, is_not_made_while_there_is_room)
{
	peer.port = FLOOD_PORT;
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0); /* one of those in the table */
	peer.port = PEER_PORT;
	peer_open(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->cookies_sent, 0);
}

/* Every window scale, with SACK and without, by the connection's behaviour. */
Test(tcp_cookie, timestamp_keeps_scale_and_sack)
{
	static const uint8_t byte[1];
	struct slice slice = { byte, 1, NULL };

	for (unsigned scale = 0; scale <= 15; scale++)
		for (unsigned sack = 0; sack < 2; sack++) {
			struct stack_tcp_info info;
			struct flow_write op;
			struct segment s;

			peer.port++;
			peer_wait_ms(7 * scale);
			fill();
			peer.options = SEG_HAS_MSS | SEG_HAS_TIMESTAMPS | (scale < 15 ? SEG_HAS_SCALE : 0) |
			               (sack ? SEG_HAS_SACK_PERMITTED : 0);
			peer.scale = (uint8_t)scale;
			peer_forget(&peer);
			s = ask();
			cr_assert_eq(s.options, peer.options);
			answer();
			cr_assert_not_null(peer.accepted);
			tcp_info(peer.accepted, &info);
			cr_assert(info.timestamps);
			cr_assert_eq(info.sack, sack);
			cr_assert_eq(info.scale, scale < 15);
			cr_assert_eq(info.cur_rwin_rcvd, scale < 15 ? 65535u << scale : 65535u);
			cr_assert_eq(info.cur_mss, 1448);
			flow_write(peer.accepted, &op, &slice, 1);
			/* the clock that the peer sees does not go back */
			cr_assert(seq_le(s.ts_value, peer_expect(&peer, SEG_ACK, 1, 1, 1)->segment.ts_value));
			flow_abort(peer.accepted);
			peer_expect_reset(&peer);
			peer.accepted = NULL;
		}
}

Test(tcp_cookie, without_timestamps_keeps_the_segment_size_alone)
{
	static const struct {
		uint16_t asked, got;
	} sizes[] = {
		{ 1, 64 }, { 535, 64 }, { 536, 536 }, { 1219, 536 }, { 1220, 1220 }, { 1300, 1220 }, { 1360, 1360 },
		{ 1400, 1400 }, { 1440, 1440 }, { 1452, 1452 }, { 1459, 1452 }, { 1460, 1460 }, { 8960, 1460 },
		{ 0, 536 }, /* names none */
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct stack_tcp_info info;

		peer.port++;
		peer.mss = sizes[i].asked;
		peer.options = SEG_HAS_SCALE | SEG_HAS_SACK_PERMITTED | (sizes[i].asked ? SEG_HAS_MSS : 0);
		peer.scale = 3;
		cr_assert_eq(ask().options, SEG_HAS_MSS);
		answer();
		tcp_info(peer.accepted, &info);
		cr_assert_eq(info.cur_mss, sizes[i].got, "%u: %u", sizes[i].asked, info.cur_mss);
		cr_assert_not(info.timestamps || info.sack || info.scale);
		cr_assert_eq(info.cur_rwin_rcvd, 65535);
		flow_abort(peer.accepted);
		peer_expect_reset(&peer);
	}
}

Test(tcp_cookie, data_and_fin_on_its_ack_are_taken)
{
	struct flow_read op;

	ask();
	peer_send(&peer, SEG_ACK | SEG_FIN, 1, 1, "hello", 5);
	cr_assert_eq(peer.accepts, 1);
	peer_expect(&peer, SEG_ACK, 1, 7, 0);
	flow_read(peer.accepted, &op, 100);
	cr_assert_eq(promise_result(&op.promise), 5);
	buf_free(op.bufs);
	flow_read(peer.accepted, &op, 100);
	cr_assert_eq(promise_result(&op.promise), 0);
}

Test(tcp_cookie, is_refused_with_any_bit_wrong)
{
	uint32_t iss, echo;

	peer.options = SEG_HAS_MSS | SEG_HAS_SCALE | SEG_HAS_TIMESTAMPS;
	ask();
	iss = peer.stack_iss;
	echo = peer.ts_echo;
	for (unsigned bit = 0; bit < 32; bit++) {
		peer.stack_iss = iss ^ UINT32_C(1) << bit;
		expect_refused();
	}
	peer.stack_iss = iss;
	for (unsigned bit = 0; bit < 6; bit++) {
		peer.ts_echo = echo ^ UINT32_C(1) << bit;
		expect_refused();
	}
	peer.ts_echo = echo;
	peer.options = SEG_HAS_MSS; /* as if no timestamps had been agreed on */
	expect_refused();
	peer.options |= SEG_HAS_TIMESTAMPS;
	peer.port++;
	expect_refused();
	peer.port--;
	peer.addr = ip_v4(10, 0, 0, 77);
	expect_refused();
	peer.addr = ip_v4(10, 0, 0, 1);
	peer_send(&peer, SEG_ACK, 2, 1, NULL, 0); /* another initial number of the peer's */
	peer_expect_reset(&peer);
	cr_assert_eq(peer.accepts, 0);
	answer();
	cr_assert_eq(peer.accepts, 1);
}

Test(tcp_cookie, of_no_timestamps_is_refused_with_some)
{
	ask();
	peer.options |= SEG_HAS_TIMESTAMPS;
	for (peer.ts_echo = 0; peer.ts_echo < 64; peer.ts_echo++)
		expect_refused();
}

Test(tcp_cookie, grows_old)
{
	for (unsigned phase_ms = 0; phase_ms < UNIT_MS; phase_ms += UNIT_MS / 3) {
		peer_wait_ms(phase_ms);
		peer.port++;
		fill();
		ask();
		peer_wait_ms(UNIT_MS);
		peer_forget(&peer);
		answer();
		cr_assert_not_null(peer.accepted, "%u", phase_ms);
		flow_abort(peer.accepted);
		peer_forget(&peer);
		peer.accepted = NULL;
		peer.port++;
		fill();
		ask();
		peer_wait_ms(2 * UNIT_MS + 1);
		peer_forget(&peer);
		expect_refused();
		fill();
		peer_send(&peer, SEG_SYN, 5, 0, NULL, 0); /* a younger one is out, which does not make it younger */
		peer_forget(&peer);
		expect_refused();
	}
}

Test(tcp_cookie, nothing_is_believed_when_none_was_made)
{
	for (unsigned i = 0; i < 1000; i++) {
		peer.stack_iss = i * 0x9e3779b9u;
		expect_refused();
	}
	cr_assert_eq(tcp_stats(peer.tcp)->cookies_refused, 0); /* it was not even looked at */
}

Test(tcp_cookie, guesses_are_reset_one_by_one_and_take_nothing)
{
	ask();
	for (unsigned i = 0; i < 20000; i++) {
		peer.port = (uint16_t)i;
		peer.stack_iss = i * 0x9e3779b9u;
		expect_refused();
	}
	cr_assert_eq(tcp_stats(peer.tcp)->out_rsts, 20000);
	cr_assert_eq(peer.tcp->conns.peak, 0);
	cr_assert_eq(peer.tcp->halves.pool.peak, few.half_open);
}

Test(tcp_cookie, without_a_control_block_asks_again)
{
	uint32_t iss;

	for (uint16_t i = 0; i < 4; i++) {
		peer.port++;
		peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
		peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
		iss = peer.stack_iss;
		if (i < 3)
			answer();
	}
	peer.port++;
	peer_open(&peer); /* the last block */
	peer.port--;
	peer.stack_iss = iss;
	answer();
	peer_expect_nothing(&peer);
	flow_abort(peer.accepted);
	peer_expect_reset(&peer);
	peer_send(&peer, SEG_ACK, 1, 1, "again", 5);
	cr_assert_eq(peer.accepts, 5);
}

Test(tcp_cookie, of_a_port_nobody_listens_at_any_more_is_reset)
{
	ask();
	tcp_unlisten(peer.tcp, 80);
	expect_refused();
}

Test(tcp_cookie, is_no_answer_to_what_follows_time_wait)
{
	peer_wait_ms(70000);
	peer_forget(&peer);
	flow_close(peer_open(&peer));
	peer_forget(&peer);
	peer_send(&peer, SEG_FIN | SEG_ACK, 1, 2, NULL, 0);
	peer_expect(&peer, SEG_ACK, 2, 2, 0);
	fill();
	peer_send(&peer, SEG_SYN, 100000, 0, NULL, 0); /* RFC 9293 §3.10.7.4: new enough */
	peer_expect_nothing(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->time_wait, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->listen_drops, 1);
	peer.port = FLOOD_PORT;
	peer_send(&peer, SEG_RST, 1, 0, NULL, 0);
	peer.port = PEER_PORT;
	peer_send(&peer, SEG_SYN, 100000, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 100001, 0);
}

/* A handshake that took long, or whose timestamp was rounded, must not make a short timeout. */
Test(tcp_cookie, gives_no_round_trip)
{
	struct stack_tcp_info info;

	peer.options |= SEG_HAS_TIMESTAMPS;
	ask();
	peer_wait_ms(400);
	answer();
	tcp_info(peer.accepted, &info);
	cr_assert_eq(info.cur_rto_us, RTO_INITIAL_MS * 1000);
}
