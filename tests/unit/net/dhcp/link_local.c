/* SPDX-License-Identifier: ISC */
/* Link-local addresses: the candidates, their probes, and the use of one by a whole stack. */
#include "tests/lib/test.h"

#include <string.h>

#include "net/bytes.h"
#include "net/dhcp/client.h"
#include "net/dhcp/link_local.h"
#include "net/direct.h"
#include "tests/lib/lan.h"
#include "tests/unit/net/dhcp/server.h"

enum { UNIT_MS = CONFIG_ARP_PROBE_MILLISECONDS, UDP = 34, DATA = 42 };

static struct lan lan;
static struct ethernet *ethernet;
static struct arp *arp;
static struct link_local link_local;
static unsigned found;

static void on_found(struct link_local *l)
{
	(void)l;
	found++;
}

static void set_up(void)
{
	lan_init(&lan, 0);
	test_begin();
	cr_assert_eq(ethernet_create(&ethernet, &lan.dev), 0);
	cr_assert_eq(arp_create(&arp, ethernet), 0);
	link_local_init(&link_local, arp, LAN_MAC, on_found);
	found = 0;
}

static void tear_down(void)
{
	link_local_stop(&link_local);
	arp_destroy(arp);
	ethernet_destroy(ethernet);
	lan_forget(&lan);
	lan_done(&lan);
	test_end();
}

TestSuite(link_local, .init = set_up, .fini = tear_down);

/* Another host claims the probed address. */
static void object(uint32_t address)
{
	struct frame f;

	frame_arp(&f, 2, LAN_PEER_MAC, address, LAN_MAC, 0);
	lan_receive(&lan, &f, 0);
	lan_run();
}

static void expect_link_local(uint32_t a)
{
	cr_expect(a >= 0xa9fe0100 && a <= 0xa9fefeff, "%x", a);
}

Test(link_local, a_free_address_is_found)
{
	link_local_start(&link_local);
	link_local_start(&link_local);
	cr_expect_eq(found, 0);
	lan_wait_ms(7 * UNIT_MS);
	cr_expect_eq(found, 1);
	expect_link_local(link_local.address);
	cr_expect_eq(lan_forget(&lan), 3, "three questions");
}

Test(link_local, the_same_at_each_start_and_another_on_another_machine)
{
	uint32_t mine, others;

	link_local_start(&link_local);
	mine = link_local.address;
	link_local_stop(&link_local);
	link_local_init(&link_local, arp, LAN_MAC, on_found);
	link_local_start(&link_local);
	cr_expect_eq(link_local.address, mine);
	link_local_stop(&link_local);
	link_local_init(&link_local, arp, LAN_PEER_MAC, on_found);
	link_local_start(&link_local);
	others = link_local.address;
	cr_expect_neq(others, mine);
	lan_wait_ms(20 * UNIT_MS);
	cr_expect_eq(found, 1);
}

/* RFC 3927 §2.2.1: after ten conflicts one address a minute. */
Test(link_local, in_a_crowd_it_is_patient)
{
	uint32_t seen[20];

	link_local_start(&link_local);
	for (int i = 0; i < 20; i++) {
		seen[i] = link_local.address;
		expect_link_local(seen[i]);
		for (int n = 0; n < i; n++)
			cr_expect_neq(seen[n], seen[i]);
		object(seen[i]);
		if (i >= 9) {
			cr_expect_eq(link_local.address, seen[i]);
			lan_wait_ms(59000);
			cr_expect_eq(link_local.address, seen[i]);
			lan_wait_ms(1100);
		}
	}
	cr_expect_eq(found, 0);
	lan_wait_ms(7 * UNIT_MS);
	cr_expect_eq(found, 1);
}

Test(link_local, stopped_it_finds_nothing)
{
	link_local_start(&link_local);
	lan_wait_ms(2 * UNIT_MS);
	link_local_stop(&link_local);
	link_local_stop(&link_local);
	lan_wait_ms(70000);
	cr_expect_eq(found, 0);
}

/* -- in a whole stack -- */

static struct direct *d;

static uint32_t address_now(void)
{
	return get_be32(direct_address(d)->addr.bytes);
}

static void create_stack(void)
{
	struct stack_config config = { .dhcp = true };

	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
}

/* Answers the last query of that type on the wire with a lease of 10.0.0.50 for 100 s, to everybody. */
static void answer(uint8_t asked, uint8_t type)
{
	struct message query = { .len = 0 }, reply;
	const struct frame *sent;
	struct frame f;

	while ((sent = lan_next(&lan))) {
		if (sent->len < DATA + 300 || frame_16(sent, UDP + 2) != 67 || sent->bytes[DATA + 242] != asked)
			continue;
		cr_expect_eq(frame_32(sent, 26), 0, "RFC 2131 §4.1: the address is none that a server has lent");
		query.len = sent->len - DATA;
		memcpy(query.bytes, sent->bytes + DATA, query.len);
	}
	cr_assert_gt(query.len, 0, "nothing was asked");
	cr_expect_eq(query.bytes[10], 0x80, "we have an address: only what goes to everybody reaches us");
	reply_begin(&reply, type, message_32(&query, 4), LAN_MAC, 0x0a000032, LAN_GATEWAY_IP);
	reply_number(&reply, 1, 0xffffff00);
	reply_number(&reply, 51, 100);
	reply_end(&reply);
	frame_ipv4(&f, 17, LAN_GATEWAY_IP, UINT32_MAX);
	frame_udp(&f, 67, 68, reply.bytes, reply.len);
	memset(f.bytes, 255, 6);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	lan_run();
}

Test(link_local, until_a_server_answers)
{
	uint32_t first;

	arp_destroy(arp);
	ethernet_destroy(ethernet);
	create_stack();
	lan_wait_ms(9000);
	cr_expect_eq(address_now(), 0);
	lan_wait_ms(8000);
	test_assert_value(direct_ready(d), 0);
	first = address_now();
	expect_link_local(first);
	cr_expect_eq(direct_address(d)->len, 16);
	cr_expect_eq(direct_lease(d)->server.family, IP_NONE);

	object(first); /* once it is defended */
	cr_expect_eq(address_now(), first);
	object(first);
	cr_expect_eq(address_now(), 0);
	lan_wait_ms(7 * UNIT_MS);
	expect_link_local(address_now());
	cr_expect_neq(address_now(), first);

	answer(1, 2);
	answer(3, 5);
	expect_link_local(address_now());
	lan_wait_ms(7 * UNIT_MS);
	cr_expect_eq(address_now(), 0x0a000032);

	lan_wait_ms(130000); /* and when that is over, link-local again */
	expect_link_local(address_now());
	direct_destroy(d);
	cr_assert_eq(ethernet_create(&ethernet, &lan.dev), 0);
	cr_assert_eq(arp_create(&arp, ethernet), 0);
}
