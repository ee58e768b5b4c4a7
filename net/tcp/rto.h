/* SPDX-License-Identifier: ISC */
/* The retransmission timeout of one connection (RFC 6298). */
#ifndef NET_TCP_RTO_H
#define NET_TCP_RTO_H

#include "kernel/util.h"

#define RTO_INITIAL_MS UINT32_C(1000)
#define RTO_INITIAL_LOST_MS UINT32_C(3000) /* after a SYN had to be sent again: RFC 6298 §5.7 */
#define RTO_MAX_MS UINT32_C(60000)

struct rto {
	uint32_t srtt8;   /* smoothed round trip, 1/8 ms */
	uint32_t rttvar4; /* its variation, 1/4 ms, which is K times the variation in ms */
	uint8_t backoff;  /* doublings since the last sample */
	bool sampled;
};

void rto_init(struct rto *r, uint32_t initial_ms);
/* A round trip of a segment that was sent once, or that a timestamp tells apart (Karn). */
void rto_sample(struct rto *r, uint32_t rtt_ms);
/* The timer ran out. */
void rto_back_off(struct rto *r);
uint32_t rto_ms(const struct rto *r);

#endif
