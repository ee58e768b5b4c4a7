/* SPDX-License-Identifier: ISC */
/* HyStart++ (RFC 9406 §4.2): the first slow start of a connection has no threshold, and would end in a burst
 * of losses. It ends sooner if round trips get longer, as they do when a queue fills up: cwnd first grows
 * four times slower for five round trips, in case it was only jitter, and then congestion avoidance begins.
 * Timestamps measure the round trips; without them slow start is left as it is. */
#include "net/tcp/congestion.h"
#include "net/tcp/segment.h"

#define SAMPLES 8
#define SLOW_ROUNDS 5
#define LONGER_MIN_MS 4
#define LONGER_MAX_MS 16
#define UNKNOWN UINT16_MAX

void hystart_init(struct congestion *c, uint32_t una)
{
	c->hystart = (struct hystart){ .round_end = una, .last_rtt_ms = UNKNOWN, .rtt_ms = UNKNOWN };
	c->is_first = true;
}

void hystart_end(struct congestion *c)
{
	c->hystart = (struct hystart){ 0 }; /* CUBIC's part of the union begins with zeros */
	c->is_first = false;
}

/* This round trip has enough samples, the shortest of which is rtt_ms. */
static void judge(struct hystart *h)
{
	uint16_t longer = MIN(MAX(h->last_rtt_ms / 8, LONGER_MIN_MS), LONGER_MAX_MS);

	if (h->slow_rounds > 0) {
		if (h->rtt_ms < h->baseline_ms)
			h->slow_rounds = 0; /* it was jitter */
	} else if (h->last_rtt_ms != UNKNOWN && h->rtt_ms >= h->last_rtt_ms + longer) {
		h->baseline_ms = h->rtt_ms;
		h->slow_rounds = 1;
	}
}

void hystart_on_ack(struct congestion *c, uint32_t una, uint32_t next, uint32_t rtt_ms)
{
	struct hystart *h = &c->hystart;

	h->rtt_ms = (uint16_t)MIN(rtt_ms, (uint32_t)h->rtt_ms);
	h->samples += h->samples < SAMPLES;
	if (h->samples == SAMPLES)
		judge(h);
	if (seq_lt(una, h->round_end))
		return;
	h->last_rtt_ms = h->rtt_ms;
	h->rtt_ms = UNKNOWN;
	h->samples = 0;
	h->round_end = next;
	if (h->slow_rounds > 0 && ++h->slow_rounds > SLOW_ROUNDS) {
		c->ssthresh = c->cwnd;
		hystart_end(c);
	}
}
