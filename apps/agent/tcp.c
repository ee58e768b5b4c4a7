/* SPDX-License-Identifier: ISC */
/* The commands of a TCP handle. The stack's flows cannot be asked for readiness: a poll reads one byte
 * ahead, which a later recv gives together with further bytes. */
#include "apps/agent/agent_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/random.h"

enum { PORT_FIRST = 49152, PORT_TRIES = 64 };

/* -- opening -- */

/* The stack's port is taken when the handle listens or connects; until then only other handles see it as
 * used. */
int agent_tcp_bind(struct handle *h, const struct endpoint *to)
{
	unsigned tries = to->port ? 0 : PORT_TRIES;
	uint16_t port = to->port;
	int result;

	if (h->local.port || h->state != HANDLE_NEW)
		return -EINVAL;
	for (; tries > 0 && (!port || handle_of_port(false, port)); tries--)
		port = (uint16_t)(PORT_FIRST | random_u32());
	if (handle_of_port(false, port))
		return -EADDRINUSE;
	result = bind_address(h, &to->addr);
	if (result == 0)
		h->local.port = port;
	return result;
}

static int accept_waiting(void *arg, struct flow *flow, const struct endpoint *peer)
{
	struct handle *h = arg;
	struct endpoint local, remote;
	struct waiting *w;

	stack_tcp_ends(flow, &local, &remote);
	if (h->local.addr.family != IP_NONE && !ip_equal(&h->local.addr, &local.addr))
		return -ECONNREFUSED;
	w = h->waiting_count < h->backlog ? malloc(sizeof(*w)) : NULL;
	if (!w)
		return -ENOBUFS;
	option_apply(h, flow);
	w->flow = flow;
	w->peer = *peer;
	list_push_back(&h->waiting, &w->link);
	h->waiting_count++;
	handle_progress(h);
	return 0;
}

int agent_tcp_listen(struct handle *h, int64_t backlog)
{
	struct endpoint any = { ip_v4(0, 0, 0, 0), 0 };
	int result = 0;

	if (h->state != HANDLE_NEW && h->state != HANDLE_LISTENING)
		return -EINVAL;
	if (h->state == HANDLE_NEW && !h->local.port)
		result = agent_tcp_bind(h, &any);
	if (h->state == HANDLE_NEW && result == 0)
		result = stack_tcp_listen(agent_stack, h->local.port, accept_waiting, h);
	if (result < 0)
		return result;
	option_preset(h, h->local.port);
	h->state = HANDLE_LISTENING;
	h->backlog = (uint32_t)MIN(MAX(backlog, 1), CONFIG_AGENT_BACKLOG);
	return 0;
}

bool agent_tcp_accept(struct handle *h, struct operation *op)
{
	struct waiting *w;
	struct handle *made;
	int result;

	if (list_is_empty(&h->waiting))
		return false;
	result = handle_create(&made, HANDLE_CONNECTED);
	if (result < 0) {
		operation_finish(op, result);
		return true;
	}
	w = list_entry(list_pop_front(&h->waiting), struct waiting, link);
	h->waiting_count--;
	made->flow = w->flow;
	made->remote = w->peer;
	answer_begin(op->id, op->id_len, 0);
	answer_text(" %u", made->number);
	answer_endpoint(&w->peer);
	answer_end();
	free(w);
	operation_free(op);
	return true;
}

static void answer_connected(struct handle *h, struct operation *op)
{
	struct endpoint local, remote;

	option_apply(h, h->flow);
	stack_tcp_ends(h->flow, &local, &remote);
	answer_begin(op->id, op->id_len, 0);
	answer_endpoint(&local);
	answer_end();
	operation_free(op);
}

static void have_connected(struct waiter *waiter)
{
	struct handle *h = container_of(waiter, struct handle, connected);
	int result = (int)promise_result(&h->connect.promise);

	h->state = result < 0 ? HANDLE_NEW : HANDLE_CONNECTED;
	h->error = MIN(result, 0);
	h->flow = h->connect.flow;
	list_for_each_safe(at, &h->operations) {
		struct operation *op = list_entry(at, struct operation, link);

		if (op->verb != VERB_CONNECT)
			continue;
		if (result == 0)
			answer_connected(h, op);
		else
			operation_finish(op, result);
	}
	handle_progress(h);
}

int agent_tcp_connect(struct handle *h, const struct command *c)
{
	struct operation *op;
	int result;

	if (h->state != HANDLE_NEW)
		return h->state == HANDLE_CONNECTED ? -EISCONN : h->state == HANDLE_CONNECTING ? -EALREADY : -EINVAL;
	result = operation_create(&op, h, c);
	if (result < 0)
		return result;
	h->error = 0;
	h->remote = c->endpoint;
	h->state = HANDLE_CONNECTING;
	option_preset(h, 0);
	stack_tcp_connect_from(agent_stack, &h->connect, &h->local, &h->remote);
	promise_wait(&h->connect.promise, &h->connected, have_connected);
	return PENDING;
}

/* -- reading -- */

static void keep(struct handle *h, intptr_t result)
{
	if (result < 0)
		h->error = (int)result;
	else if (result == 0)
		h->has_ended = true;
	else if (h->stash)
		buf_append(h->stash, h->read.bufs);
	else
		h->stash = h->read.bufs;
}

static void have_read(struct waiter *waiter)
{
	struct handle *h = container_of(waiter, struct handle, reader);

	h->is_reading = false;
	keep(h, promise_result(&h->read.promise));
	handle_progress(h);
}

/* Reads at most max bytes, as many as have come, into the stash. wait: if none have, lets a read wait. */
static void read_ahead(struct handle *h, uint32_t max, bool wait)
{
	if (h->is_reading || h->has_ended || h->error || max == 0)
		return;
	flow_read(h->flow, &h->read, max);
	if (!promise_is_settled(&h->read.promise)) {
		if (wait) {
			h->is_reading = true;
			promise_wait(&h->read.promise, &h->reader, have_read);
			return;
		}
		promise_cancel(&h->read.promise);
	}
	if (promise_result(&h->read.promise) != -ECANCELED)
		keep(h, promise_result(&h->read.promise));
}

static void answer_stash(struct handle *h, struct operation *op)
{
	uint32_t left = MIN(buf_length(h->stash), op->max), drop = left;

	answer_begin(op->id, op->id_len, left);
	answer_text(" ");
	for (const struct buf *b = h->stash; left > 0; left -= MIN(b->len, left), b = b->next)
		answer_hex(b->data, MIN(b->len, left));
	answer_end();
	h->stash = buf_drop(h->stash, drop);
	operation_free(op);
}

bool agent_tcp_recv(struct handle *h, struct operation *op)
{
	uint32_t there = h->stash ? buf_length(h->stash) : 0;

	if (h->shut & DIRECTION_IN) {
		operation_finish(op, 0);
		return true;
	}
	if (there < op->max)
		read_ahead(h, op->max - there, !h->stash);
	if (h->stash) {
		answer_stash(h, op);
	} else if (h->has_ended) {
		operation_finish(op, 0);
	} else if (h->error) {
		operation_finish(op, h->error);
	} else {
		return false;
	}
	return true;
}

/* -- writing -- */

static void have_written(struct waiter *waiter)
{
	struct operation *op = container_of(waiter, struct operation, waiter);
	struct handle *h = op->handle;

	operation_finish(op, promise_result(&op->write.promise));
	handle_progress(h);
}

int agent_tcp_send(struct handle *h, const struct command *c)
{
	struct operation *op;
	const uint8_t *bytes;
	int result;

	if (c->has_endpoint)
		return -EISCONN;
	if (h->state != HANDLE_CONNECTED)
		return -ENOTCONN;
	result = operation_create(&op, h, c);
	if (result < 0)
		return result;
	op->slice.storage = data_create(c, &bytes);
	if (!op->slice.storage) {
		operation_finish(op, -ENOMEM);
		return PENDING;
	}
	op->slice.data = bytes;
	op->slice.len = c->data.len / 2;
	flow_write(h->flow, &op->write, &op->slice, 1);
	if (promise_is_settled(&op->write.promise))
		operation_finish(op, promise_result(&op->write.promise));
	else
		promise_wait(&op->write.promise, &op->waiter, have_written);
	return PENDING;
}

int agent_tcp_shutdown(struct handle *h, uint8_t directions)
{
	int result = 0;

	if (h->state != HANDLE_CONNECTED)
		return -ENOTCONN;
	if (directions & DIRECTION_OUT)
		result = flow_shutdown(h->flow);
	h->shut |= directions;
	handle_progress(h);
	return result;
}

/* -- readiness, and the end -- */

/* Would a send wait? Yes if another one does, or if the handle's sndbuf is full. */
static bool is_full(const struct handle *h)
{
	struct stack_tcp_info info;
	int32_t most = 0;

	list_for_each(at, &h->operations)
		if (list_entry(at, struct operation, link)->verb == VERB_SEND)
			return true;
	stack_tcp_get(h->flow, STACK_SNDBUF, &most);
	stack_tcp_info(h->flow, &info);
	return most > 0 && info.app_wqueue >= (uint32_t)most;
}

uint8_t agent_tcp_ready(struct handle *h, uint8_t wanted)
{
	uint8_t ready = 0;

	if (h->state == HANDLE_LISTENING)
		return h->waiting_count > 0 ? DIRECTION_IN : 0;
	if (h->state == HANDLE_NEW) /* after a failed attempt to connect */
		return DIRECTION_IN | DIRECTION_OUT;
	if (h->state == HANDLE_CONNECTING)
		return 0;
	if (wanted & DIRECTION_IN && !h->stash && !(h->shut & DIRECTION_IN))
		read_ahead(h, 1, true);
	if (h->stash || h->has_ended || h->error || h->shut & DIRECTION_IN)
		ready |= DIRECTION_IN;
	if (!is_full(h) || h->error || h->shut & DIRECTION_OUT)
		ready |= DIRECTION_OUT;
	return ready;
}

static void end_flow(struct flow *flow, bool at_once)
{
	if (at_once)
		flow_abort(flow);
	else
		flow_close(flow);
}

static void stop_listening(struct handle *h)
{
	struct list *item;

	stack_tcp_unlisten(agent_stack, h->local.port);
	while ((item = list_pop_front(&h->waiting))) {
		flow_abort(list_entry(item, struct waiting, link)->flow);
		free(list_entry(item, struct waiting, link));
	}
}

/* The connection may have been established already, though its waiter has not run. */
static void stop_connecting(struct handle *h, bool at_once)
{
	promise_cancel(&h->connect.promise);
	promise_unwait(&h->connected);
	if (promise_result(&h->connect.promise) == 0)
		end_flow(h->connect.flow, at_once);
}

/* Bytes left in the stash are lost, so the connection is reset (RFC 9293 §3.6.1). */
static void stop_talking(struct handle *h, bool at_once)
{
	if (h->is_reading) {
		promise_cancel(&h->read.promise);
		promise_unwait(&h->reader);
		keep(h, promise_result(&h->read.promise));
	}
	end_flow(h->flow, at_once || h->stash);
	buf_free(h->stash);
}

void agent_tcp_let_go(struct handle *h, bool at_once)
{
	if (h->state == HANDLE_LISTENING)
		stop_listening(h);
	else if (h->state == HANDLE_CONNECTING)
		stop_connecting(h, at_once);
	else if (h->state == HANDLE_CONNECTED)
		stop_talking(h, at_once);
}
