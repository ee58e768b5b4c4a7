/* SPDX-License-Identifier: ISC */
/* New Reno: RFC 5681 (slow start, congestion avoidance, fast retransmit and recovery), RFC 6582
 * (partial acknowledgements), RFC 6928 (initial window of ten), RFC 3042 (limited transmit), RFC 3465
 * (growth by bytes, at most two segments an acknowledgement). */
#include "net/tcp/congestion.h"

#include "net/tcp/segment.h"

#define DUPLICATES_MEAN_LOSS 3

static uint32_t initial_window(uint32_t mss)
{
	return MIN(10 * mss, MAX(2 * mss, UINT32_C(14600)));
}

void congestion_init(struct congestion *c, uint32_t mss, uint32_t una)
{
	*c = (struct congestion){ .cwnd = initial_window(mss), .ssthresh = UINT32_MAX / 2, .recover = una - 1 };
}

static void grow(struct congestion *c, uint32_t mss, uint32_t acked)
{
	if (c->cwnd >= UINT32_MAX / 4)
		return;
	if (c->cwnd < c->ssthresh) {
		c->cwnd += MIN(acked, 2 * mss);
		return;
	}
	c->acked += acked;
	if (c->acked >= c->cwnd) {
		c->acked -= c->cwnd;
		c->cwnd += mss;
	}
}

enum congestion_verdict congestion_on_ack(struct congestion *c, uint32_t mss, uint32_t acked, uint32_t una,
                                          uint32_t flight, bool limited)
{
	c->duplicates = 0;
	if (!c->recovering) {
		if (seq_lt(c->recover, una))
			c->recover = una - 1; /* follows, lest it seem ahead after half the circle */
		if (limited)
			grow(c, mss, acked);
		return CONGESTION_OK;
	}
	if (!seq_lt(una, c->recover)) {
		c->recovering = false;
		c->acked = 0;
		c->cwnd = MIN(c->ssthresh, MAX(flight, mss) + mss);
		return CONGESTION_OK;
	}
	/* partial: the next hole starts at una; deflate by what left the network */
	c->cwnd -= MIN(acked, c->cwnd - mss);
	if (acked >= mss)
		c->cwnd += mss;
	return CONGESTION_RETRANSMIT;
}

enum congestion_verdict congestion_on_duplicate(struct congestion *c, uint32_t mss, uint32_t una,
                                                uint32_t highest, uint32_t flight, bool lost)
{
	if (c->duplicates < UINT8_MAX)
		c->duplicates++;
	if (c->recovering) {
		c->cwnd += mss;
		return CONGESTION_OK;
	}
	/* not again for losses of before the last recovery or timeout: RFC 6582 §3.2 step 2 */
	if ((c->duplicates != DUPLICATES_MEAN_LOSS && !lost) || !seq_lt(c->recover, una))
		return CONGESTION_OK;
	c->ssthresh = MAX(flight / 2, 2 * mss);
	c->cwnd = c->ssthresh + DUPLICATES_MEAN_LOSS * mss;
	c->recover = highest;
	c->recovering = true;
	return CONGESTION_RETRANSMIT;
}

void congestion_on_timeout(struct congestion *c, uint32_t mss, uint32_t highest, uint32_t flight, bool again)
{
	if (!again)
		c->ssthresh = MAX(flight / 2, 2 * mss);
	c->cwnd = mss;
	c->acked = 0;
	c->recover = highest;
	c->recovering = false;
	c->duplicates = 0;
}

void congestion_on_idle(struct congestion *c, uint32_t mss)
{
	c->cwnd = MIN(c->cwnd, initial_window(mss));
}
