/* SPDX-License-Identifier: ISC */
/* Path MTUs: for which destinations, how long, how small, and how many. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/ipv4/ipv4.h"
#include "tests/lib/clock.h"
#include "tests/lib/layers.h"

enum { PROTOCOL = 200, IP = 14, FAR = 0x08080800, GATEWAY = 0x0a000009 };


static void learn_neighbour(void)
{
	struct frame f;

	frame_arp(&f, 1, LAN_PEER_MAC, LAN_PEER_IP, (const uint8_t[6]){ 0 }, LAN_IP);
	lan_receive(&lan, &f, 0);
	frame_arp(&f, 2, LAN_PEER_MAC, GATEWAY, lan.dev.mac, LAN_IP);
	lan_receive(&lan, &f, 0);
	lan_forget(&lan);
}

static void set_up(void)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };
	struct ip_addr gateway = ip_v4(10, 0, 0, 9);

	layers_create(NETDEV_TX_CSUM | NETDEV_TSO4, 0);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, &gateway), 0);
	learn_neighbour();
}

static void tear_down(void)
{
	layers_destroy();
}

TestSuite(pmtu, .init = set_up, .fini = tear_down);

static void route(struct ip_route *r, uint32_t dst)
{
	struct ip_addr to = ip_v4((uint8_t)(dst >> 24), (uint8_t)(dst >> 16), (uint8_t)(dst >> 8), (uint8_t)dst);

	cr_assert_eq(ip_route_init(ipv4_ip(ipv4), r, NULL, &to), 0);
}

static uint16_t payload_of(uint32_t dst)
{
	struct ip_route r;

	route(&r, dst);
	cr_assert_eq(r.link_bytes, 1480);
	return r.payload_bytes;
}

static struct buf *packet(uint32_t bytes)
{
	static const uint8_t payload[4000];
	struct buf *b = buf_alloc_header();

	memset(buf_push(b, 8), 0, 8);
	b->next = buf_alloc_slice(NULL, payload, bytes - 8);
	return b;
}

Test(pmtu, one_destination_and_all_its_routes)
{
	struct ip_route first, second;

	route(&first, FAR);
	route(&second, FAR);
	cr_expect_eq(ip_send(&second, PROTOCOL, packet(1480), 6, IP_DF), 0);
	ip_too_big(&first, 1400);
	cr_expect_eq(first.payload_bytes, 1380);
	cr_expect(payload_of(FAR) == 1380 && payload_of(FAR + 1) == 1480);
	cr_expect_eq(ip_send(&second, PROTOCOL, packet(1480), 6, IP_DF), -EMSGSIZE);
	cr_expect_eq(second.payload_bytes, 1380);
	cr_expect_eq(ip_send(&second, PROTOCOL, packet(1380), 6, IP_DF), 0);
	ip_too_big(&first, 1450);
	cr_expect_eq(payload_of(FAR), 1380, "larger is no news");
	ip_too_big(&first, 1300);
	cr_expect_eq(payload_of(FAR), 1280);
	ip_too_big(&first, 9000);
	cr_expect_eq(payload_of(FAR), 1280);
}

Test(pmtu, large_packets_of_small_segments)
{
	struct ip_route r;
	struct buf *b;

	route(&r, FAR);
	ip_too_big(&r, 1400);
	for (uint16_t size = 1371; size <= 1373; size++) {
		b = packet(3000);
		b->flags = BUF_TSO4;
		b->gso_size = size;
		cr_expect_eq(ip_send(&r, PROTOCOL, b, 6, IP_DF), size <= 1372 ? 0 : -EMSGSIZE, "%u", size);
	}
	b = packet(1000); /* shorter than it claims to be cut into */
	b->flags = BUF_TSO4;
	b->gso_size = 1400;
	cr_expect_eq(ip_send(&r, PROTOCOL, b, 6, IP_DF), 0);
}

Test(pmtu, forgotten_in_ten_minutes)
{
	struct ip_route r;

	route(&r, FAR);
	ip_too_big(&r, 1400);
	clock_advance_ns(599 * NS_PER_S);
	cr_expect_eq(payload_of(FAR), 1380);
	clock_advance_ns(NS_PER_S);
	cr_expect_eq(payload_of(FAR), 1480);
	ip_too_big(&r, 1450); /* expired entries do not count */
	cr_expect_eq(payload_of(FAR), 1430);
}

Test(pmtu, who_sends_hears_of_what_is_forgotten)
{
	struct ip_route first, second;

	route(&first, FAR);
	route(&second, FAR + 1);
	ip_too_big(&first, 1400);
	lan_wait_ms(300000);
	ip_too_big(&second, 1300);
	for (int i = 0; i < 2; i++) {
		struct ip_route *r = i ? &second : &first;

		lan_wait_ms(299000);
		cr_expect_eq(ip_send(r, PROTOCOL, packet(1000), 6, IP_DF), 0);
		learn_neighbour(); /* ARP asks for it then; known now, it causes no further change */
		cr_expect_eq(ip_send(r, PROTOCOL, packet(1000), 6, IP_DF), 0);
		cr_expect_eq(r->generation, ipv4_ip(ipv4)->generation);
		lan_wait_ms(1001);
		cr_expect_neq(r->generation, ipv4_ip(ipv4)->generation);
		ip_route_look(r);
		cr_expect_eq(r->payload_bytes, 1480);
	}
}

Test(pmtu, no_less_than_the_floor)
{
	const struct frame *f;
	struct ip_route r;

	route(&r, FAR);
	ip_too_big(&r, CONFIG_IPV4_PMTU_MIN);
	cr_expect_eq(r.payload_bytes, CONFIG_IPV4_PMTU_MIN - 20);
	ip_send(&r, PROTOCOL, packet(100), 6, IP_DF);
	f = lan_next(&lan);
	cr_expect_eq(frame_16(f, IP + 6), 0x4000);
	ip_too_big(&r, CONFIG_IPV4_PMTU_MIN - 1);
	cr_expect_eq(r.payload_bytes, CONFIG_IPV4_PMTU_MIN - 20);
	ip_send(&r, PROTOCOL, packet(100), 6, IP_DF);
	ip_send(&r, PROTOCOL, packet(100), 6, IP_DF);
	f = lan_next(&lan);
	cr_expect_eq(frame_16(f, IP + 6), 0, "routers may cut it");
	cr_expect_neq(frame_16(f, IP + 4), frame_16(lan_next(&lan), IP + 4));
	ip_too_big(&r, IP_MTU_LEAST);
	cr_expect_eq(payload_of(FAR), CONFIG_IPV4_PMTU_MIN - 20);
}

Test(pmtu, packets_that_vanish_may_be_cut)
{
	struct ip_route r;

	route(&r, FAR);
	ip_too_big(&r, IP_MTU_UNKNOWN);
	cr_expect(r.payload_bytes == 1480 && r.may_be_cut);
	ip_too_big(&r, 1200);
	cr_expect(r.payload_bytes == 1180 && !r.may_be_cut);
	ip_too_big(&r, IP_MTU_UNKNOWN);
	cr_expect(r.payload_bytes == 1180 && r.may_be_cut);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(1180), 6, IP_DF), 0);
	cr_expect_eq(frame_16(lan_next(&lan), IP + 6), 0);
}

Test(pmtu, a_link_that_gets_narrower)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 3), 24 };
	struct ip_route r;

	route(&r, LAN_PEER_IP);
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(1480), 6, IP_DF), 0);
	lan.dev.mtu = 1400;
	ipv4_add_address(ipv4, &prefix); /* as when DHCP has told both */
	cr_expect_eq(ip_send(&r, PROTOCOL, packet(1480), 6, IP_DF), -EMSGSIZE);
	cr_expect(r.payload_bytes == 1380 && r.link_bytes == 1380);
}

Test(pmtu, a_link_narrower_than_the_floor)
{
	struct ip_route r;

	lan.dev.mtu = 68;
	route(&r, FAR);
	cr_expect_eq(r.payload_bytes, 48);
	ip_too_big(&r, 500);
	cr_expect_eq(r.payload_bytes, 48);
	ip_too_big(&r, 60);
	cr_expect_eq(r.payload_bytes, 48);
}

Test(pmtu, the_one_told_of_longest_ago_makes_room)
{
	struct ip_route r;

	for (uint32_t i = 0; i < CONFIG_IPV4_PATHS + 2; i++) {
		route(&r, FAR + i);
		ip_too_big(&r, 1400);
		clock_advance_ns(NS_PER_S);
	}
	for (uint32_t i = 0; i < CONFIG_IPV4_PATHS + 2; i++)
		cr_expect_eq(payload_of(FAR + i), i < 2 ? 1480 : 1380, "%u", i);
}
