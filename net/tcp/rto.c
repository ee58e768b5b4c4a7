/* SPDX-License-Identifier: ISC */
/* Retransmission timeout: RFC 6298, in fixed point with the gains 1/8 and 1/4 and a clock of one
 * millisecond. Backing off is undone by the next sample alone (Karn's algorithm, §5). */
#include "net/tcp/rto.h"

#define CLOCK_MS UINT32_C(1) /* G */

void rto_init(struct rto *r, uint32_t initial_ms)
{
	r->srtt8 = 0;
	r->rttvar4 = initial_ms;
	r->backoff = 0;
	r->sampled = false;
}

void rto_sample(struct rto *r, uint32_t rtt_ms)
{
	int32_t error;

	rtt_ms = MIN(rtt_ms, RTO_MAX_MS);
	if (!r->sampled) {
		r->srtt8 = rtt_ms * 8;
		r->rttvar4 = rtt_ms * 2;
		r->sampled = true;
	} else {
		error = (int32_t)(rtt_ms * 8 - r->srtt8); /* 1/8 ms */
		r->rttvar4 += (uint32_t)(error < 0 ? -error : error) / 8 - r->rttvar4 / 4;
		r->srtt8 += (uint32_t)(error / 8);
	}
	r->backoff = 0;
}

void rto_back_off(struct rto *r)
{
	if (rto_ms(r) < RTO_MAX_MS)
		r->backoff++;
}

uint32_t rto_ms(const struct rto *r)
{
	uint32_t ms = r->srtt8 / 8 + MAX(r->rttvar4, CLOCK_MS);

	ms = MAX(ms, (uint32_t)CONFIG_TCP_RTO_MIN_MS);
	/* backoff only grows below the maximum, so the shift cannot overflow 64 bits */
	return (uint32_t)MIN((uint64_t)ms << r->backoff, (uint64_t)RTO_MAX_MS);
}
