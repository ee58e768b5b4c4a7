/* SPDX-License-Identifier: ISC */
/* The size of segments: what the peer takes, and what the path does as far as it is known (RFC 1191).
 * Routers that say nothing are found out by large segments that time out again and again (RFC 4821 §7.7,
 * RFC 8899 §4.3): then segments shrink to what nearly all paths take; next, routers may cut them; at last
 * they shrink to the least, so late that few other troubles last that long. IP forgets in time, so that
 * larger segments are tried again. */
#include "net/tcp/tcp_priv.h"

#define BASE_MTU 1200 /* RFC 8899 §5.1.2 */

bool mtu_follow(struct tcp_conn *c)
{
	uint16_t was = c->mss;

	c->mss = MIN((uint16_t)(c->route.payload_bytes - SEGMENT_HEADER_BYTES), c->peer_mss);
	if (c->options & SEG_HAS_TIMESTAMPS)
		c->mss -= SEGMENT_TIMESTAMPS_BYTES;
	c->congestion.cwnd = MAX(c->congestion.cwnd, (uint32_t)c->mss);
	return c->mss < was;
}

void mtu_too_big(struct tcp_conn *c, uint32_t mtu)
{
	ip_too_big(&c->route, mtu);
	if (mtu_follow(c)) {
		conn_go_back(c);
		conn_output(c);
	}
}

void mtu_timed_out(struct tcp_conn *c)
{
	uint32_t guess;

	if (c->snd_max - c->snd_una < c->mss)
		return; /* a last short segment that is lost says nothing of long ones */
	switch (c->rto.backoff) { /* how often the timer has run out in a row */
	case 3:
		guess = BASE_MTU;
		break;
	case 4:
		guess = IP_MTU_UNKNOWN;
		break;
	case 7:
		guess = IP_MTU_LEAST;
		break;
	default:
		return;
	}
	ip_too_big(&c->route, guess);
	mtu_follow(c);
}
