/* SPDX-License-Identifier: ISC */
/* Packets that are sent in fragments, which together are the packet, for any slices of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/ipv4/ipv4.h"
#include "tests/lib/layers.h"
#include "tests/lib/memory.h"

enum { PROTOCOL = 200, IP = 14, DATA = 34 };

static struct ip_route r;
static uint8_t pattern[70000], whole[70000];
static uint32_t got_len;

static void take(void *arg, struct ip_meta *meta, struct buf *b)
{
	(void)arg;
	got_len = buf_length(b);
	cr_expect(ip_checksum_is_right(meta, b));
	buf_copy_out(b, 0, whole, got_len);
	buf_free(b);
}

static unsigned bad_news;

static void hear(void *arg, struct ip_error *error)
{
	(void)arg;
	cr_expect(error->local && memcmp(error->quoted, pattern, 6) == 0, "not where the transport header is");
	bad_news++;
}

static const struct ip_handler taker = { .input = take, .error = hear };

static void route(uint32_t dst)
{
	struct ip_addr to = ip_v4((uint8_t)(dst >> 24), (uint8_t)(dst >> 16), (uint8_t)(dst >> 8), (uint8_t)dst);

	cr_assert_eq(ip_route_init(ipv4_ip(ipv4), &r, NULL, &to), 0);
}

static void create(uint16_t mtu)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
	layers_create(NETDEV_TX_CSUM | NETDEV_TSO4, mtu);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, NULL), 0);
	cr_assert_eq(ip_listen(ipv4_ip(ipv4), PROTOCOL, &taker), 0);
	lan_wait_ms(3000);
	layers_meet_peer();
	route(LAN_PEER_IP);
}

static void destroy(void)
{
	layers_destroy();
}

TestSuite(fragment, .fini = destroy);

static const struct ipv4_stats *stats(void)
{
	return ipv4_stats(ipv4);
}

/* The first len bytes of the pattern: head of them in the first slice, then slices of each bytes, every other
 * one in header room if it fits. */
static struct buf *packet(uint32_t len, uint32_t head, uint32_t each)
{
	struct buf *b = buf_alloc_header(), **end = &b->next;
	bool own = false;

	memcpy(buf_push(b, head), pattern, head);
	for (uint32_t at = head; at < len; at += each, end = &(*end)->next) {
		uint32_t n = MIN(each, len - at);

		own = !own && n <= BUF_HEADROOM;
		*end = own ? buf_alloc_header() : buf_alloc_slice(NULL, pattern + at, n);
		if (own)
			memcpy(buf_push(*end, n), pattern + at, n);
	}
	return b;
}

/* Reassembles the sent fragments, and checks each. Gives the number of bytes. */
static uint32_t collect(uint16_t mtu)
{
	const struct frame *f;
	uint32_t at = 0;
	uint16_t id = 0;
	bool last = false;

	while ((f = lan_next(&lan))) {
		uint32_t n = (uint32_t)f->len - DATA;
		uint16_t fragment = frame_16(f, IP + 6);

		cr_assert_not(last, "something follows the last piece");
		cr_assert(frame_16(f, IP + 2) == f->len - IP && f->len - IP <= mtu && f->bytes[IP] == 0x45);
		cr_assert_eq(frame_sum(f, IP, DATA, 0), 0xffff);
		cr_assert(memcmp(f->bytes, LAN_PEER_MAC, 6) == 0 && f->bytes[IP + 9] == PROTOCOL && f->flags == 0);
		cr_assert_eq((fragment & 0x1fffu) * 8, at);
		if (at > 0)
			cr_assert_eq(frame_16(f, IP + 4), id);
		id = frame_16(f, IP + 4);
		last = !(fragment & 0x2000);
		cr_assert(last || (n % 8 == 0 && n > mtu - 20u - 8));
		cr_assert(n > 0);
		memcpy(whole + at, f->bytes + DATA, n);
		at += n;
	}
	cr_assert(last);
	return at;
}

/* The transport checksum at offset 6, in all that was sent. */
static bool checksum_is_right(uint32_t len)
{
	uint32_t sum = (LAN_IP >> 16) + (LAN_IP & 0xffff) + (LAN_PEER_IP >> 16) + (LAN_PEER_IP & 0xffff) +
	               PROTOCOL + len;

	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? whole[i] : (uint32_t)whole[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static void expect_sent(uint16_t mtu, uint32_t len, uint32_t head, uint32_t each)
{
	cr_assert_eq(ip_send(&r, PROTOCOL, packet(len, head, each), 6, 0), 0, "%u %u %u", len, head, each);
	cr_assert_eq(collect(mtu), len);
	cr_assert(checksum_is_right(len), "%u %u %u", len, head, each);
	memcpy(whole + 6, pattern + 6, 2);
	cr_assert_eq(memcmp(whole, pattern, len), 0, "%u %u %u", len, head, each);
}

Test(fragment, lengths_around_the_edges)
{
	create(1500);
	for (uint32_t len = 1481; len < 1500; len++)
		expect_sent(1500, len, 8, 65536);
	for (uint32_t len = 2950; len < 2970; len++)
		expect_sent(1500, len, 8, 65536);
	expect_sent(1500, 65515, 8, 65536);
	cr_expect_eq(stats()->out_frag_oks, 40);
	cr_expect_eq(stats()->out_frag_creates, 19 * 2 + 11 * 2 + 9 * 3 + 45);
	cr_expect_eq(stats()->out_frag_fails, 0);
}

Test(fragment, slices_of_all_kinds)
{
	create(576);
	for (uint32_t each = 60; each < 700; each += 37)
		expect_sent(576, 3001, 8, each);
}

Test(fragment, where_a_piece_is_less_than_a_slice_of_header_room)
{
	create(68);
	for (uint32_t head = 8; head <= BUF_HEADROOM - 40; head += 5)
		expect_sent(68, 400, head, 100);
	expect_sent(68, 49, 49, 1);
	expect_sent(68, 88, 88, 1);
}

Test(fragment, of_the_size_that_the_path_takes)
{
	create(1500);
	ip_too_big(&r, 700);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(681, 8, 65536), 6, 0), 0);
	cr_expect_eq(collect(700), 681);
}

Test(fragment, what_is_not_cut)
{
	struct buf *b;

	create(1500);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(1481, 8, 65536), 6, IP_DF), -EMSGSIZE);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(65516, 8, 65536), 6, 0), -EMSGSIZE);
	b = packet(66000, 8, 65536);
	b->flags = BUF_TSO4;
	b->gso_size = 1000;
	cr_expect_eq(ip_send(&r, PROTOCOL, b, 6, 0), -EMSGSIZE);
	cr_expect_eq(lan.count, 0);
	cr_expect(stats()->out_frag_reqds == 3 && stats()->out_frag_creates == 0 && stats()->out_discards == 3);
	ip_too_big(&r, 500); /* routers may fragment packets to there, and so may we */
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(1481, 8, 65536), 6, IP_DF), 0);
	cr_expect_eq(lan_forget(&lan), 3);
}

Test(fragment, memory_that_ends_anywhere)
{
	unsigned failures = 0;
	struct buf *b;
	int error;

	create(1500);
	do {
		b = packet(7000, 8, 65536);
		test_alloc_fail_at(failures + 1);
		error = ip_send(&r, PROTOCOL, b, 6, 0);
		cr_assert_eq(error, test_alloc_failed() ? -ENOBUFS : 0);
		test_alloc_fail_at(0);
		failures += error < 0;
		lan_forget(&lan);
		cr_assert_eq(stats()->out_frag_fails, failures);
	} while (error < 0);
	cr_expect_eq(failures, 8); /* a slice for all pieces but the last, a head for all but the first */
}

Test(fragment, a_device_that_takes_no_more)
{
	create(1500);
	lan.send_error = -ENOBUFS;
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(7000, 8, 65536), 6, 0), -ENOBUFS);
	cr_expect(stats()->out_frag_fails == 1 && stats()->out_frag_creates == 1 && stats()->out_frag_oks == 0);
	lan.send_error = 0;
}

Test(fragment, to_ourselves)
{
	create(1500);
	route(LAN_IP);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(7000, 8, 65536), 6, 0), 0);
	lan_run();
	cr_assert_eq(got_len, 7000);
	memcpy(whole + 6, pattern + 6, 2);
	cr_expect_eq(memcmp(whole, pattern, 7000), 0);
}

Test(fragment, nobody_there)
{
	create(68);
	route(LAN_PEER_IP + 1);
	for (uint32_t each = 10; each < 100; each += 10) {
		ip_send(&r, PROTOCOL, packet(48 + 40, 8, each), 6, 0);
		lan_wait_ms(5000);
	}
	cr_expect_leq(bad_news, 9, "a later piece has no transport header to tell of");
}
