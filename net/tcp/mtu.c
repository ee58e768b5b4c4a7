/* SPDX-License-Identifier: ISC */
/* The size of segments: what the peer takes, and what the path does as far as it is known (RFC 1191).
 * Routers that say nothing are found out by large segments that time out again and again (RFC 4821 §7.7,
 * RFC 8899 §4.3): then segments shrink to what nearly all paths take; next, routers may cut them; at last
 * they shrink to the least, so late that few other troubles last that long. IP forgets in time: then a
 * single larger segment is tried (RFC 4821 §7.4 to §7.6), whose loss means no congestion. That only this one
 * was lost SACK alone can tell; without, its loss would cost as much as that of all, and all are larger. */
#include "net/tcp/tcp_priv.h"

#define BASE_MTU 1200 /* RFC 8899 §5.1.2 */

uint16_t mtu_most(const struct tcp_conn *c)
{
	uint16_t most = MIN((uint16_t)(c->route.payload_bytes - SEGMENT_HEADER_BYTES), c->peer_mss);

	return c->options & SEG_HAS_TIMESTAMPS ? most - SEGMENT_TIMESTAMPS_BYTES : most;
}

bool mtu_follow(struct tcp_conn *c)
{
	uint16_t was = c->mss, most = mtu_most(c);

	c->wishes &= (uint8_t)~(CONN_MAY_GROW | CONN_TRIES_LARGER);
	if (IS_ENABLED(CONFIG_TCP_RECOVERY) && most > was && c->state >= TCP_ESTABLISHED &&
	    c->options & SEG_HAS_SACK_PERMITTED)
		c->wishes |= CONN_MAY_GROW;
	else
		c->mss = most;
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

void mtu_has_arrived(struct tcp_conn *c)
{
	c->mss = mtu_most(c);
	mtu_follow(c);
}

void mtu_is_lost(struct tcp_conn *c)
{
	c->wishes &= (uint8_t)~(CONN_MAY_GROW | CONN_TRIES_LARGER);
	ip_too_big(&c->route, BASE_MTU);
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
