/* SPDX-License-Identifier: ISC */
/* The size of segments: routers' reports and their checks, path MTUs learnt by other connections, and silent
 * routers (RFC 1191, RFC 4821, RFC 5927). */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/tcp/tcp_priv.h"
#include "tests/unit/net/tcp/stream.h"

TestSuite(tcp_mtu, .init = stream_create, .fini = stream_destroy);

/* A router's ICMP error about the segment with relative number seq. */
static void say_too_big(uint32_t seq, uint32_t mtu)
{
	uint8_t quoted[8] = { 0, 80, PEER_PORT >> 8, PEER_PORT & 0xff };
	struct ip_error error = { .error = -EMSGSIZE, .mtu = mtu, .src.addr = peer.stack_addr,
	                          .dst.addr = peer.addr, .quoted = quoted, .quoted_len = 8 };

	for (int i = 0; i < 4; i++)
		quoted[4 + i] = (uint8_t)((peer.stack_iss + seq) >> (24 - 8 * i));
	peer.handler->error(peer.handler->arg, &error);
}

Test(tcp_mtu, a_router_takes_less)
{
	flow = peer_open(&peer);
	write_bytes(0, 3 * MSS);
	peer_forget(&peer);
	say_too_big(1, 1000);
	for (uint32_t seq = 1; seq + 960 <= 3 * MSS; seq += 960)
		expect_data(seq, 960);
}

Test(tcp_mtu, timestamps_take_their_share)
{
	peer.options |= SEG_HAS_TIMESTAMPS;
	flow = peer_open(&peer);
	write_bytes(0, 3 * MSS);
	expect_data(1, MSS - 12);
	peer_forget(&peer);
	say_too_big(1, 1000);
	expect_data(1, 948);
}

Test(tcp_mtu, who_does_not_know_what_is_in_flight_is_not_believed)
{
	flow = peer_open(&peer);
	write_bytes(0, 2 * MSS);
	peer_forget(&peer);
	peer_send(&peer, SEG_ACK, 1, 1 + MSS, NULL, 0);
	say_too_big(1, 1000);            /* acknowledged already */
	say_too_big(1 + 2 * MSS, 1000);  /* not sent yet */
	say_too_big(0x80000000u, 1000);
	peer_expect_nothing(&peer);
	cr_assert_eq(peer.path_bytes, 0);
	say_too_big(1 + MSS, 1500); /* no news */
	say_too_big(1 + MSS, 9000);
	peer_expect_nothing(&peer);
	say_too_big(1 + MSS, 68); /* no dust either */
	expect_data(1 + MSS, 512);
}

Test(tcp_mtu, what_one_connection_learns_another_heeds)
{
	struct flow *other;

	peer.port++;
	other = peer_open(&peer);
	peer.port--;
	flow = peer_open(&peer);
	peer.path_bytes = 980;
	peer.ip.generation++;
	write_bytes(0, 2000);
	expect_data(1, 960);
	expect_data(961, 960);
	expect_data(1921, 80);
	flow_close(other);
}

/* The window has moved before a retransmission: IP refuses the segment cut for the old MTU. */
Test(tcp_mtu, what_others_learn_while_something_is_sent_again)
{
	flow = peer_open(&peer);
	write_bytes(0, 5 * MSS);
	for (int i = 0; i < 2; i++)
		peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	peer_forget(&peer);
	peer.path_bytes = 980;
	peer.ip.generation++;
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	peer_expect(&peer, SEG_ACK, 1 + 5 * MSS, 1, 0); /* alone, in place of the refused segment */
	peer_wait_ms(TCP_NO_MEMORY_MS);
	expect_data(1, 960);
}

Test(tcp_mtu, new_connections_know_the_path_but_say_what_our_link_takes)
{
	struct sent *s;

	peer.path_bytes = 980;
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	s = peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	cr_assert_eq(s->segment.mss, MSS);
	peer_send(&peer, SEG_ACK, 1, 1, NULL, 0);
	flow = peer.accepted;
	write_bytes(0, 2000);
	expect_data(1, 960);
}

Test(tcp_mtu, larger_segments_are_tried_when_the_path_is_forgotten)
{
	flow = peer_open(&peer);
	write_bytes(0, MSS);
	peer_forget(&peer);
	say_too_big(1, 1000);
	peer_forget(&peer);
	peer_send(&peer, SEG_ACK, 1, 1 + MSS, NULL, 0);
	peer.path_bytes = 0;
	peer.ip.generation++; /* as IP does then */
	write_bytes(0, 2 * MSS);
	cr_assert_eq(peer_next(&peer)->segment.length, MSS);
}

/* Gives the time until the peer has all of len bytes through a hole; it acknowledges data in order. */
static uint32_t fall_through(uint16_t hole_bytes, uint32_t len)
{
	uint32_t next = 1, took_ms = 0;
	struct sent *s;

	peer.hole_bytes = hole_bytes;
	write_bytes(0, len);
	for (; next <= len; took_ms++) {
		cr_assert_lt(took_ms, 60000);
		while ((s = peer_next(&peer))) {
			if (s->segment.seq - peer.stack_iss != next)
				continue;
			cr_assert_eq(memcmp(s->payload, data + next - 1, s->segment.length), 0);
			next += s->segment.length;
			peer_send(&peer, SEG_ACK, 1, next, NULL, 0);
		}
		peer_wait_ms(1);
	}
	return took_ms;
}

Test(tcp_mtu, a_router_that_says_nothing)
{
	flow = peer_open(&peer);
	cr_assert_lt(fall_through(1400, 50000), 10000);
	cr_assert_eq(peer.path_bytes, 1180);
}

Test(tcp_mtu, a_router_that_says_nothing_and_takes_little)
{
	flow = peer_open(&peer);
	peer.hole_cuts = true;
	cr_assert_lt(fall_through(600, 20000), 20000);
	cr_assert_eq(peer.path_bytes, 1180);
}

Test(tcp_mtu, a_router_that_says_nothing_and_does_nothing)
{
	flow = peer_open(&peer);
	cr_assert_lt(fall_through(600, 20000), 60000);
	cr_assert_eq(peer.path_bytes, 532);
}

Test(tcp_mtu, an_outage_of_some_seconds_costs_little)
{
	flow = peer_open(&peer);
	peer.drop = true;
	write_bytes(0, 20000);
	peer_wait_ms(10000);
	cr_assert_eq(peer.path_bytes, 1180);
}

Test(tcp_mtu, a_router_that_says_nothing_where_the_device_cuts)
{
	peer.tso_bytes = 65515;
	flow = peer_open(&peer);
	cr_assert_lt(fall_through(1400, 50000), 10000);
}

Test(tcp_mtu, a_short_segment_that_is_lost_says_nothing_of_long_ones)
{
	flow = peer_open(&peer);
	write_bytes(0, 100);
	peer_wait_ms(30000);
	peer_forget(&peer);
	cr_assert_eq(peer.path_bytes, 0);
	peer_send(&peer, SEG_ACK, 1, 101, NULL, 0);
	write_bytes(0, 2 * MSS);
	cr_assert_eq(peer_next(&peer)->segment.length, MSS);
}

/* 68 bytes, the least that there may be, hold headers, timestamps and one block. */
Test(tcp_mtu, acknowledgements_fit_the_least_link)
{
	struct sent *s;

	peer.payload_bytes = 48;
	peer.options |= SEG_HAS_TIMESTAMPS | SEG_HAS_SACK_PERMITTED;
	flow = peer_open(&peer);
	for (uint32_t seq = 101; seq <= 501; seq += 200) {
		peer_send(&peer, SEG_ACK, seq, 1, data, 16);
		s = peer_expect(&peer, SEG_ACK, 1, 1, 0);
		cr_assert_eq(s->segment.sack_count, 1);
		cr_assert_eq(s->segment.sacks[0].start - PEER_ISS, seq);
	}
}
