/* SPDX-License-Identifier: ISC */
/* Loss recovery with what the peer's SACK blocks say (RFC 2018, RFC 6675): three segments' worth of
 * bytes beyond a hole prove a loss, however few acknowledgements tell of them, and the whole hole is
 * sent again at once, not a segment per round trip. A probe (RFC 8985 §7) finds losses that nothing
 * follows, and those of what was sent again. There is no scoreboard: each acknowledgement is judged
 * by its own blocks, so an idle connection pays four bytes; holes beyond the first wait for their
 * turn. */
#include "net/tcp/tcp_priv.h"

#define PROBE_MIN_MS UINT32_C(10)

struct sack_view sack_look(const struct segment *s, uint32_t una, uint32_t max)
{
	struct sack_view view = { 0, max };

	for (unsigned i = 0; i < s->sack_count; i++) {
		const struct sack_block *b = &s->sacks[i];

		if (!seq_lt(una, b->start) || !seq_lt(b->start, b->end) || !seq_le(b->end, max))
			continue; /* of what is acknowledged by now (RFC 2883), or nonsense */
		view.bytes += b->end - b->start;
		if (seq_lt(b->start, view.start))
			view.start = b->start;
	}
	return view;
}

void sack_retransmit(struct tcp_conn *c, const struct segment *s)
{
	struct sack_view view = sack_look(s, c->snd_una, c->snd_max);
	uint32_t from = seq_lt(c->snd_una, c->resent) ? c->resent : c->snd_una, len = c->mss;

	if (view.bytes > 0)
		len = seq_lt(from, view.start) ? MIN(view.start - from, c->congestion.ssthresh) : 0;
	else if (from != c->snd_una)
		len = 0;
	if (len == 0)
		return;
	c->resent = conn_retransmit(c, from, len);
}

void sack_resume(struct tcp_conn *c)
{
	if (c->congestion.recovering && seq_le(c->resent, c->snd_una))
		c->resent = conn_retransmit(c, c->snd_una, c->mss);
}

bool sack_wants_probe(const struct tcp_conn *c)
{
	/* a single segment's acknowledgement may be delayed as long as the timeout itself */
	return c->flags & CONN_SACK && !(c->flags & CONN_TAIL_PROBED) && c->rto.sampled && c->rto.backoff == 0 &&
	       c->snd_max - c->snd_una > c->mss && c->snd_wnd > 0 &&
	       c->state >= TCP_ESTABLISHED;
}

uint32_t sack_probe_ms(const struct tcp_conn *c)
{
	uint32_t ms = c->rto.srtt8 / 4; /* two round trips */

	ms = MAX(ms, PROBE_MIN_MS);
	return MIN(ms, rto_ms(&c->rto));
}

void sack_send_probe(struct tcp_conn *c)
{
	uint32_t bytes = (uint32_t)MIN(c->sendq.bytes, (size_t)(c->snd_max - c->snd_una));
	uint32_t len = MIN(bytes, c->mss), from = c->snd_una + bytes - len;

	c->flags |= CONN_TAIL_PROBED;
	if (c->congestion.recovering || !seq_lt(c->congestion.recover, c->snd_una)) {
		from = c->snd_una; /* what was sent again is lost again */
		c->resent = conn_retransmit(c, from, len);
	} else {
		conn_retransmit(c, from, len);
	}
	conn_arm_retransmit(c);
}
