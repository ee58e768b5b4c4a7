/* SPDX-License-Identifier: ISC */
/* Several addresses and routes: a packet's next hop and source address, the routes that are removed with an
 * address, and redirects. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/ipv4/ipv4.h"
#include "tests/lib/layers.h"

enum { PROTOCOL = 200, IP = 14, SECOND_IP = 0xc0a80002, SECOND_GATEWAY = 0xc0a80001 };

static unsigned gone_count, taken;
static struct ip_addr gone[8];

static struct ip_addr address(uint32_t a)
{
	return ip_v4((uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a);
}

static struct ip_prefix prefix(uint32_t a, uint8_t len)
{
	return (struct ip_prefix){ address(a), len };
}

static void take(void *arg, struct ip_meta *meta, struct buf *b)
{
	(void)arg;
	(void)meta;
	taken++;
	buf_free(b);
}

static void mourn(void *arg, const struct ip_addr *a)
{
	(void)arg;
	gone[gone_count++] = *a;
}

static const struct ip_handler handler = { .input = take, .gone = mourn };

static int add_address(uint32_t a, uint8_t len)
{
	struct ip_prefix p = prefix(a, len);

	return ipv4_add_address(ipv4, &p);
}

static int add_route(uint32_t to, uint8_t len, uint32_t gateway)
{
	struct ip_prefix p = prefix(to, len);
	struct ip_addr via = address(gateway);

	return ipv4_add_route(ipv4, &p, gateway ? &via : NULL);
}

static int add_stand_in(uint32_t to, uint8_t len, uint32_t gateway)
{
	struct ip_prefix p = prefix(to, len);
	struct ip_addr via = address(gateway);

	return ipv4_add_stand_in(ipv4, &p, &via);
}

static int remove_route(uint32_t to, uint8_t len)
{
	struct ip_prefix p = prefix(to, len);

	return ipv4_remove_route(ipv4, &p);
}

static int remove_address(uint32_t a)
{
	struct ip_addr addr = address(a);

	return ipv4_remove_address(ipv4, &addr);
}

static void set_up(void)
{
	gone_count = taken = 0;
	layers_create(0, 0);
	cr_assert_eq(ip_listen(ipv4_ip(ipv4), PROTOCOL, &handler), 0);
	cr_assert_eq(add_address(LAN_IP, 24), 0);
	cr_assert_eq(add_address(SECOND_IP, 16), 0);
	lan_wait_ms(3000);
	lan_forget(&lan);
}

static void tear_down(void)
{
	layers_destroy();
}

TestSuite(ipv4_route, .init = set_up, .fini = tear_down);

/* The next hop of a packet to dst, by the ARP request, and its source. 0: none. */
static uint32_t next_hop(uint32_t dst, uint32_t *src)
{
	struct ip_addr to = address(dst);
	const struct frame *f;
	struct ip_route r;
	struct buf *b;

	if (ip_route_init(ipv4_ip(ipv4), &r, NULL, &to) < 0)
		return 0;
	*src = (uint32_t)r.src.bytes[0] << 24 | (uint32_t)r.src.bytes[1] << 16 | (uint32_t)r.src.bytes[2] << 8 |
	       r.src.bytes[3];
	b = buf_alloc_header();
	buf_push(b, 8);
	lan_wait_ms(5000); /* earlier ARP requests expire */
	lan_forget(&lan);
	cr_assert_eq(ip_send(&r, PROTOCOL, b, IP_NO_CHECKSUM, 0), 0);
	f = lan_next(&lan);
	cr_assert(f && frame_16(f, 12) == 0x0806);
	return frame_32(f, 38);
}

static void expect_hop(uint32_t dst, uint32_t hop, uint32_t src)
{
	uint32_t from = 0;

	cr_expect_eq(next_hop(dst, &from), hop, "%08x", dst);
	if (hop)
		cr_expect_eq(from, src, "%08x from %08x", dst, from);
}

static bool passes(uint32_t src, uint32_t dst)
{
	unsigned before = taken;
	struct frame f;

	frame_ipv4(&f, PROTOCOL, src, dst);
	if ((dst & 0xff) == 0xff)
		memcpy(f.bytes, LAN_BROADCAST, 6);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	return taken > before;
}

Test(ipv4_route, the_longest_prefix_decides)
{
	expect_hop(0x08080808, 0, 0);
	expect_hop(0x0a000009, 0x0a000009, LAN_IP);
	expect_hop(0xc0a8ff09, 0xc0a8ff09, SECOND_IP);
	cr_assert_eq(add_route(0, 0, LAN_GATEWAY_IP), 0);
	cr_assert_eq(add_route(0x08000000, 8, SECOND_GATEWAY), 0);
	cr_assert_eq(add_route(0x08080000, 16, LAN_GATEWAY_IP + 4), 0);
	cr_assert_eq(add_route(0x08080808, 32, 0), 0);
	cr_assert_eq(add_route(0xc0a87700, 24, LAN_GATEWAY_IP), 0);
	expect_hop(0x01010101, LAN_GATEWAY_IP, LAN_IP);
	expect_hop(0x08010101, SECOND_GATEWAY, SECOND_IP);
	expect_hop(0x08080101, LAN_GATEWAY_IP + 4, LAN_IP);
	expect_hop(0x08080808, 0x08080808, LAN_IP); /* a neighbour in none of our prefixes: the first address */
	expect_hop(0xc0a87701, LAN_GATEWAY_IP, LAN_IP); /* a part of the link's own prefix */
	expect_hop(0xc0a87601, 0xc0a87601, SECOND_IP);
	cr_assert_eq(remove_route(0x08080000, 16), 0);
	expect_hop(0x08080101, SECOND_GATEWAY, SECOND_IP);
	cr_assert_eq(remove_route(0, 0), 0);
	expect_hop(0x01010101, 0, 0);
}

/* RFC 1122 §3.3.1.4: the first gateway that answers, in the order given, stays in use. */
Test(ipv4_route, a_silent_gateway_has_a_stand_in)
{
	cr_assert_eq(add_route(0, 0, LAN_GATEWAY_IP), 0);
	cr_assert_eq(add_stand_in(0, 0, LAN_GATEWAY_IP + 4), 0);
	cr_assert_eq(add_stand_in(0, 0, LAN_GATEWAY_IP + 5), 0);
	cr_assert_eq(add_route(0x08000000, 8, LAN_GATEWAY_IP), 0);
	expect_hop(0x01010101, LAN_GATEWAY_IP, LAN_IP);
	expect_hop(0x01010101, LAN_GATEWAY_IP + 4, LAN_IP);
	expect_hop(0x08010101, LAN_GATEWAY_IP, LAN_IP); /* no stand-in there */
	expect_hop(0x08010101, LAN_GATEWAY_IP, LAN_IP);
	expect_hop(0x01010101, LAN_GATEWAY_IP + 5, LAN_IP);
	expect_hop(0x0a000077, 0x0a000077, LAN_IP); /* that a host is silent says nothing of a gateway */
	expect_hop(0x01010101, LAN_GATEWAY_IP + 4, LAN_IP);
	cr_assert_eq(add_route(0, 0, LAN_PEER_IP), 0); /* in place of them all */
	expect_hop(0x01010101, LAN_PEER_IP, LAN_IP);
	expect_hop(0x01010101, LAN_PEER_IP, LAN_IP);
	cr_assert_eq(add_stand_in(0, 0, LAN_GATEWAY_IP), 0);
	cr_assert_eq(remove_route(0, 0), 0);
	expect_hop(0x01010101, 0, 0);
	cr_assert_eq(remove_route(0, 0), -ENOENT);
}

/* A connection's own route goes the new way, too. */
Test(ipv4_route, a_route_made_before_goes_by_the_stand_in)
{
	struct ip_addr to = address(0x08080808);
	struct ip_route r;
	struct frame f;
	struct buf *b;

	add_route(0, 0, LAN_GATEWAY_IP);
	add_stand_in(0, 0, LAN_PEER_IP);
	cr_assert_eq(ip_route_init(ipv4_ip(ipv4), &r, NULL, &to), 0);
	b = buf_alloc_header();
	buf_push(b, 8);
	cr_assert_eq(ip_send(&r, PROTOCOL, b, IP_NO_CHECKSUM, 0), 0);
	lan_wait_ms(3010); /* asked in vain */
	lan_forget(&lan);
	b = buf_alloc_header();
	buf_push(b, 8);
	cr_assert_eq(ip_send(&r, PROTOCOL, b, IP_NO_CHECKSUM, 0), 0);
	cr_expect_eq(frame_32(lan_next(&lan), 38), LAN_PEER_IP);
	frame_arp(&f, 2, LAN_PEER_MAC, LAN_PEER_IP, LAN_MAC, LAN_IP);
	lan_receive(&lan, &f, 0);
	cr_expect_eq(memcmp(lan_next(&lan)->bytes, LAN_PEER_MAC, 6), 0);
}

/* RFC 3927 §2.6.2, and clouds' routes to their own service there by RFC 3442. */
Test(ipv4_route, link_local_neighbours_are_behind_no_gateway)
{
	cr_assert_eq(add_route(0, 0, LAN_GATEWAY_IP), 0);
	expect_hop(0xa9fe0107, 0xa9fe0107, LAN_IP);
	cr_assert_eq(add_route(0xa9fea9fe, 32, LAN_GATEWAY_IP), 0);
	expect_hop(0xa9fea9fe, LAN_GATEWAY_IP, LAN_IP);
	cr_assert_eq(remove_address(LAN_IP), 0);
	cr_assert_eq(remove_address(SECOND_IP), 0);
	expect_hop(0xa9fe0107, 0, 0);
}

Test(ipv4_route, where_two_addresses_are_on_one_link)
{
	cr_assert_eq(add_address(0xc0a80503, 24), 0);
	expect_hop(0xc0a80509, 0xc0a80509, 0xc0a80503);
	expect_hop(0xc0a80609, 0xc0a80609, SECOND_IP);
	cr_assert_eq(remove_address(0xc0a80503), 0);
	expect_hop(0xc0a80509, 0xc0a80509, SECOND_IP);
}

Test(ipv4_route, a_route_made_before_is_found_anew)
{
	struct ip_addr to = address(0x08080808);
	const struct frame *f;
	struct ip_route r;
	struct buf *b;

	add_route(0, 0, LAN_GATEWAY_IP);
	cr_assert_eq(ip_route_init(ipv4_ip(ipv4), &r, NULL, &to), 0);
	add_route(0, 0, LAN_PEER_IP); /* in its place */
	b = buf_alloc_header();
	buf_push(b, 8);
	cr_assert_eq(ip_send(&r, PROTOCOL, b, IP_NO_CHECKSUM, 0), 0);
	f = lan_next(&lan);
	cr_expect_eq(frame_32(f, 38), LAN_PEER_IP);
	remove_route(0, 0);
	b = buf_alloc_header();
	buf_push(b, 8);
	cr_expect_eq(ip_send(&r, PROTOCOL, b, IP_NO_CHECKSUM, 0), -ENETUNREACH);
}

Test(ipv4_route, routes_that_cannot_be)
{
	struct ip_prefix v6 = { { IP_V6, { 0xfe, 0x80 } }, 24 }, long_one = prefix(0x08000000, 33);
	struct ip_addr gateway = address(LAN_GATEWAY_IP);

	cr_expect_eq(ipv4_add_route(ipv4, &v6, &gateway), -EINVAL);
	cr_expect_eq(ipv4_add_route(ipv4, &long_one, &gateway), -EINVAL);
	cr_expect_eq(ipv4_add_route(ipv4, &ipv4_everywhere, &v6.addr), -ENETUNREACH);
	cr_expect_eq(add_route(0, 0, LAN_IP), -ENETUNREACH, "ourselves");
	cr_expect_eq(add_route(0, 0, SECOND_IP), -ENETUNREACH);
	cr_expect_eq(add_route(0, 0, 0x0a0000ff), -ENETUNREACH, "a broadcast");
	cr_expect_eq(add_route(0, 0, 0x08080808), -ENETUNREACH, "far away");
	cr_expect_eq(add_route(0, 0, 0x7f000001), -ENETUNREACH);
	cr_expect_eq(add_route(0, 0, 0xe0000001), -ENETUNREACH);
	for (uint32_t len = 8; len <= 32; len += 8) {
		cr_expect_eq(add_route(0x7f000001, (uint8_t)len, 0), -EINVAL);
		cr_expect_eq(add_route(0, (uint8_t)len, 0), -EINVAL);
	}
	cr_expect_eq(add_route(0xef000000, 5, LAN_GATEWAY_IP), -EINVAL, "groups are on the link");
	cr_expect_eq(add_route(0xffffffff, 32, LAN_GATEWAY_IP), -EINVAL);
	cr_expect_eq(remove_route(0, 0), -ENOENT);
	for (uint32_t i = 0; i < CONFIG_IPV4_ROUTES; i++)
		cr_expect_eq(add_route(0x08000000 + (i << 8), 24, LAN_GATEWAY_IP), 0);
	cr_expect_eq(add_route(0x09000000, 24, LAN_GATEWAY_IP), -ENOBUFS);
	cr_expect_eq(add_route(0x08000001, 24, LAN_PEER_IP), 0, "host bits do not count");
	expect_hop(0x08000009, LAN_PEER_IP, LAN_IP);
	cr_expect_eq(remove_route(0x08000000, 24), 0);
	cr_expect_eq(add_route(0x09000000, 24, LAN_GATEWAY_IP), 0);
}

/* The first address is our main one, whatever happens to its prefix. */
Test(ipv4_route, which_address_is_the_first)
{
	cr_assert_eq(add_address(LAN_IP, 16), 0);
	cr_assert_eq(add_route(0x08080808, 32, 0), 0);
	expect_hop(0x08080808, 0x08080808, LAN_IP);
	cr_assert_eq(remove_address(LAN_IP), 0);
	expect_hop(0x08080808, 0x08080808, SECOND_IP);
}

/* Our own prefixes come before routes of the same length. */
Test(ipv4_route, routes_like_our_own_prefixes)
{
	cr_assert_eq(add_route(0x0a000000, 24, SECOND_GATEWAY), 0);
	cr_assert_eq(add_route(LAN_IP, 32, SECOND_GATEWAY), 0);
	expect_hop(LAN_PEER_IP, LAN_PEER_IP, LAN_IP);
	cr_expect(passes(LAN_PEER_IP, LAN_IP));
	cr_assert_eq(remove_address(LAN_IP), 0);
	expect_hop(LAN_PEER_IP, SECOND_GATEWAY, SECOND_IP);
	expect_hop(LAN_IP, SECOND_GATEWAY, SECOND_IP);
	cr_assert_eq(add_address(LAN_IP, 24), 0);
	expect_hop(LAN_PEER_IP, LAN_PEER_IP, LAN_IP);
	cr_expect(passes(LAN_PEER_IP, LAN_IP));
}

/* RFC 3442, and clouds: the only address is a /32, and the gateway a neighbour by a route of its own. */
Test(ipv4_route, a_gateway_outside_of_all_our_prefixes)
{
	ipv4_clear_address(ipv4);
	cr_assert_eq(add_address(0x0a800002, 32), 0);
	cr_expect_eq(add_route(0, 0, 0x0a800001), -ENETUNREACH);
	cr_assert_eq(add_route(0x0a800001, 32, 0), 0);
	cr_assert_eq(add_route(0, 0, 0x0a800001), 0);
	expect_hop(0x08080808, 0x0a800001, 0x0a800002);
}

Test(ipv4_route, addresses_that_come_and_go)
{
	struct ip_addr second = address(SECOND_IP);

	add_route(0, 0, SECOND_GATEWAY);
	add_route(0x08000000, 8, LAN_GATEWAY_IP);
	cr_expect_eq(add_address(0x0a0000ff, 24), -EINVAL);
	cr_expect_eq(remove_address(0x0a000003), -EADDRNOTAVAIL);
	cr_expect_eq(remove_address(SECOND_IP), 0);
	cr_expect(gone_count == 1 && ip_equal(&gone[0], &second));
	expect_hop(0x01010101, 0, 0); /* its gateway went with it */
	expect_hop(0x08080808, LAN_GATEWAY_IP, LAN_IP);
	cr_expect_eq(add_address(LAN_IP, 8), 0, "the same with another prefix");
	cr_expect_eq(gone_count, 1);
	expect_hop(0x0a010203, 0x0a010203, LAN_IP);
	expect_hop(0x08080808, LAN_GATEWAY_IP, LAN_IP); /* the route there remains */
	for (uint32_t i = 1; i < CONFIG_IPV4_ADDRESSES; i++)
		cr_expect_eq(add_address(SECOND_IP + i, 24), 0);
	cr_expect_eq(add_address(0x01020304, 24), -ENOBUFS);
	cr_expect_eq(ipv4_set_address(ipv4, &(struct ip_prefix){ address(LAN_IP), 24 }, NULL), 0);
	cr_expect_eq(gone_count, CONFIG_IPV4_ADDRESSES);
	expect_hop(0x08080808, 0, 0);
	expect_hop(LAN_PEER_IP, LAN_PEER_IP, LAN_IP);
	ipv4_clear_address(ipv4);
	cr_expect_eq(gone_count, CONFIG_IPV4_ADDRESSES + 1);
	expect_hop(LAN_PEER_IP, 0, 0);
}

Test(ipv4_route, who_can_have_sent_it)
{
	cr_expect(passes(LAN_PEER_IP, LAN_IP) && passes(0xc0a80009, SECOND_IP));
	cr_expect(passes(LAN_PEER_IP, SECOND_IP), "we are one host: RFC 1122 3.3.4.2");
	cr_expect(passes(LAN_PEER_IP, 0x0a0000ff) && passes(0xc0a80009, 0xc0a8ffff));
	cr_expect_not(passes(SECOND_IP, LAN_IP), "from ourselves");
	cr_expect_not(passes(0xc0a8ffff, LAN_IP), "from a broadcast");
	cr_expect_not(passes(0x08080808, LAN_IP), "from where there is no way to");
	add_route(0x08000000, 8, LAN_GATEWAY_IP);
	cr_expect(passes(0x08080808, LAN_IP));
	cr_expect_not(passes(0x09080808, LAN_IP));
	add_route(0, 0, LAN_GATEWAY_IP);
	cr_expect(passes(0x09080808, LAN_IP));
}

Test(ipv4_route, an_echo_comes_from_where_it_was_sent_to)
{
	const struct frame *answer;
	struct frame f;

	layers_meet_peer();
	frame_ipv4(&f, IP_ICMP, LAN_PEER_IP, SECOND_IP);
	frame_icmp(&f, 8, 0, 1, "ping", 4);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	answer = lan_next(&lan);
	cr_assert(answer && frame_ipv4_is_right(answer));
	cr_expect(frame_32(answer, IP + 12) == SECOND_IP && frame_32(answer, IP + 16) == LAN_PEER_IP);
}

Test(ipv4_route, from_an_address_that_is_asked_for)
{
	struct ip_addr to = address(LAN_PEER_IP), from = address(SECOND_IP), other = address(SECOND_IP + 1);
	struct ip_route r;

	cr_assert_eq(ip_route_init(ipv4_ip(ipv4), &r, &from, &to), 0);
	cr_expect(ip_equal(&r.src, &from));
	cr_expect_eq(ip_route_init(ipv4_ip(ipv4), &r, &other, &to), -EADDRNOTAVAIL);
	to = address(SECOND_IP);
	cr_assert_eq(ip_route_init(ipv4_ip(ipv4), &r, NULL, &to), 0);
	cr_expect(ip_equal(&r.src, &to), "to ourselves");
}
