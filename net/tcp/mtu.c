/* SPDX-License-Identifier: ISC */
/* The size of segments: limited by the peer's MSS and the path's MTU as far as known (RFC 1191). Routers that
 * drop in silence are detected by large segments that time out again and again (RFC 4821 §7.7, RFC 8899
 * §4.3): segments then shrink to a size that nearly all paths take; next, routers may fragment them; at last
 * they shrink to the least size, so late that few other faults last that long. IP forgets a path's MTU in
 * time: then a single larger segment is tried (RFC 4821 §7.4 to §7.6), whose loss means no congestion. Only
 * SACK can tell that loss apart; without SACK it would cost as much as that of all, so all grow at once. */
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
		return; /* the loss of a last short segment says nothing of long ones */
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
