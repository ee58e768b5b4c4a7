/* SPDX-License-Identifier: ISC */
/* Runs: cut, joined, summed up. There are few, so each operation walks over all of them. */
#include "net/tcp/scoreboard.h"

#include <string.h>

#include "net/tcp/segment.h"

unsigned scoreboard_cut(struct scoreboard *b, uint32_t seq, bool up)
{
	unsigned i = 0;

	while (i < b->count && seq_le(b->runs[i].end, seq))
		i++;
	if (i == b->count || seq_le(seq, scoreboard_begin(b, i)))
		return i;
	if (b->count == SCOREBOARD_RUNS)
		return i + up;
	memmove(b->runs + i + 1, b->runs + i, (b->count - i) * sizeof(*b->runs));
	b->count++;
	b->runs[i].end = seq;
	return i + 1;
}

/* May x and y be joined? Of lost and sacked runs the time of sending matters no more. */
static bool is_alike(const struct scoreboard *b, const struct run *x, const struct run *y)
{
	return x->state == y->state && (x->state >= RUN_LOST || x->sent >> b->grain == y->sent >> b->grain);
}

void scoreboard_advance(struct scoreboard *b, uint32_t una)
{
	uint32_t begin = una;
	unsigned n = 0;

	b->start = una;
	b->lost = b->out = 0;
	for (unsigned i = 0; i < b->count; i++) {
		struct run run = b->runs[i];
		uint32_t len = run.end - begin;

		if (!seq_lt(begin, run.end))
			continue;
		if (n > 0 && is_alike(b, &b->runs[n - 1], &run))
			b->runs[n - 1].end = run.end;
		else
			b->runs[n++] = run;
		if (run.state >= RUN_LOST)
			b->out += len;
		if (run.state == RUN_LOST)
			b->lost += len;
		begin = run.end;
	}
	b->count = (uint8_t)n;
}

void scoreboard_sent(struct scoreboard *b, uint32_t seq, uint32_t end, uint32_t now)
{
	uint32_t top = scoreboard_end(b);
	struct run *last;

	if (seq_lt(seq, top)) {
		unsigned i = scoreboard_cut(b, seq, false), behind = scoreboard_cut(b, end, true);

		for (; i < behind; i++)
			if (b->runs[i].state != RUN_SACKED) {
				b->runs[i].state = RUN_RESENT;
				b->runs[i].sent = now;
			}
	}
	if (seq_lt(top, end)) {
		/* without room the last run is extended and its state forgotten: it counts as in flight */
		b->count = (uint8_t)MIN(b->count + 1, SCOREBOARD_RUNS);
		last = &b->runs[b->count - 1];
		*last = (struct run){ .end = end, .state = RUN_FLYING, .sent = now };
	}
	scoreboard_advance(b, b->start);
}

void scoreboard_lose_all(struct scoreboard *b, bool with_sacked)
{
	for (unsigned i = 0; i < b->count; i++)
		if (with_sacked || b->runs[i].state != RUN_SACKED)
			b->runs[i].state = RUN_LOST;
	scoreboard_advance(b, b->start);
}
