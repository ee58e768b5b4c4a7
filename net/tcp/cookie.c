/* SPDX-License-Identifier: ISC */
/* SYN cookies (RFC 4987 §3.6): the SYN-ACK carries the state of a handshake, and the peer's ACK returns it.
 *
 *     sequence number   27 bits of keyed hash | 3 bits: which segment size | 2 bits of time
 *     timestamp         26 bits of clock | 1 bit: ECN | 1 bit: SACK | 4 bits: window scale, 15: none
 *
 * The hash covers both ends, the peer's initial sequence number, the time, and all other bits above that
 * carry a value: a cookie is accepted only as we have sent it. A cookie is good for 69 to 137 seconds.
 * Within them its ACK can be replayed, which opens the connection again, if it has ended. */
#include <string.h>

#include "net/tcp/tcp_priv.h"

#define TIME_SHIFT 36 /* of nanoseconds: a unit of 69 seconds */
#define TIME_MASK 3u
#define AGE_MAX 1u
#define SIZE_SHIFT 2
#define SAID_MASK 31u /* all of a sequence number but the hash */
#define STAMP_MASK 63u
#define STAMP_ECN 32u
#define STAMP_SACK 16u
#define STAMP_NO_SCALE 15u

/* The segment sizes that a cookie can hold. Most peers' MSS is one of these or slightly more: the minima of
 * links with IPv4 and IPv6, tunnels, PPPoE, Ethernet. */
static const uint16_t sizes[] = { TCP_MSS_MIN, 536, 1220, 1360, 1400, 1440, 1452, 1460 };

static uint32_t time_of(const struct tcp *tcp)
{
	return (uint32_t)(tcp->now_ns >> TIME_SHIFT);
}

/* said: the bits of a sequence number that carry values; stamp: those of the timestamp, or, without one,
 * a value that no timestamp has. */
static uint32_t sign(const struct tcp *tcp, const struct tcp_half *h, uint32_t time, uint32_t said,
                     uint32_t stamp)
{
	uint32_t use = stamp << 16 | said << 8 | ISN_COOKIE;
	uint64_t hash = isn_hash(tcp, &h->entry.key.ends, h->entry.rcv_nxt, time, use);

	return ((uint32_t)hash & ~SAID_MASK) | said;
}

static uint32_t stamp_of(const struct tcp_half *h)
{
	if (!(h->entry.options & SEG_HAS_TIMESTAMPS))
		return STAMP_MASK + 1;
	return (h->entry.options & SEG_HAS_SCALE ? h->scale : STAMP_NO_SCALE) |
	       (h->entry.options & SEG_HAS_SACK_PERMITTED ? STAMP_SACK : 0) |
	       (IS_ENABLED(CONFIG_TCP_ECN) && h->entry.options & SEG_HAS_ECN ? STAMP_ECN : 0);
}

OUT_OF_LINE uint32_t cookie_make(struct tcp *tcp, struct tcp_half *h, uint32_t timestamp)
{
	uint32_t time = time_of(tcp), stamp;
	unsigned size = ARRAY_SIZE(sizes) - 1;

	while (size > 0 && sizes[size] > h->mss)
		size--;
	if (!(h->entry.options & SEG_HAS_TIMESTAMPS))
		h->entry.options = 0;
	stamp = stamp_of(h);
	h->entry.snd_nxt = sign(tcp, h, time, size << SIZE_SHIFT | (time & TIME_MASK), stamp) + 1;
	tcp->cookies_until = time + AGE_MAX + 1;
	tcp->stats.cookies_sent++;
	/* never later than now, as clocks do not go back */
	return timestamp - ((timestamp - stamp) & STAMP_MASK);
}

/* Sets h's options from the timestamp that an answer echoes. */
static void read_stamp(struct tcp_half *h, uint32_t stamp)
{
	h->entry.options = SEG_HAS_TIMESTAMPS;
	h->scale = stamp & STAMP_NO_SCALE;
	if (h->scale != STAMP_NO_SCALE)
		h->entry.options |= SEG_HAS_SCALE;
	if (stamp & STAMP_SACK)
		h->entry.options |= SEG_HAS_SACK_PERMITTED;
	if (IS_ENABLED(CONFIG_TCP_ECN) && stamp & STAMP_ECN)
		h->entry.options |= SEG_HAS_ECN;
}

OUT_OF_LINE bool cookie_check(struct tcp *tcp, const struct tcp_key *k, const struct segment *s,
                              struct tcp_half *h)
{
	uint32_t time = time_of(tcp), iss = s->ack - 1, age = (time - iss) & TIME_MASK, stamp = STAMP_MASK + 1;

	if (time >= tcp->cookies_until || age > AGE_MAX)
		return false;
	memset(h, 0, sizeof(*h));
	h->entry.key.ends = k->ends;
	h->entry.key.hash = k->hash;
	h->entry.snd_nxt = s->ack;
	h->entry.rcv_nxt = s->seq;
	h->entry.ts_recent = s->ts_value;
	h->mss = sizes[iss >> SIZE_SHIFT & 7];
	h->is_cookie = true;
	if (s->options & SEG_HAS_TIMESTAMPS) {
		stamp = s->ts_echo & STAMP_MASK;
		read_stamp(h, stamp);
	}
	if (sign(tcp, h, time - age, iss & SAID_MASK, stamp) != iss) {
		tcp->stats.cookies_refused++;
		return false;
	}
	tcp->stats.cookies_accepted++;
	return true;
}
