/* SPDX-License-Identifier: ISC */
/* Listeners, and the handshakes that peers begin. Until the handshake is complete a connection is an
 * entry of a small bounded table, not a control block; when the table is full new SYNs are answered with
 * a cookie (cookie.c), or, in an image without cookies, replace the entry whose SYN-ACKs have gone
 * unanswered longest.
 *
 * RFC 9293 §3.10.7.2 and §3.10.7.4 (SYN-RECEIVED), RFC 5961. */
#include <errno.h>
#include <string.h>

#include "net/tcp/tcp_priv.h"
#include "net/wishes.h"

/* -- listeners -- */

static struct tcp_listener *listener_of(struct tcp *tcp, uint16_t port)
{
	for (struct tcp_listener *l = tcp->listeners; l < tcp->listeners + CONFIG_TCP_LISTENERS; l++)
		if (l->port == port)
			return l;
	return NULL;
}

int tcp_listen(struct tcp *tcp, uint16_t port, accept_fn *accept, void *arg)
{
	struct tcp_listener *l;

	if (port == 0)
		return -EINVAL;
	if (listener_of(tcp, port))
		return -EADDRINUSE;
	l = listener_of(tcp, 0);
	if (!l)
		return -ENOBUFS;
	*l = (struct tcp_listener){ accept, arg, port, { 0 } };
	return 0;
}

void tcp_unlisten(struct tcp *tcp, uint16_t port)
{
	struct tcp_listener *l = port ? listener_of(tcp, port) : NULL;

	if (l)
		l->port = 0;
}

int tcp_preset(struct tcp *tcp, uint16_t port, enum stack_option option, int32_t value)
{
	struct tcp_listener *l = port ? listener_of(tcp, port) : NULL;

	if (port && !l)
		return -ENOTCONN;
	return ip_wish(l ? &l->wishes : &tcp->opening, option, value);
}

void tcp_listen_other(struct tcp *tcp, tcp_listener_fn *listener, void *arg)
{
	tcp->other = listener;
	tcp->other_arg = arg;
}

/* The listener of port, or NULL. */
static const struct tcp_listener *find_listener(struct tcp *tcp, uint16_t port)
{
	struct tcp_listener *l = port ? listener_of(tcp, port) : NULL;

	if (l || !tcp->other || !port)
		return l;
	l = &tcp->offered;
	return tcp->other(tcp->other_arg, port, &l->accept, &l->arg) == 0 ? l : NULL;
}

/* -- half-open entries -- */

OUT_OF_LINE void half_fail(struct tcp_table *t, struct tcp_entry *e)
{
	t->tcp->stats.attempt_fails++;
	entry_drop(t, e);
}

/* Drops the entry that has been unanswered longest, but none that was asked only once: its answer may still
 * be on its way. Gives the entry's room, or NULL. */
static struct tcp_half *replace_oldest(struct tcp *tcp)
{
	struct tcp_entry *e = NULL;

	for (unsigned i = TCP_SYN_ACK_TRIES; !e && i > 0; i--)
		e = entry_oldest(&tcp->halves, i);
	if (!e)
		return NULL;
	half_fail(&tcp->halves, e);
	return pool_alloc(&tcp->halves.pool);
}

static void send_syn_ack(struct tcp *tcp, const struct tcp_half *h, uint32_t timestamp)
{
	entry_send(tcp, &h->entry, SEG_SYN | SEG_ACK, tcp->first_window, timestamp);
}

/* Sends the SYN-ACK, for the first time or again. */
static void ask(struct tcp *tcp, const struct tcp_half *h)
{
	send_syn_ack(tcp, h, entry_timestamp(tcp, &h->entry));
}

/* Repeats the SYN-ACK, and waits twice as long for the answer each time. */
void half_due(struct tcp_table *t, struct tcp_entry *e)
{
	if (e->tries == TCP_SYN_ACK_TRIES) {
		half_fail(t, e);
		return;
	}
	e->tries++;
	t->tcp->stats.retrans_segs++;
	ask(t->tcp, container_of(e, struct tcp_half, entry));
	entry_wait(t, e, RTO_INITIAL_MS << e->tries);
}

/* Room for another entry, or NULL. follows: the connection replaces one in TIME-WAIT, and has to begin beyond
 * its sequence numbers, which a cookie cannot: so it needs an entry. */
static struct tcp_half *half_alloc(struct tcp *tcp, bool follows)
{
	struct tcp_half *h = pool_alloc(&tcp->halves.pool);

	if (h || (IS_ENABLED(CONFIG_TCP_SYN_COOKIES) && !follows))
		return h;
	tcp->stats.listen_drops++;
	return replace_oldest(tcp);
}

static void begin(struct tcp *tcp, const struct tcp_listener *l, const struct tcp_key *k,
                  struct tcp_entry *before, const struct segment *s, struct tcp_half *asked)
{
	struct tcp_half *h, *to;
	uint32_t isn;

	if (tcp->conns.used == tcp->conns.total && !conn_reclaim(tcp)) {
		tcp->stats.listen_drops++; /* the client tries again, perhaps in better times */
		tcp_refused(tcp, "no connection is free");
		return;
	}
	h = half_alloc(tcp, before);
	to = h ? h : asked;
	memset(to, 0, sizeof(*to)); /* a compound literal would cost a copy of *to */
	to->entry.key.ends = k->ends;
	to->entry.key.hash = k->hash;
	to->entry.key.wishes = l->wishes;
	to->entry.rcv_nxt = s->seq + 1;
	to->entry.ts_recent = s->ts_value;
	to->entry.options = segment_offers(s);
	to->mss = s->mss;
	to->scale = s->scale;
	if (h) {
		isn = isn_choose(tcp, &k->ends);
		h->entry.snd_nxt = (before ? wait_replace(tcp, before, isn) : isn) + 1;
		entry_add(&tcp->halves, &h->entry, RTO_INITIAL_MS);
		ask(tcp, h);
	} else if (IS_ENABLED(CONFIG_TCP_SYN_COOKIES) && !before) {
		send_syn_ack(tcp, asked, cookie_make(tcp, asked, entry_timestamp(tcp, &asked->entry)));
	} else {
		tcp_refused(tcp, "no handshake is free");
	}
}

/* The handshake is complete: a control block takes h's place and processes the segment; or the listener is
 * gone, and the peer is reset. false: no block is free; the peer's next segment tries again. Takes b. */
static bool establish(struct tcp *tcp, const struct tcp_half *h, const struct segment *s, struct buf *b)
{
	const struct tcp_key *k = &h->entry.key;
	const struct endpoint peer = { k->ends.remote, k->ends.remote_port };
	struct ip_route route;
	struct tcp_conn *c = NULL;
	const struct tcp_listener *l = find_listener(tcp, k->ends.local_port);

	if (!l) {
		tcp_send_reset(tcp, &k->ends, k->wishes, s);
		tcp->stats.declined++;
		tcp_refused(tcp, "nobody listens any more");
		buf_free(b);
		return true;
	}
	if (ip_route_init(tcp->ip, &route, &k->ends.local, &k->ends.remote) == 0)
		c = conn_create(tcp, &route, k);
	if (!c) {
		tcp->stats.listen_drops++;
		tcp_refused(tcp, "no connection is free");
		buf_free(b);
		return false;
	}
	c->route.wishes = l->wishes;
	c->state = TCP_SYN_RECEIVED;
	c->snd_nxt = c->snd_max = h->entry.snd_nxt;
	c->snd_una = c->snd_nxt - 1;
	c->ts_recent = h->entry.ts_recent;
	c->rto.backoff = h->entry.tries;
	if (h->entry.tries == 0 && !h->is_cookie) {
		c->flags |= CONN_TIMING;
		c->rtt_seq = c->snd_nxt;
		c->rtt_ms = h->entry.due_ms - RTO_INITIAL_MS;
	}
	conn_set_peer(c, h->entry.rcv_nxt, h->entry.options, h->mss, h->scale);
	tcp->stats.passive_opens++;
	conn_input(c, s, b);
	assert_debug(c->state >= TCP_ESTABLISHED); /* all that conn_input checks has been checked before */
	/* last: accept may already close the flow */
	if (l->accept(l->arg, &c->flow, &peer) < 0) {
		tcp->stats.declined++;
		c->flags |= CONN_ORPHAN;
		conn_event(c, TCP_ABORT, -ECONNREFUSED);
	}
	return true;
}

OUT_OF_LINE void listen_input(struct tcp *tcp, const struct tcp_key *k, struct tcp_entry *before,
                              const struct segment *s, struct buf *b)
{
	unsigned flags = s->flags & (SEG_SYN | SEG_ACK | SEG_RST);
	struct tcp_half h; /* for a peer that is in no table */
	const struct tcp_listener *wanted = find_listener(tcp, s->dst_port);

	if (wanted && flags == SEG_SYN) {
		begin(tcp, wanted, k, before, s, &h);
	} else if (IS_ENABLED(CONFIG_TCP_SYN_COOKIES) && wanted && flags == SEG_ACK &&
	           cookie_check(tcp, k, s, &h)) {
		establish(tcp, &h, s, b);
		return;
	} else {
		tcp_refused(tcp, wanted ? "of no connection" : "nobody listens");
		if (!wanted || s->flags & SEG_ACK)
			tcp_send_reset(tcp, &k->ends, wanted ? wanted->wishes : (struct ip_wishes){ 0 }, s);
	}
	buf_free(b);
}

OUT_OF_LINE void half_input(struct tcp *tcp, struct tcp_half *h, const struct segment *s, struct buf *b)
{
	struct tcp_entry *e = &h->entry;
	uint32_t into = s->seq - e->rcv_nxt, window = tcp->first_window;
	bool is_old = e->options & SEG_HAS_TIMESTAMPS &&
	              (!(s->options & SEG_HAS_TIMESTAMPS) || seq_lt(s->ts_value, e->ts_recent));

	if (s->flags & SEG_RST && into == 0) {
		half_fail(&tcp->halves, e);
	} else if ((s->flags & (SEG_RST | SEG_SYN | SEG_ACK)) == SEG_SYN && into == UINT32_MAX) {
		send_syn_ack(tcp, h, entry_timestamp(tcp, e)); /* each time: the last may have been lost */
	} else if (s->flags & (SEG_RST | SEG_SYN) || into > window || is_old) {
		tcp_refused(tcp, "nothing that follows its SYN");
		if (!(s->flags & SEG_RST) || into < window)
			entry_challenge(tcp, e, window >> tcp_scale(tcp, e->options));
	} else if (s->flags & SEG_ACK && s->ack == e->snd_nxt) {
		if (establish(tcp, h, s, b))
			entry_drop(&tcp->halves, e);
		return;
	} else {
		tcp_refused(tcp, "no acknowledgement of our SYN");
		if (s->flags & SEG_ACK)
			tcp_send_reset(tcp, &e->key.ends, e->key.wishes, s);
	}
	buf_free(b);
}
