/* SPDX-License-Identifier: ISC */
/* Codec of the TCP header and its options: RFC 9293 §3.1 and §3.2, RFC 7323 (window scale,
 * timestamps), RFC 2018 (SACK). Every read is bounded by the data offset, which is bounded by the
 * data; nothing is kept. */
#include "net/tcp/segment.h"

#include <errno.h>

#include "net/bytes.h"

enum option_kind {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_SCALE = 3,
	OPTION_SACK_PERMITTED = 4,
	OPTION_SACK = 5,
	OPTION_TIMESTAMPS = 8,
	OPTION_USER_TIMEOUT = 28,
};

struct wire_header {
	uint8_t src_port[2], dst_port[2], seq[4], ack[4], offset, flags, window[2], checksum[2], urgent[2];
};
static_assert(sizeof(struct wire_header) == SEGMENT_HEADER_BYTES, "TCP header");

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	put_be32(p, value);
	return p + 4;
}

#define KIND_AND_LENGTH(kind, length) ((kind) << 8 | (length))

/* p: kind, length, length - 2 bytes of value. */
static OUT_OF_LINE void parse_option(struct segment *s, const uint8_t *p)
{
	unsigned len = p[1];

	switch (KIND_AND_LENGTH(p[0], len)) {
	case KIND_AND_LENGTH(OPTION_MSS, 4):
		s->mss = get_be16(p + 2);
		s->options |= SEG_HAS_MSS;
		return;
	case KIND_AND_LENGTH(OPTION_SCALE, 3):
		s->scale = MIN(p[2], SEGMENT_SCALE_MAX); /* RFC 7323 §2.3 */
		s->options |= SEG_HAS_SCALE;
		return;
	case KIND_AND_LENGTH(OPTION_SACK_PERMITTED, 2):
		s->options |= SEG_HAS_SACK_PERMITTED;
		return;
	case KIND_AND_LENGTH(OPTION_TIMESTAMPS, 10):
		s->ts_value = get_be32(p + 2);
		s->ts_echo = get_be32(p + 6);
		s->options |= SEG_HAS_TIMESTAMPS;
		return;
	case KIND_AND_LENGTH(OPTION_USER_TIMEOUT, 4):
		s->user_timeout = get_be16(p + 2);
		s->options |= SEG_HAS_USER_TIMEOUT;
		return;
	}
	if (p[0] != OPTION_SACK || len % 8 != 2)
		return;
	for (s->sack_count = 0, p += 2; len > 2 && s->sack_count < SEGMENT_SACKS; len -= 8, p += 8) {
		s->sacks[s->sack_count].start = get_be32(p);
		s->sacks[s->sack_count++].end = get_be32(p + 4);
	}
}

int segment_parse(struct segment *s, const uint8_t *data, size_t len)
{
	const struct wire_header *h = (const void *)data;
	const uint8_t *p = data + SEGMENT_HEADER_BYTES, *end;
	unsigned header;

	if (len < SEGMENT_HEADER_BYTES)
		return -EAGAIN;
	header = (h->offset >> 4) * 4u;
	if (header < SEGMENT_HEADER_BYTES)
		return -EBADMSG;
	if (header > len)
		return -EAGAIN;
	s->src_port = get_be16(h->src_port);
	s->dst_port = get_be16(h->dst_port);
	s->seq = get_be32(h->seq);
	s->ack = get_be32(h->ack);
	s->window = get_be16(h->window);
	s->flags = h->flags;
	s->options = s->scale = s->sack_count = s->ecn = 0;
	s->mss = SEGMENT_MSS_DEFAULT;
	s->user_timeout = 0;
	s->ts_value = s->ts_echo = 0;
	for (end = data + header; p < end && *p != OPTION_END; ) {
		if (*p == OPTION_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return -EBADMSG; /* RFC 9293 MUST-7: any option length, without crashing */
		parse_option(s, p);
		p += p[1];
	}
	return (int)header;
}

/* The first four bytes of an option to send, padded with NOPs in front so that all values are aligned. */
#define WORD(first, second, third, fourth) \
	((uint32_t)(first) << 24 | (uint32_t)(second) << 16 | (uint32_t)(third) << 8 | (fourth))

uint32_t segment_emit(const struct segment *s, uint8_t *to, uint32_t most)
{
	uint8_t *p = to + SEGMENT_HEADER_BYTES;
	uint32_t header, sacks;

	if (s->options & SEG_HAS_MSS)
		p = put32(p, WORD(OPTION_MSS, 4, 0, s->mss));
	if (s->options & SEG_HAS_SACK_PERMITTED)
		p = put32(p, WORD(OPTION_NOP, OPTION_NOP, OPTION_SACK_PERMITTED, 2));
	if (s->options & SEG_HAS_TIMESTAMPS) {
		p = put32(p, WORD(OPTION_NOP, OPTION_NOP, OPTION_TIMESTAMPS, 10));
		p = put32(put32(p, s->ts_value), s->ts_echo);
	}
	if (s->options & SEG_HAS_SCALE)
		p = put32(p, WORD(OPTION_NOP, OPTION_SCALE, 3, s->scale));
	if (IS_ENABLED(CONFIG_TCP_USER_TIMEOUT_OPTION) && s->options & SEG_HAS_USER_TIMEOUT)
		p = put32(p, WORD(OPTION_USER_TIMEOUT, 4, 0, s->user_timeout));
	sacks = MIN(s->sack_count, (most - 4 - (uint32_t)(p - to)) / 8);
	if (sacks)
		p = put32(p, WORD(OPTION_NOP, OPTION_NOP, OPTION_SACK, 2 + 8 * sacks));
	for (unsigned i = 0; i < sacks; i++)
		p = put32(put32(p, s->sacks[i].start), s->sacks[i].end);
	header = (uint32_t)(p - to);
	p = put32(to, (uint32_t)s->src_port << 16 | s->dst_port);
	p = put32(put32(p, s->seq), s->ack);
	p = put32(p, WORD(header / 4 << 4, s->flags, 0, s->window));
	put_be32(p, 0); /* checksum and urgent pointer */
	return header;
}

OUT_OF_LINE uint8_t segment_offers(const struct segment *syn)
{
	uint8_t options = syn->options & (SEG_HAS_SCALE | SEG_HAS_TIMESTAMPS | SEG_HAS_SACK_PERMITTED);
	uint8_t both = syn->flags & (SEG_ECE | SEG_CWR); /* RFC 3168 §6.1.1 */

	if (IS_ENABLED(CONFIG_TCP_ECN) && both == (syn->flags & SEG_ACK ? SEG_ECE : SEG_ECE | SEG_CWR))
		options |= SEG_HAS_ECN;
	return options;
}

OUT_OF_LINE uint32_t segment_space(const struct segment *s)
{
	return s->length + !!(s->flags & SEG_SYN) + !!(s->flags & SEG_FIN);
}
