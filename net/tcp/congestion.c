/* SPDX-License-Identifier: ISC */
/* The part common to all algorithms: slow start (RFC 5681) from an initial window of ten (RFC 6928) with
 * growth by bytes, however few acknowledgements report them (RFC 3465, limited by RFC 9406), and a window
 * that decays while the connection idles (RFC 2861 §3); and New Reno (RFC 6582) with limited transmit
 * (RFC 3042) for peers without SACK. */
#include "net/tcp/congestion.h"

#include "net/tcp/segment.h"

#define DUPLICATES_MEAN_LOSS 3
#define SLOW_START_SEGMENTS 8 /* of growth an acknowledgement; 1 while a timeout is repaired */
#define SLOWER 4              /* RFC 9406 §4.3: CSS_GROWTH_DIVISOR */
#define CWND_MAX (UINT32_MAX / 4)

static uint32_t initial_window(uint32_t mss)
{
	return MIN(10 * mss, MAX(2 * mss, UINT32_C(14600)));
}

void congestion_init(struct congestion *c, uint32_t mss, uint32_t una)
{
	*c = (struct congestion){ .cwnd = initial_window(mss), .ssthresh = UINT32_MAX / 2, .recover = una - 1 };
	if (IS_ENABLED(CONFIG_TCP_CUBIC))
		hystart_init(c, una);
}

void congestion_grow(struct congestion *c, uint32_t mss, uint32_t acked, uint32_t una, uint32_t now_ms,
                     uint32_t rtt_ms)
{
	uint32_t most = seq_lt(c->recover, una) ? SLOW_START_SEGMENTS * mss : mss;

	if (c->cwnd >= CWND_MAX)
		return;
	if (c->cwnd < c->ssthresh)
		c->cwnd += MIN(acked, most) / (c->is_first && c->hystart.slow_rounds > 0 ? SLOWER : 1);
	else if (IS_ENABLED(CONFIG_TCP_CUBIC))
		cubic_grow(c, mss, acked, now_ms, rtt_ms);
	else
		reno_grow(c, mss, acked);
}

void congestion_reduce(struct congestion *c, uint32_t mss, uint32_t flight)
{
	flight = MIN(flight, c->cwnd);
	if (IS_ENABLED(CONFIG_TCP_CUBIC) && c->is_first)
		hystart_end(c);
	c->ssthresh = IS_ENABLED(CONFIG_TCP_CUBIC) ? cubic_back_off(c, mss, flight)
	                                           : reno_back_off(c, mss, flight);
	c->cwnd = c->ssthresh;
	c->acked = 0;
}

enum congestion_verdict congestion_on_ack(struct congestion *c, uint32_t mss, uint32_t acked, uint32_t una,
                                          uint32_t flight)
{
	c->duplicates = 0;
	if (!c->recovering) {
		if (seq_lt(c->recover, una))
			c->recover = una - 1; /* or it would seem ahead after half the sequence space */
		return CONGESTION_OK;
	}
	if (!seq_lt(una, c->recover)) {
		c->recovering = false;
		c->cwnd = MIN(c->ssthresh, MAX(flight, mss) + mss);
		return CONGESTION_OK;
	}
	/* partial: the next hole starts at una; deflate by the bytes that have left the network */
	c->cwnd -= MIN(acked, c->cwnd - mss);
	if (acked >= mss)
		c->cwnd += mss;
	return CONGESTION_RETRANSMIT;
}

enum congestion_verdict congestion_on_duplicate(struct congestion *c, uint32_t mss, uint32_t una,
                                                uint32_t highest, uint32_t flight)
{
	if (c->duplicates < UINT8_MAX)
		c->duplicates++;
	if (c->recovering) {
		c->cwnd += mss;
		return CONGESTION_OK;
	}
	/* not again for losses from before the last recovery or timeout: RFC 6582 §3.2 step 2 */
	if (c->duplicates != DUPLICATES_MEAN_LOSS || !seq_lt(c->recover, una))
		return CONGESTION_OK;
	congestion_reduce(c, mss, flight);
	c->cwnd += DUPLICATES_MEAN_LOSS * mss;
	c->recover = highest;
	c->recovering = true;
	return CONGESTION_RETRANSMIT;
}

void congestion_on_timeout(struct congestion *c, uint32_t mss, uint32_t highest, uint32_t flight, bool again)
{
	if (!again)
		congestion_reduce(c, mss, flight);
	c->cwnd = mss;
	c->w_max = 0; /* RFC 9438 §4.8: where congestion avoidance begins is the new origin */
	c->in_epoch = false;
	c->recover = highest;
	c->recovering = false;
	c->duplicates = 0;
}

void congestion_on_idle(struct congestion *c, uint32_t mss, uint32_t timeouts)
{
	uint32_t least = MIN(c->cwnd, initial_window(mss));

	c->ssthresh = MAX(c->ssthresh, c->cwnd / 4 * 3);
	c->cwnd = MAX(c->cwnd >> MIN(timeouts, UINT32_C(31)), least);
	c->in_epoch = false;
}
