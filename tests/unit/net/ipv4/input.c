/* SPDX-License-Identifier: ISC */
/* The input checks of IPv4: RFC 1122's one by one, and every packet cut short. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define LOG_TAG "test"
#include "kernel/log.h"
#include "net/ipv4/ipv4.h"
#include "tests/lib/layers.h"
#include "tests/lib/test.h"

enum { PROTOCOL = 200, IP = 14 };

static struct {
	unsigned calls;
	uint32_t len;
	uint8_t bytes[64];
	struct ip_meta meta;
	uint8_t header[60];
} got;

static void take(void *arg, struct ip_meta *meta, struct buf *b)
{
	(void)arg;
	got.calls++;
	got.meta = *meta;
	memcpy(got.header, meta->header, meta->header_len);
	got.len = buf_length(b);
	buf_copy_out(b, 0, got.bytes, MIN(got.len, (uint32_t)sizeof(got.bytes)));
	buf_free(b);
}

static const struct ip_handler taker = { .input = take };

static void set_up(void)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };
	struct ip_addr gateway = ip_v4(10, 0, 0, 1);

	memset(&got, 0, sizeof(got));
	layers_create(0, 0);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, &gateway), 0);
	cr_assert_eq(ip_listen(ipv4_ip(ipv4), PROTOCOL, &taker), 0);
	lan_forget(&lan);
}

static void tear_down(void)
{
	ip_listen(ipv4_ip(ipv4), PROTOCOL, NULL);
	layers_destroy();
}

TestSuite(ipv4_input, .init = set_up, .fini = tear_down);

static void make(struct frame *f, size_t payload)
{
	static const uint8_t bytes[1480] = { 1, 2, 3 };

	frame_ipv4(f, PROTOCOL, LAN_PEER_IP, LAN_IP);
	frame_add(f, bytes, payload);
	frame_finish(f);
}

/* Received and delivered? */
static bool passes(const struct frame *f)
{
	unsigned before = got.calls;

	lan_receive(&lan, f, 0);
	return got.calls > before;
}

Test(ipv4_input, hands_up_what_the_header_says)
{
	struct ip_addr src = ip_v4(10, 0, 0, 9), dst = ip_v4(10, 0, 0, 2);
	struct frame f;

	make(&f, 10);
	f.bytes[IP + 1] = 0xb8 | 3;
	f.bytes[IP + 8] = 17;
	frame_finish(&f);
	cr_assert(passes(&f));
	cr_expect(ip_equal(&got.meta.src.addr, &src) && ip_equal(&got.meta.dst.addr, &dst));
	cr_expect(got.meta.protocol == PROTOCOL && got.meta.ttl == 17 && got.meta.ecn == 3);
	cr_expect(!got.meta.to_group && got.meta.header_len == 20 && got.meta.ip == ipv4_ip(ipv4));
	cr_expect_eq(memcmp(got.header, f.bytes + IP, 20), 0);
	cr_expect(got.len == 10 && got.bytes[0] == 1 && got.bytes[2] == 3);
	cr_expect_eq(ipv4_stats(ipv4)->in_delivers, 1);
}

Test(ipv4_input, padding_is_cut_off)
{
	struct frame f;

	make(&f, 5);
	frame_add(&f, "padding padding", 15);
	cr_assert(passes(&f));
	cr_expect_eq(got.len, 5);
	make(&f, 0);
	frame_add(&f, "padding padding", 15);
	cr_assert(passes(&f));
	cr_expect_eq(got.len, 0);
}

Test(ipv4_input, everything_cut_short)
{
	struct frame f;
	uint64_t errors;

	for (size_t len = 14; len < 14 + 20 + 40; len++) {
		make(&f, 40);
		f.len = len;
		errors = ipv4_stats(ipv4)->in_hdr_errors;
		cr_expect_not(passes(&f), "%zu bytes", len);
		cr_expect_eq(ipv4_stats(ipv4)->in_hdr_errors, errors + 1);
	}
	cr_expect_eq(ipv4_stats(ipv4)->in_truncated, 40);
}

Test(ipv4_input, versions_and_lengths)
{
	struct frame f;

	for (unsigned first = 0; first < 256; first++) {
		make(&f, 40);
		f.bytes[IP] = (uint8_t)first;
		frame_finish_header(&f);
		/* 0x46 and more: the payload's 1 2 3 is read as options, and 2 with length 3 is one */
		if (first == 0x45)
			cr_expect(passes(&f));
		else if (first >> 4 != 4 || (first & 15) < 5)
			cr_expect_not(passes(&f), "%02x", first);
		else
			passes(&f);
	}
	for (unsigned total = 0; total < 20; total++) {
		make(&f, 40);
		f.bytes[IP + 3] = (uint8_t)total;
		frame_finish_header(&f);
		cr_expect_not(passes(&f), "total length %u", total);
	}
	make(&f, 40);
	f.bytes[IP + 2] = 0xff;
	frame_finish_header(&f);
	cr_expect_not(passes(&f));
	/* a header longer than the packet that has it */
	frame_ipv4(&f, PROTOCOL, LAN_PEER_IP, LAN_IP);
	f.bytes[IP] = 0x4f;
	frame_finish_header(&f);
	cr_expect_not(passes(&f));
	frame_add(&f, (uint8_t[40]){ 1 }, 40);
	f.bytes[IP + 3] = 59;
	frame_finish_header(&f);
	cr_expect_not(passes(&f));
}

Test(ipv4_input, any_wrong_bit_in_the_header)
{
	struct frame f;

	for (unsigned bit = 0; bit < 160; bit++) {
		make(&f, 20);
		f.bytes[IP + bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_expect_not(passes(&f), "bit %u", bit);
	}
}

static bool passes_with_options(const void *options, size_t len)
{
	struct frame f;
	uint8_t padded[40] = { 0 };

	memcpy(padded, options, len);
	frame_ipv4(&f, PROTOCOL, LAN_PEER_IP, LAN_IP);
	f.bytes[IP] = (uint8_t)(0x45 + (len + 3) / 4);
	frame_add(&f, padded, ALIGN_UP(len, (size_t)4));
	frame_add(&f, "payload", 7);
	frame_finish(&f);
	return passes(&f) && got.len == 7 && memcmp(got.bytes, "payload", 7) == 0;
}

Test(ipv4_input, options_are_stepped_over_and_source_routes_refused)
{
	cr_expect(passes_with_options("\x01\x01\x01\x00", 4));
	cr_expect(passes_with_options("\x94\x04\x00\x00", 4), "router alert");
	cr_expect(passes_with_options("\x07\x0b\x04\0\0\0\0\0\0\0\0", 11), "record route");
	cr_expect(passes_with_options((const char[40]){ 0x44, 40, 5 }, 40), "time stamp");
	cr_expect(passes_with_options("\x00\x83\x03\x04", 4), "what follows the end is no option");
	cr_expect_not(passes_with_options("\x83\x07\x04\x01\x02\x03\x04", 7), "loose source route");
	cr_expect_not(passes_with_options("\x01\x89\x07\x04\x01\x02\x03\x04", 8), "strict source route");
	cr_expect_not(passes_with_options("\x94\x00\x00\x00", 4), "length 0");
	cr_expect_not(passes_with_options("\x94\x01\x00\x00", 4), "length 1");
	cr_expect_not(passes_with_options("\x94\x05\x00\x00", 4), "longer than the header");
	cr_expect_not(passes_with_options("\x01\x01\x01\x94", 4), "no length");
}

Test(ipv4_input, an_option_cut_off_by_the_end_of_memory)
{
	struct frame f;

	frame_ipv4(&f, PROTOCOL, LAN_PEER_IP, LAN_IP);
	f.bytes[IP] = 0x46;
	frame_add(&f, "\x01\x01\x01\x94", 4);
	frame_finish_header(&f);
	f.bytes[IP + 3] = 24;
	frame_finish_header(&f);
	cr_expect_not(passes(&f));
}

Test(ipv4_input, sources_that_no_host_can_have)
{
	static const uint32_t bad[] = {
		0, 0x00000001, 0x7f000001, 0xe0000001, 0xf0000000, 0xffffffff, 0x0a0000ff, LAN_IP,
	};
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		frame_ipv4(&f, PROTOCOL, bad[i], LAN_IP);
		frame_finish(&f);
		cr_expect_not(passes(&f), "%08x", bad[i]);
		cr_expect_eq(ipv4_stats(ipv4)->in_addr_errors, i + 1);
	}
}

Test(ipv4_input, destinations)
{
	static const uint32_t bad[] = {
		0, 0x7f000001, 0x0a000003, 0x0a000000, 0x0a0001ff, 0xe0000001, 0x08080808,
	};
	static const uint32_t broadcasts[] = { 0xffffffff, 0x0a0000ff };
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		frame_ipv4(&f, PROTOCOL, LAN_PEER_IP, bad[i]);
		frame_finish(&f);
		cr_expect_not(passes(&f), "%08x", bad[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(broadcasts); i++) {
		frame_ipv4(&f, PROTOCOL, LAN_PEER_IP, broadcasts[i]);
		frame_finish(&f);
		cr_expect(passes(&f) && got.meta.to_group, "%08x", broadcasts[i]);
	}
	frame_ipv4(&f, PROTOCOL, LAN_PEER_IP, LAN_IP);
	memcpy(f.bytes, LAN_BROADCAST, 6); /* RFC 1122 3.3.6: unicast in a link broadcast */
	frame_finish(&f);
	cr_expect_not(passes(&f));
	cr_expect_eq(lan_forget(&lan), 0, "an error was answered");
}

Test(ipv4_input, what_makes_a_fragment)
{
	static const uint16_t fragments[] = { 0x2000, 0x0001, 0x2001, 0x1ffd, 0x6000 };
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(fragments); i++) {
		make(&f, 16);
		f.bytes[IP + 6] = (uint8_t)(fragments[i] >> 8);
		f.bytes[IP + 7] = (uint8_t)fragments[i];
		frame_finish_header(&f);
		cr_expect_not(passes(&f), "%04x", fragments[i]);
		cr_expect_eq(ipv4_stats(ipv4)->reasm_reqds, i + 1);
	}
	make(&f, 16);
	f.bytes[IP + 6] = 0x40; /* "do not fragment" makes none; the evil bit (RFC 3514) neither */
	frame_finish_header(&f);
	cr_expect(passes(&f));
	f.bytes[IP + 6] = 0x80;
	frame_finish_header(&f);
	cr_expect(passes(&f));
}

Test(ipv4_input, unknown_protocols_are_refused_or_handled)
{
	const struct frame *answer;
	struct frame f;

	frame_ipv4(&f, 99, LAN_PEER_IP, LAN_IP);
	frame_add(&f, "what is this", 12);
	frame_finish(&f);
	cr_expect_not(passes(&f));
	cr_expect_eq(ipv4_stats(ipv4)->in_unknown_protos, 1);
	if (lan.count == 1) { /* who is it? */
		struct frame arp_answer;

		frame_arp(&arp_answer, 2, LAN_PEER_MAC, LAN_PEER_IP, LAN_MAC, LAN_IP);
		lan_next(&lan);
		lan_receive(&lan, &arp_answer, 0);
	}
	answer = lan_next(&lan);
	cr_assert(answer && frame_ipv4_is_right(answer));
	cr_expect(answer->bytes[IP + 20] == 3 && answer->bytes[IP + 21] == 2);
	cr_expect_eq(memcmp(answer->bytes + IP + 28, f.bytes + IP, 32), 0);
	ipv4_listen_other(ipv4, &taker);
	cr_expect(passes(&f) && got.meta.protocol == 99);
	cr_expect_eq(lan_forget(&lan), 0);
}

Test(ipv4_input, one_listener_per_protocol)
{
	struct ip *ip = ipv4_ip(ipv4);

	cr_expect_eq(ip_listen(ip, PROTOCOL, &taker), -EADDRINUSE);
	cr_expect_eq(ip_listen(ip, IP_ICMP, &taker), -EADDRINUSE);
	cr_expect_eq(ip_listen(ip, 201, &taker), 0);
	cr_expect_eq(ip_listen(ip, 202, &taker), 0);
	cr_expect_eq(ip_listen(ip, 203, &taker), -ENOBUFS);
	cr_expect_eq(ip_listen(ip, 203, NULL), 0);
	cr_expect_eq(ip_listen(ip, 201, NULL), 0);
	cr_expect_eq(ip_listen(ip, 203, &taker), 0);
	cr_expect_eq(ip_listen(ip, 202, NULL), 0);
	cr_expect_eq(ip_listen(ip, 203, NULL), 0);
}

/* Unicast from a DHCP server, before we have an address. */
static bool passes_unaddressed(uint32_t dst, const uint8_t *mac)
{
	struct frame f;

	frame_ipv4(&f, PROTOCOL, LAN_PEER_IP, dst);
	memcpy(f.bytes, mac, 6);
	frame_finish(&f);
	return passes(&f);
}

Test(ipv4_input, without_an_address_only_who_listens_so_hears)
{
	static const uint32_t never[] = { 0, 5, 0x7f000001, 0xe0000001, 0xf0000001 };

	ipv4_clear_address(ipv4);
	cr_expect_not(passes_unaddressed(LAN_IP, LAN_MAC));
	cr_expect(passes_unaddressed(0xffffffff, LAN_BROADCAST) && got.meta.to_group);
	cr_expect_not(passes_unaddressed(0x0a0000ff, LAN_BROADCAST), "no subnet, no broadcast of it");
	ipv4_listen_unaddressed(ipv4, true);
	cr_expect(passes_unaddressed(LAN_IP, LAN_MAC) && got.meta.to_group);
	cr_expect(passes_unaddressed(0xffffffff, LAN_BROADCAST) && got.meta.to_group);
	cr_expect_not(passes_unaddressed(LAN_IP, LAN_BROADCAST), "unicast in a link broadcast");
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		cr_expect_not(passes_unaddressed(never[i], LAN_MAC), "%08x", never[i]);
	cr_expect_eq(ipv4_set_address(ipv4, &(struct ip_prefix){ ip_v4(10, 0, 0, 3), 24 }, NULL), 0);
	cr_expect_not(passes_unaddressed(LAN_IP, LAN_MAC), "it has one now");
	cr_expect(passes_unaddressed(0x0a000003, LAN_MAC) && !got.meta.to_group);
}

Test(ipv4_input, without_an_address_nothing_is_answered)
{
	struct frame f;

	ipv4_clear_address(ipv4);
	ipv4_listen_unaddressed(ipv4, true);
	frame_ipv4(&f, IP_ICMP, LAN_PEER_IP, LAN_IP);
	frame_icmp(&f, 8, 0, 1, "ping", 4);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	frame_ipv4(&f, 99, LAN_PEER_IP, LAN_IP);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	cr_expect_eq(ipv4_stats(ipv4)->in_addr_errors, 0);
	cr_expect_eq(lan_forget(&lan), 0);
}

Test(ipv4_input, says_why_it_drops)
{
	struct frame f;

	log_level = LOG_DEBUG;
	test_console_clear();
	make(&f, 16);
	f.bytes[IP] = 0x55;
	lan_receive(&lan, &f, 0);
	cr_expect(strstr(test_console_text(), "ipv4: drop reason=\"a bad header\" bytes=36\n"));
	frame_ipv4(&f, 99, LAN_PEER_IP, LAN_IP);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	cr_expect(strstr(test_console_text(), "drop reason=\"a protocol that nobody wants\" src=0a000009 "
	                                      "dst=0a000002 protocol=99 bytes=20\n"));
}
