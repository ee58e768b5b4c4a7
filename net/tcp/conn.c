/* SPDX-License-Identifier: ISC */
/* Control blocks: the fixed pool, the table that finds them by a keyed hash of addresses and ports, and
 * the actions of the state machine on them. A block whose connection has ended stays in the table,
 * never found, until the application lets go of the flow. */
#include <errno.h>
#include <string.h>

#include "net/tcp/tcp_priv.h"

#define RECLAIM_LOOKS 256     /* buckets at a time, so that a flood of SYNs costs no more */
#define RECLAIM_IDLE_MS 1000  /* for a peer that has acknowledged our FIN to send its own */
#define RECLAIM_BUSY_MS 10000 /* for a peer to acknowledge more data, or our FIN */

static_assert(sizeof(void *) != 8 || sizeof(struct tcp_conn) <= TCP_CONN_BYTES, "bytes per connection");

static bool is_established(uint8_t state)
{
	return (1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT) >> state & 1;
}

/* The cache slot of a remote port: among the connections that share it, the one that last received a segment.
 * Division by two, as a client's ports often go up by two. */
static struct tcp_conn **recent(struct tcp *tcp, uint16_t remote_port)
{
	return &tcp->recent[remote_port / 2 % TCP_RECENT];
}

/* Searches a chain of the table from c on. */
static struct tcp_conn *find_from(struct tcp_conn *c, const struct tcp_ends *ends)
{
	while (c && (conn_is_over(c) || !ends_equal(conn_ends(c), ends)))
		c = c->hash_next;
	return c;
}

/* The keyed hash costs a few hundred instructions; the cache spares them for connections that receive often.
 * Peers whose ports evict each other from the cache pay them, as all would without it. */
struct tcp_conn *conn_find(struct tcp *tcp, struct tcp_key *k)
{
	struct tcp_conn **last = recent(tcp, k->ends.remote_port), *c = find_from(*last, &k->ends);

	if (c)
		return c;
	k->hash = ends_hash(tcp, &k->ends);
	return *last = find_from(tcp->conn_hash[k->hash & tcp->conn_mask], &k->ends);
}

bool tcp_is_closing(const struct tcp *tcp)
{
	for (uint32_t i = 0; i <= tcp->conn_mask; i++)
		for (const struct tcp_conn *c = tcp->conn_hash[i]; c; c = c->hash_next)
			if (c->flags & CONN_ORPHAN && !conn_is_over(c) && c->state != TCP_FIN_WAIT_2)
				return true;
	return false;
}

struct tcp_conn *conn_create(struct tcp *tcp, const struct ip_route *route, const struct tcp_key *k)
{
	struct tcp_conn *c = pool_alloc(&tcp->conns), **head = &tcp->conn_hash[k->hash & tcp->conn_mask];

	if (!c && conn_reclaim(tcp))
		c = pool_alloc(&tcp->conns);
	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->flow.ops = &tcp_flow_ops;
	c->tcp = tcp;
	c->route = *route;
	c->ts_offset = isn_ts_offset(tcp, &k->ends);
	c->local_port = k->ends.local_port;
	c->remote_port = k->ends.remote_port;
	timer_init(&c->timer, conn_timer_fired);
	list_init(&c->writers);
	rto_init(&c->rto, RTO_INITIAL_MS);
	c->heard_ms = c->progress_ms = tcp->now_ms;
	c->rcv_mark_ms = (uint16_t)tcp->now_ms;
	c->hash_next = *head;
	*head = c;
	return c;
}

bool conn_reclaim(struct tcp *tcp)
{
	for (unsigned looks = 0; looks < RECLAIM_LOOKS && looks <= tcp->conn_mask; looks++) {
		struct tcp_conn *c = tcp->conn_hash[tcp->reclaim_at++ & tcp->conn_mask];

		for (; c; c = c->hash_next) {
			uint32_t limit_ms = c->state == TCP_FIN_WAIT_2 ? RECLAIM_IDLE_MS : RECLAIM_BUSY_MS;

			/* a connection being opened keeps its three minutes: RFC 9293 §3.8.3 */
			if (c->state >= TCP_ESTABLISHED && c->flags & CONN_ORPHAN &&
			    tcp->now_ms - c->progress_ms >= limit_ms) {
				conn_event(c, TCP_ABORT, -ETIMEDOUT);
				return true;
			}
		}
	}
	return false;
}

void conn_set_peer(struct tcp_conn *c, uint32_t rcv_nxt, uint8_t options, uint16_t peer_mss, uint8_t scale)
{
	c->rcv_nxt = c->rcv_acked = c->rcv_mark = rcv_nxt;
	c->rcv_adv = rcv_nxt + c->tcp->first_window;
	c->options = options;
	if (options & SEG_HAS_SCALE)
		c->snd_scale = scale;
	c->peer_mss = MAX(peer_mss, TCP_MSS_MIN);
	mtu_follow(c);
	congestion_init(&c->congestion, c->mss, c->snd_una + 1);
	if (c->rto.backoff > 1)
		c->congestion.cwnd = c->mss; /* RFC 6928 §2 */
	if (c->rto.backoff > 0)
		rto_init(&c->rto, RTO_INITIAL_LOST_MS);
}

void conn_free(struct tcp_conn *c)
{
	struct tcp_conn **at, **last = recent(c->tcp, c->remote_port);

	at = &c->tcp->conn_hash[ends_hash(c->tcp, conn_ends(c)) & c->tcp->conn_mask];
	while (*at != c)
		at = &(*at)->hash_next;
	*at = c->hash_next;
	if (*last == c)
		*last = NULL;
	timer_stop(&c->timer);
	conn_forget_late(c);
	recvq_clear(c->tcp, &c->recvq);
	pool_free(&c->tcp->conns, c);
}

/* Nothing is sent or received any more. was: the state it ended in. */
static void end(struct tcp_conn *c, uint8_t was, int error)
{
	struct stack_connect *op = c->connector;

	timer_stop(&c->timer);
	c->armed = 0;
	conn_forget_late(c);
	if (conn_has_recovery(c))
		recovery_detach(c);
	sendq_clear(c->tcp, &c->sendq);
	c->error = (int16_t)error;
	if (was < TCP_ESTABLISHED) {
		c->connector = NULL;
		c->tcp->stats.attempt_fails++;
		if (op)
			promise_fail(&op->promise, error);
	} else {
		if (error < 0)
			recvq_clear(c->tcp, &c->recvq);
		conn_fail_writes(c, error < 0 ? error : -EPIPE);
		conn_feed_reader(c);
	}
	if (c->flags & CONN_ORPHAN)
		conn_free(c);
}

static void count_transition(struct tcp *tcp, uint8_t from, uint8_t to)
{
	tcp->stats.curr_estab += (uint32_t)is_established(to) - (uint32_t)is_established(from);
	if (is_established(from) && to == TCP_CLOSED)
		tcp->stats.estab_resets++;
}

bool conn_event(struct tcp_conn *c, enum tcp_event event, int error)
{
	uint8_t was = c->state;
	const struct tcp_transition t = tcp_transitions[was][event];

	assert(!(t.actions & TCP_IMPOSSIBLE));
	if (t.actions & TCP_SEND_RST)
		conn_send_rst(c);
	c->state = t.next;
	count_transition(c->tcp, was, t.next);
	if (t.actions & (TCP_SEND_SYN | TCP_SEND_SYN_ACK))
		conn_send_syn(c);
	if (t.actions & TCP_SEND_ACK)
		c->flags |= CONN_ACK_NOW;
	if (t.actions & TCP_SEND_FIN)
		c->flags |= CONN_FIN_SENT; /* transmit, which raised the event, has sent it */
	if (t.actions & TCP_CHALLENGE)
		conn_send_challenge(c);
	if (t.actions & TCP_START_WAIT) {
		if (c->flags & CONN_ACK_NOW)
			conn_send_ack(c);
		wait_start(c);
	}
	if (t.actions & (TCP_START_WAIT | TCP_END)) {
		end(c, was, error);
		return false;
	}
	return true;
}

void conn_destroy_all(struct tcp *tcp)
{
	for (uint32_t i = 0; i <= tcp->conn_mask; i++)
		while (tcp->conn_hash[i]) {
			struct tcp_conn *c = tcp->conn_hash[i];
			uint8_t was = c->state;

			c->flags |= CONN_ORPHAN;
			c->state = TCP_CLOSED;
			if (was <= TCP_TIME_WAIT)
				conn_free(c);
			else
				end(c, was, -ECANCELED);
		}
}
