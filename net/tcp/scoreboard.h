/* SPDX-License-Identifier: ISC */
/* The scoreboard: the fate of the bytes in flight, as runs of sequence space that were sent together and
 * share it. A run is a burst of many segments as often as one. Touches nothing but its arguments; runs that
 * do not fit are forgotten in a way that costs a needless retransmission at worst.
 *
 *     start        runs[0].end   runs[1].end            runs[count - 1].end
 *       │ lost, sent 17 │ sacked      │ flying, sent 21 …   │
 *     snd_una                                             snd_max
 */
#ifndef NET_TCP_SCOREBOARD_H
#define NET_TCP_SCOREBOARD_H

#include "kernel/util.h"

#define SCOREBOARD_RUNS 24

/* Time in ticks, which wrap every 73 minutes: no segment is in flight that long. */
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
	uint32_t sent;  /* ticks: of a flying run's first segment, of another's last */
	uint32_t state; /* enum run_state */
};

struct scoreboard {
	uint32_t start;
	uint32_t lost, out;  /* bytes lost; lost or sacked: not in the network */
	uint8_t count;
	uint8_t grain;       /* runs sent within the same 2^grain ticks count as sent together */
	struct run runs[SCOREBOARD_RUNS];
};

/* The sequence number at which run i begins. */
static inline uint32_t scoreboard_begin(const struct scoreboard *b, unsigned i)
{
	return i ? b->runs[i - 1].end : b->start;
}

/* The sequence number at which the last run ends. */
static inline uint32_t scoreboard_end(const struct scoreboard *b)
{
	return scoreboard_begin(b, b->count);
}

/* Bytes in the network, as far as is known: pipe of RFC 6675. */
static inline uint32_t scoreboard_pipe(const struct scoreboard *b)
{
	return scoreboard_end(b) - b->start - b->out;
}

/* The number of the run that begins at seq, if need be by cutting one in two; without room for another run,
 * of the next run after seq if up, else of the run that seq lies in. count: seq is behind the last run. */
unsigned scoreboard_cut(struct scoreboard *b, uint32_t seq, bool up);
/* [seq, end) was sent at now, for the first time or again. */
void scoreboard_sent(struct scoreboard *b, uint32_t seq, uint32_t end, uint32_t now);
/* All before una is acknowledged. Joins runs, updates lost and out: call it after changing states, too. */
void scoreboard_advance(struct scoreboard *b, uint32_t una);
/* Marks all runs as lost but those that are sacked; with_sacked: these, too (RFC 2018 §8). */
void scoreboard_lose_all(struct scoreboard *b, bool with_sacked);

#endif
