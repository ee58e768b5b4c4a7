/* SPDX-License-Identifier: ISC */
/* The TCP header and its options, between wire and host order. Touches nothing but its arguments. */
#ifndef NET_TCP_SEGMENT_H
#define NET_TCP_SEGMENT_H

#include "kernel/util.h"

enum segment_flags {
	SEG_FIN = 1, SEG_SYN = 2, SEG_RST = 4, SEG_PSH = 8, SEG_ACK = 16, SEG_URG = 32,
	SEG_ECE = 64, SEG_CWR = 128, /* RFC 3168 */
};

enum segment_options {
	SEG_HAS_MSS = 1 << 0,
	SEG_HAS_SCALE = 1 << 1,
	SEG_HAS_TIMESTAMPS = 1 << 2,
	SEG_HAS_SACK_PERMITTED = 1 << 3,
	SEG_HAS_ECN = 1 << 4, /* no option: set by segment_offers from the flags of a SYN */
	SEG_HAS_USER_TIMEOUT = 1 << 5, /* RFC 5482 */
};

#define SEGMENT_HEADER_BYTES 20
#define SEGMENT_HEADER_MAX 60
#define SEGMENT_CHECKSUM_AT 16
#define SEGMENT_TIMESTAMPS_BYTES 12 /* the option with its padding */
#define SEGMENT_USER_TIMEOUT_BYTES 4
#define SEGMENT_SCALE_MAX 14
#define SEGMENT_MSS_DEFAULT 536 /* RFC 9293 §3.7.1 */
#define SEGMENT_SACKS 4

struct sack_block {
	uint32_t start, end; /* [start, end) */
};

struct segment {
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint32_t length;     /* payload bytes; the codec leaves it alone */
	uint16_t window;     /* as on the wire: not scaled */
	uint8_t flags;       /* enum segment_flags */
	/* adjacent, as segment_parse zeroes them together */
	uint8_t options;     /* enum segment_options */
	uint8_t scale;       /* at most SEGMENT_SCALE_MAX */
	uint8_t sack_count;
	uint8_t ecn;         /* of the IP header: set by the caller after segment_parse */
	uint16_t mss;
	uint16_t user_timeout; /* as on the wire: seconds, or minutes with the highest bit */
	uint32_t ts_value, ts_echo;
	struct sack_block sacks[SEGMENT_SACKS];
};

/* Reads the header at data. Gives its bytes, options included; -EAGAIN: data ends before the header
 * does; -EBADMSG: it is malformed. Unknown options, and known ones of the wrong length, are skipped;
 * the values of absent options are 0, the MSS its default. */
int segment_parse(struct segment *s, const uint8_t *data, size_t len);

/* Writes the header, the checksum field zero. Gives its bytes: a multiple of 4, and at most `most`; SACK
 * blocks that do not fit are left out. `most` must have room for the other options and four bytes more. */
uint32_t segment_emit(const struct segment *s, uint8_t *to, uint32_t most);

/* The options offered by a SYN or SYN-ACK that hold only if both sides offer them: enum segment_options. */
uint8_t segment_offers(const struct segment *syn);

/* Sequence space that the segment takes (SEG.LEN). */
uint32_t segment_space(const struct segment *s);

/* Sequence numbers compare within half the circle (RFC 9293 §3.4). */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return !seq_lt(b, a);
}

#endif
