/* SPDX-License-Identifier: ISC */
/* Congestion avoidance of RFC 5681: half the window after a loss, a segment more every round trip
 * (counted in bytes: RFC 3465 §2.1). */
#include "net/tcp/congestion.h"

uint32_t reno_back_off(struct congestion *c, uint32_t mss, uint32_t flight)
{
	(void)c;
	return MAX(flight / 2, 2 * mss);
}

void reno_grow(struct congestion *c, uint32_t mss, uint32_t acked)
{
	c->acked += acked;
	if (c->acked >= c->cwnd) {
		c->acked -= c->cwnd;
		c->cwnd += mss;
	}
}
