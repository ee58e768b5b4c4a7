/* SPDX-License-Identifier: ISC */
/* The scoreboard: what has become of the bytes in flight, as runs of sequence space that were sent together
 * and had the same fate. A run is a burst of many segments as often as one. Touches nothing but its
 * arguments; what does not fit is forgotten in the way that costs a needless repetition at worst.
 *
 *     start        runs[0].end   runs[1].end            runs[count - 1].end
 *       │ lost, sent 17 │ sacked      │ flying, sent 21 …   │
 *     snd_una                                             snd_max
 */
#ifndef NET_TCP_SCOREBOARD_H
#define NET_TCP_SCOREBOARD_H

#include "kernel/util.h"

#define SCOREBOARD_RUNS 24

/* Time in ticks that go round every 73 minutes, which no flight lasts. */
#define TICK_NS 1024
#define TICKS_PER_MS UINT32_C(977)

enum run_state {
	RUN_FLYING, /* sent once */
	RUN_RESENT, /* sent again: no telling which of them arrives */
	RUN_LOST,   /* to be sent again */
	RUN_SACKED,
};

struct run {
	uint32_t end;   /* sequence number; begins where the one before it ends */
	uint32_t sent;  /* ticks: the first segment of a run flying, the last one else */
	uint32_t state; /* enum run_state */
};

struct scoreboard {
	uint32_t start;
	uint32_t lost, out;  /* bytes lost; lost or sacked: not in the network */
	uint8_t count;
	uint8_t grain;       /* runs of the same 2^grain ticks count as sent together */
	struct run runs[SCOREBOARD_RUNS];
};

/* Where run i begins. */
static inline uint32_t scoreboard_begin(const struct scoreboard *b, unsigned i)
{
	return i ? b->runs[i - 1].end : b->start;
}

/* Where the last run ends. */
static inline uint32_t scoreboard_end(const struct scoreboard *b)
{
	return scoreboard_begin(b, b->count);
}

/* Bytes in the network, as far as is known: pipe of RFC 6675. */
static inline uint32_t scoreboard_pipe(const struct scoreboard *b)
{
	return scoreboard_end(b) - b->start - b->out;
}

/* The run that begins at seq, made by cutting one in two; when there is no room, the one that begins next
 * after seq, or without up the one that seq lies in. count: behind the last. */
unsigned scoreboard_cut(struct scoreboard *b, uint32_t seq, bool up);
/* [seq, end) was sent at now, for the first time or again. */
void scoreboard_sent(struct scoreboard *b, uint32_t seq, uint32_t end, uint32_t now);
/* All before una is acknowledged. Joins runs and sums them up: call it after states were changed, too. */
void scoreboard_advance(struct scoreboard *b, uint32_t una);
/* Nothing of it has arrived for sure but what is sacked; with_sacked: nothing at all (RFC 2018 §8). */
void scoreboard_lose_all(struct scoreboard *b, bool with_sacked);

#endif
