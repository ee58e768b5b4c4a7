/* SPDX-License-Identifier: ISC */
/* ICMP: echoes are answered unchanged, errors reach the protocol that they concern, and no packet makes us
 * flood others. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "kernel/log.h"
#include "net/ipv4/ipv4.h"
#include "tests/lib/clock.h"
#include "tests/lib/layers.h"
#include "tests/lib/test.h"

enum { PROTOCOL = 200, IP = 14, ICMP = 34 };

static struct {
	unsigned calls;
	struct ip_error error;
	uint8_t quoted[64];
} heard;

static void hear(void *arg, struct ip_error *error)
{
	(void)arg;
	heard.calls++;
	heard.error = *error;
	memcpy(heard.quoted, error->quoted, MIN(error->quoted_len, sizeof(heard.quoted)));
}

static void take(void *arg, struct ip_meta *meta, struct buf *b)
{
	(void)arg;
	(void)meta;
	buf_free(b);
}

static const struct ip_handler handler = { .input = take, .error = hear };
static const struct ip_handler deaf = { .input = take };

static void set_up(void)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };

	memset(&heard, 0, sizeof(heard));
	layers_create(0, 0);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, NULL), 0);
	cr_assert_eq(ip_listen(ipv4_ip(ipv4), PROTOCOL, &handler), 0);
	lan_wait_ms(3000);
	layers_meet_peer();
}

static void tear_down(void)
{
	layers_destroy();
}

TestSuite(icmp, .init = set_up, .fini = tear_down);

static void make_echo(struct frame *f, size_t payload)
{
	static uint8_t bytes[1472];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	frame_ipv4(f, IP_ICMP, LAN_PEER_IP, LAN_IP);
	frame_icmp(f, 8, 0, 0x12345678, bytes, payload);
	frame_finish(f);
}

Test(icmp, echoes_every_length)
{
	static const size_t lengths[] = { 0, 1, 2, 55, 56, 57, 100, 1471, 1472 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		const struct frame *answer;
		struct frame f;

		make_echo(&f, lengths[i]);
		lan_receive(&lan, &f, 0);
		answer = lan_next(&lan);
		cr_assert(answer && frame_ipv4_is_right(answer), "%zu bytes", lengths[i]);
		cr_expect_eq(answer->len, f.len);
		cr_expect(frame_32(answer, IP + 12) == LAN_IP && frame_32(answer, IP + 16) == LAN_PEER_IP);
		cr_expect(answer->bytes[ICMP] == 0 && answer->bytes[ICMP + 1] == 0);
		cr_expect_eq(memcmp(answer->bytes + ICMP + 4, f.bytes + ICMP + 4, lengths[i] + 4), 0);
		cr_expect_eq(memcmp(answer->bytes, LAN_PEER_MAC, 6), 0);
	}
	cr_expect_eq(lan.held, 0);
}

Test(icmp, echoes_the_very_bytes)
{
	struct buf_stats before, after;
	struct frame f;

	make_echo(&f, 1000);
	buf_stats(&before);
	lan_receive(&lan, &f, 0);
	buf_stats(&after);
	/* one header, and the slice that it came in: there was nowhere to copy to */
	cr_expect_leq(after.headers_peak, MAX(before.headers_peak, (size_t)1));
	cr_expect_eq((uintptr_t)lan_next(&lan)->last_slice % 4096, (uintptr_t)(4096 - 1008 % 4096) % 4096);
}

Test(icmp, silent_where_an_answer_would_harm)
{
	struct frame f;

	make_echo(&f, 56); /* to everybody: smurf (RFC 1122 3.2.2.6 lets us) */
	memcpy(f.bytes, LAN_BROADCAST, 6);
	memset(f.bytes + IP + 16, 255, 4);
	frame_finish_header(&f);
	lan_receive(&lan, &f, 0);
	make_echo(&f, 56);
	f.bytes[ICMP + 20] ^= 1;
	lan_receive(&lan, &f, 0);
	lan_receive(&lan, &f, BUF_CSUM_VALID); /* devices speak of TCP and UDP only */
	cr_expect_eq(ipv4_stats(ipv4)->icmp_in_errors, 2);
	for (size_t len = 0; len < 8; len++) {
		make_echo(&f, 0);
		f.len = ICMP + len;
		frame_finish(&f);
		lan_receive(&lan, &f, 0);
	}
	cr_expect_eq(ipv4_stats(ipv4)->icmp_in_errors, 10);
	for (unsigned type = 1; type < 256; type++) {
		if (type == 8)
			continue;
		make_echo(&f, 56);
		f.bytes[ICMP] = (uint8_t)type;
		frame_finish(&f);
		lan_receive(&lan, &f, 0);
	}
	cr_expect_eq(lan_forget(&lan), 0);
	cr_expect_eq(heard.calls, 0);
}

Test(icmp, no_buffer_no_answer)
{
	struct buf *all = NULL, *b;
	struct frame f;

	while ((b = buf_alloc_header())) {
		b->queue = all;
		all = b;
	}
	make_echo(&f, 56);
	lan_receive(&lan, &f, 0);
	frame_ipv4(&f, 99, LAN_PEER_IP, LAN_IP);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	cr_expect_eq(lan.held, 0);
	cr_expect_eq(ipv4_stats(ipv4)->icmp_out_errors, 1);
	while ((b = all)) {
		all = b->queue;
		buf_free(b);
	}
}

/* An error about a packet of ours, quoting it; spoilt by the caller before it is finished. */
static void make_error(struct frame *f, uint8_t type, uint8_t code, uint32_t rest)
{
	struct frame quoted;

	frame_ipv4(&quoted, PROTOCOL, LAN_IP, 0x08080808);
	frame_add(&quoted, "abcdefghijkl", 12);
	frame_finish(&quoted);
	frame_ipv4(f, IP_ICMP, LAN_PEER_IP, LAN_IP);
	frame_icmp(f, type, code, rest, quoted.bytes + IP, quoted.len - IP);
}

static bool is_heard(struct frame *f)
{
	unsigned before = heard.calls;

	frame_finish(f);
	lan_receive(&lan, f, 0);
	return heard.calls > before;
}

Test(icmp, errors_reach_the_protocol)
{
	static const struct {
		uint8_t type, code;
		int error;
	} cases[] = {
		{ 3, 0, -ENETUNREACH }, { 3, 1, -EHOSTUNREACH }, { 3, 2, -ECONNREFUSED }, { 3, 3, -ECONNREFUSED },
		{ 3, 4, -EMSGSIZE }, { 3, 5, -EHOSTUNREACH }, { 3, 6, -ENETUNREACH }, { 3, 7, -EHOSTUNREACH },
		{ 3, 9, -EACCES }, { 3, 10, -EACCES }, { 3, 11, -ENETUNREACH }, { 3, 12, -EHOSTUNREACH },
		{ 3, 13, -EACCES }, { 3, 15, -EACCES }, { 3, 16, 0 }, { 3, 255, 0 }, { 11, 0, -ETIMEDOUT },
		{ 11, 1, -ETIMEDOUT }, { 12, 0, -EPROTO }, { 4, 0, 0 }, { 5, 0, 0 }, { 5, 1, 0 }, { 0, 0, 0 },
	};
	struct ip_addr us = ip_v4(10, 0, 0, 2), them = ip_v4(8, 8, 8, 8);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f;

		make_error(&f, cases[i].type, cases[i].code, 30);
		cr_expect_eq(is_heard(&f), cases[i].error < 0, "%u %u", cases[i].type, cases[i].code);
		if (cases[i].error == 0)
			continue;
		cr_expect_eq(heard.error.error, cases[i].error, "%u %u", cases[i].type, cases[i].code);
		cr_expect_eq(heard.error.mtu, cases[i].error == -EMSGSIZE ? 30 : 0);
		cr_expect(ip_equal(&heard.error.src.addr, &us) && ip_equal(&heard.error.dst.addr, &them));
		cr_expect(heard.error.quoted_len == 12 && !memcmp(heard.quoted, "abcdefghijkl", 12));
		cr_expect_not(heard.error.local);
	}
	cr_expect_eq(lan_forget(&lan), 0, "an error was answered");
}

Test(icmp, routers_that_do_not_say_what_fits)
{
	static const struct {
		uint16_t said, quoted, mtu;
	} cases[] = {
		{ 1400, 1500, 1400 }, { 0, 1500, 1492 }, { 1500, 1500, 1492 }, { 9000, 1500, 1492 }, { 68, 1500, 68 },
		{ 0, 1492, 1006 }, { 0, 1006, 508 }, { 0, 508, 296 }, { 0, 296, 68 }, { 0, 68, 68 }, { 0, 28, 68 },
		{ 0, 65535, 32000 }, { 0, 9000, 8166 }, { 0, 0, 68 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f;

		make_error(&f, 3, 4, cases[i].said);
		f.bytes[ICMP + 8 + 2] = (uint8_t)(cases[i].quoted >> 8);
		f.bytes[ICMP + 8 + 3] = (uint8_t)cases[i].quoted;
		cr_expect(is_heard(&f));
		cr_expect_eq(heard.error.mtu, cases[i].mtu, "case %zu: %u", i, heard.error.mtu);
	}
}

Test(icmp, errors_about_nothing_of_ours)
{
	enum { QUOTE = ICMP + 8 };
	static const struct {
		size_t at;
		uint8_t value;
	} spoil[] = {
		{ QUOTE, 0x55 }, { QUOTE, 0x44 }, { QUOTE, 0x4f }, { QUOTE + 15, 3 }, { QUOTE + 6, 0x00 },
		{ QUOTE + 9, 99 },
	};
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		make_error(&f, 3, 3, 0);
		f.bytes[spoil[i].at] = spoil[i].value;
		if (spoil[i].at == QUOTE + 6)
			f.bytes[QUOTE + 7] = 1; /* a later fragment */
		cr_expect_not(is_heard(&f), "case %zu", i);
	}
	for (size_t len = ICMP + 8; len < QUOTE + 20 + 8; len++) {
		make_error(&f, 3, 3, 0);
		f.len = len;
		cr_expect_not(is_heard(&f), "%zu bytes", len);
	}
	make_error(&f, 3, 3, 0);
	f.len = QUOTE + 20 + 8;
	cr_expect(is_heard(&f));
	make_error(&f, 3, 3, 0);
	memcpy(f.bytes, LAN_BROADCAST, 6);
	memset(f.bytes + IP + 16, 255, 4);
	cr_expect_not(is_heard(&f), "to everybody");
	ip_listen(ipv4_ip(ipv4), PROTOCOL, NULL);
	ip_listen(ipv4_ip(ipv4), PROTOCOL, &deaf);
	make_error(&f, 3, 3, 0);
	cr_expect_not(is_heard(&f));
}

/* A redirect (RFC 1122 §3.2.2.2; RFC 6274 lets hosts ignore it), a source quench (RFC 6633), an
 * unsolicited answer: they are logged, and not passed to protocols. */
Test(icmp, what_is_of_no_use_is_dropped_with_a_word)
{
	static const uint8_t types[] = { 0, 4, 5, 13, 17, 255 };
	uint64_t errors = ipv4_stats(ipv4)->icmp_in_errors;
	struct frame f;

	log_level = LOG_DEBUG;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		test_console_clear();
		make_error(&f, types[i], 1, 0);
		cr_expect_not(is_heard(&f), "type %u", types[i]);
		cr_expect(strstr(test_console_text(), "drop reason=\"an ICMP message of no use\""), "type %u",
		          types[i]);
	}
	cr_assert_eq(ipv4_stats(ipv4)->icmp_in_errors, errors);
}

static void send_nonsense(uint32_t dst)
{
	struct frame f;

	frame_ipv4(&f, 99, LAN_PEER_IP, dst);
	frame_add(&f, "nonsense", 8);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
}

Test(icmp, errors_are_limited)
{
	unsigned first, second;

	for (int i = 0; i < 10 * CONFIG_ICMP_ERRORS_PER_SECOND; i++)
		send_nonsense(LAN_IP);
	first = lan_forget(&lan);
	cr_expect(first >= CONFIG_ICMP_ERRORS_PER_SECOND / 3 && first <= CONFIG_ICMP_ERRORS_PER_SECOND, "%u",
	          first);
	cr_expect_eq(ipv4_stats(ipv4)->icmp_out_limited, 10u * CONFIG_ICMP_ERRORS_PER_SECOND - first);
	send_nonsense(LAN_IP);
	cr_expect_eq(lan_forget(&lan), 0);
	clock_advance_ns(NS_PER_S / 2);
	for (int i = 0; i < 10 * CONFIG_ICMP_ERRORS_PER_SECOND; i++)
		send_nonsense(LAN_IP);
	second = lan_forget(&lan);
	cr_expect(second >= 1 && second <= CONFIG_ICMP_ERRORS_PER_SECOND / 2 + 3, "%u", second);
	clock_advance_ns(60 * NS_PER_S);
	for (int i = 0; i < 10 * CONFIG_ICMP_ERRORS_PER_SECOND; i++)
		send_nonsense(LAN_IP);
	cr_expect_leq(lan_forget(&lan), CONFIG_ICMP_ERRORS_PER_SECOND, "a minute's rest saves up no more");
}

Test(icmp, errors_quote_what_fits_and_no_more)
{
	static const uint8_t payload[200] = { 9, 8, 7 };
	const struct frame *answer;
	struct frame f;

	for (unsigned words = 5; words <= 15; words += 5) {
		frame_ipv4(&f, 99, LAN_PEER_IP, LAN_IP);
		f.bytes[IP] = (uint8_t)(0x40 + words);
		frame_add(&f, (const uint8_t[40]){ 0 }, (words - 5) * 4);
		frame_add(&f, payload, sizeof(payload));
		frame_finish(&f);
		lan_receive(&lan, &f, 0);
		answer = lan_next(&lan);
		cr_assert(answer && frame_ipv4_is_right(answer));
		cr_expect_eq(answer->len, 128);
		cr_expect_eq(memcmp(answer->bytes + ICMP + 8, f.bytes + IP, 128 - ICMP - 8), 0);
	}
	frame_ipv4(&f, 99, LAN_PEER_IP, LAN_IP); /* nothing behind the header */
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	cr_expect_eq(lan_next(&lan)->len, ICMP + 8 + 20);
	send_nonsense(0xffffffff);
	cr_expect_eq(lan_forget(&lan), 0);
}
