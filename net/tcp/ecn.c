/* SPDX-License-Identifier: ISC */
/* Explicit congestion notification (RFC 3168 §6.1). A router that would soon have to drop marks a segment of
 * ours; its receiver echoes the mark (ECE) in all segments until we tell it (CWR) that we have reduced cwnd,
 * which we do once a round trip, as for a loss. The same holds in the other direction. A loss in the round
 * trip of a mark reduces cwnd a second time. */
#include "net/tcp/tcp_priv.h"

void ecn_receive(struct tcp_conn *c, const struct segment *s)
{
	if (!conn_has_ecn(c))
		return;
	if (s->flags & SEG_CWR)
		c->wishes &= (uint8_t)~CONN_ECHO;
	if (s->ecn == IP_ECN_MARKED && s->length > 0)
		c->wishes |= CONN_ECHO;
	if (!ecn_is_echo(c, s) || c->congestion.recovering || c->tcp->now_ms - c->slowed_ms <= c->rto.srtt8 / 8)
		return;
	/* cwnd stands for the flight that the marked segment was in, which is acknowledged by now */
	congestion_reduce(&c->congestion, c->mss, c->congestion.cwnd);
	c->slowed_ms = c->tcp->now_ms;
	c->wishes |= CONN_SLOWED;
}

uint8_t ecn_flags(const struct tcp_conn *c, uint8_t flags, bool is_new)
{
	if (c->wishes & CONN_ECHO)
		flags |= SEG_ECE;
	if (c->wishes & CONN_SLOWED && is_new)
		flags |= SEG_CWR;
	return flags;
}
