/* SPDX-License-Identifier: ISC */
/* The steps of RFC 8985 §6.2 that look at segments: find the one sent last among those that arrived (step 2),
 * notice reordering (step 3), and detect losses among the others (step 5). */
#include "net/tcp/rack.h"

#include "net/tcp/segment.h"

/* Was run sent before the one sent last of all that arrived? */
static bool is_before(const struct run *run, const struct rack *r)
{
	if (run->sent != r->sent)
		return (int32_t)(run->sent - r->sent) < 0;
	/* sent in one go: in order of sequence numbers */
	return (run->state == RUN_RESENT) == r->resent && seq_lt(run->end, r->end);
}

static void note(struct rack *r, const struct run *run, struct rack_ack *ack, bool in_order)
{
	uint32_t since = ack->now - run->sent;

	switch (run->state) {
	case RUN_FLYING:
		ack->overtaken |= seq_lt(run->end, r->highest);
		break;
	case RUN_RESENT:
		/* out of order, the timestamp echoed is that of an earlier segment */
		if (ack->stamped && in_order && ack->echo_ms > since / TICKS_PER_MS + 1) {
			ack->original = true;
			return;
		}
		if (since < ack->srtt / 2)
			return; /* too soon for the retransmission */
		ack->resent = true;
		break;
	default:
		return;
	}
	if (r->known && is_before(run, r))
		return;
	r->known = true;
	r->resent = run->state == RUN_RESENT;
	r->sent = run->sent;
	r->end = run->end;
	r->rtt = MAX(since, UINT32_C(1));
}

uint32_t rack_arrived(struct rack *r, struct scoreboard *b, uint32_t from, uint32_t to, struct rack_ack *ack)
{
	unsigned i = scoreboard_cut(b, from, true), behind = scoreboard_cut(b, to, false);
	uint32_t bytes = 0;

	for (; i < behind; i++) {
		struct run *run = &b->runs[i];

		if (run->state == RUN_SACKED)
			continue;
		bytes += run->end - scoreboard_begin(b, i);
		note(r, run, ack, from == b->start);
		run->state = RUN_SACKED;
	}
	if (seq_lt(r->highest, to))
		r->highest = to;
	return bytes;
}

uint32_t rack_detect(const struct rack *r, struct scoreboard *b, uint32_t now, uint32_t window)
{
	uint32_t wait = 0;

	for (unsigned i = 0; i < b->count && r->known; i++) {
		struct run *run = &b->runs[i];
		int32_t left = (int32_t)(r->rtt + window - (now - run->sent));

		if (run->state >= RUN_LOST || !is_before(run, r))
			continue;
		if (left <= 0)
			run->state = RUN_LOST;
		else
			wait = MAX(wait, (uint32_t)left);
	}
	scoreboard_advance(b, b->start);
	return wait;
}
