/* SPDX-License-Identifier: ISC */
/* UDP: delivery of datagrams, invalid ones, and output. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define LOG_TAG "test"
#include "kernel/log.h"
#include "net/ipv4/ipv4.h"
#include "net/udp.h"
#include "tests/lib/lan.h"
#include "tests/lib/test.h"

enum { IP = 14, UDP = 34, DATA = 42 };

static struct lan lan;
static struct ethernet *ethernet;
static struct arp *arp;
static struct ipv4 *ipv4;
static struct udp *udp;
static struct {
	unsigned calls;
	uint32_t len;
	uint8_t bytes[64];
	struct endpoint from, to;
	int arg;
} got;
static int args[4] = { 0, 1, 2, 3 };

static void take(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	got.calls++;
	got.len = buf_length(b);
	got.from = *from;
	got.to = *to;
	got.arg = *(int *)arg;
	buf_copy_out(b, 0, got.bytes, MIN(got.len, (uint32_t)sizeof(got.bytes)));
	buf_free(b);
}

static int take_even_ports(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	if (to->port % 2)
		return -ECONNREFUSED;
	take(arg, b, from, to);
	return 0;
}

static void create(uint32_t features)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };
	struct frame f;

	memset(&got, 0, sizeof(got));
	lan_init(&lan, features);
	cr_assert_eq(ethernet_create(&ethernet, &lan.dev), 0);
	cr_assert_eq(arp_create(&arp, ethernet), 0);
	cr_assert_eq(ipv4_create(&ipv4, ethernet, arp), 0);
	cr_assert_eq(udp_create(&udp, ipv4_ip(ipv4)), 0);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, NULL), 0);
	lan_wait_ms(3000);
	frame_arp(&f, 1, LAN_PEER_MAC, LAN_PEER_IP, (const uint8_t[6]){ 0 }, LAN_IP);
	lan_receive(&lan, &f, 0);
	lan_forget(&lan);
}

static void set_up(void)
{
	create(0);
}

static void tear_down(void)
{
	udp_destroy(udp);
	ipv4_destroy(ipv4);
	arp_destroy(arp);
	ethernet_destroy(ethernet);
	lan_done(&lan);
}

TestSuite(udp, .init = set_up, .fini = tear_down);

static void make(struct frame *f, uint16_t port, const void *payload, size_t len)
{
	frame_ipv4(f, IP_UDP, LAN_PEER_IP, LAN_IP);
	frame_udp(f, 4000, port, payload, len);
	frame_finish(f);
}

static bool passes(const struct frame *f, uint8_t flags)
{
	unsigned before = got.calls;

	lan_receive(&lan, f, flags);
	return got.calls > before;
}

Test(udp, goes_to_the_port)
{
	struct ip_addr peer = ip_v4(10, 0, 0, 9), us = ip_v4(10, 0, 0, 2);
	struct frame f;

	cr_assert_eq(udp_listen(udp, 53, take, &args[1]), 0);
	cr_assert_eq(udp_listen(udp, 54, take, &args[2]), 0);
	make(&f, 53, "hello", 5);
	cr_expect(passes(&f, 0) && got.arg == 1 && got.len == 5 && !memcmp(got.bytes, "hello", 5));
	cr_expect(ip_equal(&got.from.addr, &peer) && got.from.port == 4000);
	cr_expect(ip_equal(&got.to.addr, &us) && got.to.port == 53);
	make(&f, 54, "", 0);
	cr_expect(passes(&f, 0) && got.arg == 2 && got.len == 0);
	udp_unlisten(udp, 53);
	udp_unlisten(udp, 99);
	make(&f, 53, "hello", 5);
	cr_expect_not(passes(&f, 0));
	cr_expect(udp_stats(udp)->in_datagrams == 2 && udp_stats(udp)->no_ports == 1);
}

Test(udp, listeners)
{
	cr_expect_eq(udp_listen(udp, 0, take, &args[0]), -EINVAL);
	for (uint16_t port = 1; port <= CONFIG_UDP_LISTENERS; port++)
		cr_expect_eq(udp_listen(udp, port, take, &args[0]), 0);
	cr_expect_eq(udp_listen(udp, 1, take, &args[0]), -EADDRINUSE);
	cr_expect_eq(udp_listen(udp, 100, take, &args[0]), -ENOBUFS);
	udp_unlisten(udp, 1);
	cr_expect_eq(udp_listen(udp, 100, take, &args[0]), 0);
}

Test(udp, port_zero_is_nobody)
{
	struct frame f;

	make(&f, 0, "x", 1);
	cr_expect_not(passes(&f, 0));
	cr_expect_eq(udp_stats(udp)->no_ports, 1);
}

Test(udp, checksums)
{
	struct frame f;

	udp_listen(udp, 53, take, &args[0]);
	for (unsigned bit = 0; bit < 13 * 8; bit++) {
		make(&f, 53, "hello", 5);
		f.bytes[UDP + bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_expect_not(passes(&f, 0), "bit %u", bit);
	}
	cr_expect_eq(udp_stats(udp)->in_errors, 13 * 8);
	make(&f, 53, "hello", 5);
	f.bytes[IP + 19] ^= 4; /* the pseudo header counts */
	frame_finish_header(&f);
	cr_expect_not(passes(&f, 0));
	make(&f, 53, "hello", 5);
	f.bytes[UDP + 6] = f.bytes[UDP + 7] = 0; /* none */
	cr_expect(passes(&f, 0));
	f.bytes[UDP + 6] = 0x55;
	cr_expect(passes(&f, BUF_CSUM_VALID), "the device has seen to it");
	cr_expect(passes(&f, BUF_CSUM_PARTIAL), "it never left the host");
}

Test(udp, lengths)
{
	struct frame f;

	udp_listen(udp, 53, take, &args[0]);
	for (unsigned len = 0; len < 30; len++) {
		make(&f, 53, "hello world", 11);
		f.bytes[UDP + 4] = 0;
		f.bytes[UDP + 5] = (uint8_t)len;
		f.bytes[UDP + 6] = f.bytes[UDP + 7] = 0;
		cr_expect_eq(passes(&f, 0), len >= 8 && len <= 19, "%u", len);
		if (len >= 8 && len <= 19)
			cr_expect_eq(got.len, len - 8);
	}
	for (size_t len = 0; len < 8; len++) {
		make(&f, 53, "", 0);
		f.len = UDP + len;
		f.bytes[IP + 3] = (uint8_t)(20 + len);
		frame_finish_header(&f);
		cr_expect_not(passes(&f, 0));
	}
}

Test(udp, nobody_there)
{
	const struct frame *answer;
	struct frame f;

	make(&f, 53, "hello world", 11);
	cr_expect_not(passes(&f, 0));
	answer = lan_next(&lan);
	cr_assert(answer && frame_ipv4_is_right(answer));
	cr_expect(answer->bytes[UDP] == 3 && answer->bytes[UDP + 1] == 3);
	cr_expect_eq(memcmp(answer->bytes + UDP + 8, f.bytes + IP, 28), 0);
	memset(f.bytes + IP + 16, 255, 4);
	memcpy(f.bytes, LAN_BROADCAST, 6);
	frame_finish(&f);
	cr_expect_not(passes(&f, 0));
	cr_expect_eq(lan_forget(&lan), 0, "a broadcast was answered");
}

Test(udp, somebody_for_all_other_ports)
{
	struct frame f;

	udp_listen(udp, 53, take, &args[1]);
	udp_listen_other(udp, take_even_ports, &args[3]);
	make(&f, 1000, "hello", 5);
	cr_expect(passes(&f, 0) && got.arg == 3 && got.len == 5);
	make(&f, 53, "hello", 5);
	cr_expect(passes(&f, 0) && got.arg == 1);
	make(&f, 1001, "hello", 5);
	cr_expect_not(passes(&f, 0));
	cr_expect_eq(lan_forget(&lan), 1, "declined, so told");
	udp_listen_other(udp, NULL, NULL);
	make(&f, 1000, "hello", 5);
	cr_expect_not(passes(&f, 0));
}

static int send_to(uint32_t dst, uint16_t from_port, uint16_t port, uint32_t len)
{
	static const uint8_t bytes[66000] = "payload";
	const uint8_t addr[] = { (uint8_t)(dst >> 24), (uint8_t)(dst >> 16), (uint8_t)(dst >> 8), (uint8_t)dst };
	struct endpoint to = { ip_v4(addr[0], addr[1], addr[2], addr[3]), port };

	return udp_send(udp, from_port, &to, buf_alloc_slice(NULL, bytes, len));
}

Test(udp, sends)
{
	const struct frame *f;

	cr_expect_eq(send_to(LAN_PEER_IP, 53, 4000, 7), 0);
	f = lan_next(&lan);
	cr_assert(f && frame_ipv4_is_right(f) && frame_16(f, UDP + 6) != 0);
	cr_expect(frame_16(f, UDP) == 53 && frame_16(f, UDP + 2) == 4000 && frame_16(f, UDP + 4) == 15);
	cr_expect_eq(memcmp(f->bytes + DATA, "payload", 7), 0);
	cr_expect_eq(send_to(LAN_PEER_IP, 53, 4000, 0), 0);
	f = lan_next(&lan);
	cr_expect(frame_ipv4_is_right(f) && f->len == DATA);
	cr_expect_eq(send_to(LAN_PEER_IP, 53, 4000, 1472), 0);
	f = lan_next(&lan);
	cr_expect(frame_ipv4_is_right(f) && f->len == 1514);
	cr_expect_eq(send_to(LAN_PEER_IP, 53, 0, 7), -EINVAL);
	cr_expect_eq(send_to(0x08080808, 53, 4000, 7), -ENETUNREACH);
	cr_expect(udp_stats(udp)->out_datagrams == 3 && udp_stats(udp)->out_errors == 2);
}

Test(udp, sends_in_pieces)
{
	cr_expect_eq(send_to(LAN_PEER_IP, 53, 4000, 1473), 0);
	cr_expect_eq(lan_forget(&lan), 2);
	cr_expect_eq(send_to(LAN_PEER_IP, 53, 4000, 65507), 0); /* the longest: RFC 768 over RFC 791 */
	cr_expect_eq(lan_forget(&lan), 45);
	for (uint32_t len = 65508; len < 65536; len += 7)
		cr_expect_eq(send_to(LAN_PEER_IP, 53, 4000, len), -EMSGSIZE, "%u", len);
	cr_expect_eq(lan_forget(&lan), 0);
}

Test(udp, sends_from_a_free_port)
{
	unsigned different = 0;
	uint16_t last = 0, port;

	for (int i = 0; i < 50; i++) {
		send_to(LAN_PEER_IP, 0, 4000, 1);
		port = frame_16(lan_next(&lan), UDP);
		cr_expect_geq(port, 49152);
		different += port != last;
		last = port;
	}
	cr_expect_gt(different, 45);
}

Test(udp, a_checksum_of_zero_is_sent_as_its_other_form)
{
	/* two bytes of payload that make the sum all ones */
	uint32_t sum = 0x0a00 + 0x0002 + 0x0a00 + 0x0009 + 17 + 10 + 53 + 4000 + 10;
	struct endpoint to = { ip_v4(10, 0, 0, 9), 4000 };
	uint16_t filler = (uint16_t)(0xffff - (sum % 0xffff));
	uint8_t bytes[2] = { (uint8_t)(filler >> 8), (uint8_t)filler };
	const struct frame *f;

	cr_expect_eq(udp_send(udp, 53, &to, buf_alloc_slice(NULL, bytes, 2)), 0);
	f = lan_next(&lan);
	cr_expect(frame_ipv4_is_right(f));
	cr_expect_eq(frame_16(f, UDP + 6), 0xffff);
}

Test(udp, many_destinations_and_a_new_address)
{
	struct ip_prefix moved = { ip_v4(10, 0, 0, 77), 24 };
	struct frame f;

	frame_arp(&f, 1, (const uint8_t[]){ 2, 0, 0, 0, 0, 8 }, LAN_PEER_IP - 1, (const uint8_t[6]){ 0 }, LAN_IP);
	lan_receive(&lan, &f, 0);
	lan_forget(&lan);
	for (uint32_t i = 0; i < 6; i++) {
		send_to(LAN_PEER_IP - i % 2, 53, 4000, 7);
		f = *lan_next(&lan);
		cr_expect(frame_ipv4_is_right(&f) && frame_32(&f, IP + 16) == LAN_PEER_IP - i % 2);
		cr_expect_eq(f.bytes[5], 9 - i % 2);
	}
	ipv4_set_address(ipv4, &moved, NULL);
	lan_forget(&lan);
	send_to(LAN_PEER_IP - 1, 53, 4000, 7);
	f = *lan_next(&lan);
	cr_expect(frame_ipv4_is_right(&f) && frame_32(&f, IP + 12) == 0x0a00004d);
}

Test(udp, to_ourselves_and_nobody_there)
{
	struct frame f;

	udp_listen(udp, 53, take, &args[1]);
	cr_expect_eq(send_to(LAN_IP, 4000, 53, 7), 0);
	lan_run();
	cr_expect(got.calls == 1 && got.len == 7 && !memcmp(got.bytes, "payload", 7));
	cr_expect_eq(send_to(LAN_IP, 4000, 54, 7), 0); /* its ICMP error comes to us, too, and has no effect */
	lan_run();
	cr_expect(udp_stats(udp)->no_ports == 1 && ipv4_stats(ipv4)->icmp_in_msgs == 1);
	make(&f, 53, "hello", 5);
	cr_expect(passes(&f, 0));
}

Test(udp, one_per_ip)
{
	struct udp *second;

	cr_expect_eq(udp_create(&second, ipv4_ip(ipv4)), -EADDRINUSE);
}

Test(udp, no_buffer)
{
	static const uint8_t byte;
	struct endpoint to = { ip_v4(10, 0, 0, 9), 4000 };
	struct buf *all = NULL, *b;

	while ((b = buf_alloc_header())) {
		b->queue = all;
		all = b;
	}
	cr_expect_eq(udp_send(udp, 53, &to, buf_alloc_slice(NULL, &byte, 1)), -ENOBUFS);
	while ((b = all)) {
		all = b->queue;
		buf_free(b);
	}
}

Test(udp, from_where_it_was_asked)
{
	struct endpoint to = { ip_v4(10, 0, 0, 9), 4000 }, second = { ip_v4(10, 0, 0, 3), 53 };
	struct endpoint chosen = { .port = 53 }, other = { ip_v4(10, 0, 0, 4), 53 };
	struct ip_prefix prefix = { second.addr, 24 };
	static const uint32_t expected[] = { LAN_IP, 0x0a000003, 0x0a000003, LAN_IP, LAN_IP };
	const struct endpoint *from[] = { &chosen, &second, &second, &chosen, &chosen };

	cr_assert_eq(ipv4_add_address(ipv4, &prefix), 0);
	lan_wait_ms(3000);
	lan_forget(&lan);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		cr_expect_eq(udp_send_from(udp, from[i], &to, buf_alloc_slice(NULL, "x", 1)), 0);
		cr_expect_eq(frame_32(lan_next(&lan), IP + 12), expected[i], "%zu", i);
	}
	cr_expect_eq(udp_send_from(udp, &other, &to, buf_alloc_slice(NULL, "x", 1)), -EADDRNOTAVAIL);
	cr_expect_eq(send_to(LAN_PEER_IP, 53, 4000, 1), 0);
	cr_expect_eq(frame_32(lan_next(&lan), IP + 12), LAN_IP);
}

/* RFC 1122 §4.1.4: for all datagrams from a port with a listener, to any destination. */
Test(udp, the_header_is_the_applications)
{
	static const struct { uint16_t port; uint32_t to; uint8_t ttl, tos; } sent[] = {
		{ 53, LAN_PEER_IP, 9, 46 << 2 }, { 54, LAN_PEER_IP, 64, 0 }, { 0, LAN_PEER_IP, 64, 0 },
		{ 53, 0xe0000005, 9, 46 << 2 }, { 54, 0xe0000005, 1, 0 },
	};
	int32_t value;

	cr_assert_eq(udp_listen(udp, 53, take, &args[0]), 0);
	cr_assert_eq(udp_listen(udp, 54, take, &args[0]), 0);
	cr_expect(udp_get(udp, 53, STACK_TTL, &value) == 0 && value == 64);
	cr_expect_eq(udp_set(udp, 53, STACK_TTL, 9), 0);
	cr_expect_eq(udp_set(udp, 53, STACK_DSCP, 46), 0);
	cr_expect(udp_get(udp, 53, STACK_TTL, &value) == 0 && value == 9);
	cr_expect(udp_get(udp, 53, STACK_DSCP, &value) == 0 && value == 46);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		const struct frame *f;

		cr_expect_eq(send_to(sent[i].to, sent[i].port, 4000, 3), 0);
		f = lan_next(&lan);
		cr_assert(f && frame_ipv4_is_right(f), "%zu", i);
		cr_expect(f->bytes[IP + 8] == sent[i].ttl && f->bytes[IP + 1] == sent[i].tos, "%zu", i);
	}
	cr_expect_eq(udp_set(udp, 53, STACK_TTL, 0), -EINVAL);
	cr_expect_eq(udp_set(udp, 53, STACK_TTL, 256), -EINVAL);
	cr_expect_eq(udp_set(udp, 53, STACK_DSCP, -1), -EINVAL);
	cr_expect_eq(udp_set(udp, 53, STACK_DSCP, 64), -EINVAL);
	cr_expect_eq(udp_set(udp, 53, STACK_MSS, 100), -ENOPROTOOPT);
	cr_expect_eq(udp_get(udp, 53, STACK_MSS, &value), -ENOPROTOOPT);
	cr_expect(udp_set(udp, 55, STACK_TTL, 9) == -ENOTCONN && udp_set(udp, 0, STACK_TTL, 9) == -ENOTCONN);
	cr_expect_eq(udp_get(udp, 55, STACK_TTL, &value), -ENOTCONN);
	cr_expect_eq(udp_get(udp, 0, STACK_TTL, &value), -ENOTCONN);
	udp_unlisten(udp, 53);
	cr_assert_eq(udp_listen(udp, 53, take, &args[0]), 0);
	cr_expect(udp_get(udp, 53, STACK_DSCP, &value) == 0 && value == 0, "whoever listens next begins anew");
}

static struct {
	unsigned calls;
	int error;
	struct endpoint from, to;
} failed;

static void hear(void *arg, int error, const struct endpoint *from, const struct endpoint *to)
{
	failed.calls++;
	failed.error = error;
	failed.from = *from;
	failed.to = *to;
	cr_expect_eq(arg, &args[3]);
}

Test(udp, errors_are_told)
{
	struct ip_addr us = ip_v4(10, 0, 0, 2), them = ip_v4(10, 0, 0, 9);
	struct frame quoted, f;

	frame_ipv4(&quoted, IP_UDP, LAN_IP, LAN_PEER_IP);
	frame_udp(&quoted, 5000, 53, "question", 8);
	frame_finish(&quoted);
	frame_ipv4(&f, IP_ICMP, LAN_PEER_IP, LAN_IP);
	frame_icmp(&f, 3, 3, 0, quoted.bytes + IP, 28);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	udp_listen_errors(udp, hear, &args[3]);
	lan_receive(&lan, &f, 0);
	cr_expect(failed.calls == 1 && failed.error == -ECONNREFUSED);
	cr_expect(failed.from.port == 5000 && ip_equal(&failed.from.addr, &us));
	cr_expect(failed.to.port == 53 && ip_equal(&failed.to.addr, &them));
	udp_listen_errors(udp, NULL, NULL);
	lan_receive(&lan, &f, 0);
	cr_expect_eq(failed.calls, 1);
}

Test(udp, says_why_it_drops)
{
	struct frame f;

	log_level = LOG_DEBUG;
	test_console_clear();
	make(&f, 99, "hello", 5);
	lan_receive(&lan, &f, 0);
	cr_expect(strstr(test_console_text(), "drop reason=\"nobody listens\" from=10.0.0.9:4000 port=99\n"));
	f.bytes[DATA] ^= 1;
	lan_receive(&lan, &f, 0);
	cr_expect(strstr(test_console_text(), "udp: drop reason=\"a bad header or checksum\" from=10.0.0.9:0"));
}
