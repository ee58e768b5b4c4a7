/* SPDX-License-Identifier: ISC */
/* Packets in pieces: every order, every contradiction, every bound, and nothing left behind. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/ipv4/ipv4.h"
#include "tests/lib/layers.h"
#include "tests/lib/test.h"

enum { PROTOCOL = 200, IP = 14, ICMP = 34, MF = 0x2000 };

#define LIFE_MS (CONFIG_IPV4_REASSEMBLY_SECONDS * 1000u)

static uint8_t pattern[65536];
static struct {
	unsigned calls;
	uint32_t len, first;
	bool right, whole_header;
	uint8_t ecn, flags;
} got;

/* Checks that the packet is the beginning of the pattern. */
static void take(void *arg, struct ip_meta *meta, struct buf *b)
{
	uint8_t bytes[65536];
	uint32_t sum = 0;

	(void)arg;
	got.calls++;
	got.len = buf_length(b);
	got.first = b->len;
	got.ecn = meta->ecn;
	got.flags = b->flags;
	buf_copy_out(b, 0, bytes, got.len);
	got.right = memcmp(bytes, pattern, got.len) == 0;
	for (unsigned i = 0; i < meta->header_len; i += 2)
		sum += (uint32_t)(meta->header[i] << 8 | meta->header[i + 1]);
	got.whole_header = (sum & 0xffff) + (sum >> 16) == 0xffff && (meta->header[6] & 0x3f) == 0 &&
	                   meta->header[7] == 0 &&
	                   (uint32_t)(meta->header[2] << 8 | meta->header[3]) == meta->header_len + got.len;
	buf_free(b);
}

static const struct ip_handler taker = { .input = take };

static void set_up(void)
{
	struct ip_prefix prefix = { ip_v4(10, 0, 0, 2), 24 };

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
	memset(&got, 0, sizeof(got));
	layers_create(0, 0);
	cr_assert_eq(ipv4_set_address(ipv4, &prefix, NULL), 0);
	cr_assert_eq(ip_listen(ipv4_ip(ipv4), PROTOCOL, &taker), 0);
	lan_wait_ms(3000);
	layers_meet_peer();
}

static void tear_down(void)
{
	ip_listen(ipv4_ip(ipv4), PROTOCOL, NULL);
	layers_destroy();
}

TestSuite(reassembly, .init = set_up, .fini = tear_down);

static const struct ipv4_stats *stats(void)
{
	return ipv4_stats(ipv4);
}

/* Bytes [start, start + len) of the pattern; more: others follow them. */
static void make(struct frame *f, uint16_t id, uint32_t start, uint32_t len, bool more)
{
	frame_ipv4(f, PROTOCOL, LAN_PEER_IP, LAN_IP);
	frame_add(f, pattern + start, len);
	f->bytes[IP + 4] = (uint8_t)(id >> 8);
	f->bytes[IP + 5] = (uint8_t)id;
	f->bytes[IP + 6] = (uint8_t)((more ? MF >> 8 : 0) | start / 8 >> 8);
	f->bytes[IP + 7] = (uint8_t)(start / 8);
	frame_finish(f);
}

/* Did it complete a packet? */
static bool receive(const struct frame *f)
{
	unsigned before = got.calls;

	lan_receive(&lan, f, BUF_CSUM_VALID);
	return got.calls > before;
}

static bool piece(uint16_t id, uint32_t start, uint32_t len, bool more)
{
	struct frame f;

	make(&f, id, start, len, more);
	return receive(&f);
}

static void expect_whole(uint32_t len)
{
	cr_expect(got.right && got.whole_header && got.flags == 0);
	cr_expect_eq(got.len, len);
	cr_expect_geq(got.first, MIN(len, 54u));
	cr_expect_eq(lan.held, 0);
}

Test(reassembly, two_pieces_either_way)
{
	cr_expect_not(piece(1, 0, 1480, true));
	cr_expect(piece(1, 1480, 20, false));
	expect_whole(1500);
	cr_expect_not(piece(2, 1480, 20, false));
	cr_expect(piece(2, 0, 1480, true));
	expect_whole(1500);
	cr_expect(stats()->reasm_reqds == 4 && stats()->reasm_oks == 2 && stats()->reasm_fails == 0);
	cr_expect_eq(stats()->in_delivers, 2);
}

/* All orders of five pieces, the last one short. */
static void permute(unsigned order[5], unsigned n, uint16_t *id)
{
	if (n == 5) {
		++*id;
		for (unsigned i = 0; i < 5; i++)
			cr_assert_eq(piece(*id, order[i] * 64, order[i] == 4 ? 3 : 64, order[i] < 4), i == 4);
		expect_whole(259);
	}
	for (unsigned i = n; i < 5; i++) {
		unsigned moved = order[i];

		order[i] = order[n];
		order[n] = moved;
		permute(order, n + 1, id);
		order[n] = order[i];
		order[i] = moved;
	}
}

Test(reassembly, every_order)
{
	unsigned order[5] = { 0, 1, 2, 3, 4 };
	uint16_t id = 0;

	permute(order, 0, &id);
	cr_expect_eq(id, 120);
	cr_expect_eq(stats()->reasm_oks, 120);
}

Test(reassembly, the_smallest_pieces_and_the_longest_packet)
{
	uint32_t last = (CONFIG_IPV4_FRAGMENT_BUFS - 1) * 8, at;

	for (at = 0; at < last; at += 8)
		cr_assert_not(piece(1, at, 8, true));
	cr_expect(piece(1, at, 1, false));
	expect_whole(last + 1);
	cr_expect_not(piece(2, 65512, 3, false)); /* 65,535 with its header */
	cr_expect_eq(stats()->reasm_fails, 0);
	cr_expect_not(piece(3, 65512, 4, false)); /* the ping of death */
	cr_expect_not(piece(3, 65528, 8, true));
	cr_expect_not(piece(3, 65528, 1480 - 1472, false));
	cr_expect_eq(stats()->reasm_fails, 3);
	cr_expect_eq(lan.held, 1);
}

Test(reassembly, options_and_pieces_in_slices)
{
	struct frame f;

	lan.pieces = 200;
	make(&f, 1, 0, 800, true);
	memmove(f.bytes + IP + 24, f.bytes + IP + 20, 800);
	memcpy(f.bytes + IP + 20, "\x94\x04\0\0", 4); /* router alert, which the others need not repeat */
	f.len += 4;
	f.bytes[IP] = 0x46;
	frame_finish(&f);
	cr_expect_not(receive(&f));
	cr_expect(piece(1, 800, 700, false));
	expect_whole(1500);
	cr_expect_not(piece(2, 800, 700, false));
	cr_expect_not(piece(2, 0, 8, true));
	cr_expect(piece(2, 8, 792, true));
	expect_whole(1500);
}

Test(reassembly, who_belongs_together)
{
	struct frame f;

	cr_expect_not(piece(1, 0, 16, true));
	cr_expect_not(piece(2, 16, 16, false)); /* another id */
	make(&f, 1, 16, 16, false);
	f.bytes[IP + 9]++; /* another protocol */
	frame_finish(&f);
	cr_expect_not(receive(&f));
	make(&f, 1, 16, 16, false);
	f.bytes[IP + 15]++; /* another source */
	frame_finish(&f);
	cr_expect_not(receive(&f));
	make(&f, 1, 16, 16, false);
	memset(f.bytes + IP + 16, 255, 4); /* another destination */
	frame_finish(&f);
	cr_expect_not(receive(&f));
	cr_expect_eq(stats()->reasm_oks + stats()->reasm_fails, 0);
	cr_expect(piece(1, 16, 16, false));
	cr_expect(piece(2, 0, 16, true));
}

Test(reassembly, an_exact_repetition_does_no_harm)
{
	for (int i = 0; i < 3; i++) {
		cr_expect_not(piece(1, 0, 16, true));
		cr_expect_not(piece(1, 32, 5, false));
	}
	cr_expect_eq(lan.held, 2);
	cr_expect(piece(1, 16, 16, true));
	expect_whole(37);
	cr_expect_eq(stats()->reasm_fails, 0);
}

Test(reassembly, a_contradiction_condemns_it_all)
{
	static const struct {
		uint32_t start, len;
		bool more;
	} bad[] = { /* beside 0..64, 128..192 and the end at 256 */
		{ 0, 72, true }, { 0, 56, true }, { 8, 8, true }, { 56, 16, true }, { 120, 16, true },
		{ 64, 72, true }, { 128, 8, true }, { 128, 72, true }, { 184, 16, true }, { 64, 64, false },
		{ 192, 8, false }, { 248, 8, true }, { 248, 16, false }, { 256, 8, true }, { 256, 8, false },
		{ 240, 8, false }, { 224, 32, true }, { 224, 40, false },
	};

	for (uint16_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t fails = stats()->reasm_fails;

		cr_expect_not(piece(i, 0, 64, true));
		cr_expect_not(piece(i, 128, 64, true));
		cr_expect_not(piece(i, 224, 32, false));
		cr_expect_not(piece(i, bad[i].start, bad[i].len, bad[i].more), "case %u", i);
		cr_expect_eq(lan.held, 0, "case %u", i);
		cr_expect_not(piece(i, 64, 64, true)); /* later fragments are useless, too */
		cr_expect_not(piece(i, 192, 32, true));
		cr_expect_not(piece(i, 0, 64, true));
		cr_expect_not(piece(i, 224, 32, false));
		cr_expect_eq(lan.held, 0, "case %u", i);
		lan_wait_ms(LIFE_MS + 1);
		cr_expect_eq(stats()->reasm_fails, fails + 1);
		cr_expect_eq(stats()->icmp_out_msgs, 0, "a condemned one is not answered");
	}
	cr_expect_eq(stats()->reasm_oks, 0);
}

Test(reassembly, pieces_that_cannot_be)
{
	cr_expect_not(piece(1, 0, 0, true));
	cr_expect_not(piece(1, 8, 0, false));
	for (uint32_t len = 1; len < 16; len++)
		if (len != 8)
			cr_expect_not(piece(1, 0, len, true));
	cr_expect_eq(stats()->reasm_fails, 16);
	cr_expect_eq(lan.held, 0);
}

Test(reassembly, time_is_up)
{
	const struct frame *answer;
	struct frame f;

	make(&f, 1, 0, 64, true);
	receive(&f);
	lan_wait_ms(LIFE_MS - 1000);
	cr_expect_not(piece(2, 64, 64, false)); /* without its first fragment: no ICMP error */
	cr_expect_eq(lan.held, 2);
	lan_wait_ms(999);
	cr_expect_eq(lan.held, 2);
	lan_wait_ms(2);
	cr_expect_eq(lan.held, 1);
	answer = lan_next(&lan);
	cr_assert(answer && frame_ipv4_is_right(answer));
	cr_expect(answer->bytes[ICMP] == 11 && answer->bytes[ICMP + 1] == 1);
	cr_expect(frame_32(answer, IP + 12) == LAN_IP && frame_32(answer, IP + 16) == LAN_PEER_IP);
	cr_expect_eq(memcmp(answer->bytes + ICMP + 8, f.bytes + IP, answer->len - ICMP - 8), 0);
	cr_expect_not(piece(1, 64, 64, false), "its first piece has gone");
	lan_wait_ms(LIFE_MS + 1);
	cr_expect_eq(lan.held, 0);
	cr_expect_eq(stats()->reasm_fails, 3);
	cr_expect_eq(lan_forget(&lan), 0);
	cr_expect_eq(stats()->icmp_out_msgs, 1);
}

/* Is an ICMP error sent when only the first fragment of such a packet comes? */
static bool is_told(uint8_t protocol, uint8_t type, uint32_t dst)
{
	uint64_t before = stats()->icmp_out_msgs;
	struct frame f;

	frame_ipv4(&f, protocol, LAN_PEER_IP, dst);
	frame_icmp(&f, type, 0, 0, pattern, 64);
	f.bytes[IP + 6] = MF >> 8;
	frame_finish(&f);
	receive(&f);
	lan_wait_ms(LIFE_MS + 1);
	return stats()->icmp_out_msgs > before;
}

Test(reassembly, who_is_not_told_that_time_is_up)
{
	cr_expect(is_told(IP_ICMP, 8, LAN_IP));
	cr_expect_not(is_told(IP_ICMP, 3, LAN_IP), "an error about an error");
	cr_expect(is_told(PROTOCOL, 3, LAN_IP));
	cr_expect_not(is_told(PROTOCOL, 3, 0xffffffff));
	cr_expect_not(is_told(PROTOCOL, 3, 0x0a0000ff));
}

Test(reassembly, the_oldest_makes_room)
{
	for (uint16_t id = 0; id < CONFIG_IPV4_REASSEMBLIES; id++) {
		cr_expect_not(piece(id, 0, 8, true));
		lan_wait_ms(1);
	}
	cr_expect_eq(lan.held, CONFIG_IPV4_REASSEMBLIES);
	cr_expect_not(piece(1000, 0, 8, true));
	cr_expect_eq(lan.held, CONFIG_IPV4_REASSEMBLIES);
	cr_expect_eq(stats()->reasm_fails, 1);
	cr_expect(piece(1, 8, 8, false), "only the oldest");
	cr_expect_not(piece(0, 8, 8, false), "this one was");
	cr_expect_eq(lan_forget(&lan), 0);
}

/* Repetitions and contradictions come while all buffers are taken. */
Test(reassembly, what_is_of_no_use_drives_nothing_out)
{
	cr_expect_not(piece(1, 0, 8, true));
	lan_wait_ms(1);
	for (uint32_t at = 0; at < (CONFIG_IPV4_FRAGMENT_BUFS - 1) * 16; at += 16)
		cr_expect_not(piece(2, at, 8, true));
	cr_expect_eq(lan.held, CONFIG_IPV4_FRAGMENT_BUFS);
	cr_expect_not(piece(2, 16, 8, true));
	cr_expect_eq(lan.held, CONFIG_IPV4_FRAGMENT_BUFS);
	cr_expect_not(piece(2, 0, 16, true));
	cr_expect_eq(lan.held, 1);
	cr_expect(piece(1, 8, 8, false), "the older one is still there");
}

Test(reassembly, a_flood_holds_no_more_than_it_may)
{
	uint64_t seed = 1;
	struct frame f;

	for (unsigned i = 0; i < 20000; i++) {
		uint32_t start = (uint32_t)(test_random(&seed) % 512) * 8;

		make(&f, (uint16_t)test_random(&seed), start, 8, test_random(&seed) % 2);
		f.bytes[IP + 15] = (uint8_t)(20 + test_random(&seed) % 50);
		frame_finish_header(&f);
		receive(&f);
		cr_assert_leq(lan.held, CONFIG_IPV4_FRAGMENT_BUFS);
	}
	for (uint32_t at = 0; at < 60000; at += 16) { /* one that is too much by itself, with holes */
		piece(1, at, 8, true);
		cr_assert_leq(lan.held, CONFIG_IPV4_FRAGMENT_BUFS);
	}
	cr_expect_not(piece(2, 0, 1000, true));
	cr_expect(piece(2, 1000, 1000, false), "an honest one gets through");
	cr_expect(got.right && got.len == 2000);
	lan_wait_ms(LIFE_MS + 1);
	cr_expect_eq(lan.held, 0);
}

Test(reassembly, congestion_marks)
{
	static const struct {
		uint8_t first, second, result;
	} cases[] = { { 0, 0, 0 }, { 2, 2, 2 }, { 1, 1, 1 }, { 2, 3, 3 }, { 3, 1, 3 }, { 3, 3, 3 } };
	struct frame f;

	for (uint16_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&f, i, 0, 64, true);
		f.bytes[IP + 1] = cases[i].first;
		frame_finish_header(&f);
		receive(&f);
		make(&f, i, 64, 64, false);
		f.bytes[IP + 1] = cases[i].second;
		frame_finish_header(&f);
		cr_expect(receive(&f));
		cr_expect_eq(got.ecn, cases[i].result, "case %u", i);
		expect_whole(128);
	}
	make(&f, 99, 0, 64, true); /* marked, and not to be */
	receive(&f);
	make(&f, 99, 64, 64, false);
	f.bytes[IP + 1] = 3;
	frame_finish_header(&f);
	cr_expect_not(receive(&f));
	cr_expect_eq(lan.held, 0);
}

Test(reassembly, without_memory)
{
	struct buf *all = NULL, *b;

	piece(1, 8, 100, false);
	while ((b = buf_alloc_header())) {
		b->queue = all;
		all = b;
	}
	cr_expect_not(piece(1, 0, 8, true)); /* too little in one slice, and nowhere to copy it to */
	cr_expect_eq(lan.held, 0);
	cr_expect_eq(stats()->reasm_fails, 1);
	while ((b = all)) {
		all = b->queue;
		buf_free(b);
	}
}

Test(reassembly, what_waits_goes_with_the_instance)
{
	piece(1, 0, 64, true);
	piece(2, 64, 64, false);
	cr_expect_eq(lan.held, 2);
}

Test(reassembly, a_long_echo_comes_back_whole)
{
	const struct frame *answer;
	static struct frame f;

	frame_ipv4(&f, IP_ICMP, LAN_PEER_IP, LAN_IP);
	frame_icmp(&f, 8, 0, 0x12345678, pattern, 1200);
	frame_finish(&f);
	for (unsigned at = 0; at < 1208; at += 400) {
		struct frame part;

		frame_ipv4(&part, IP_ICMP, LAN_PEER_IP, LAN_IP);
		frame_add(&part, f.bytes + ICMP + at, MIN(400u, 1208 - at));
		part.bytes[IP + 3] = (uint8_t)(part.len - IP);
		part.bytes[IP + 2] = (uint8_t)((part.len - IP) >> 8);
		part.bytes[IP + 6] = at + 400 < 1208 ? MF >> 8 : 0;
		part.bytes[IP + 7] = (uint8_t)(at / 8);
		frame_finish_header(&part);
		receive(&part);
	}
	answer = lan_next(&lan);
	cr_assert(answer && frame_ipv4_is_right(answer));
	cr_expect(answer->len == f.len && answer->bytes[ICMP] == 0);
	cr_expect_eq(memcmp(answer->bytes + ICMP + 4, f.bytes + ICMP + 4, 1204), 0);
}

Test(reassembly, an_echo_longer_than_a_packet)
{
	enum { BYTES = 5000 };
	static uint8_t message[BYTES], answer[BYTES];
	const struct frame *f;
	uint32_t sum = 0, at = 0;

	memcpy(message + 8, pattern, BYTES - 8);
	memcpy(message, "\x08\0\0\0\x12\x34\x56\x78", 8);
	for (unsigned i = 0; i < BYTES; i += 2)
		sum += (uint32_t)(message[i] << 8 | message[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	message[2] = (uint8_t)(~sum >> 8);
	message[3] = (uint8_t)~sum;
	for (uint32_t from = 0; from < BYTES; from += 1480) {
		struct frame part;

		frame_ipv4(&part, PROTOCOL, LAN_PEER_IP, LAN_IP);
		frame_add(&part, message + from, MIN(1480u, BYTES - from));
		part.bytes[IP + 6] = (uint8_t)((from + 1480 < BYTES ? MF >> 8 : 0) | from / 8 >> 8);
		part.bytes[IP + 7] = (uint8_t)(from / 8);
		frame_finish(&part);
		part.bytes[IP + 9] = IP_ICMP;
		frame_finish_header(&part);
		receive(&part);
	}
	while ((f = lan_next(&lan))) {
		cr_assert_eq((frame_16(f, IP + 6) & 0x1fffu) * 8, at);
		memcpy(answer + at, f->bytes + 34, f->len - 34);
		at += (uint32_t)f->len - 34;
	}
	cr_expect(at == BYTES && answer[0] == 0);
	cr_expect_eq(memcmp(answer + 4, message + 4, BYTES - 4), 0);
	for (unsigned i = sum = 0; i < BYTES; i += 2)
		sum += (uint32_t)(answer[i] << 8 | answer[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	cr_expect_eq(sum, 0xffff);
}
