/* SPDX-License-Identifier: ISC */
/* TIME-WAIT: a connection that this side closed first is remembered in an entry much smaller than a
 * control block (RFC 9293 §3.3.2, §3.6.1, §3.10.7.4). All entries wait equally long; when the pool is
 * empty the oldest ends early. */
#include "net/tcp/tcp_priv.h"

#define WAIT_MS (CONFIG_TCP_TIME_WAIT_SECONDS * 1000u)

void wait_start(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;
	struct tcp_entry *w = pool_alloc(&tcp->wait_table.pool);

	if (!w) {
		tcp->stats.time_wait_drops++;
		entry_drop(&tcp->wait_table, entry_oldest(&tcp->wait_table, 0));
		w = pool_alloc(&tcp->wait_table.pool);
	}
	w->snd_nxt = c->snd_max;
	w->rcv_nxt = c->rcv_nxt;
	w->ts_recent = c->ts_recent;
	w->challenged = 0;
	w->tries = 0;
	w->options = c->options & SEG_HAS_TIMESTAMPS;
	w->key.wishes = c->route.wishes;
	w->key.ends = *conn_ends(c);
	w->key.hash = ends_hash(tcp, &w->key.ends);
	entry_add(&tcp->wait_table, w, WAIT_MS);
}

/* RFC 9293 §3.10.7.4 first step, RFC 6191 §2: the sequence number, or the timestamp, proves it new. */
static bool is_new_syn(const struct tcp_entry *w, const struct segment *s)
{
	if ((s->flags & (SEG_SYN | SEG_ACK | SEG_RST)) != SEG_SYN)
		return false;
	if (!(s->options & SEG_HAS_TIMESTAMPS) || (w->options && s->ts_value == w->ts_recent))
		return seq_lt(w->rcv_nxt, s->seq);
	/* old segments of a connection without timestamps will be refused for having none */
	return !w->options || seq_lt(w->ts_recent, s->ts_value);
}

OUT_OF_LINE bool wait_input(struct tcp *tcp, struct tcp_entry *w, const struct segment *s)
{
	enum tcp_event event;
	unsigned actions;

	if (is_new_syn(w, s))
		return false;
	if (s->flags & SEG_RST) {
		if (s->seq != w->rcv_nxt)
			return true;
		event = TCP_GOT_RST;
	} else if (s->flags & SEG_SYN) {
		event = TCP_GOT_SYN;
	} else if (s->flags & SEG_FIN && s->seq + segment_space(s) == w->rcv_nxt) {
		event = TCP_GOT_FIN;
	} else {
		if (s->length > 0 || s->seq != w->rcv_nxt)
			entry_challenge(tcp, w, 0);
		return true;
	}
	actions = tcp_transitions[TCP_TIME_WAIT][event].actions;
	if (actions & TCP_START_WAIT)
		entry_wait(&tcp->wait_table, w, WAIT_MS);
	if (actions & TCP_SEND_ACK)
		entry_send_ack(tcp, w, 0); /* each time: the peer waits for it */
	if (actions & TCP_CHALLENGE)
		entry_challenge(tcp, w, 0);
	if (actions & TCP_END)
		entry_drop(&tcp->wait_table, w);
	return true;
}

/* RFC 9293 §3.6.1 MAY-2: a connection faster than the clock of initial sequence numbers has outrun them. */
uint32_t wait_replace(struct tcp *tcp, struct tcp_entry *w, uint32_t isn)
{
	uint32_t used = w->snd_nxt;

	entry_drop(&tcp->wait_table, w);
	return seq_lt(used, isn) ? isn : used + 1;
}
