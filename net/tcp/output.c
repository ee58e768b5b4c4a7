/* SPDX-License-Identifier: ISC */
/* Sending: a segment is a header buffer and references to the application's memory; up to 64 KiB at
 * once where the device cuts it (BUF_TSO4). When to send: RFC 9293 §3.8.6.2.1 (silly windows),
 * RFC 5681 (congestion window), RFC 3042 (limited transmit). An acknowledgement that is due
 * rides on data if there is any; data segments are shorter while they report late data (RFC 2018 §4). */
#include <errno.h>

#include "net/tcp/tcp_priv.h"

/* States in which our data may be in flight: from the handshake's end until our FIN is acknowledged. */
#define MAY_SEND (1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT | 1u << TCP_FIN_WAIT_1 | \
                  1u << TCP_CLOSING | 1u << TCP_LAST_ACK)

#define DATA_SACKS 3 /* blocks beside data: as many as fit beside timestamps */
#define SACKS_BYTES (4 + 8 * DATA_SACKS)

/* Puts the header before b's payload, and sends it; takes b. As ip_send: -ENOBUFS is the device's queue,
 * which may soon have room; a segment that fails otherwise is lost, and sent again. */
static int emit(struct tcp *tcp, struct ip_route *route, const struct segment *s, struct buf *b, unsigned ect)
{
	/* the payload lies in slices of its own, so the header may end before its room does */
	b->len = segment_emit(s, buf_push(b, SEGMENT_HEADER_MAX),
	                      MIN(route->payload_bytes, SEGMENT_HEADER_MAX));
	tcp->stats.out_segs++;
	if (s->flags & SEG_RST)
		tcp->stats.out_rsts++;
	return ip_send(route, IP_TCP, b, SEGMENT_CHECKSUM_AT, IP_DF | ect);
}

uint32_t conn_window(const struct tcp_conn *c)
{
	uint32_t limit = conn_receive_bytes(c);
	uint32_t free = limit > c->recvq.bytes ? limit - c->recvq.bytes : 0, offered = c->rcv_adv - c->rcv_nxt;

	/* neither shrink the window nor open it in small steps (RFC 9293 §3.8.6.2.2) */
	if (free <= offered || free - offered < MIN(limit / 2, (uint32_t)c->mss))
		return offered;
	return free;
}

/* Payload bytes of a segment: fewer while it has to carry SACK blocks, unless they would leave hardly any. */
static uint32_t segment_bytes(const struct tcp_conn *c)
{
	bool tells = c->recvq.late && c->options & SEG_HAS_SACK_PERMITTED && c->mss > 2 * SACKS_BYTES;

	return c->mss - (tells ? SACKS_BYTES : 0);
}

/* A segment of c: sequence number, acknowledgement, window, timestamps. */
static void prepare(struct tcp_conn *c, struct segment *s, uint32_t seq, uint8_t flags)
{
	uint8_t scale = tcp_scale(c->tcp, c->options);
	uint32_t window = MIN(conn_window(c) >> scale, (uint32_t)UINT16_MAX);
	uint32_t edge = c->rcv_nxt + (window << scale);

	s->src_port = c->local_port;
	s->dst_port = c->remote_port;
	s->seq = seq;
	s->ack = c->rcv_nxt;
	s->window = (uint16_t)window;
	s->flags = flags;
	s->options = c->options & SEG_HAS_TIMESTAMPS;
	s->ts_value = conn_timestamp(c);
	s->ts_echo = c->ts_recent;
	s->sack_count = 0; /* so sacks[] need not be set */
	if (seq_lt(c->rcv_adv, edge))
		c->rcv_adv = edge;
	c->rcv_acked = c->rcv_nxt;
	c->flags &= (uint16_t)~CONN_ACK_NOW;
	conn_disarm(c, CONN_DELAYED_ACK);
}

/* Sets the fields that differ in a SYN: its offers, and the window, which is not scaled yet. */
static void prepare_syn(struct tcp_conn *c, struct segment *s)
{
	bool is_first = c->state == TCP_SYN_SENT && c->rto.backoff == 0;

	s->options = SEG_HAS_MSS | c->options;
	s->mss = tcp_mss_of_route(&c->route);
	s->scale = c->tcp->rcv_scale;
	s->window = c->tcp->first_window;
	c->rcv_adv = c->rcv_nxt + s->window;
	c->tcp->stats.retrans_segs += c->rto.backoff > 0;
	if (is_first)
		c->rtt_ms = c->tcp->now_ms;
	if (IS_ENABLED(CONFIG_TCP_ECN) && is_first) /* RFC 3168 §6.1.1.1: asks for it once */
		s->flags |= SEG_ECE | SEG_CWR;
	else if (conn_has_ecn(c))
		s->flags |= SEG_ECE;
}

/* Reports [start, end) as received twice, unless empty (RFC 2883), and late data: in up to `most` blocks. */
static void add_sacks(const struct tcp_conn *c, struct segment *s, uint32_t start, uint32_t end,
                      unsigned most)
{
	if (start != end)
		s->sacks[s->sack_count++] = (struct sack_block){ start, end };
	if (c->recvq.late)
		s->sack_count += (uint8_t)recvq_sacks(&c->recvq, c->rcv_late, s->sacks + s->sack_count,
		                                      most - s->sack_count);
}

/* Sends a segment of c from seq on, with the payload that lies in b; takes b, NULL: there was no memory.
 * start != end: [start, end) was received twice. false: there was no room; c is resumed soon. */
static bool send(struct tcp_conn *c, struct buf *b, uint32_t seq, uint8_t flags, uint32_t payload,
                 uint32_t start, uint32_t end)
{
	bool is_new = payload > 0 && !seq_lt(seq, c->snd_max) && c->snd_wnd > 0; /* no repetition, no probe */
	uint32_t room = segment_bytes(c);
	struct segment s;
	int error = -ENOBUFS;

	if (b) {
		prepare(c, &s, seq, flags);
		if (flags & SEG_SYN)
			prepare_syn(c, &s);
		if (IS_ENABLED(CONFIG_TCP_USER_TIMEOUT_OPTION) && payload + SEGMENT_USER_TIMEOUT_BYTES <= room)
			user_timeout_tell(c, &s);
		if (IS_ENABLED(CONFIG_TCP_ECN))
			s.flags = ecn_flags(c, s.flags, is_new);
		if (payload == 0 ? c->options & SEG_HAS_SACK_PERMITTED : room < c->mss)
			add_sacks(c, &s, start, end, payload == 0 ? SEGMENT_SACKS : DATA_SACKS);
		error = emit(c->tcp, &c->route, &s, b, is_new && conn_has_ecn(c) ? IP_ECT0 : 0);
	}
	if (error == -ENOBUFS || (error == -EMSGSIZE && mtu_follow(c))) {
		c->flags |= CONN_ACK_NOW; /* it has not gone out with this segment */
		conn_resume_soon(c);
		return false;
	}
	if (IS_ENABLED(CONFIG_TCP_ECN) && is_new)
		c->wishes &= (uint8_t)~CONN_SLOWED; /* CWR was sent */
	return true;
}

static void send_empty(struct tcp_conn *c, uint32_t seq, uint8_t flags, uint32_t start, uint32_t end)
{
	conn_forget_late(c); /* this segment acknowledges it */
	send(c, buf_alloc_header(), seq, flags, 0, start, end);
}

void conn_forget_late(struct tcp_conn *c)
{
	if (c->tcp->owed == c)
		c->tcp->owed = NULL;
}

void conn_send_ack(struct tcp_conn *c)
{
	conn_send_dsack(c, 0, 0);
}

void conn_expect_late(struct tcp_conn *c, uint32_t seq)
{
	struct tcp *tcp = c->tcp;

	if (tcp->owed && (tcp->owed != c || tcp->owed_end != seq))
		conn_send_ack(tcp->owed);
}

/* RFC 5681 §4.2 has an acknowledgement for each late segment, so that a sender can count three. A sender that
 * reads SACK counts the segments reported instead (RFC 6675 §4), and needs only one acknowledgement a burst:
 * at one loss in a hundred nearly every segment is late, and an acknowledgement of each would make it send in
 * bursts of one. An acknowledgement covers consecutive data only, as it has room for few blocks. */
void conn_acknowledge_late(struct tcp_conn *c, uint32_t end)
{
	if (!(c->options & SEG_HAS_SACK_PERMITTED)) {
		conn_send_ack(c);
		return;
	}
	c->tcp->owed = c;
	c->tcp->owed_end = end;
	poller_mark(&c->tcp->owing);
}

void tcp_pay(struct poller *p)
{
	struct tcp *tcp = container_of(p, struct tcp, owing);

	if (!tcp->owed)
		return;
	tcp_update_clock(tcp);
	conn_send_ack(tcp->owed);
}

/* The number at which the peer accepts an empty segment: a zero window ends before the byte probing it. */
static uint32_t empty_seq(const struct tcp_conn *c)
{
	return c->snd_wnd ? c->snd_max : c->snd_nxt;
}

void conn_send_dsack(struct tcp_conn *c, uint32_t start, uint32_t end)
{
	send_empty(c, empty_seq(c), SEG_ACK, start, end);
}

void conn_send_challenge(struct tcp_conn *c)
{
	if (tcp_may_challenge(c->tcp, &c->challenged))
		conn_send_ack(c);
}

void conn_send_rst(struct tcp_conn *c)
{
	send_empty(c, empty_seq(c), SEG_RST | SEG_ACK, 0, 0);
}

/* A sequence number that the peer has already acknowledged makes it answer. */
void conn_send_keepalive(struct tcp_conn *c)
{
	send_empty(c, c->snd_una - 1, SEG_ACK, 0, 0);
}

void conn_send_syn(struct tcp_conn *c)
{
	conn_arm(c, CONN_RETRANSMIT, rto_ms(&c->rto));
	send_empty(c, c->snd_una, c->state == TCP_SYN_SENT ? SEG_SYN : SEG_SYN | SEG_ACK, 0, 0);
}

/* Has the application written its last byte? Then FIN follows. */
static bool has_written_all(const struct tcp_conn *c)
{
	return c->flags & CONN_SHUTDOWN && list_is_empty(&c->writers);
}

/* [seq, end) was sent. */
static void mark_sent(struct tcp_conn *c, uint32_t seq, uint32_t end)
{
	struct tcp *tcp = c->tcp;

	if (conn_has_recovery(c))
		recovery_sent(c, seq, end);
	if (seq_lt(seq, c->snd_max)) {
		tcp->stats.retrans_segs++;
		if (++c->resent_segs == 0)
			c->resent_segs--;
		if (conn_tries_larger(c))
			mtu_is_lost(c);
		c->flags &= (uint16_t)~CONN_TIMING; /* Karn: no telling which one is acknowledged */
	} else if (!(c->flags & CONN_TIMING)) {
		c->flags |= CONN_TIMING;
		c->rtt_seq = end;
		c->rtt_ms = tcp->now_ms;
	}
	if (c->snd_una == c->snd_max) {
		c->progress_ms = tcp->now_ms;
		conn_disarm(c, CONN_RETRANSMIT); /* it was the persist timer */
	}
	if (seq_lt(c->snd_max, end))
		c->snd_max = end;
	if (!conn_is_armed(c, CONN_RETRANSMIT) || (IS_ENABLED(CONFIG_TCP_RECOVERY) && recovery_wants_probe(c)))
		conn_arm_retransmit(c);
}

/* Sends wanted bytes of the queue from seq, and FIN if it follows them; fewer if they lie in more slices
 * than fit one frame or the pool has, or the header needs room. Gives how far seq moves, 0: no room now. */
static uint32_t transmit(struct tcp_conn *c, uint32_t seq, uint32_t wanted)
{
	uint32_t offset = seq - c->snd_una, room = segment_bytes(c), n, end;
	struct buf *b = buf_alloc_header();
	uint8_t flags = SEG_ACK;
	bool fin;

	if (wanted > room && room < c->mss) /* full segments: the caller has counted without SACK blocks */
		wanted -= wanted % room;
	n = b ? sendq_fill(&c->sendq, offset, wanted, b) : 0;
	fin = offset + n == c->sendq.bytes;
	if (fin && n > 0)
		flags |= SEG_PSH;
	fin = fin && has_written_all(c);
	if (fin)
		flags |= SEG_FIN;
	end = seq + n + fin;
	if (!b || end == seq) {
		buf_free(b);
		conn_resume_soon(c);
		return 0;
	}
	if (n > room) {
		b->flags |= BUF_TSO4;
		b->gso_size = (uint16_t)room;
	}
	if (!send(c, b, seq, flags, n, 0, 0))
		return 0;
	if (fin && !(c->flags & CONN_FIN_SENT))
		conn_event(c, TCP_CLOSE, 0);
	mark_sent(c, seq, end);
	return end - seq;
}

/* Bytes that one call of transmit may send: a segment, or a burst that the device cuts. */
static uint32_t burst_bytes(const struct tcp_conn *c)
{
	uint32_t max = c->mss;

	/* a device that cuts segments would set CWR in each */
	if (IS_ENABLED(CONFIG_TCP_ECN) && c->wishes & CONN_SLOWED)
		return max;
	if (c->route.tso_bytes > SEGMENT_HEADER_MAX + max) {
		max = c->route.tso_bytes - SEGMENT_HEADER_MAX;
		max -= max % c->mss;
	}
	return max;
}

uint32_t conn_retransmit(struct tcp_conn *c, uint32_t seq, uint32_t len)
{
	uint32_t left = (uint32_t)MIN(c->sendq.bytes - (seq - c->snd_una), (size_t)len), max = burst_bytes(c);

	do {
		uint32_t sent = transmit(c, seq, MIN(left, max));

		if (sent == 0)
			break;
		seq += sent;
		left -= MIN(sent, left);
	} while (left > 0);
	return seq;
}

/* How many of the left bytes from offset on the windows allow now, as one segment or a burst that the
 * device cuts. */
static OUT_OF_LINE uint32_t allowance(struct tcp_conn *c, uint32_t offset, size_t left)
{
	const struct congestion *cc = &c->congestion;
	bool is_new = c->snd_nxt == c->snd_max; /* RFC 3042 allows new data only */
	uint32_t cwnd = cc->cwnd + (cc->recovering || !is_new ? 0 : MIN(cc->duplicates, 2) * (uint32_t)c->mss);
	uint32_t window, room, n, whole;

	if (c->flags & CONN_FORCE) {
		n = MIN(c->snd_wnd ? c->snd_wnd : 1, c->mss);
		return (uint32_t)MIN(left, (size_t)n);
	}
	if (conn_has_recovery(c))
		cwnd += recovery_out(c);
	window = MIN(c->snd_wnd, cwnd);
	room = window > offset ? window - offset : 0;
	n = burst_bytes(c);
	n = (uint32_t)MIN(left, (size_t)MIN(room, n));
	whole = n - n % c->mss;
	/* part of a segment with more behind it: only if it fills a window that never was twice as large */
	if (n == left ? !conn_holds_tail(c)
	              : whole == 0 && room == c->snd_wnd - offset && n >= c->snd_wnd_max / 2)
		return n;
	return whole;
}

/* Sends one segment of the size that the path may take by now. It is timed, so that its arrival is noticed,
 * and has enough data behind it for its loss to be noticed. false: not now. */
static OUT_OF_LINE bool try_larger(struct tcp_conn *c, uint32_t offset, size_t left)
{
	uint16_t mss = c->mss, larger = mtu_most(c);
	uint32_t sent = 0;

	if (left < 4u * larger || c->flags & (CONN_TIMING | CONN_FORCE) || c->snd_nxt != c->snd_max ||
	    c->congestion.recovering || c->recvq.late)
		return false;
	c->mss = larger;
	if (allowance(c, offset, left) >= larger)
		sent = transmit(c, c->snd_nxt, larger);
	c->mss = mss;
	if (sent == 0)
		return false;
	c->snd_nxt += sent;
	c->wishes |= CONN_TRIES_LARGER;
	return true;
}

/* Sends one segment, or burst. false: there is nothing to send, or it may not be sent now. */
static bool send_next(struct tcp_conn *c)
{
	uint32_t offset = c->snd_nxt - c->snd_una, n, sent;
	size_t left = c->sendq.bytes - offset;

	if (offset > c->sendq.bytes)
		return false;
	if (IS_ENABLED(CONFIG_TCP_RECOVERY) && c->wishes & CONN_MAY_GROW && try_larger(c, offset, left))
		return true;
	n = left ? allowance(c, offset, left) : 0;
	if (n == 0 && (left > 0 || !has_written_all(c))) /* FIN alone has no data */
		return false;
	sent = transmit(c, c->snd_nxt, n);
	if (sent == 0)
		return false;
	/* a probe of a zero window does not count as sent: it is sent anew when the window opens */
	if (c->snd_wnd > 0 || sent > n)
		c->snd_nxt += sent;
	if (c->flags & CONN_FORCE) {
		c->flags &= (uint16_t)~CONN_FORCE;
		return false;
	}
	return true;
}

/* All that may be sent has been. Arms the persist timer if data waits and either nothing is in flight that
 * would bring an answer, or the window has opened too little to send again what is. */
static void await_window(struct tcp_conn *c)
{
	c->flags &= (uint16_t)~CONN_FORCE;
	if (c->sendq.bytes > 0 && !conn_is_armed(c, CONN_RETRANSMIT)) {
		if (c->snd_max == c->snd_una)
			c->progress_ms = c->tcp->now_ms;
		conn_arm_retransmit(c);
	}
}

OUT_OF_LINE void conn_go_back(struct tcp_conn *c)
{
	if (conn_has_recovery(c))
		recovery_lose_all(c);
	else
		c->snd_nxt = c->snd_una;
}

void conn_output(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;

	if (c->state < TCP_ESTABLISHED)
		return;
	if (c->route.generation != tcp->ip->generation) {
		ip_route_look(&c->route);
		mtu_follow(c);
	}
	if (MAY_SEND >> c->state & 1) {
		uint32_t idle_ms = tcp->now_ms - c->progress_ms, timeout_ms = rto_ms(&c->rto);

		if (c->sendq.bytes > 0 && c->snd_max == c->snd_una && idle_ms > timeout_ms)
			congestion_on_idle(&c->congestion, c->mss, idle_ms / timeout_ms);
		if (conn_has_recovery(c))
			recovery_resend(c);
		while (send_next(c))
			;
		if (!conn_is_armed(c, CONN_RESUME)) /* then CONN_FORCE stays set */
			await_window(c);
	}
	if (c->flags & CONN_ACK_NOW)
		conn_send_ack(c);
}

void tcp_send_bare(struct tcp *tcp, const struct tcp_ends *ends, struct ip_wishes wishes, struct segment *s)
{
	struct ip_route route;
	struct buf *b;

	if (ip_route_init(tcp->ip, &route, &ends->local, &ends->remote) < 0)
		return;
	b = buf_alloc_header();
	if (!b)
		return;
	route.wishes = wishes;
	s->src_port = ends->local_port;
	s->dst_port = ends->remote_port;
	s->mss = tcp_mss_of_route(&route);
	emit(tcp, &route, s, b, 0);
}

void tcp_send_reset(struct tcp *tcp, const struct tcp_ends *ends, struct ip_wishes wishes,
                    const struct segment *s)
{
	struct segment reset = { .flags = SEG_RST };

	if (s->flags & SEG_RST)
		return;
	if (s->flags & SEG_ACK) {
		reset.seq = s->ack;
	} else {
		reset.flags |= SEG_ACK;
		reset.ack = s->seq + segment_space(s);
	}
	tcp_send_bare(tcp, ends, wishes, &reset);
}
