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
	SEG_HAS_ECN = 1 << 4, /* no option: flags of a SYN, of which segment_offers tells */
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
	/* what segment_parse makes zero at once, side by side */
	uint8_t options;     /* enum segment_options */
	uint8_t scale;       /* at most SEGMENT_SCALE_MAX */
	uint8_t sack_count;
	uint8_t ecn;         /* of the IP header; the codec does not know it */
	uint16_t mss;
	uint16_t user_timeout; /* as on the wire: seconds, or minutes with the highest bit */
	uint32_t ts_value, ts_echo;
	struct sack_block sacks[SEGMENT_SACKS];
};

/* Reads the header at data. Gives its bytes, options included; -EAGAIN when data ends before it
 * does; -EBADMSG when it can never be right. Options that are unknown or have a wrong length of
 * their own are passed over; the values of those that are not there are 0, the MSS its default. */
int segment_parse(struct segment *s, const uint8_t *data, size_t len);

/* Writes it, the checksum field zero. Gives its bytes: a multiple of 4, and no more than `most`, for which as
 * many SACK blocks are left out as it takes; four bytes behind the other options it must have. */
uint32_t segment_emit(const struct segment *s, uint8_t *to, uint32_t most);

/* What a SYN, or the answer to one, offers of what holds only where both sides do: enum segment_options. */
uint8_t segment_offers(const struct segment *syn);

/* What the segment takes of sequence space (SEG.LEN). */
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
