/* SPDX-License-Identifier: ISC */
/* Loss recovery with SACK: a scoreboard (RFC 2018, RFC 6675), RACK on it (RFC 8985 §6), PRR for the rate
 * (RFC 9937), tail loss probes (RFC 8985 §7), D-SACK (RFC 2883) and Eifel (RFC 3522, RFC 4015) to detect
 * spurious recoveries. The state is attached when the first hole is reported or a probe is sent, and freed a
 * round trip after the last hole is filled: a connection without losses costs neither memory nor time for it.
 * When the pool is empty New Reno takes over. */
#include <string.h>

#include "net/tcp/prr.h"
#include "net/tcp/rack.h"
#include "net/tcp/tcp_priv.h"

#define PROBE_MIN_MS UINT32_C(10)
#define DUPLICATES_MEAN_LOSS 3u
#define REORDER_PERSIST 16          /* recoveries: RFC 8985 §6.2.4 */

struct recovery {
	_Alignas(8) struct rack rack; /* as the pool lays them out */
	struct prr prr;
	struct congestion prior; /* restored if there was no loss; cwnd 0: not any more */
	bool waiting;            /* CONN_RETRANSMIT is armed for segments that may only be reordered */
	bool probing;            /* probe_end is valid */
	bool dsacked;            /* dsack_round is valid */
	uint32_t probe_end;      /* of a probe that sent the tail again */
	uint32_t dsack_round;    /* until this is acknowledged, D-SACKs are of the same round trip */
	uint32_t hold;           /* until this is acknowledged, D-SACKs may come */
	struct scoreboard board;
};
LIMIT_BYTES(TCP_RECOVERIES, sizeof(struct recovery), 384);

/* -- attached or not -- */

int recovery_init_all(struct tcp *tcp)
{
	uint32_t n = tcp->limits.recoveries;

	return n ? pool_init(&tcp->recoveries, sizeof(struct recovery), 8, n) : 0;
}

static struct recovery *recovery_of(const struct tcp_conn *c)
{
	return (struct recovery *)c->tcp->recoveries.memory + (c->recovery - 1);
}

static uint32_t ticks(const struct tcp_conn *c)
{
	return (uint32_t)(c->tcp->now_ns / TICK_NS);
}

static uint32_t srtt_ticks(const struct tcp_conn *c)
{
	return c->rto.srtt8 * (TICKS_PER_MS / 8);
}

/* Data in flight from start on was sent once and in order, or the state would be attached already: so one
 * run, about age_ms old, is enough; its exact time matters only to reordering. NULL: the pool is empty. */
static struct recovery *attach(struct tcp_conn *c, uint32_t start, uint32_t age_ms)
{
	struct recovery *r = pool_alloc(&c->tcp->recoveries);

	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->hold = c->snd_una;
	r->rack.highest = r->board.start = start;
	r->board.grain = (uint8_t)(31 - __builtin_clz(srtt_ticks(c) / 8 | 1023));
	scoreboard_sent(&r->board, start, c->snd_max, ticks(c) - age_ms * TICKS_PER_MS - 1);
	r->prr.flight = c->snd_max - start;
	if (seq_lt(c->snd_nxt, c->snd_max)) { /* retransmitting after a timeout that found no state */
		for (unsigned i = scoreboard_cut(&r->board, c->snd_nxt, true); i < r->board.count; i++)
			r->board.runs[i].state = RUN_LOST;
		scoreboard_advance(&r->board, start);
		c->snd_nxt = c->snd_max;
	}
	c->recovery = (uint16_t)(r - (struct recovery *)c->tcp->recoveries.memory + 1);
	return r;
}

static OUT_OF_LINE void finish(struct congestion *cc)
{
	cc->recovering = false;
	cc->duplicates = 0;
	cc->cwnd = cc->ssthresh;
	if (cc->reorder_persist > 0 && --cc->reorder_persist == 0)
		cc->reorder_steps = 0;
}

void recovery_detach(struct tcp_conn *c)
{
	if (c->congestion.recovering)
		finish(&c->congestion);
	pool_free(&c->tcp->recoveries, recovery_of(c));
	c->recovery = 0;
}

uint32_t recovery_out(const struct tcp_conn *c)
{
	return recovery_of(c)->board.out;
}

bool recovery_is_waiting(const struct tcp_conn *c)
{
	return recovery_of(c)->waiting;
}

/* -- SACK blocks and reordering -- */

/* Does s report data received twice? (RFC 2883 §4) */
static bool has_dsack(const struct segment *s)
{
	const struct sack_block *b = s->sacks;

	return s->sack_count > 0 && seq_lt(b[0].start, b[0].end) &&
	       (seq_le(b[0].end, s->ack) ||
	        (s->sack_count > 1 && seq_le(b[1].start, b[0].start) && seq_le(b[0].end, b[1].end)));
}

/* Does b report data in flight beyond snd_una? */
static OUT_OF_LINE bool is_useful(const struct tcp_conn *c, const struct sack_block *b)
{
	return seq_lt(c->snd_una, b->start) && seq_lt(b->start, b->end) && seq_le(b->end, c->snd_max);
}

static bool has_useful(const struct tcp_conn *c, const struct segment *s)
{
	for (const struct sack_block *b = s->sacks; b < s->sacks + s->sack_count; b++)
		if (is_useful(c, b))
			return true;
	return false;
}

/* RFC 8985 §6.2.4: the reordering window grows with each round trip that shows a needless retransmission. */
static void adapt(struct tcp_conn *c, struct recovery *r, bool needless)
{
	struct congestion *cc = &c->congestion;

	if (r->dsacked && seq_le(r->dsack_round, c->snd_una))
		r->dsacked = false;
	if (r->dsacked || !needless)
		return;
	r->dsacked = true;
	r->dsack_round = c->snd_max;
	cc->reorder_persist = REORDER_PERSIST;
	if (cc->reorder_steps < UINT8_MAX)
		cc->reorder_steps++;
}

static uint32_t reorder_window(const struct tcp_conn *c, const struct recovery *r)
{
	const struct congestion *cc = &c->congestion;
	uint32_t srtt = MAX(srtt_ticks(c), TICKS_PER_MS); /* our timers are no finer */
	uint32_t sacked = r->board.out - r->board.lost;

	if (!cc->reordered && (seq_lt(c->snd_una, cc->recover) || sacked >= DUPLICATES_MEAN_LOSS * c->mss))
		return 0;
	return MIN(MAX(srtt / 4, TICKS_PER_MS) * (cc->reorder_steps + 1u), srtt);
}

/* -- recovery -- */

/* Once per window of data: ends when all that is in flight now is acknowledged. */
static void begin(struct tcp_conn *c, struct recovery *r, uint32_t delivered)
{
	struct congestion *cc = &c->congestion;
	uint32_t flight = c->snd_max - c->snd_una;

	r->prior = *cc;
	r->prr = (struct prr){ .flight = flight - (r->board.out - r->board.lost) + delivered };
	congestion_reduce(cc, c->mss, flight);
	cc->recover = c->snd_max;
	cc->recovering = true;
	c->tcp->stats.fast_retransmits++;
}

/* There was no loss: RFC 4015 §3.2. Runs that are marked as lost are in flight. */
static void undo(struct tcp_conn *c, struct recovery *r)
{
	struct congestion *cc = &c->congestion;

	for (unsigned i = 0; i < r->board.count; i++)
		if (r->board.runs[i].state == RUN_LOST)
			r->board.runs[i].state = RUN_FLYING;
	scoreboard_advance(&r->board, c->snd_una);
	*cc = r->prior;
	cc->cwnd = MIN(cc->cwnd, scoreboard_pipe(&r->board) + 10u * c->mss);
	cc->reordered = true; /* from now on segments are given longer to arrive */
	c->tcp->stats.spurious_recoveries++;
}

/* Detects losses, and adjusts the timer and cwnd to them. */
static void look(struct tcp_conn *c, struct recovery *r, uint32_t delivered, bool advanced)
{
	struct congestion *cc = &c->congestion;
	uint32_t lost = r->board.lost, wait, pipe;

	wait = rack_detect(&r->rack, &r->board, ticks(c), reorder_window(c, r));
	r->waiting = wait > 0;
	if (r->waiting)
		conn_arm(c, CONN_RETRANSMIT, wait / TICKS_PER_MS + 1);
	if (r->board.lost > 0 && !cc->recovering && !seq_lt(c->snd_una, cc->recover) &&
	    !(conn_tries_larger(c) && r->board.lost == mtu_most(c))) /* its loss is no congestion */
		begin(c, r, delivered);
	if (!cc->recovering || (delivered == 0 && r->prr.out > 0))
		return;
	pipe = scoreboard_pipe(&r->board);
	cc->cwnd = pipe + prr_allowance(&r->prr, c->mss, cc->ssthresh, delivered, pipe,
	                                advanced && r->board.lost <= lost);
}

/* A tail that was lost, and repaired by the probe, is a loss as any other (RFC 8985 §7.4). */
static void end_probe(struct tcp_conn *c, struct recovery *r, bool repaired)
{
	if (!r->probing || seq_lt(c->snd_una, r->probe_end))
		return;
	r->probing = false;
	if (repaired && !c->congestion.recovering) {
		congestion_reduce(&c->congestion, c->mss, c->congestion.cwnd);
		c->congestion.recover = c->snd_max;
	}
}

static bool is_done(const struct tcp_conn *c, const struct recovery *r)
{
	return c->snd_una == c->snd_max ||
	       (!c->congestion.recovering && r->board.out == 0 && !r->waiting && !r->probing &&
	        seq_le(r->hold, c->snd_una) && seq_le(c->congestion.recover, c->snd_una));
}

bool recovery_on_ack(struct tcp_conn *c, const struct segment *s, uint32_t acked)
{
	struct recovery *r;
	struct rack_ack ack = { .now = ticks(c), .srtt = srtt_ticks(c) };
	bool needless = has_dsack(s);
	uint32_t delivered;

	r = c->recovery ? recovery_of(c) : NULL;
	if (!r && c->options & SEG_HAS_SACK_PERMITTED && c->snd_wnd > 0 && has_useful(c, s))
		r = attach(c, c->snd_una - acked, c->rto.srtt8 / 8);
	if (!r)
		return false;
	ack.stamped = conn_is_stamped(c, s);
	ack.echo_ms = conn_timestamp(c) - s->ts_echo;
	delivered = rack_arrived(&r->rack, &r->board, r->board.start, c->snd_una, &ack);
	for (const struct sack_block *b = s->sacks; b < s->sacks + s->sack_count; b++)
		if (is_useful(c, b))
			delivered += rack_arrived(&r->rack, &r->board, b->start, b->end, &ack);
	scoreboard_advance(&r->board, c->snd_una);
	if (ack.overtaken)
		c->congestion.reordered = true;
	adapt(c, r, needless);
	if (acked > 0 && r->prior.cwnd > 0) {
		if (ack.original)
			undo(c, r);
		r->prior.cwnd = 0; /* the first acknowledgement of new data decides */
	}
	if (c->congestion.recovering && seq_le(c->congestion.recover, c->snd_una))
		finish(&c->congestion);
	look(c, r, delivered, acked > 0);
	end_probe(c, r, ack.resent && !needless);
	if (is_done(c, r))
		recovery_detach(c);
	if (delivered > 0 && c->snd_una != c->snd_max)
		conn_arm_retransmit(c);
	return true;
}

/* -- sending -- */

void recovery_sent(struct tcp_conn *c, uint32_t seq, uint32_t end)
{
	struct recovery *r = recovery_of(c);

	scoreboard_sent(&r->board, seq, end, ticks(c));
	r->prr.out += end - seq;
	if (seq_lt(seq, c->snd_max))
		r->hold = seq_lt(c->snd_max, end) ? end : c->snd_max;
}

void recovery_resend(struct tcp_conn *c)
{
	struct scoreboard *b = &recovery_of(c)->board;

	while (b->lost > 0) {
		uint32_t pipe = scoreboard_pipe(b), room = c->congestion.cwnd, begin, len, before;
		unsigned i = 0;

		while (b->runs[i].state != RUN_LOST) /* there is one, as b->lost is not 0 */
			i++;
		begin = scoreboard_begin(b, i);
		len = b->runs[i].end - begin;
		before = begin - c->snd_una;
		room = room > pipe ? room - pipe : 0;
		if (len > room)
			len = room - room % c->mss;
		/* a window that the peer has shrunk is respected: RFC 9293 §3.8.6 */
		len = c->snd_wnd > before ? MIN(len, c->snd_wnd - before) : 0;
		if (len == 0 || conn_retransmit(c, begin, len) == begin)
			return;
	}
}

/* -- timers -- */

bool recovery_on_timer(struct tcp_conn *c)
{
	struct recovery *r;

	if (!c->recovery || !recovery_is_waiting(c))
		return false;
	r = recovery_of(c);
	look(c, r, 0, false);
	conn_arm_retransmit(c);
	conn_output(c);
	return true;
}

OUT_OF_LINE bool recovery_on_timeout(struct tcp_conn *c, bool again)
{
	struct congestion *cc = &c->congestion;
	struct recovery *r = c->recovery ? recovery_of(c) : NULL;

	if (!r && c->options & SEG_HAS_SACK_PERMITTED)
		r = attach(c, c->snd_una, 0);
	if (r) {
		r->waiting = r->probing = false;
		r->prior = *cc;
		if (again || cc->recovering)
			r->prior.cwnd = 0;
	}
	congestion_on_timeout(cc, c->mss, c->snd_max, c->snd_max - c->snd_una, again);
	if (!r)
		return false;
	/* a first run that was SACKed but is not acknowledged by now has been discarded by the peer */
	scoreboard_lose_all(&r->board, again || r->board.runs[0].state == RUN_SACKED);
	return true;
}

void recovery_lose_all(struct tcp_conn *c)
{
	scoreboard_lose_all(&recovery_of(c)->board, false);
}

bool recovery_wants_probe(const struct tcp_conn *c)
{
	/* a single segment's acknowledgement may be delayed as long as the timeout itself */
	return c->options & SEG_HAS_SACK_PERMITTED && !(c->flags & CONN_TAIL_PROBED) && c->rto.sampled &&
	       c->rto.backoff == 0 && c->snd_max - c->snd_una > c->mss && c->snd_wnd > 0 &&
	       c->state >= TCP_ESTABLISHED;
}

uint32_t recovery_probe_ms(const struct tcp_conn *c)
{
	uint32_t ms = c->rto.srtt8 / 4; /* two round trips */

	ms = MAX(ms, PROBE_MIN_MS);
	return MIN(ms, rto_ms(&c->rto));
}

/* Length of unsent data for a probe, 0: there is none, or no room for it. It probes as well as a
 * retransmission, and repeats nothing. */
static uint32_t unsent(const struct tcp_conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una, len;

	if (c->sendq.bytes <= flight || c->snd_nxt != c->snd_max)
		return 0;
	len = (uint32_t)MIN(c->sendq.bytes - flight, (size_t)c->mss);
	return flight + len <= c->snd_wnd ? len : 0;
}

OUT_OF_LINE void recovery_send_probe(struct tcp_conn *c)
{
	uint32_t bytes = (uint32_t)MIN(c->sendq.bytes, (size_t)(c->snd_max - c->snd_una));
	uint32_t len = MIN(bytes, c->mss), from = c->snd_una + bytes - len, fresh = unsent(c);
	struct recovery *r = c->recovery ? recovery_of(c) : attach(c, c->snd_una, recovery_probe_ms(c));

	c->flags |= CONN_TAIL_PROBED;
	if (c->congestion.recovering || seq_lt(c->snd_una, c->congestion.recover)) {
		conn_retransmit(c, c->snd_una, len); /* a retransmission was lost */
	} else if (fresh > 0) {
		c->snd_nxt = conn_retransmit(c, c->snd_max, fresh);
	} else {
		conn_retransmit(c, from, len);
		if (r) {
			r->probing = true;
			r->probe_end = c->snd_max;
		}
	}
	conn_arm_retransmit(c);
}
