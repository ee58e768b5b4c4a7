/* SPDX-License-Identifier: ISC */
/* The DHCP client in a whole direct stack, against a scripted server on the link: frames, the stack's
 * configuration, and notifications. */
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#include "net/bytes.h"
#include "net/dhcp/client.h"
#include "net/direct.h"
#include "net/ipv4/ipv4.h"
#include "net/metrics.h"
#include "net/tcp/tcp.h"
#include "tests/lib/lan.h"
#include "tests/unit/net/dhcp/server.h"

#define SERVER LAN_GATEWAY_IP
#define ADDRESS 0x0a000032u /* 10.0.0.50 */

enum { IP = 14, UDP = 34, DATA = 42, UNIT_MS = CONFIG_ARP_PROBE_MILLISECONDS };

static struct lan lan;
static struct direct *d;
static struct message query, reply;
static uint32_t query_from, query_to;
static const uint8_t no_mac[6];
static struct {
	struct dhcp_listener listener;
	unsigned calls;
	bool has;
	struct dhcp_lease lease;
} heard;

static void on_change(struct dhcp_listener *l, const struct dhcp_lease *lease)
{
	(void)l;
	heard.calls++;
	heard.has = lease;
	if (lease)
		heard.lease = *lease;
}

static void begin(const char *ip)
{
	struct stack_config config = { .dhcp = true, .hostname = "rain" };

	if (ip)
		cr_assert_eq(option_ip_prefix(ip, &config.ip), 0);
	memset(&heard, 0, sizeof(heard));
	lan_init(&lan, 0);
	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	heard.listener.changed = on_change;
	direct_lease_listen(d, &heard.listener);
	test_assert_pending(direct_ready(d));
	cr_assert_null(direct_lease(d));
}

static void set_up(void)
{
	lan_prepare();
	test_begin();
	begin(NULL);
}

static void tear_down(void)
{
	direct_destroy(d);
	lan_forget(&lan);
	lan_done(&lan);
	test_end();
}

TestSuite(dhcp_client, .init = set_up, .fini = tear_down);

/* Takes the next query on the wire, or gives false; other frames are ignored. */
static bool next_query(void)
{
	const struct frame *f;

	lan_run();
	while ((f = lan_next(&lan))) {
		if (f->len < DATA || frame_16(f, 12) != 0x0800 || f->bytes[IP + 9] != 17)
			continue;
		cr_assert(frame_ipv4_is_right(f));
		cr_assert_eq(frame_32(f, UDP), 68 << 16 | 67);
		query_from = frame_32(f, IP + 12);
		query_to = frame_32(f, IP + 16);
		cr_assert_eq(query_to == UINT32_MAX, !memcmp(f->bytes, LAN_BROADCAST, 6));
		query.len = f->len - DATA;
		memcpy(query.bytes, f->bytes + DATA, query.len);
		return true;
	}
	return false;
}

static void expect_query(uint8_t type)
{
	cr_assert(next_query(), "nothing was asked");
	cr_assert_eq(query_type(&query), type, "type %u", query_type(&query));
}

/* Begins a reply, to which the test adds its options; finish_reply sends it. */
static void begin_reply(uint8_t type, uint32_t seconds)
{
	reply_begin(&reply, type, message_32(&query, 4), LAN_MAC, type == NAK ? 0 : ADDRESS, SERVER);
	if (type == NAK)
		return;
	reply_number(&reply, 1, 0xffffff00);
	reply_number(&reply, 51, seconds);
}

/* Sends to the leased address, in a frame to our MAC, as by a server that assumes we are reachable so. */
static void finish_reply(void)
{
	struct frame f;

	reply_end(&reply);
	frame_ipv4(&f, 17, SERVER, reply.bytes[242] == NAK ? UINT32_MAX : ADDRESS);
	frame_udp(&f, 67, 68, reply.bytes, reply.len);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	lan_run();
}

static void answer(uint8_t type, uint32_t seconds)
{
	begin_reply(type, seconds);
	if (type != NAK)
		reply_number(&reply, 3, LAN_GATEWAY_IP);
	finish_reply();
}

static void receive_arp(uint16_t operation, uint32_t sender, uint32_t target)
{
	struct frame f;

	frame_arp(&f, operation, LAN_PEER_MAC, sender, no_mac, target);
	lan_receive(&lan, &f, 0);
	lan_run();
}

static void reach_probing(void)
{
	expect_query(DISCOVER);
	answer(OFFER, 1000);
	expect_query(REQUEST);
}

static void reach_bound(uint32_t seconds)
{
	reach_probing();
	answer(ACK, seconds);
	lan_wait_ms(7 * UNIT_MS);
	cr_assert_not_null(direct_lease(d));
}

/* Lets time pass until it asks its server, which must be asked for by ARP first: the renewal is unicast. */
static void reach_renewing(void)
{
	const struct frame *f;

	lan_forget(&lan);
	for (int seconds = 0; seconds < 1000; seconds++) {
		test_run_for_ns(NS_PER_S);
		f = lan_next(&lan);
		if (f && frame_16(f, 12) == 0x0806 && frame_32(f, 38) == SERVER)
			break;
	}
	receive_arp(2, SERVER, ADDRESS);
	expect_query(REQUEST);
}

static void expect_address(const char *text)
{
	char is[IP_TEXT_MAX];

	cr_expect_str_eq(ip_format(is, &direct_address(d)->addr), text);
}

static void expect_said(const char *what)
{
	cr_expect(strstr(test_console_text(), what), "not said: %s\n%s", what, test_console_text());
}

static bool answers_ping(uint32_t address)
{
	const struct frame *sent;
	struct frame f;

	receive_arp(1, LAN_PEER_IP, address);
	lan_forget(&lan);
	frame_ipv4(&f, 1, LAN_PEER_IP, address);
	frame_icmp(&f, 8, 0, 0, "x", 1);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	lan_run();
	sent = lan_next(&lan);
	return sent && sent->bytes[IP + 9] == 1 && sent->bytes[UDP] == 0;
}

Test(dhcp_client, gets_an_address_and_gives_it_to_the_stack)
{
	unsigned probes = 0;
	const struct frame *f;

	expect_query(DISCOVER);
	cr_expect_eq(query_from, 0);
	cr_expect_eq(query_to, UINT32_MAX);
	answer(OFFER, 1000);
	expect_query(REQUEST);
	cr_expect_eq(query_from, 0);
	answer(ACK, 1000);
	test_assert_pending(direct_ready(d));
	cr_expect_not(answers_ping(ADDRESS), "before anybody was asked whether it is free");
	lan_wait_ms(7 * UNIT_MS);
	test_assert_value(direct_ready(d), 0);
	while ((f = lan_next(&lan)))
		probes += frame_16(f, 12) == 0x0806 && frame_32(f, 28) == 0 && frame_32(f, 38) == ADDRESS;
	cr_expect_eq(probes, 3);
	cr_expect(answers_ping(ADDRESS));
	expect_address("10.0.0.50");
	cr_expect(heard.calls == 1 && heard.has);
	expect_said("lease ip=10.0.0.50/24 ");
	expect_said("route to=0.0.0.0/0 gw=10.0.0.1 error=0");
}

Test(dhcp_client, renews_without_a_word_when_nothing_changes)
{
	reach_bound(1000);
	for (int i = 0; i < 3; i++) {
		reach_renewing();
		cr_expect_eq(query_from, ADDRESS);
		cr_expect_eq(query_to, SERVER);
		begin_reply(ACK, 1000);
		reply_number(&reply, 3, LAN_GATEWAY_IP);
		reply_number(&reply, 58, 500); /* dnsmasq varies these */
		reply_number(&reply, 59, 875 + (uint32_t)i);
		finish_reply();
		cr_expect_eq(direct_lease(d)->rebind_s, 875 + i);
	}
	cr_expect_eq(heard.calls, 1);
}

static void expect_counters(const char *lines)
{
	struct slice text;

	cr_assert_eq(metrics_snapshot(d, &text), 0);
	cr_expect(strstr(text.data, lines), "%s", (const char *)text.data);
	storage_put(text.storage);
}

Test(dhcp_client, counts)
{
	reach_bound(1000);
	reach_renewing();
	answer(ACK, 1000);
	expect_counters("# TYPE virga_dhcp_out_messages_total counter\nvirga_dhcp_out_messages_total 3\n"
	                "# TYPE virga_dhcp_in_messages_total counter\nvirga_dhcp_in_messages_total 3\n");
	expect_counters("\nvirga_dhcp_bound_total 1\n# TYPE virga_dhcp_renewed_total counter\n"
	                "virga_dhcp_renewed_total 1\n");
	answer(OFFER, 1000); /* unsolicited */
	expect_counters("\nvirga_dhcp_in_ignored_total 1\n");
	expect_counters("\nvirga_dhcp_lost_total 0\n");
}

Test(dhcp_client, a_renewal_that_changes_something_is_told)
{
	reach_bound(1000);
	reach_renewing();
	begin_reply(ACK, 1000);
	reply_option(&reply, 6, "\x0a\0\0\x35", 4);
	finish_reply();
	cr_expect_eq(heard.calls, 2);
	cr_expect_eq(heard.lease.dns[0].family, IP_V4);
	cr_expect(answers_ping(ADDRESS));
}

Test(dhcp_client, a_connection_from_an_address_that_has_gone_fails)
{
	struct stack_connect op;
	struct endpoint to = { ip_v4(10, 0, 0, 9), 80 };

	reach_bound(100);
	direct_tcp_connect(d, &op, &to);
	test_run_for_ns(101 * NS_PER_S);
	cr_expect(promise_is_settled(&op.promise));
	cr_expect_null(direct_lease(d));
	expect_address("-");
	cr_expect(heard.calls == 2 && !heard.has);
	cr_expect_not(answers_ping(ADDRESS));
	expect_said("lost ip=10.0.0.50");
}

Test(dhcp_client, established_connections_end_with_their_address)
{
	struct stack_connect op;
	struct endpoint to = { ip_v4(10, 0, 0, 9), 80 };
	uint8_t syn_ack[20] = { 0, 80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x12, 0x20 };
	struct flow_read read;
	const struct frame *syn;
	struct frame f;

	reach_bound(1000);
	receive_arp(1, LAN_PEER_IP, ADDRESS);
	lan_forget(&lan);
	direct_tcp_connect(d, &op, &to);
	syn = lan_next(&lan);
	cr_assert(syn && syn->bytes[IP + 9] == 6);
	put_be16(syn_ack + 2, frame_16(syn, UDP));
	put_be32(syn_ack + 8, frame_32(syn, UDP + 4) + 1);
	frame_ipv4(&f, 6, LAN_PEER_IP, ADDRESS);
	frame_add(&f, syn_ack, sizeof(syn_ack));
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	lan_run();
	test_assert_value(&op.promise, 0);
	flow_read(op.flow, &read, 100);
	test_run_for_ns(1000 * NS_PER_S);
	test_assert_error(&read.promise, -EADDRNOTAVAIL);
	flow_close(op.flow);
}

Test(dhcp_client, a_conflict_is_declined)
{
	reach_probing();
	answer(ACK, 1000);
	lan_wait_ms(2 * UNIT_MS);
	receive_arp(2, ADDRESS, 0);
	expect_query(DECLINE);
	cr_expect_eq(query_from, 0);
	cr_expect_eq(query_number(&query, 50), ADDRESS);
	test_assert_pending(direct_ready(d));
	lan_wait_ms(9000);
	cr_expect_not(next_query());
	lan_wait_ms(3500);
	reach_bound(1000);
}

Test(dhcp_client, an_address_that_cannot_be_defended_is_given_up)
{
	reach_bound(1000);
	receive_arp(2, ADDRESS, ADDRESS);
	cr_expect_not_null(direct_lease(d));
	lan_wait_ms(3000);
	receive_arp(2, ADDRESS, ADDRESS);
	cr_expect_null(direct_lease(d));
	expect_query(DECLINE);
	cr_expect_eq(query_from, 0);
	cr_expect_not(answers_ping(ADDRESS));
	lan_wait_ms(12500);
	reach_bound(1000);
}

Test(dhcp_client, the_link_returns_to_another_network)
{
	reach_bound(1000);
	netdev_tell_returned(&lan.dev);
	lan_wait_ms(1);
	expect_query(REQUEST);
	cr_expect_eq(query_to, 0xffffffff);
	answer(NAK, 0);
	cr_expect_eq(direct_address(d)->addr.family, IP_NONE);
}

Test(dhcp_client, no_lets_the_address_go)
{
	reach_bound(1000);
	reach_renewing();
	answer(NAK, 0);
	cr_expect_null(direct_lease(d));
	cr_expect_not(answers_ping(ADDRESS));
	lan_wait_ms(2100);
	reach_bound(1000);
	cr_expect_eq(heard.calls, 3);
}

Test(dhcp_client, the_address_of_ip_is_asked_for_first)
{
	tear_down();
	begin("10.0.0.50/24");
	expect_query(REQUEST);
	cr_expect_eq(query_number(&query, 50), ADDRESS);
	cr_expect_eq(query_number(&query, 54), 0);
	answer(ACK, 1000);
	lan_wait_ms(7 * UNIT_MS);
	test_assert_value(direct_ready(d), 0);
}

Test(dhcp_client, the_mtu_is_honoured_where_it_can_be)
{
	static const struct {
		uint16_t said, is;
	} cases[] = { { 1400, 1400 }, { 576, 576 }, { 575, 1500 }, { 68, 1500 }, { 9000, 1500 }, { 0, 1500 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reach_probing();
		begin_reply(ACK, 100);
		reply_option(&reply, 26, (uint8_t[]){ (uint8_t)(cases[i].said >> 8), (uint8_t)cases[i].said }, 2);
		finish_reply();
		lan_wait_ms(7 * UNIT_MS);
		cr_expect_eq(lan.dev.mtu, cases[i].is, "%u: %u", cases[i].said, lan.dev.mtu);
		cr_expect_eq(direct_lease(d)->mtu, cases[i].said);
		direct_destroy(d);
		lan_forget(&lan);
		cr_expect_eq(lan.dev.mtu, 1500);
		begin(NULL);
	}
}

/* RFC 2132 §3.5 leaves this open: an address without a gateway is better than none. */
Test(dhcp_client, a_gateway_that_is_not_on_the_link_is_none)
{
	reach_probing();
	begin_reply(ACK, 1000);
	reply_number(&reply, 3, 0xc0a80001);
	finish_reply();
	lan_wait_ms(7 * UNIT_MS);
	cr_expect(answers_ping(ADDRESS));
	expect_said("to=0.0.0.0/0 gw=192.168.0.1 error=101");
}

/* The next hop of a packet to this address, by the ARP request. */
static uint32_t next_hop(uint32_t to)
{
	struct endpoint there = { { .family = IP_V4 }, 9 };
	const struct frame *f;

	put_be32(there.addr.bytes, to);
	lan_wait_ms(5000); /* earlier ARP requests expire */
	lan_forget(&lan);
	if (direct_udp_send(d, 0, &there, buf_alloc_header()) < 0)
		return 0;
	f = lan_next(&lan);
	return f && frame_16(f, 12) == 0x0806 ? frame_32(f, 38) : 1;
}

/* RFC 1122 §3.3.1.4: the first that is there, in the order of their list. */
Test(dhcp_client, a_router_that_is_silent_has_a_stand_in)
{
	reach_probing();
	begin_reply(ACK, 1000);
	reply_option(&reply, 3, "\x0a\0\0\1\x7f\0\0\1\x0a\0\0\xfe\xe0\0\0\1", 16); /* two of them cannot be */
	finish_reply();
	lan_wait_ms(7 * UNIT_MS);
	cr_expect_eq(next_hop(0x08080808), 0x0a000001);
	cr_expect_eq(next_hop(0x08080808), 0x0a0000fe, "the first has been asked in vain");
	cr_expect_eq(next_hop(0x08080808), 0x0a000001, "so has the second");
}

/* As in some clouds: a /32 address, whose gateway is reached by a route of its own. */
Test(dhcp_client, classless_routes_whatever_their_order)
{
	reach_probing();
	begin_reply(ACK, 1000);
	reply_number(&reply, 1, UINT32_MAX);
	memset(reply.bytes + 249, 0, 6); /* the netmask of 24: padding now */
	reply_option(&reply, 121, "\0\x0a\0\0\1" "\x20\x0a\0\0\1\0\0\0\0" "\x18\xc0\xa8\1\x0a\0\0\7", 22);
	reply_number(&reply, 3, LAN_GATEWAY_IP + 1);
	finish_reply();
	lan_wait_ms(7 * UNIT_MS);
	cr_expect_eq(next_hop(0x08080808), LAN_GATEWAY_IP);
	cr_expect_eq(next_hop(LAN_GATEWAY_IP), LAN_GATEWAY_IP);
	cr_expect_eq(next_hop(0xc0a80107), LAN_GATEWAY_IP, "its gateway is not on the link: refused");
	expect_said("to=192.168.1.0/24 gw=10.0.0.7 error=101");
}

Test(dhcp_client, says_that_nobody_answers)
{
	test_run_for_ns(60 * NS_PER_S);
	expect_said("no server answers asked=2");
	expect_said("no server answers asked=4");
}

Test(dhcp_client, pieces_strangers_and_rubbish)
{
	struct frame f;

	expect_query(DISCOVER);
	begin_reply(OFFER, 1000);
	reply_end(&reply);
	frame_ipv4(&f, 17, SERVER, UINT32_MAX);
	frame_udp(&f, 68, 68, reply.bytes, reply.len);
	memset(f.bytes, 255, 6);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	cr_expect_not(next_query(), "not from a server's port");
	frame_ipv4(&f, 17, SERVER, UINT32_MAX);
	frame_udp(&f, 67, 68, NULL, 0);
	memset(f.bytes, 255, 6);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	cr_expect_not(next_query());
	lan.pieces = 50; /* slices of a device are joined */
	answer(OFFER, 1000);
	lan.pieces = 0;
	expect_query(REQUEST);
}

static void create_and_destroy(void *arg)
{
	struct stack_config config = { .dhcp = true };
	unsigned *created = arg;
	struct direct *other;
	int error = direct_create(&other, &lan.dev, &config);

	cr_assert(error == 0 || error == -ENOMEM, "%d", error);
	if (error == 0) {
		lan_run();
		direct_destroy(other);
		++*created;
	}
	lan_forget(&lan);
}

Test(dhcp_client, without_memory)
{
	unsigned created = 0;

	direct_destroy(d);
	cr_expect_gt(test_alloc_fail_each(create_and_destroy, &created), 5);
	cr_expect_geq(created, 1);
	begin(NULL);
}

/* Without buffers no query is sent or lease kept; the next attempt works. */
Test(dhcp_client, without_buffers)
{
	struct buf *all = NULL, *b;

	while ((b = buf_alloc_header())) {
		b->queue = all;
		all = b;
	}
	cr_expect_not(next_query());
	while ((b = all)) {
		all = b->queue;
		buf_free(b);
	}
	lan_wait_ms(5000);
	reach_bound(1000);
}

Test(dhcp_client, goes_while_it_probes)
{
	reach_probing();
	answer(ACK, 1000);
	lan_wait_ms(2 * UNIT_MS);
}
