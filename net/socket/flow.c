/* SPDX-License-Identifier: ISC */
/* A connection of the host as a flow. Data is read only for a reader: without one it stays with the
 * host, whose window then closes. Writing goes on until the host takes no more; data that it took counts
 * as accepted, and is the host's responsibility from then on.
 *
 * epoll reports changes only, so a direction counts as ready until a call has found that it is not. */
#include <errno.h>

#include "net/socket/socket_priv.h"

static struct socket_flow *flow_of(struct flow *f)
{
	return container_of(f, struct socket_flow, flow);
}

static int flow_error(int error)
{
	return error == -EPIPE || error == -EBADF ? -ECONNRESET : error;
}

static void fail_read(struct socket_flow *f, int error)
{
	struct flow_read *op = f->read;

	f->read = NULL;
	if (op)
		promise_fail(&op->promise, error);
}

/* The connection is over: fails all pending operations, and later ones. */
static void fail_all(struct socket_flow *f, int error)
{
	f->error = flow_error(error);
	fail_read(f, f->error);
	flow_writes_fail(&f->writes, f->error);
}

/* -- reading -- */

static void try_read(struct socket_flow *f)
{
	struct flow_read *op = f->read;
	struct host_iov iov[GATHER];
	size_t count = GATHER, room = 0;
	struct buf *chain = socket_alloc(f->socket.stack, MIN(op->max, (uint32_t)READ_BYTES), iov, &count);
	intptr_t n;

	if (!chain) {
		f->socket.stack->stats.buffer_waits++;
		socket_wait_for_memory(&f->socket);
		return;
	}
	for (size_t i = 0; i < count; i++)
		room += iov[i].len;
	do
		n = host_readv(f->socket.watch.fd, iov, count);
	while (n == -EINTR);
	if (n > 0) {
		buf_trim(chain, n);
		f->is_readable = (size_t)n == room || f->is_ended;
		f->read = NULL;
		op->bufs = chain;
		promise_fulfil(&op->promise, n);
		return;
	}
	buf_free(chain);
	if (n == -EAGAIN) {
		f->is_readable = false;
	} else if (n < 0) {
		fail_all(f, n);
	} else {
		f->read = NULL;
		promise_fulfil(&op->promise, 0);
	}
}

static void cancel_read(struct promise *p)
{
	struct flow_read *op = container_of(p, struct flow_read, promise);

	flow_of(op->flow)->read = NULL;
	promise_fail(p, -ECANCELED);
}

static void read_flow(struct flow *flow, struct flow_read *op)
{
	struct socket_flow *f = flow_of(flow);

	if (f->read || op->max == 0 || f->error) {
		promise_throw(&op->promise, f->read ? -EBUSY : op->max == 0 ? -EINVAL : f->error);
		return;
	}
	promise_init(&op->promise, cancel_read);
	f->read = op;
	if (f->is_readable)
		try_read(f);
}

/* -- writing -- */

/* Collects the pending slices, oldest first, in iov; gives how many. */
static size_t gather(const struct socket_flow *f, struct host_iov *iov)
{
	size_t count = 0;

	list_for_each(at, &f->writes) {
		const struct flow_write *op = list_entry(at, struct flow_write, link);
		size_t offset = op->offset;

		for (uint32_t i = op->index; i < op->count && count < GATHER; i++, offset = 0)
			if (op->slices[i].len > offset)
				iov[count++] = (struct host_iov){ (char *)op->slices[i].data + offset,
				                                  op->slices[i].len - offset };
		if (count == GATHER)
			break;
	}
	return count;
}

/* The host has accepted n more bytes. */
static void advance(struct socket_flow *f, size_t n)
{
	while (!list_is_empty(&f->writes)) {
		struct flow_write *op = list_first(&f->writes, struct flow_write, link);

		while (op->index < op->count && n >= op->slices[op->index].len - op->offset) {
			const struct slice *s = &op->slices[op->index++];

			n -= s->len - op->offset;
			op->total += s->len - op->offset;
			op->offset = 0;
			storage_put(s->storage);
		}
		if (op->index < op->count) {
			op->offset += n;
			op->total += n;
			return;
		}
		list_remove(&op->link);
		promise_fulfil(&op->promise, op->total);
	}
}

static void try_write(struct socket_flow *f)
{
	struct host_iov iov[GATHER];

	while (!list_is_empty(&f->writes)) {
		size_t count = gather(f, iov);
		intptr_t n = count ? host_send(f->socket.watch.fd, iov, count) : 0;

		if (n == -EAGAIN) {
			f->is_writable = false;
			return;
		}
		if (n == -ENOBUFS || n == -ENOMEM) {
			socket_wait_for_memory(&f->socket);
			return;
		}
		if (n < 0 && n != -EINTR) {
			fail_all(f, n);
			return;
		}
		if (n >= 0)
			advance(f, n);
	}
	if (f->is_shut)
		host_shutdown_write(f->socket.watch.fd);
}

static void cancel_write(struct promise *p)
{
	struct flow_write *op = container_of(p, struct flow_write, promise);
	struct socket_flow *f = flow_of(op->flow);

	list_remove(&op->link);
	flow_write_put(op);
	promise_fail(p, -ECANCELED);
	if (f->is_shut && list_is_empty(&f->writes))
		host_shutdown_write(f->socket.watch.fd);
}

static void write_flow(struct flow *flow, struct flow_write *op)
{
	struct socket_flow *f = flow_of(flow);
	bool is_first = list_is_empty(&f->writes);

	if (f->error || f->is_shut) {
		promise_throw(&op->promise, f->error ? f->error : -EPIPE);
		return;
	}
	promise_init(&op->promise, cancel_write);
	for (uint32_t i = 0; i < op->count; i++)
		storage_get(op->slices[i].storage);
	list_push_back(&f->writes, &op->link);
	if (is_first && f->is_writable)
		try_write(f);
}

/* -- the rest of its life -- */

static int shutdown_flow(struct flow *flow)
{
	struct socket_flow *f = flow_of(flow);

	if (f->error)
		return f->error;
	if (f->is_shut)
		return 0;
	f->is_shut = true;
	return list_is_empty(&f->writes) ? host_shutdown_write(f->socket.watch.fd) : 0;
}

/* Frees f, and gives its fd. */
static int end(struct socket_flow *f)
{
	struct socket_stack *stack = f->socket.stack;
	int fd = socket_release(&f->socket);

	fail_read(f, -ECANCELED);
	flow_writes_fail(&f->writes, -ECANCELED);
	if (f->connect)
		promise_fail(&f->connect->promise, -ECANCELED);
	pool_free(&stack->flows, f);
	socket_accept_again(stack);
	return fd;
}

static void abort_flow(struct flow *f)
{
	host_abort(end(flow_of(f)));
}

static void close_flow(struct flow *flow)
{
	struct socket_flow *f = flow_of(flow);

	if (f->linger_s == 0) {
		abort_flow(flow);
		return;
	}
	if (f->linger_s > 0) /* SO_LINGER would have us wait in close */
		host_tcp_set(f->socket.watch.fd, HOST_USERTIMEOUT, f->linger_s * 1000);
	host_close(end(f));
}

void socket_flow_abort(struct socket_flow *f)
{
	abort_flow(&f->flow);
}

static void destroy(struct socket *s)
{
	abort_flow(&container_of(s, struct socket_flow, socket)->flow);
}

static const struct flow_ops socket_flow_ops = {
	.read = read_flow,
	.write = write_flow,
	.shutdown = shutdown_flow,
	.close = close_flow,
	.abort = abort_flow,
};

/* -- connecting -- */

static int connect_error(int error)
{
	return error == -ECONNRESET ? -ECONNREFUSED : error == -EADDRINUSE ? error : socket_send_error(error);
}

static void finish_connect(struct socket_flow *f)
{
	struct stack_connect *op = f->connect;
	int error = host_socket_error(f->socket.watch.fd);

	f->connect = NULL;
	if (error < 0) {
		f->socket.stack->stats.attempt_fails++;
		abort_flow(&f->flow);
		promise_fail(&op->promise, connect_error(error));
	} else {
		op->flow = &f->flow;
		promise_fulfil(&op->promise, 0);
	}
}

static void run(struct socket *s)
{
	struct socket_flow *f = container_of(s, struct socket_flow, socket);
	unsigned events = s->events;

	s->events = 0;
	if (events & HOST_ENDED)
		f->is_ended = true;
	if (events & (HOST_READABLE | HOST_ENDED))
		f->is_readable = true;
	if (events & (HOST_WRITABLE | HOST_ENDED))
		f->is_writable = true;
	if (f->connect) {
		if (f->is_writable)
			finish_connect(f);
		return; /* no operation can be pending yet, and f may be gone */
	}
	if (f->read && f->is_readable)
		try_read(f);
	if (f->is_writable && !list_is_empty(&f->writes))
		try_write(f);
}

/* Accepted connections count as readable: the first data of most clients comes with the handshake. */
struct socket_flow *socket_flow_create(struct socket_stack *stack, int fd)
{
	struct socket_flow *f = pool_alloc(&stack->flows);

	if (!f) {
		host_abort(fd);
		return NULL;
	}
	*f = (struct socket_flow){
		.flow.ops = &socket_flow_ops, .linger_s = -1, .is_readable = true, .is_writable = true,
	};
	list_init(&f->writes);
	if (socket_init(&f->socket, stack, &stack->connections, fd, run, destroy) < 0) {
		pool_free(&stack->flows, f);
		return NULL;
	}
	return f;
}

static void cancel_connect(struct promise *p)
{
	struct stack_connect *op = container_of(p, struct stack_connect, promise);
	struct socket_flow *f = op->state;

	abort_flow(&f->flow); /* fails p */
}

/* Linux has one error for a connection that exists already and for an address that is not the host's, and
 * none of its own for an address that no route leads from. */
static int connect_from_error(const struct socket_stack *s, const struct endpoint *from, int error)
{
	bool chosen = from && from->addr.family != IP_NONE;

	if (error == -EADDRNOTAVAIL && from && from->port && (!chosen || socket_has_address(s, &from->addr)))
		return -EADDRINUSE;
	return chosen && (error == -EADDRNOTAVAIL || error == -EINVAL) ? -EADDRNOTAVAIL : connect_error(error);
}

void socket_tcp_connect_from(struct socket_stack *s, struct stack_connect *op, const struct endpoint *from,
                             const struct endpoint *to)
{
	struct host_address address, source = { 0 };
	struct socket_flow *f;
	int fd;

	op->flow = NULL;
	s->stats.active_opens++;
	socket_address(&address, to);
	if (from)
		socket_address(&source, from);
	fd = s->flows.used == s->flows.total ? -ENOBUFS :
	     host_tcp_connect(&source, &address, s->opening.ttl, s->opening.tos);
	f = fd < 0 ? NULL : socket_flow_create(s, fd);
	if (!f) {
		s->stats.attempt_fails++;
		promise_throw(&op->promise, fd < 0 ? connect_from_error(s, from, fd) : -ENOBUFS);
		return;
	}
	promise_init(&op->promise, cancel_connect);
	op->state = f;
	f->connect = op;
	f->is_readable = f->is_writable = false;
}

/* -- options and status -- */

static const uint8_t host_options[STACK_MSS + 1] = {
	[STACK_NODELAY] = HOST_NODELAY,
	[STACK_CORK] = HOST_CORK,
	[STACK_KEEPALIVE] = HOST_KEEPALIVE,
	[STACK_KEEPIDLE] = HOST_KEEPIDLE,
	[STACK_KEEPINTVL] = HOST_KEEPINTVL,
	[STACK_KEEPCNT] = HOST_KEEPCNT,
	[STACK_RCVBUF] = HOST_RCVBUF,
	[STACK_SNDBUF] = HOST_SNDBUF,
	[STACK_USERTIMEOUT] = HOST_USERTIMEOUT,
	[STACK_MSS] = HOST_MSS,
};

/* bytes 0: no bound. The host sizes a buffer by itself only as long as its size was never set. */
static int set_buffer(struct socket_flow *f, enum stack_option option, int32_t bytes)
{
	uint8_t bit = (uint8_t)(1u << (option - STACK_RCVBUF));

	if (bytes == 0 && !(f->bounded & bit))
		return 0;
	f->bounded |= bit;
	return host_tcp_set(f->socket.watch.fd, host_options[option], bytes ?: INT32_MAX);
}

int socket_tcp_set(struct flow *flow, enum stack_option option, int32_t value)
{
	struct socket_flow *f = flow_of(flow);

	if (option == STACK_MSS)
		return -ENOPROTOOPT; /* Linux applies it only before the connection is made */
	if (option > STACK_MSS)
		return socket_wish(&f->socket, option, value);
	if (option == STACK_RCVBUF || option == STACK_SNDBUF)
		return set_buffer(f, option, value);
	if (option != STACK_LINGER)
		return host_tcp_set(f->socket.watch.fd, host_options[option], value);
	if (value < -1 || value > INT16_MAX)
		return -EINVAL;
	f->linger_s = (int16_t)value;
	return 0;
}

int socket_tcp_get(struct flow *flow, enum stack_option option, int32_t *value)
{
	struct socket_flow *f = flow_of(flow);

	if (option > STACK_MSS && option != STACK_ERROR)
		return socket_wished(&f->socket, option, value);
	if (option <= STACK_MSS && option != STACK_LINGER)
		return host_tcp_get(f->socket.watch.fd, host_options[option], value);
	if (option == STACK_ERROR && !f->error)
		f->error = flow_error(host_socket_error(f->socket.watch.fd)); /* kept, as reading clears it */
	*value = option == STACK_ERROR ? f->error : f->linger_s;
	return 0;
}

void socket_tcp_info(struct flow *flow, struct stack_tcp_info *info)
{
	struct host_tcp_info host;

	host_tcp_info(flow_of(flow)->socket.watch.fd, &host);
	*info = (struct stack_tcp_info){
		.state = host.state,
		.timestamps = host.timestamps,
		.sack = host.sack,
		.scale = host.scale,
		.ecn = host.ecn,
		.cur_mss = host.mss,
		.smoothed_rtt_us = host.rtt_us,
		.rtt_var_us = host.rtt_var_us,
		.cur_rto_us = host.rto_us,
		.cur_cwnd = host.cwnd_bytes,
		.cur_ssthresh = host.ssthresh_bytes,
		.cur_rwin_rcvd = host.peer_window,
		.cur_rwin_sent = host.window,
		.in_flight = host.in_flight,
		.app_wqueue = host.unacknowledged,
		.app_rqueue = host.unread,
		.segs_retrans = host.retransmissions,
	};
}

void socket_tcp_ends(struct flow *flow, struct endpoint *local, struct endpoint *peer)
{
	struct host_address ours = { 0 }, theirs = { 0 };

	host_tcp_ends(flow_of(flow)->socket.watch.fd, &ours, &theirs);
	socket_endpoint(local, &ours);
	socket_endpoint(peer, &theirs);
}
