/* SPDX-License-Identifier: ISC */
/* The header codec: known bytes, round trips, and hostile bytes that end at an unreadable page. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "net/tcp/segment.h"

#define PAGE 4096

static uint8_t *page; /* the byte at page + PAGE faults */

static void map(void)
{
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(page, MAP_FAILED);
	cr_assert_eq(mprotect(page + PAGE, PAGE, PROT_NONE), 0);
}

TestSuite(tcp_segment, .init = map);

/* Parses len bytes that stand right before the unreadable page. */
static int parse(struct segment *s, const void *bytes, size_t len)
{
	memcpy(page + PAGE - len, bytes, len);
	return segment_parse(s, page + PAGE - len, len);
}

/* A SYN as a common system sends it: MSS, SACK permitted, timestamps, NOP, scale. */
static const uint8_t syn[40] = {
	0xc3, 0x50, 0x00, 0x50, 0x12, 0x34, 0x56, 0x78, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x02, 0xfa, 0xf0,
	0xab, 0xcd, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0xde, 0xad, 0xbe, 0xef,
	0x00, 0x00, 0x00, 0x07, 0x01, 0x03, 0x03, 0x07,
};

Test(tcp_segment, known_bytes)
{
	struct segment s;

	cr_assert_eq(parse(&s, syn, sizeof(syn)), 40);
	cr_assert_eq(s.src_port, 50000);
	cr_assert_eq(s.dst_port, 80);
	cr_assert_eq(s.seq, 0x12345678);
	cr_assert_eq(s.ack, 0);
	cr_assert_eq(s.flags, SEG_SYN);
	cr_assert_eq(s.window, 64240);
	cr_assert_eq(s.options,
	             SEG_HAS_MSS | SEG_HAS_SCALE | SEG_HAS_TIMESTAMPS | SEG_HAS_SACK_PERMITTED);
	cr_assert_eq(s.mss, 1460);
	cr_assert_eq(s.scale, 7);
	cr_assert_eq(s.ts_value, 0xdeadbeef);
	cr_assert_eq(s.ts_echo, 7);
}

/* A caller that reads a value before checking its presence gets the same each time. */
Test(tcp_segment, what_is_not_there_is_zero)
{
	uint8_t bare[SEGMENT_HEADER_BYTES];
	struct segment s;

	memcpy(bare, syn, sizeof(bare));
	bare[12] = 0x50;
	memset(&s, 0xee, sizeof(s));
	cr_assert_eq(parse(&s, bare, sizeof(bare)), SEGMENT_HEADER_BYTES);
	cr_assert_eq(s.options, 0);
	cr_assert_eq(s.sack_count, 0);
	cr_assert_eq(s.mss, SEGMENT_MSS_DEFAULT);
	cr_assert_eq(s.scale, 0);
	cr_assert_eq(s.user_timeout, 0);
	cr_assert(s.ts_value == 0 && s.ts_echo == 0);
}

Test(tcp_segment, every_shorter_length_is_incomplete)
{
	struct segment s;

	for (size_t len = 0; len < sizeof(syn); len++)
		cr_assert_eq(parse(&s, syn, len), -EAGAIN, "%zu", len);
}

static int parse_options(struct segment *s, const uint8_t *options, size_t len)
{
	uint8_t bytes[SEGMENT_HEADER_MAX];

	memcpy(bytes, syn, 20);
	memset(bytes + 20, 0, 40);
	memcpy(bytes + 20, options, len);
	bytes[12] = (uint8_t)((20 + (len + 3) / 4 * 4) / 4 << 4);
	return parse(s, bytes, 20 + (len + 3) / 4 * 4);
}

#define OPTIONS(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

Test(tcp_segment, bad_lengths)
{
	struct segment s;
	uint8_t small[20];

	cr_assert_eq(parse_options(&s, OPTIONS(1, 1, 1, 2)), -EBADMSG);    /* no length */
	cr_assert_eq(parse_options(&s, OPTIONS(2, 0, 5, 180)), -EBADMSG);  /* would never end */
	cr_assert_eq(parse_options(&s, OPTIONS(2, 1, 5, 180)), -EBADMSG);
	cr_assert_eq(parse_options(&s, OPTIONS(2, 5, 5, 180)), -EBADMSG);  /* beyond the header */
	cr_assert_eq(parse_options(&s, OPTIONS(99, 255, 0, 0)), -EBADMSG);
	cr_assert_eq(parse_options(&s, OPTIONS(0, 2, 0, 0)), 24);          /* after the end: ignored */
	cr_assert_eq(parse_options(&s, OPTIONS(99, 4, 0, 0)), 24);         /* unknown */
	memcpy(small, syn, 20);
	small[12] = 4 << 4;
	cr_assert_eq(parse(&s, small, 20), -EBADMSG);
}

Test(tcp_segment, options_of_a_wrong_length_are_passed_over)
{
	struct segment s;

	cr_assert_eq(parse_options(&s, OPTIONS(2, 3, 5, 3, 4, 7, 7, 8, 3, 0, 4, 3, 0)), 36);
	cr_assert_eq(s.options, 0);
	cr_assert_eq(parse_options(&s, OPTIONS(5, 9, 0, 0, 0, 0, 0, 0, 0)), 32);
	cr_assert_eq(s.sack_count, 0);
	cr_assert_eq(parse_options(&s, OPTIONS(3, 3, 255)), 24);
	cr_assert_eq(s.scale, SEGMENT_SCALE_MAX);
}

Test(tcp_segment, blocks_are_left_out_where_the_path_takes_no_longer_headers)
{
	struct segment in = { .sack_count = SEGMENT_SACKS, .sacks = { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 } } };
	struct segment out;
	uint8_t bytes[SEGMENT_HEADER_MAX];

	for (uint32_t most = SEGMENT_HEADER_BYTES + 4; most <= SEGMENT_HEADER_MAX; most += 4) {
		uint32_t header = segment_emit(&in, bytes, most);

		cr_assert_leq(header, most);
		cr_assert_eq(parse(&out, bytes, header), header);
		cr_assert_eq(out.sack_count, (most - 24) / 8);
	}
}

Test(tcp_segment, round_trips)
{
	for (unsigned options = 0; options < 16; options++)
		for (uint8_t sacks = 0; sacks <= SEGMENT_SACKS; sacks++) {
			struct segment in = {
				.src_port = 1, .dst_port = 65535, .seq = 0xfffffffe, .ack = 3, .window = 9,
				.flags = SEG_ACK | SEG_FIN, .options = (uint8_t)options, .mss = 1400, .scale = 3,
				.ts_value = 0x80000000, .ts_echo = 0xffffffff, .sack_count = sacks,
				.sacks = { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 0xffffffff, 8 } },
			}, out;
			unsigned fit = options & SEG_HAS_TIMESTAMPS ? MIN(sacks, 3) : sacks;
			uint8_t bytes[SEGMENT_HEADER_MAX + 1];
			uint32_t header;

			if (sacks && options & ~(unsigned)SEG_HAS_TIMESTAMPS)
				continue; /* blocks never ride on a SYN */
			memset(bytes, 0xee, sizeof(bytes));
			header = segment_emit(&in, bytes, SEGMENT_HEADER_MAX);
			cr_assert_leq(header, SEGMENT_HEADER_MAX);
			cr_assert_eq(bytes[header], 0xee);
			cr_assert_eq(parse(&out, bytes, header), header);
			cr_assert_eq(out.src_port, 1);
			cr_assert_eq(out.dst_port, 65535);
			cr_assert_eq(out.seq, in.seq);
			cr_assert_eq(out.ack, in.ack);
			cr_assert_eq(out.window, in.window);
			cr_assert_eq(out.flags, in.flags);
			cr_assert_eq(out.options, options);
			cr_assert_eq(out.sack_count, fit);
			cr_assert_eq(memcmp(out.sacks, in.sacks, fit * sizeof(in.sacks[0])), 0);
			if (options & SEG_HAS_MSS)
				cr_assert_eq(out.mss, 1400);
			if (options & SEG_HAS_SCALE)
				cr_assert_eq(out.scale, 3);
			if (options & SEG_HAS_TIMESTAMPS)
				cr_assert(out.ts_value == in.ts_value && out.ts_echo == in.ts_echo);
		}
}

Test(tcp_segment, random_bytes_never_read_beyond_the_end)
{
	uint32_t x = 1;
	struct segment s;

	for (int round = 0; round < 300000; round++) {
		uint8_t bytes[SEGMENT_HEADER_MAX];
		size_t len;
		int n;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			x = x * 1664525 + 1013904223;
			bytes[i] = x >> 28 ? (uint8_t)(x >> 24 & 0x0f) : (uint8_t)(x >> 16);
		}
		bytes[12] = (uint8_t)(x >> 8);
		len = (x >> 16) % (sizeof(bytes) + 1);
		n = parse(&s, bytes, len);
		cr_assert(n == -EAGAIN || n == -EBADMSG || (n >= SEGMENT_HEADER_BYTES && (size_t)n <= len));
		if (n > 0)
			cr_assert(s.sack_count <= SEGMENT_SACKS &&
			          (!(s.options & SEG_HAS_SCALE) || s.scale <= SEGMENT_SCALE_MAX));
	}
}

Test(tcp_segment, sequence_numbers_compare_round_the_circle)
{
	cr_assert(seq_lt(1, 2));
	cr_assert(seq_lt(0xffffffff, 0));
	cr_assert(seq_lt(0xfffffff0, 0x10));
	cr_assert_not(seq_lt(0x10, 0xfffffff0));
	cr_assert_not(seq_lt(5, 5));
	cr_assert(seq_le(5, 5));
}
