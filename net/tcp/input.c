/* SPDX-License-Identifier: ISC */
/* Segments that arrive, in the order of RFC 9293 §3.10.7: sequence number, reset, SYN, acknowledgement,
 * text, FIN. In between: timestamps and PAWS (RFC 7323 §5), blind attacks (RFC 5961), loss (RFC 5681).
 * The expected next segment of an established connection skips the checks that it cannot fail. Nothing
 * here trusts the wire; whatever comes, memory and replies stay bounded. */
#include <errno.h>

#include "net/tcp/tcp_priv.h"

#define PAWS_IDLE_MS (24u * 24 * 3600 * 1000) /* after so long the peer's clock may have wrapped */

/* -- sequence number, reset, SYN -- */

static bool is_old_timestamp(const struct tcp_conn *c, const struct segment *s)
{
	return s->options & SEG_HAS_TIMESTAMPS && seq_lt(s->ts_value, c->ts_recent) &&
	       c->tcp->now_ms - c->heard_ms < PAWS_IDLE_MS;
}

/* Does s overlap the window or touch an edge of it? A sender that has filled it sends at its right edge. */
static bool is_in_window(const struct tcp_conn *c, const struct segment *s)
{
	return seq_le(c->rcv_nxt, s->seq + segment_space(s)) && seq_le(s->seq, c->rcv_adv);
}

/* Answers an unacceptable segment: data or FIN always, as the peer waits for that, others under the limit. */
static void answer_unacceptable(struct tcp_conn *c, const struct segment *s)
{
	if (s->flags & SEG_RST)
		return;
	if (s->length == 0 && !(s->flags & SEG_FIN)) {
		conn_send_challenge(c);
		return;
	}
	c->quick_acks = TCP_QUICK_ACKS;
	conn_send_dsack(c, s->seq, s->seq + (seq_le(s->seq + s->length, c->rcv_nxt) ? s->length : 0));
}

/* Both ends have opened at once: the peer's SYN comes again, with an acknowledgement of ours, which counts as
 * any other does (RFC 9293 §3.5, figure 7). */
static bool has_crossed(const struct tcp_conn *c, const struct segment *s)
{
	return c->state == TCP_SYN_RECEIVED && s->flags & SEG_ACK && s->seq + 1 == c->rcv_nxt &&
	       segment_space(s) == 1;
}

/* The checks before the acknowledgement. false: s is dealt with, and c may have ended. */
static bool check(struct tcp_conn *c, const struct segment *s)
{
	if (c->options & SEG_HAS_TIMESTAMPS && !(s->flags & SEG_RST)) {
		if (!(s->options & SEG_HAS_TIMESTAMPS)) {
			tcp_refused(c->tcp, "no timestamp"); /* RFC 7323 §3.2 */
			return false;
		}
		if (is_old_timestamp(c, s)) {
			tcp_refused(c->tcp, "an old timestamp");
			answer_unacceptable(c, s);
			return false;
		}
	}
	if (!is_in_window(c, s)) {
		tcp_refused(c->tcp, "outside of the window");
		answer_unacceptable(c, s);
		return false;
	}
	if (s->flags & SEG_RST) {
		if (s->seq == c->rcv_nxt)
			return conn_event(c, TCP_GOT_RST,
			                  c->state == TCP_SYN_RECEIVED ? -ECONNREFUSED : -ECONNRESET);
		tcp_refused(c->tcp, "a reset that is not exact");
		conn_send_challenge(c);
		return false;
	}
	if (s->flags & SEG_SYN && !has_crossed(c, s)) {
		tcp_refused(c->tcp, "a SYN within a connection");
		conn_event(c, s->flags & SEG_ACK ? TCP_GOT_SYN_ACK : TCP_GOT_SYN, 0);
		return false;
	}
	if (s->flags & SEG_ACK)
		return true;
	tcp_refused(c->tcp, "no acknowledgement");
	return false;
}

/* -- acknowledgement -- */

/* Lets recovery process acked new bytes, if it has state or SACK blocks to go by. false: New Reno is to. */
static bool recovery_takes(struct tcp_conn *c, const struct segment *s, uint32_t acked)
{
	return IS_ENABLED(CONFIG_TCP_RECOVERY) && (c->recovery || s->sack_count) && recovery_on_ack(c, s, acked);
}

/* An echo of 0, or of a time ahead of our clock, comes from a peer that does not echo, or from a middlebox
 * that rewrites timestamps. */
bool conn_is_stamped(const struct tcp_conn *c, const struct segment *s)
{
	return c->options & s->options & SEG_HAS_TIMESTAMPS && s->ts_echo &&
	       seq_le(s->ts_echo, conn_timestamp(c));
}

static void measure(struct tcp_conn *c, const struct segment *s)
{
	bool stamped = conn_is_stamped(c, s);
	bool due = c->flags & CONN_TIMING && seq_le(c->rtt_seq, s->ack);

	if (due && conn_tries_larger(c))
		mtu_has_arrived(c);
	/* one sample a round trip; but a timestamp may end backing off at once (RFC 7323 §4) */
	if (!due && !(stamped && c->rto.backoff > 0))
		return;
	c->flags &= (uint16_t)~CONN_TIMING;
	/* a D-SACK echoes an older timestamp: the first acknowledgement was lost, and the time since then is
	 * no round trip; but as it acknowledges new data it ends backing off all the same */
	if (stamped && s->sack_count > 0 && seq_le(s->sacks[0].end, s->ack)) {
		c->rto.backoff = 0;
		return;
	}
	rto_sample(&c->rto, stamped ? conn_timestamp(c) - s->ts_echo : c->tcp->now_ms - c->rtt_ms);
}

static void update_window(struct tcp_conn *c, const struct segment *s)
{
	uint32_t window = (uint32_t)s->window << c->snd_scale;

	/* SND.WL2 is never beyond snd_una, so comparing with snd_una is enough */
	if (seq_lt(s->seq, c->snd_wl1) || seq_lt(s->ack, c->snd_una))
		return;
	if (c->snd_wnd == 0 && window > 0) {
		/* the data that probed the zero window is sent anew, and the persist timer is not needed any more */
		conn_disarm(c, CONN_RETRANSMIT);
		conn_go_back(c);
		c->rto.backoff = 0;
		c->progress_ms = c->tcp->now_ms;
	}
	if (window == 0 && conn_has_recovery(c)) {
		recovery_detach(c); /* a peer with a zero window may discard what it has SACKed */
		if (c->snd_una != c->snd_max)
			conn_arm_retransmit(c);
	}
	c->snd_wnd = window;
	c->snd_wnd_max = MAX(c->snd_wnd_max, window);
	c->snd_wl1 = s->seq;
}

/* Adjusts the congestion window for acked new bytes; limited: cwnd was the limit of sending. */
static OUT_OF_LINE void judge(struct tcp_conn *c, const struct segment *s, uint32_t acked, bool limited)
{
	struct congestion *cc = &c->congestion;
	bool grows = !cc->recovering;

	if (!recovery_takes(c, s, acked) &&
	    congestion_on_ack(cc, c->mss, acked, s->ack, c->snd_max - s->ack) == CONGESTION_RETRANSMIT)
		conn_retransmit(c, s->ack, c->mss);
	if (!limited) {
		cc->in_epoch = false;
	} else if (grows && !cc->recovering) {
		if (IS_ENABLED(CONFIG_TCP_CUBIC) && cc->is_first && conn_is_stamped(c, s))
			hystart_on_ack(cc, s->ack, c->snd_nxt, conn_timestamp(c) - s->ts_echo);
		congestion_grow(cc, c->mss, acked, s->ack, c->tcp->now_ms, c->rto.srtt8 / 8);
	}
}

/* s acknowledges new data. */
static void on_progress(struct tcp_conn *c, const struct segment *s)
{
	uint32_t acked = s->ack - c->snd_una, flight = c->snd_max - c->snd_una;
	bool limited = flight + c->mss > c->congestion.cwnd ||
	               (c->congestion.cwnd < c->congestion.ssthresh && 2 * flight >= c->congestion.cwnd);

	if (ecn_is_echo(c, s))
		limited = false; /* no reason to grow */
	measure(c, s);
	sendq_drop(c->tcp, &c->sendq, MIN(c->sendq.bytes, (size_t)acked)); /* FIN takes no byte of it */
	c->snd_una = s->ack;
	if (seq_lt(c->snd_nxt, c->snd_una))
		c->snd_nxt = c->snd_una;
	c->progress_ms = c->tcp->now_ms;
	/* a user timeout announced up to here has arrived, or was not lost alone */
	c->flags &= (uint16_t)~(CONN_TAIL_PROBED | CONN_TIMED_OUT | CONN_TELL_TIMEOUT);
	judge(c, s, acked, limited);
	if (c->snd_una == c->snd_max)
		conn_disarm(c, CONN_RETRANSMIT);
	else
		conn_arm_retransmit(c);
	conn_accept_writes(c);
}

/* A duplicate as RFC 5681 §2 defines it; where the peer uses SACK it must report a hole (RFC 6675 §2). */
static void on_duplicate(struct tcp_conn *c, const struct segment *s)
{
	uint32_t flight = c->snd_max - c->snd_una;

	if (flight == 0 || c->snd_wnd == 0 || recovery_takes(c, s, 0))
		return;
	if (c->options & SEG_HAS_SACK_PERMITTED ? s->sack_count == 0 || seq_lt(s->sacks[0].start, s->ack)
	                         : s->length > 0 || s->flags & SEG_FIN ||
	                                   (uint32_t)s->window << c->snd_scale != c->snd_wnd)
		return;
	if (congestion_on_duplicate(&c->congestion, c->mss, c->snd_una, c->snd_max, flight) ==
	    CONGESTION_RETRANSMIT) {
		c->tcp->stats.fast_retransmits++;
		conn_retransmit(c, c->snd_una, c->mss);
		conn_arm_retransmit(c);
	}
}

/* false: s is not credible, or c has ended. */
static bool acknowledge(struct tcp_conn *c, const struct segment *s)
{
	bool fin_was_out = c->flags & CONN_FIN_SENT && c->snd_una != c->snd_max;

	if (seq_lt(c->snd_max, s->ack) || seq_lt(s->ack, c->snd_una - c->snd_wnd_max)) {
		tcp_refused(c->tcp, "an acknowledgement of what was not sent");
		conn_send_challenge(c); /* RFC 5961 §5 */
		return false;
	}
	if (seq_lt(c->snd_una, s->ack)) {
		on_progress(c, s);
	} else if (s->ack == c->snd_una) {
		on_duplicate(c, s);
	}
	update_window(c, s);
	if (fin_was_out && c->snd_una == c->snd_max) {
		if (!conn_event(c, TCP_GOT_ACK_OF_FIN, 0))
			return false;
		if (c->flags & CONN_ORPHAN)
			conn_arm(c, CONN_IDLE, CONFIG_TCP_FIN_WAIT_SECONDS * 1000);
	}
	return true;
}

/* -- text and FIN -- */

/* Decides when rcv_nxt's advance is acknowledged (RFC 9293 §3.8.6.3). */
static void schedule_ack(struct tcp_conn *c)
{
	if (c->quick_acks > 0) {
		c->quick_acks--;
		c->flags |= CONN_ACK_NOW;
	} else if (CONFIG_TCP_DELAYED_ACK_MS == 0 || c->rcv_nxt - c->rcv_acked >= 2u * c->mss) {
		c->flags |= CONN_ACK_NOW;
	} else if (!conn_is_armed(c, CONN_DELAYED_ACK)) {
		conn_arm(c, CONN_DELAYED_ACK, CONFIG_TCP_DELAYED_ACK_MS);
	}
}

/* Tells the sender of a hole, in a segment of its own: on data of ours a duplicate would not count. */
static void tell_of_late(struct tcp_conn *c, uint32_t seq, uint32_t len, bool was_known)
{
	c->rcv_late = seq;
	c->quick_acks = TCP_QUICK_ACKS;
	if (was_known) {
		tcp_refused(c->tcp, "no data that is wanted");
		conn_send_dsack(c, seq, seq + len);
	} else {
		conn_acknowledge_late(c, seq + len);
	}
}

/* Cuts off data that was received before, or lies beyond the window; *seq: where the rest begins. Takes b and
 * gives the rest. */
static struct buf *cut_to_window(struct tcp_conn *c, uint32_t *seq, uint32_t *len, struct buf *b)
{
	if (seq_lt(*seq, c->rcv_nxt)) {
		uint32_t known = MIN(c->rcv_nxt - *seq, *len);

		/* our acknowledgement was lost, or is late */
		if (c->options & SEG_HAS_SACK_PERMITTED)
			conn_send_dsack(c, *seq, *seq + known);
		else
			c->flags |= CONN_ACK_NOW;
		b = buf_drop(b, known);
		*seq += known;
		*len -= known;
	}
	if (*len > 0 && seq_lt(c->rcv_adv, *seq + *len)) {
		*len = seq_lt(*seq, c->rcv_adv) ? c->rcv_adv - *seq : 0;
		c->flags |= CONN_ACK_NOW;
		buf_trim(b, *len);
	}
	return b;
}

/* Queues the payload; takes b. */
static void take_text(struct tcp_conn *c, const struct segment *s, struct buf *b)
{
	struct tcp *tcp = c->tcp;
	uint32_t seq = s->seq, len = s->length;
	bool is_next;
	int added;

	b = cut_to_window(c, &seq, &len, b);
	if (len == 0) {
		tcp_refused(tcp, "no data that is wanted");
		buf_free(b);
		return;
	}
	is_next = seq == c->rcv_nxt;
	if (is_next && !c->recvq.late) {
		if (!recvq_push(tcp, &c->recvq, b, c->reader))
			return;
		c->rcv_nxt += len;
	} else {
		if (!is_next)
			conn_expect_late(c, seq);
		added = recvq_insert(tcp, &c->recvq, seq, b, is_next, c->reader);
		if (!is_next) {
			tell_of_late(c, seq, len, added == 0);
			return;
		}
		if (added < 0)
			return;
		c->rcv_nxt = recvq_advance(&c->recvq);
		c->flags |= CONN_ACK_NOW; /* RFC 5681 §4.2: a hole was filled */
	}
	schedule_ack(c);
	conn_feed_reader(c);
}

/* Takes the peer's FIN once all data before it has arrived. false: c has ended. */
static bool take_fin(struct tcp_conn *c)
{
	if (c->flags & CONN_RECEIVED_FIN || c->rcv_fin != c->rcv_nxt)
		return true;
	c->rcv_nxt++;
	if (seq_lt(c->rcv_adv, c->rcv_nxt))
		c->rcv_adv = c->rcv_nxt; /* a FIN may come where the window ends, as it takes no room */
	c->flags |= CONN_RECEIVED_FIN;
	conn_feed_reader(c);
	return conn_event(c, TCP_GOT_FIN, 0);
}

/* false: c has ended. */
static bool take_text_and_fin(struct tcp_conn *c, const struct segment *s, struct buf *b)
{
	uint32_t end = s->seq + s->length;

	if (c->flags & CONN_RECEIVED_FIN) { /* nothing follows a FIN: it is a repetition */
		if (s->length > 0 || s->flags & SEG_FIN) {
			tcp_refused(c->tcp, "no data that is wanted");
			c->flags |= CONN_ACK_NOW;
		}
		buf_free(b);
		return true;
	}
	if (s->length > 0 && c->flags & CONN_ORPHAN && seq_lt(c->rcv_nxt, end)) {
		tcp_refused(c->tcp, "nobody will read it");
		buf_free(b);
		return conn_event(c, TCP_ABORT, -ECANCELED); /* RFC 9293 §3.6.1 */
	}
	/* the latest counts: data may have proved another wrong */
	if (s->flags & SEG_FIN && seq_le(end, c->rcv_adv)) {
		c->flags |= CONN_FIN_SEEN;
		c->rcv_fin = end;
	}
	if (s->length > 0) {
		take_text(c, s, b);
	} else {
		buf_free(b);
		if (s->flags & SEG_FIN)
			c->flags |= CONN_ACK_NOW; /* it may have come early */
	}
	return c->flags & CONN_FIN_SEEN ? take_fin(c) : true;
}

/* -- the handshake that we began: RFC 9293 §3.10.7.3 -- */

static void finish_opening(struct tcp_conn *c)
{
	struct stack_connect *op = c->connector;

	c->connector = NULL;
	if (!op)
		return; /* a passive open: listen.c hands out the flow */
	c->flags &= (uint16_t)~CONN_ORPHAN;
	op->flow = &c->flow;
	promise_fulfil(&op->promise, 0);
}

/* Our SYN is acknowledged. */
static void on_established(struct tcp_conn *c, const struct segment *s)
{
	measure(c, s);
	c->snd_una = s->ack;
	c->snd_wnd = c->snd_wnd_max = (uint32_t)s->window << (s->flags & SEG_SYN ? 0 : c->snd_scale);
	c->snd_wl1 = s->seq;
	c->progress_ms = c->tcp->now_ms;
	conn_disarm(c, CONN_RETRANSMIT);
	c->rto.backoff = 0;
	finish_opening(c);
}

/* s should acknowledge our SYN, but acknowledges something else. */
static OUT_OF_LINE void refuse(struct tcp_conn *c, const struct segment *s)
{
	tcp_refused(c->tcp, "no acknowledgement of our SYN");
	tcp_send_reset(c->tcp, conn_ends(c), c->route.wishes, s);
}

static bool syn_sent_input(struct tcp_conn *c, const struct segment *s)
{
	bool has_ack = s->flags & SEG_ACK, good_ack = has_ack && s->ack == c->snd_nxt;

	if (has_ack && !good_ack) {
		refuse(c, s);
		return true;
	}
	if (s->flags & SEG_RST && good_ack)
		return conn_event(c, TCP_GOT_RST, -ECONNREFUSED);
	if (s->flags & SEG_RST || !(s->flags & SEG_SYN)) {
		tcp_refused(c->tcp, "no answer to our SYN");
		return true;
	}
	c->ts_recent = s->ts_value;
	if (!c->rto.backoff) {
		c->flags |= CONN_TIMING;
		c->rtt_seq = c->snd_nxt;
	}
	/* data on the SYN is left for the peer to send again */
	conn_set_peer(c, s->seq + 1, segment_offers(s), s->mss, s->scale);
	if (has_ack)
		on_established(c, s);
	return conn_event(c, has_ack ? TCP_GOT_SYN_ACK : TCP_GOT_SYN, 0);
}

/* -- all together -- */

/* The usual case of an established connection: the next segment, in order, with nothing special. */
static bool is_expected(const struct tcp_conn *c, const struct segment *s)
{
	return c->state == TCP_ESTABLISHED && s->seq == c->rcv_nxt &&
	       (s->flags & (SEG_SYN | SEG_RST | SEG_FIN | SEG_ACK)) == SEG_ACK &&
	       !seq_lt(c->rcv_adv, s->seq + s->length) &&
	       (!(c->options & SEG_HAS_TIMESTAMPS) ||
	        (s->options & SEG_HAS_TIMESTAMPS && !seq_lt(s->ts_value, c->ts_recent)));
}

/* RFC 7323 §4.3: only from a segment that begins no later than our last acknowledgement. */
static void remember_timestamp(struct tcp_conn *c, const struct segment *s)
{
	if (c->options & SEG_HAS_TIMESTAMPS && seq_le(s->seq, c->rcv_acked))
		c->ts_recent = s->ts_value;
}

/* s is to acknowledge our SYN-ACK. false: it does not, or c has ended. */
static bool acknowledge_syn(struct tcp_conn *c, const struct segment *s)
{
	if (s->ack != c->snd_nxt) {
		refuse(c, s);
		return false;
	}
	on_established(c, s);
	if (s->flags & SEG_SYN)
		c->flags |= CONN_ACK_NOW; /* some peers are opened only by an acknowledgement without SYN */
	return conn_event(c, TCP_GOT_ACK_OF_SYN, 0);
}

void conn_input(struct tcp_conn *c, const struct segment *s, struct buf *b)
{
	if (c->state == TCP_SYN_SENT) {
		buf_free(b);
		if (syn_sent_input(c, s))
			conn_output(c);
		return;
	}
	if (!is_expected(c, s) && !check(c, s)) {
		buf_free(b);
		return;
	}
	if (c->state == TCP_SYN_RECEIVED ? !acknowledge_syn(c, s) : !acknowledge(c, s)) {
		buf_free(b);
		return;
	}
	/* only from a credible segment: RFC 5961 §5.2 */
	remember_timestamp(c, s);
	c->heard_ms = c->tcp->now_ms;
	c->probes = 0;
	if (IS_ENABLED(CONFIG_TCP_ECN))
		ecn_receive(c, s);
	if (IS_ENABLED(CONFIG_TCP_USER_TIMEOUT_OPTION))
		user_timeout_receive(c, s);
	if (take_text_and_fin(c, s, b))
		conn_output(c);
}

void tcp_input(void *arg, struct ip_meta *meta, struct buf *b)
{
	struct tcp *tcp = arg;
	struct segment s;
	struct tcp_key k;
	struct tcp_conn *c;
	struct tcp_entry *e;
	int header = segment_parse(&s, b->data, b->len);

	tcp->stats.in_segs++;
	if (header < 0 || meta->to_group || !ip_checksum_is_right(meta, b)) {
		tcp->stats.in_errs++;
		tcp_refused(tcp, "a bad header or checksum");
		buf_free(b);
		return;
	}
	s.length = buf_length(b) - (uint32_t)header;
	s.ecn = meta->ecn;
	b = ip_strip(b, (uint32_t)header);
	tcp_update_clock(tcp);
	k.ends.local_port = s.dst_port;
	k.ends.remote_port = s.src_port;
	k.ends.remote = meta->src.addr;
	k.ends.local = meta->dst.addr;
	c = conn_find(tcp, &k);
	if (c) {
		conn_input(c, &s, b);
		return;
	}
	e = entry_find(&tcp->halves, &k);
	if (e) {
		half_input(tcp, container_of(e, struct tcp_half, entry), &s, b);
		return;
	}
	e = entry_find(&tcp->wait_table, &k);
	if (e && wait_input(tcp, e, &s)) {
		tcp_refused(tcp, "the connection is over");
		buf_free(b);
	} else {
		listen_input(tcp, &k, e, &s, b);
	}
}
