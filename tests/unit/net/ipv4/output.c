/* SPDX-License-Identifier: ISC */
/* The output of IPv4: routes, next hops, headers, checksums computed or left to the device, and loopback. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/ipv4/ipv4.h"
#include "tests/lib/layers.h"

enum { PROTOCOL = 200, IP = 14 };

static struct {
	unsigned calls;
	uint32_t len;
	uint8_t bytes[128];
	struct ip_meta meta;
	bool checksum;
} got;
static struct {
	unsigned calls;
	struct ip_error error;
	uint8_t quoted[8];
} bad_news;

static void take(void *arg, struct ip_meta *meta, struct buf *b)
{
	(void)arg;
	got.calls++;
	got.meta = *meta;
	got.len = buf_length(b);
	got.checksum = ip_checksum_is_right(meta, b);
	buf_copy_out(b, 0, got.bytes, MIN(got.len, (uint32_t)sizeof(got.bytes)));
	buf_free(b);
}

static void hear(void *arg, struct ip_error *error)
{
	(void)arg;
	bad_news.calls++;
	bad_news.error = *error;
	memcpy(bad_news.quoted, error->quoted, 8);
}

static struct ip_addr lost; /* the last address removed */

static void mourn(void *arg, const struct ip_addr *address)
{
	(void)arg;
	lost = *address;
}

static const struct ip_handler handler = { .input = take, .error = hear, .gone = mourn };

static void create(uint32_t features)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };
	struct ip_addr gateway = ip_v4(10, 0, 0, 1);

	memset(&got, 0, sizeof(got));
	memset(&bad_news, 0, sizeof(bad_news));
	layers_create(features, 0);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, &gateway), 0);
	cr_assert_eq(ip_listen(ipv4_ip(ipv4), PROTOCOL, &handler), 0);
	lan_wait_ms(3000);
	lan_forget(&lan);
}

static void destroy(void)
{
	layers_destroy();
}

static void meet(uint32_t address)
{
	struct frame f;

	frame_arp(&f, 1, LAN_PEER_MAC, address, (const uint8_t[6]){ 0 }, LAN_IP);
	lan_receive(&lan, &f, 0);
	lan_forget(&lan);
}

static struct ip_addr address(uint32_t a)
{
	return ip_v4((uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a);
}

static int route(struct ip_route *r, uint32_t dst)
{
	struct ip_addr to = address(dst);

	return ip_route_init(ipv4_ip(ipv4), r, NULL, &to);
}

/* A header of 8 bytes, and payload in further slices, the second of odd length. */
static struct buf *packet(uint32_t payload)
{
	static const uint8_t bytes[70000] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77 };
	struct buf *b = buf_alloc_header();

	memcpy(buf_push(b, 8), "header..", 8);
	if (payload > 3)
		buf_append(b, buf_alloc_slice(NULL, bytes, 3));
	if (payload > 3)
		buf_append(b, buf_alloc_slice(NULL, bytes + 3, payload - 3));
	return b;
}

TestSuite(ipv4_output, .fini = destroy);

Test(ipv4_output, header)
{
	const struct frame *f;
	struct ip_route r;

	create(0);
	meet(LAN_PEER_IP);
	cr_assert_eq(route(&r, LAN_PEER_IP), 0);
	cr_expect(r.payload_bytes == 1480 && r.tso_bytes == 0);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(100), IP_NO_CHECKSUM, IP_DF | IP_ECT0), 0);
	f = lan_next(&lan);
	cr_assert(f && frame_ipv4_is_right(f));
	cr_expect_eq(memcmp(f->bytes, LAN_PEER_MAC, 6), 0);
	cr_expect_eq(memcmp(f->bytes + IP, "\x45\x02\x00\x80\x00\x00\x40\x00\x40\xc8", 10), 0);
	cr_expect(frame_32(f, IP + 12) == LAN_IP && frame_32(f, IP + 16) == LAN_PEER_IP);
	cr_expect_eq(memcmp(f->bytes + IP + 20, "header..\x11\x22\x33\x44", 12), 0);
}

Test(ipv4_output, checksum_made)
{
	struct ip_route r;

	create(0);
	meet(LAN_PEER_IP);
	route(&r, LAN_PEER_IP);
	for (uint32_t payload = 4; payload < 40; payload++) {
		const struct frame *f;

		ip_send(&r, PROTOCOL, packet(payload), 6, 0);
		f = lan_next(&lan);
		cr_assert(f && f->flags == 0);
		cr_expect_eq(frame_sum(f, IP + 20, f->len, frame_sum(f, IP + 12, IP + 20, PROTOCOL + 8 + payload)),
		             0xffff, "%u", payload);
	}
}

Test(ipv4_output, checksum_promised)
{
	const struct frame *f;
	struct ip_route r;

	create(NETDEV_TX_CSUM);
	meet(LAN_PEER_IP);
	route(&r, LAN_PEER_IP);
	ip_send(&r, PROTOCOL, packet(100), 6, 0);
	f = lan_next(&lan);
	cr_assert(f && f->flags == BUF_CSUM_PARTIAL && f->csum_start == 34 && f->csum_offset == 6);
	cr_expect_eq(frame_16(f, IP + 26), frame_sum(f, IP + 12, IP + 20, PROTOCOL + 108));
	ip_send(&r, PROTOCOL, packet(100), IP_NO_CHECKSUM, 0);
	f = lan_next(&lan);
	cr_expect_eq(f->flags, 0);
}

Test(ipv4_output, sizes)
{
	struct ip_route r;

	create(NETDEV_TX_CSUM | NETDEV_TSO4);
	meet(LAN_PEER_IP);
	cr_assert_eq(route(&r, LAN_PEER_IP), 0);
	cr_expect_eq(r.tso_bytes, 65501); /* 65535 with both headers */
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(1472), 6, 0), 0);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(1473), 6, IP_DF), -EMSGSIZE);
	cr_expect_eq(ipv4_stats(ipv4)->out_frag_reqds, 1);
	for (uint32_t payload = 65493; payload <= 65494; payload++) {
		struct buf *b = packet(payload);

		b->flags = BUF_TSO4;
		b->gso_size = 1400;
		cr_expect_eq(ip_send(&r, PROTOCOL, b, 6, 0), payload == 65493 ? 0 : -EMSGSIZE);
	}
	cr_expect_eq(lan.count, 2);
}

Test(ipv4_output, no_large_packets_where_the_device_has_none)
{
	struct ip_route r;
	struct buf *b;

	create(NETDEV_TX_CSUM);
	meet(LAN_PEER_IP);
	route(&r, LAN_PEER_IP);
	b = packet(100);
	b->flags = BUF_TSO4;
	cr_expect_eq(ip_send(&r, PROTOCOL, b, 6, 0), -EMSGSIZE);
}

/* Holders of routes notice when the link returns. */
Test(ipv4_output, a_device_that_comes_back_may_have_no_large_packets)
{
	struct ip_route r;

	create(NETDEV_TX_CSUM | NETDEV_TSO4);
	meet(LAN_PEER_IP);
	route(&r, LAN_PEER_IP);
	ip_send(&r, PROTOCOL, packet(100), 6, 0);
	lan.dev.features = NETDEV_TX_CSUM;
	arp_announce(arp);
	cr_assert_neq(r.generation, ipv4_ip(ipv4)->generation);
	ip_route_look(&r);
	cr_expect(r.tso_bytes == 0 && r.payload_bytes == 1480);
}

Test(ipv4_output, identification_is_not_counted)
{
	unsigned same = 0, small_steps = 0, same_steps = 0;
	uint16_t id, step, last = 0, last_step = 0;
	struct ip_route r;

	create(0);
	meet(LAN_PEER_IP);
	route(&r, LAN_PEER_IP);
	for (int i = 0; i < 200; i++) {
		ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
		id = frame_16(lan_next(&lan), IP + 4);
		step = (uint16_t)(id - last);
		same += step == 0;
		small_steps += step < 256;
		same_steps += step == last_step;
		last_step = step;
		last = id;
	}
	cr_expect(same < 5 && small_steps < 10 && same_steps < 5, "%u %u %u", same, small_steps, same_steps);
}

Test(ipv4_output, next_hops)
{
	static const struct {
		uint32_t dst;
		uint32_t asks; /* for this MAC address; 0: goes out at once */
		uint8_t mac[6];
		uint8_t ttl;
	} cases[] = {
		{ LAN_PEER_IP, LAN_PEER_IP, { 0 }, 64 },
		{ 0x0a0000fe, 0x0a0000fe, { 0 }, 64 },
		{ 0x0a000101, LAN_GATEWAY_IP, { 0 }, 64 },
		{ 0x08080808, LAN_GATEWAY_IP, { 0 }, 64 },
		{ 0xffffffff, 0, { 255, 255, 255, 255, 255, 255 }, 64 },
		{ 0x0a0000ff, 0, { 255, 255, 255, 255, 255, 255 }, 64 },
		{ 0xe0000001, 0, { 1, 0, 0x5e, 0, 0, 1 }, 1 },
		{ 0xefffabcd, 0, { 1, 0, 0x5e, 0x7f, 0xab, 0xcd }, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct frame *f;
		struct ip_route r;

		create(0);
		cr_assert_eq(route(&r, cases[i].dst), 0, "%08x", cases[i].dst);
		cr_expect_eq(ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0), 0);
		f = lan_next(&lan);
		if (cases[i].asks) {
			cr_expect(frame_16(f, 12) == 0x0806 && frame_32(f, 38) == cases[i].asks, "%08x", cases[i].dst);
		} else {
			cr_expect(frame_ipv4_is_right(f) && !memcmp(f->bytes, cases[i].mac, 6), "%08x", cases[i].dst);
			cr_expect_eq(f->bytes[IP + 8], cases[i].ttl);
		}
		if (i + 1 < ARRAY_SIZE(cases))
			destroy();
	}
}

Test(ipv4_output, no_route)
{
	struct ip_addr v6 = { IP_V6, { 0xfe, 0x80 } }, ours = ip_v4(10, 0, 0, 2), other = ip_v4(10, 0, 0, 3);
	struct ip_addr peer = address(LAN_PEER_IP);
	struct ip_prefix prefix = { ours, 24 };
	struct ip_route r;

	create(0);
	cr_expect_eq(route(&r, 0), -ENETUNREACH);
	cr_expect_eq(route(&r, 0xf0000001), -ENETUNREACH);
	cr_expect_eq(ip_route_init(ipv4_ip(ipv4), &r, NULL, &v6), -ENETUNREACH);
	cr_expect_eq(ip_route_init(ipv4_ip(ipv4), &r, &ours, &peer), 0);
	cr_expect_eq(ip_route_init(ipv4_ip(ipv4), &r, &other, &peer), -EADDRNOTAVAIL);
	cr_expect_eq(ip_route_init(ipv4_ip(ipv4), &r, &v6, &peer), -EADDRNOTAVAIL);
	cr_expect_eq(ipv4_send(ipv4, PROTOCOL, &other, &peer, packet(0), 0), -EADDRNOTAVAIL);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, NULL), 0);
	cr_expect_eq(route(&r, 0x08080808), -ENETUNREACH);
	cr_expect_eq(route(&r, LAN_PEER_IP), 0);
	cr_expect_eq(ipv4_stats(ipv4)->out_no_routes, 4);
}

Test(ipv4_output, a_route_asks_once)
{
	uint64_t requests;
	struct ip_route r;

	create(0);
	route(&r, 0x08080808);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	meet(LAN_GATEWAY_IP);
	requests = arp_stats(arp)->out_requests;
	for (int i = 0; i < 50; i++)
		ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	cr_expect_eq(r.generation, ipv4_ip(ipv4)->generation);
	cr_expect_eq(arp_stats(arp)->out_requests, requests);
	cr_expect_eq(lan_forget(&lan), 50);
}

Test(ipv4_output, a_route_follows_a_neighbour_that_moved)
{
	static const uint8_t new_mac[6] = { 2, 0, 0, 0, 0, 0x77 };
	struct ip_route r;
	struct frame f;

	create(0);
	meet(LAN_PEER_IP);
	route(&r, LAN_PEER_IP);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	lan_forget(&lan);
	frame_arp(&f, 1, new_mac, LAN_PEER_IP, (const uint8_t[6]){ 0 }, LAN_PEER_IP);
	lan_receive(&lan, &f, 0);
	lan_wait_ms(2002); /* the old one does not answer */
	lan_forget(&lan);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	frame_arp(&f, 2, new_mac, LAN_PEER_IP, LAN_MAC, LAN_IP);
	lan_receive(&lan, &f, 0);
	cr_assert_eq(lan.count, 1);
	cr_expect_eq(memcmp(lan_next(&lan)->bytes, new_mac, 6), 0);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	cr_expect_eq(memcmp(lan_next(&lan)->bytes, new_mac, 6), 0);
}

/* RFC 1122 §3.3.1.4: ARP asks for the neighbour early, but only once until it has answered. */
Test(ipv4_output, a_neighbour_that_is_doubted)
{
	struct ip_route r;
	struct frame f;
	const struct frame *sent;

	create(0);
	meet(LAN_PEER_IP);
	route(&r, LAN_PEER_IP);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	lan_forget(&lan);
	ip_doubt(&r);
	cr_expect_eq(lan.count, 0);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	sent = lan_next(&lan);
	cr_expect(frame_16(sent, 12) == 0x0806 && memcmp(sent->bytes, LAN_PEER_MAC, 6) == 0);
	cr_expect_eq(frame_16(lan_next(&lan), 12), 0x0800); /* the old one is still used */
	ip_doubt(&r);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	cr_expect_eq(frame_16(lan_next(&lan), 12), 0x0800);
	frame_arp(&f, 2, LAN_PEER_MAC, LAN_PEER_IP, LAN_MAC, LAN_IP);
	lan_receive(&lan, &f, 0);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0);
	cr_expect_eq(frame_16(lan_next(&lan), 12), 0x0800);
	cr_expect_eq(lan.count, 0);
}

Test(ipv4_output, nobody_answers)
{
	struct ip_addr peer = address(LAN_PEER_IP);
	struct ip_route r;

	create(0);
	route(&r, LAN_PEER_IP);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(20), IP_NO_CHECKSUM, 0), 0);
	lan_wait_ms(3010);
	cr_assert_eq(bad_news.calls, 1);
	cr_expect(bad_news.error.error == -EHOSTUNREACH && bad_news.error.local);
	cr_expect(ip_equal(&bad_news.error.dst.addr, &peer) && bad_news.error.quoted_len == 8);
	cr_expect_eq(memcmp(bad_news.quoted, "header..", 8), 0);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(20), IP_NO_CHECKSUM, 0), -EHOSTUNREACH);
	ip_listen(ipv4_ip(ipv4), PROTOCOL, NULL);
	lan_wait_ms(1010);
	ip_send(&r, PROTOCOL, packet(20), IP_NO_CHECKSUM, 0);
	lan_wait_ms(3010);
	cr_expect_eq(bad_news.calls, 1);
}

Test(ipv4_output, to_ourselves)
{
	static const uint32_t ourselves[] = { LAN_IP, 0x7f000001, 0x7fffffff };

	create(0);
	for (size_t i = 0; i < ARRAY_SIZE(ourselves); i++) {
		struct ip_addr us = address(ourselves[i]);
		struct ip_route r;

		cr_assert_eq(route(&r, ourselves[i]), 0);
		cr_expect_eq(ip_send(&r, PROTOCOL, packet(100), 6, 0), 0);
		cr_expect_eq(got.calls, i, "delivered from within the call");
		lan_run();
		cr_assert_eq(got.calls, i + 1);
		cr_expect(ip_equal(&got.meta.src.addr, &us) && ip_equal(&got.meta.dst.addr, &us));
		cr_expect(got.len == 108 && got.checksum);
		cr_expect_eq(memcmp(got.bytes, "header", 6), 0);
	}
	cr_expect_eq(lan_forget(&lan), 0, "it went out");
}

/* Refuses late, when the slice of the IP header has been freed and reused. */
static void refuse_late(void *arg, struct ip_meta *meta, struct buf *b)
{
	struct buf *other;

	(void)arg;
	b = ip_strip(b, b->len);
	other = buf_alloc_header();
	memset(buf_push(other, BUF_HEADROOM), 0xee, BUF_HEADROOM);
	ip_refuse(meta, IP_REFUSE_PORT);
	buf_free(other);
	buf_free(b);
}

Test(ipv4_output, a_late_refusal_still_knows_the_header)
{
	static const struct ip_handler late = { .input = refuse_late, .error = hear };
	struct ip_addr us = address(LAN_IP);
	struct ip_route r;

	create(0);
	ip_listen(ipv4_ip(ipv4), PROTOCOL, NULL);
	ip_listen(ipv4_ip(ipv4), PROTOCOL, &late);
	route(&r, LAN_IP);
	ip_send(&r, PROTOCOL, packet(100), IP_NO_CHECKSUM, 0);
	lan_run();
	cr_assert_eq(bad_news.calls, 1);
	cr_expect(bad_news.error.error == -ECONNREFUSED && ip_equal(&bad_news.error.dst.addr, &us));
}

Test(ipv4_output, to_ourselves_is_bounded)
{
	struct ip_route r;

	create(0);
	route(&r, LAN_IP);
	for (int i = 0; i < CONFIG_IPV4_LOOP_PACKETS; i++)
		cr_expect_eq(ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0), 0);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0), -ENOBUFS);
	lan_run();
	cr_expect_eq(got.calls, CONFIG_IPV4_LOOP_PACKETS);
	ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0); /* destroyed with it */
}

Test(ipv4_output, addresses_that_a_host_cannot_have)
{
	static const struct {
		uint32_t address;
		uint8_t len;
		uint32_t gateway;
		int result;
	} cases[] = {
		{ 0x0a000000, 24, 0, -EINVAL }, { 0x0a0000ff, 24, 0, -EINVAL }, { 0, 0, 0, -EINVAL },
		{ 0x7f000001, 8, 0, -EINVAL }, { 0xe0000001, 24, 0, -EINVAL }, { 0xffffffff, 32, 0, -EINVAL },
		{ 0x0a000002, 33, 0, -EINVAL }, { 0x0a000002, 24, 0x0a000002, -ENETUNREACH },
		{ 0x0a000002, 24, 0x0a000101, -ENETUNREACH }, { 0x0a000002, 24, 0x0a0000ff, -ENETUNREACH },
		{ 0x0a000002, 24, 0x0a000000, -ENETUNREACH }, { 0x0a000002, 24, 0x0a000001, 0 },
		{ 0x0a000002, 31, 0x0a000003, 0 }, { 0x0a000002, 32, 0, 0 }, { 0x0a000002, 0, 0, 0 },
		{ 0xc0a80101, 16, 0xc0a80001, 0 },
	};
	struct ip_prefix v6 = { { IP_V6, { 0xfe, 0x80 } }, 24 };

	create(0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix prefix = { address(cases[i].address), cases[i].len };
		struct ip_addr gateway = address(cases[i].gateway);

		cr_expect_eq(ipv4_set_address(ipv4, &prefix, cases[i].gateway ? &gateway : NULL), cases[i].result,
		             "%08x/%u %08x", cases[i].address, cases[i].len, cases[i].gateway);
	}
	cr_expect_eq(ipv4_set_address(ipv4, &v6, NULL), -EINVAL);
}

Test(ipv4_output, an_mtu_that_is_none)
{
	struct ipv4 *second;

	create(0);
	lan.dev.mtu = 67;
	cr_expect_eq(ipv4_create(&second, ethernet, arp), -EINVAL);
}

Test(ipv4_output, one_per_interface)
{
	struct ipv4 *second;

	create(0);
	cr_expect_eq(ipv4_create(&second, ethernet, arp), -EADDRINUSE);
}

Test(ipv4_output, an_address_that_goes_takes_its_routes_with_it)
{
	struct ip_addr first = address(LAN_IP), second = address(0x0a000003), peer = address(LAN_PEER_IP);
	struct ip_prefix prefix = { second, 24 };
	struct ip_route r;

	create(0);
	meet(LAN_PEER_IP);
	route(&r, LAN_PEER_IP);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0), 0);
	prefix.addr = first;
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, NULL), 0);
	cr_expect_eq(lost.family, IP_NONE, "the same address stays");
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0), 0);
	prefix.addr = second;
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, NULL), 0);
	cr_expect(ip_equal(&lost, &first));
	lan_forget(&lan);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0), -EADDRNOTAVAIL);
	cr_expect_eq(ip_route_init(ipv4_ip(ipv4), &r, &first, &peer), -EADDRNOTAVAIL);
	cr_expect_eq(route(&r, LAN_PEER_IP), 0);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0), 0);
	cr_expect_eq(frame_32(lan_next(&lan), IP + 12), 0x0a000003);
	ipv4_clear_address(ipv4);
	cr_expect(ip_equal(&lost, &second));
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(0), IP_NO_CHECKSUM, 0), -EADDRNOTAVAIL);
	cr_expect_eq(route(&r, LAN_PEER_IP), -ENETUNREACH);
}

Test(ipv4_output, broadcasts_from_nobody)
{
	const struct frame *f;
	struct ip_route r;

	create(0);
	ipv4_clear_address(ipv4);
	lan_forget(&lan);
	cr_assert_eq(route(&r, 0xffffffff), 0);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(ip_send(&r, PROTOCOL, packet(10), 6, 0), 0);
		f = lan_next(&lan);
		cr_assert(f && frame_ipv4_is_right(f));
		cr_expect(frame_32(f, IP + 12) == 0 && frame_32(f, IP + 16) == 0xffffffff);
		cr_expect_eq(memcmp(f->bytes, LAN_BROADCAST, 6), 0);
	}
}
