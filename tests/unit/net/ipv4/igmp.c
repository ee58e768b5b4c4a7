/* SPDX-License-Identifier: ISC */
/* Multicast groups: reports to routers, solicited and unsolicited, in the router's own version. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/ipv4/igmp.h"
#include "net/udp.h"
#include "tests/lib/layers.h"

enum { IP = 14, IGMP = 38, GROUP = 0xef010203, OTHER = 0xe0000105, ALL_HOSTS = 0xe0000001 };

static struct udp *udp;
static struct igmp_group group, second;
static unsigned received;

static struct ip_addr address(uint32_t a)
{
	return ip_v4((uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a);
}

static void take(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	struct ip_addr wanted = address(GROUP);

	(void)arg;
	(void)from;
	cr_expect(ip_equal(&to->addr, &wanted));
	received++;
	buf_free(b);
}

static void set_up(void)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };

	received = 0;
	layers_create(0, 0);
	cr_assert_eq(udp_create(&udp, ipv4_ip(ipv4)), 0);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, NULL), 0);
	cr_assert_eq(udp_listen(udp, 5353, take, NULL), 0);
	lan_wait_ms(3000);
	lan_forget(&lan);
}

static void tear_down(void)
{
	udp_destroy(udp);
	layers_destroy();
}

TestSuite(igmp, .init = set_up, .fini = tear_down);

static int join(struct igmp_group *g, uint32_t a)
{
	struct ip_addr addr = address(a);

	return igmp_join(ipv4, g, &addr);
}

/* The next message, which goes to dst and of which everything around is right; len of IGMP. */
static const struct frame *expect_message(uint32_t dst, size_t len)
{
	const struct frame *f = lan_next(&lan);

	cr_assert(f && frame_ipv4_is_right(f), "nothing was sent");
	cr_assert(f->bytes[IP] == 0x46 && f->bytes[IP + 8] == 1 && f->bytes[IP + 9] == 2);
	cr_assert_eq(frame_32(f, IP + 20), 0x94040000, "router alert");
	cr_assert(frame_32(f, IP + 12) == LAN_IP && frame_32(f, IP + 16) == dst, "to %08x", frame_32(f, IP + 16));
	cr_assert(frame_16(f, 0) == 0x0100 && frame_32(f, 2) == (0x5e000000 | (dst & 0x7fffff)));
	cr_assert_eq(f->len, IGMP + len);
	cr_assert_eq(frame_sum(f, IGMP, f->len, 0), 0xffff);
	return f;
}

/* A version 3 report of one record. */
static void expect_report(uint8_t type, uint32_t a)
{
	const struct frame *f = expect_message(0xe0000016, 16);

	cr_assert(f->bytes[IGMP] == 0x22 && frame_32(f, IGMP + 4) == 1);
	cr_assert_eq(f->bytes[IGMP + 8], type);
	cr_assert(frame_16(f, IGMP + 10) == 0 && frame_32(f, IGMP + 12) == a);
}

static void expect_older(uint8_t type, uint32_t dst, uint32_t a)
{
	const struct frame *f = expect_message(dst, 8);

	cr_assert_eq(f->bytes[IGMP], type);
	cr_assert_eq(frame_32(f, IGMP + 4), a);
}

static void expect_silence(uint32_t ms)
{
	lan_wait_ms(ms);
	cr_assert_eq(lan.count, 0);
}

/* Receives a router's message of len bytes: the eight given, and zeros. */
static void send_message(uint8_t type, uint8_t code, uint32_t a, size_t len, uint32_t dst)
{
	uint8_t m[64] = { type, code, 0, 0, (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8),
	                  (uint8_t)a };
	uint16_t sum;
	struct frame f;

	frame_ipv4(&f, IP_IGMP, LAN_PEER_IP, dst);
	frame_add(&f, m, len);
	frame_finish(&f);
	sum = (uint16_t)~frame_sum(&f, IP + 20, f.len, 0);
	if (len >= 4) {
		f.bytes[IP + 22] = (uint8_t)(sum >> 8);
		f.bytes[IP + 23] = (uint8_t)sum;
	}
	lan_receive(&lan, &f, 0);
}

static void query(uint8_t code, uint32_t a, size_t len)
{
	send_message(0x11, code, a, len, a ? a : ALL_HOSTS);
}

static void join_quietly(struct igmp_group *g, uint32_t a)
{
	cr_assert_eq(join(g, a), 0);
	lan_wait_ms(1001);
	lan_forget(&lan);
}

static void send_datagram(uint32_t dst)
{
	struct frame f;

	frame_ipv4(&f, IP_UDP, LAN_PEER_IP, dst);
	frame_udp(&f, 5353, 5353, "hello", 5);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
}

Test(igmp, only_members_receive)
{
	send_datagram(GROUP);
	cr_expect_eq(received, 0);
	join_quietly(&group, GROUP);
	send_datagram(GROUP);
	cr_expect_eq(received, 1);
	send_datagram(GROUP + 1);
	cr_expect_eq(received, 1);
	igmp_leave(ipv4, &group);
	send_datagram(GROUP);
	cr_expect_eq(received, 1);
	lan_forget(&lan);
}

Test(igmp, joining_and_leaving_is_said_twice)
{
	cr_assert_eq(join(&group, GROUP), 0);
	expect_report(4, GROUP);
	lan_wait_ms(1001);
	expect_report(4, GROUP);
	expect_silence(20000);
	join_quietly(&second, OTHER);
	igmp_leave(ipv4, &second);
	expect_report(3, OTHER);
	lan_wait_ms(1001);
	expect_report(3, OTHER);
	expect_silence(20000);
	igmp_leave(ipv4, &group); /* the last: at once, and nothing stays */
	expect_report(3, GROUP);
	expect_report(3, GROUP);
	expect_silence(20000);
}

Test(igmp, two_of_us_in_one_group)
{
	struct igmp_group third;

	join_quietly(&group, GROUP);
	cr_assert_eq(join(&second, GROUP), 0);
	expect_silence(3000);
	igmp_leave(ipv4, &group);
	expect_silence(3000);
	send_datagram(GROUP);
	cr_expect_eq(received, 1);
	query(10, GROUP, 12); /* the remaining member answers */
	lan_wait_ms(1001);
	expect_report(2, GROUP);
	join_quietly(&third, GROUP);
	query(10, GROUP, 12);
	lan_wait_ms(1001);
	expect_report(2, GROUP);
	expect_silence(3000);
	igmp_leave(ipv4, &third);
	expect_silence(3000);
	igmp_leave(ipv4, &second);
	expect_report(3, GROUP);
	lan_forget(&lan);
}

Test(igmp, not_a_group)
{
	struct ip_addr v6 = { IP_V6, { 0xff, 2 } };

	cr_expect_eq(join(&group, LAN_PEER_IP), -EINVAL);
	cr_expect_eq(join(&group, 0xffffffff), -EINVAL);
	cr_expect_eq(igmp_join(ipv4, &group, &v6), -EINVAL);
	cr_expect_eq(join(&group, ALL_HOSTS), 0); /* which is never spoken of */
	query(1, 0, 12);
	expect_silence(2000);
	igmp_leave(ipv4, &group);
	expect_silence(2000);
}

static int wanted_sum, places; /* addresses' ends, as often as they are wanted */

static int want(struct netdev *dev, const uint8_t mac[6], bool is_wanted)
{
	static const uint8_t prefix[] = { 1, 0, 0x5e };

	(void)dev;
	cr_assert(!memcmp(mac, prefix, sizeof(prefix)));
	if (is_wanted && !places)
		return -ENOBUFS;
	places += is_wanted ? -1 : 1;
	wanted_sum += (is_wanted ? 1 : -1) * mac[5];
	return 0;
}

Test(igmp, the_device_is_told_whose_frames_are_wanted)
{
	netdev_filter(&lan.dev, want);
	places = 3;
	cr_assert_eq(join(&group, GROUP), 0);
	cr_assert_eq(wanted_sum, 1 + 3, "224.0.0.1 and the group");
	cr_assert_eq(join(&second, OTHER), 0);
	cr_assert_eq(wanted_sum, 1 + 3 + 5);
	igmp_leave(ipv4, &group);
	cr_assert_eq(wanted_sum, 1 + 5);
	igmp_leave(ipv4, &second);
	cr_assert(wanted_sum == 0 && places == 3);
	for (places = 0; places < 2; places++) {
		cr_assert_eq(join(&group, GROUP), -ENOBUFS);
		cr_assert_eq(wanted_sum, 0);
	}
	lan_wait_ms(3000);
	lan_forget(&lan);
}

Test(igmp, queries_are_answered_after_a_while)
{
	unsigned early = 0;

	join_quietly(&group, GROUP);
	for (int i = 0; i < 20; i++) {
		query(100, 0, 12);
		query(100, 0, 12); /* one answer for both */
		lan_wait_ms(2500);
		early += lan.count;
		lan_wait_ms(7501);
		expect_report(2, GROUP);
		cr_assert_eq(lan.count, 0);
	}
	cr_expect(early > 0 && early < 20, "%u", early);
	query(100, GROUP, 12);
	lan_wait_ms(10001);
	expect_report(2, GROUP);
	query(100, OTHER, 12); /* not ours */
	expect_silence(10001);
	query(0x80, 0, 12); /* 12.8 s: RFC 3376 4.1.1 */
	lan_wait_ms(12801);
	expect_report(2, GROUP);
	query(10, GROUP, 32); /* about some sources: we take all */
	lan_wait_ms(1001);
	expect_report(2, GROUP);
	igmp_leave(ipv4, &group);
	lan_forget(&lan);
}

Test(igmp, many_groups_in_one_answer)
{
	struct igmp_group groups[12];
	const struct frame *f;

	for (uint32_t i = 0; i < 12; i++)
		join_quietly(&groups[i], GROUP + i / 2); /* six, each twice */
	join_quietly(&group, OTHER);
	join_quietly(&second, OTHER + 1);
	query(10, 0, 12);
	lan_wait_ms(1001);
	f = expect_message(0xe0000016, 8 + 8 * 8);
	cr_assert_eq(frame_32(f, IGMP + 4), 8);
	cr_assert_eq(lan.count, 0);
	for (uint32_t i = 0; i < 12; i++)
		igmp_leave(ipv4, &groups[i]);
	for (uint32_t i = 0; i < 12; i++)
		join_quietly(&groups[i], GROUP + i);
	query(10, 0, 12);
	lan_wait_ms(1001);
	f = expect_message(0xe0000016, 8 + 8 * 8);
	f = expect_message(0xe0000016, 8 + 6 * 8);
	cr_assert_eq(frame_32(f, IGMP + 4), 6);
	for (uint32_t i = 0; i < 12; i++)
		igmp_leave(ipv4, &groups[i]);
	igmp_leave(ipv4, &second);
	igmp_leave(ipv4, &group);
	lan_forget(&lan);
}

Test(igmp, an_older_router)
{
	join_quietly(&group, GROUP);
	query(100, 0, 8);
	lan_wait_ms(10001);
	expect_older(0x16, GROUP, GROUP);
	query(100, 0, 8);
	send_message(0x16, 0, GROUP, 8, GROUP); /* another member has said it */
	expect_silence(10001);
	cr_assert_eq(join(&second, OTHER), 0);
	expect_older(0x16, OTHER, OTHER);
	lan_wait_ms(1001);
	expect_older(0x16, OTHER, OTHER);
	igmp_leave(ipv4, &second);
	expect_older(0x17, 0xe0000002, OTHER);
	lan_wait_ms(1001);
	expect_older(0x17, 0xe0000002, OTHER);
	lan_wait_ms(260000); /* it has expired */
	query(10, 0, 12);
	lan_wait_ms(1001);
	expect_report(2, GROUP);
	query(0, 0, 8); /* the oldest */
	lan_wait_ms(10001);
	expect_older(0x12, GROUP, GROUP);
	igmp_leave(ipv4, &group);
	expect_silence(2000);
}

/* RFC 3376 §7.2.1: the oldest version present decides, and each is present for its own time. */
Test(igmp, older_routers_of_two_versions)
{
	join_quietly(&group, GROUP);
	query(0, 0, 8);
	lan_wait_ms(100000);
	expect_older(0x12, GROUP, GROUP);
	query(10, 0, 8);
	lan_wait_ms(1001);
	expect_older(0x12, GROUP, GROUP);
	lan_wait_ms(159000); /* the oldest has expired */
	query(10, 0, 12);
	lan_wait_ms(1001);
	expect_older(0x16, GROUP, GROUP);
	lan_wait_ms(100000);
	query(10, 0, 12);
	lan_wait_ms(1001);
	expect_report(2, GROUP);
	igmp_leave(ipv4, &group);
	lan_forget(&lan);
}

Test(igmp, messages_that_are_none)
{
	join_quietly(&group, GROUP);
	for (size_t len = 0; len < 12; len++)
		if (len != 8)
			query(1, 0, len);
	send_message(0x11, 1, 0, 12, LAN_IP);   /* to us alone */
	send_message(0x11, 1, 0, 12, GROUP);    /* about all, to some */
	send_message(0x11, 1, GROUP, 12, 0xef111111);
	send_message(0x99, 1, 0, 12, ALL_HOSTS);
	expect_silence(1000);
	for (unsigned bit = 0; bit < 96; bit++) {
		struct frame f;

		frame_ipv4(&f, IP_IGMP, LAN_PEER_IP, ALL_HOSTS);
		frame_add(&f, "\x11\x01\xee\xfe\0\0\0\0\0\0\0\0", 12);
		f.bytes[IP + 20 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		frame_finish(&f);
		lan_receive(&lan, &f, 0);
	}
	expect_silence(1000);
	cr_expect_eq(lan.held, 0);
	igmp_leave(ipv4, &group);
	lan_forget(&lan);
}

Test(igmp, without_memory)
{
	static const struct ip_handler none;
	struct buf *all = NULL, *b;

	while ((b = buf_alloc_header())) {
		b->queue = all;
		all = b;
	}
	cr_expect_eq(join(&group, GROUP), 0);
	query(1, 0, 12);
	expect_silence(2000);
	igmp_leave(ipv4, &group);
	while ((b = all)) {
		all = b->queue;
		buf_free(b);
	}
	ip_listen(ipv4_ip(ipv4), 201, &none);
	ip_listen(ipv4_ip(ipv4), 202, &none);
	cr_expect_eq(join(&group, GROUP), -ENOBUFS);
}
