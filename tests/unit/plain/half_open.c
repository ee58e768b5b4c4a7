/* SPDX-License-Identifier: ISC */
/* A full table of half-open connections without SYN cookies: the longest waiting one makes room, except for
 * those whose answer may still be on its way. */
#include <criterion/criterion.h>

#include "net/tcp/rto.h"
#include "tests/lib/segment.h"

static struct peer peer;
static const struct tcp_limits few = {
	.connections = 4, .half_open = 3, .time_wait = 2, .receive_bytes = 8192, .receive_bufs = 8,
};

static void create(void)
{
	peer_create(&peer, &few);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(plain_half_open, .init = create, .fini = destroy);

/* A SYN; gives whether it was answered. */
static bool ask(uint16_t port)
{
	struct sent *s;

	peer.port = port;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	s = peer_next(&peer);
	if (s)
		peer.stack_iss = s->segment.seq;
	return s;
}

Test(plain_half_open, those_that_may_still_answer_stay)
{
	uint32_t first_iss = 0;

	for (uint16_t i = 0; i < 10; i++) {
		cr_assert_eq(ask(PEER_PORT + i), i < 3);
		if (i == 0)
			first_iss = peer.stack_iss;
		cr_assert_leq(tcp_stats(peer.tcp)->half_open, 3);
		peer_wait_ms(1);
	}
	cr_assert_eq(tcp_stats(peer.tcp)->listen_drops, 7);
	peer.port = PEER_PORT;
	peer.stack_iss = first_iss;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	cr_assert_eq(peer.accepts, 1);
}

Test(plain_half_open, unanswered_ones_make_room)
{
	uint32_t first_iss = 0;

	for (uint16_t i = 0; i < 3; i++) {
		cr_assert(ask(PEER_PORT + i));
		if (i == 0)
			first_iss = peer.stack_iss;
		peer_wait_ms(1);
	}
	peer_wait_ms(RTO_INITIAL_MS);
	cr_assert_eq(peer_forget(&peer), 3);
	cr_assert(ask(PEER_PORT + 3));
	cr_assert_eq(tcp_stats(peer.tcp)->half_open, 3);
	cr_assert_eq(tcp_stats(peer.tcp)->listen_drops, 1);
	cr_assert_eq(tcp_stats(peer.tcp)->attempt_fails, 1);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0); /* the newest is there */
	cr_assert_eq(peer.accepts, 1);
	peer.port = PEER_PORT;
	peer.stack_iss = first_iss;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0); /* the oldest is not */
	peer_expect_reset(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->cookies_sent + tcp_stats(peer.tcp)->cookies_refused, 0);
}
