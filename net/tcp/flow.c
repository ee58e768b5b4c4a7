/* SPDX-License-Identifier: ISC */
/* The application's side of a connection: the flow, and the promises of its reads and writes
 * (RFC 9293 §3.9.1: SEND, RECEIVE, CLOSE, ABORT). Settling a promise calls no other code at once, so
 * nothing here is re-entered. */
#include <errno.h>

#include "net/tcp/tcp_priv.h"

/* -- reading -- */

/* Tells the peer of new room when it is worth a segment (RFC 9293 §3.8.6.2.2). */
static void announce_window(struct tcp_conn *c)
{
	uint32_t offered = c->rcv_adv - c->rcv_nxt, gained = conn_window(c) - offered;

	if (c->flags & CONN_RECEIVED_FIN)
		return;
	if (gained >= conn_receive_bytes(c) / 2 || (offered < c->mss && gained >= 2u * c->mss))
		c->flags |= CONN_ACK_NOW;
}

/* Once a round trip: has the application read more than half of the window in a round trip? Then the window
 * may be the peer's limit. */
static void look_at_rate(struct tcp_conn *c)
{
	uint32_t read = c->rcv_nxt - c->recvq.bytes, rtt_ms = MAX(c->rto.srtt8 / 8, UINT32_C(1));
	uint16_t passed_ms = (uint16_t)(c->tcp->now_ms - c->rcv_mark_ms);

	if (c->flags & CONN_FIN_SEEN || passed_ms < rtt_ms)
		return;
	recvq_adapt(c->tcp, &c->recvq, (uint64_t)(read - c->rcv_mark) * rtt_ms * 2 >
	                                       (uint64_t)recvq_limit(c->tcp, &c->recvq) * passed_ms);
	c->rcv_mark = read;
	c->rcv_mark_ms = (uint16_t)c->tcp->now_ms;
}

void conn_feed_reader(struct tcp_conn *c)
{
	struct flow_read *op = c->reader;
	uint32_t had = c->recvq.bytes;

	if (!op || (had == 0 && c->error >= 0 && !(c->flags & CONN_RECEIVED_FIN)))
		return;
	if (had > 0) {
		op->bufs = recvq_take(c->tcp, &c->recvq, op->max);
		if (!op->bufs) {
			conn_resume_soon(c);
			return;
		}
	}
	c->reader = NULL;
	if (had == 0 && c->error < 0)
		promise_fail(&op->promise, c->error);
	else
		promise_fulfil(&op->promise, had - c->recvq.bytes);
	look_at_rate(c);
	announce_window(c);
}

static void cancel_read(struct promise *p)
{
	struct flow_read *op = container_of(p, struct flow_read, promise);

	conn_of(op->flow)->reader = NULL;
	promise_fail(p, -ECANCELED);
}

static void read_flow(struct flow *f, struct flow_read *op)
{
	struct tcp_conn *c = conn_of(f);

	if (c->reader || op->max == 0) {
		promise_throw(&op->promise, c->reader ? -EBUSY : -EINVAL);
		return;
	}
	promise_init(&op->promise, cancel_read);
	c->reader = op;
	if (c->recvq.bytes > 0)
		tcp_update_clock(c->tcp);
	conn_feed_reader(c);
	if (c->flags & CONN_ACK_NOW)
		conn_output(c);
}

/* -- writing -- */

/* How many of len bytes the send queue may still take. */
static size_t send_room(const struct tcp_conn *c, size_t len)
{
	size_t max = c->send_kib * (size_t)1024;

	if (max == 0)
		return len;
	return c->sendq.bytes < max ? MIN(len, max - c->sendq.bytes) : 0;
}

/* Accepts as much of op as the send queue has room for; true when all of it is accepted. */
static bool accept_write(struct tcp_conn *c, struct flow_write *op)
{
	while (op->index < op->count) {
		const struct slice *s = &op->slices[op->index];
		size_t left = s->len - op->offset, n = send_room(c, left);

		if (n > 0)
			n = sendq_push(c->tcp, &c->sendq, (const uint8_t *)s->data + op->offset, n, s->storage);
		op->total += n;
		op->offset += n;
		if (n < left)
			return false;
		op->index++;
		op->offset = 0;
	}
	return true;
}

void conn_accept_writes(struct tcp_conn *c)
{
	while (!list_is_empty(&c->writers)) {
		struct flow_write *op = list_first(&c->writers, struct flow_write, link);

		if (!accept_write(c, op))
			return;
		list_remove(&op->link);
		promise_fulfil(&op->promise, (intptr_t)op->total);
	}
}

void conn_fail_writes(struct tcp_conn *c, int error)
{
	struct list *item;

	while ((item = list_pop_front(&c->writers)))
		promise_fail(&list_entry(item, struct flow_write, link)->promise, error);
}

/* Accepts pending writes, and sends. */
static void go_on(struct tcp_conn *c)
{
	tcp_update_clock(c->tcp);
	conn_accept_writes(c);
	conn_output(c);
}

static void cancel_write(struct promise *p)
{
	struct flow_write *op = container_of(p, struct flow_write, promise);
	struct tcp_conn *c = conn_of(op->flow);

	list_remove(&op->link);
	promise_fail(p, -ECANCELED);
	go_on(c); /* the writes behind this one may fit */
}

static void write_flow(struct flow *f, struct flow_write *op)
{
	struct tcp_conn *c = conn_of(f);

	promise_init(&op->promise, cancel_write);
	if (c->error < 0 || c->flags & CONN_SHUTDOWN || c->state < TCP_ESTABLISHED) {
		promise_fail(&op->promise, c->error < 0 ? c->error : -EPIPE);
		return;
	}
	list_push_back(&c->writers, &op->link);
	go_on(c);
}

/* -- the end -- */

static int shutdown_flow(struct flow *f)
{
	struct tcp_conn *c = conn_of(f);

	if (c->error < 0)
		return c->error;
	c->flags |= CONN_SHUTDOWN;
	go_on(c);
	return 0;
}

/* The application lets go of the flow. false: the connection was over, and the block has been freed. */
static bool let_go(struct tcp_conn *c)
{
	struct flow_read *op = c->reader;

	c->reader = NULL;
	if (op)
		promise_fail(&op->promise, -ECANCELED);
	conn_fail_writes(c, -ECANCELED);
	c->flags |= CONN_ORPHAN | CONN_SHUTDOWN;
	tcp_update_clock(c->tcp);
	if (!conn_is_over(c))
		return true;
	conn_free(c);
	return false;
}

static void abort_flow(struct flow *f)
{
	struct tcp_conn *c = conn_of(f);

	if (let_go(c))
		conn_event(c, TCP_ABORT, -ECANCELED);
}

static void close_flow(struct flow *f)
{
	struct tcp_conn *c = conn_of(f);
	bool unread = c->recvq.bytes > 0;

	if (!let_go(c))
		return;
	if (unread || (c->wishes & CONN_LINGER && c->linger_s == 0)) {
		conn_event(c, TCP_ABORT, -ECANCELED); /* RFC 9293 §3.6.1: tell the peer of lost data */
		return;
	}
	c->progress_ms = c->tcp->now_ms;
	if (c->state == TCP_FIN_WAIT_2)
		conn_arm(c, CONN_IDLE, CONFIG_TCP_FIN_WAIT_SECONDS * 1000);
	else if (c->wishes & CONN_LINGER)
		conn_arm(c, CONN_IDLE, c->linger_s * 1000u);
	conn_output(c);
}

const struct flow_ops tcp_flow_ops = {
	.read = read_flow,
	.write = write_flow,
	.shutdown = shutdown_flow,
	.close = close_flow,
	.abort = abort_flow,
};
