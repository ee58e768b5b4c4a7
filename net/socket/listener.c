/* SPDX-License-Identifier: ISC */
/* Listeners at a port, for connections or for datagrams, and accepting. When there is no room for
 * another connection accepting stops, and goes on when one has been freed. */
#include <errno.h>

#define LOG_TAG "socket"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "net/socket/socket_priv.h"
#include "net/wishes.h"

#define ACCEPTS 64 /* per turn */

struct socket_listener *socket_listener_find(struct socket_stack *stack, uint16_t port,
                                             void (*run)(struct socket *s))
{
	list_for_each(at, &stack->listeners) {
		struct socket *s = list_entry(at, struct socket, link);

		if (s->run == run && container_of(s, struct socket_listener, socket)->port == port)
			return container_of(s, struct socket_listener, socket);
	}
	return NULL;
}

static void destroy(struct socket *s)
{
	struct socket_listener *l = container_of(s, struct socket_listener, socket);

	host_close(socket_release(s));
	s->stack->listener_count--;
	l->is_closed = true;
	if (!l->is_running)
		instance_free(l, sizeof(*l));
}

int socket_listener_add(struct socket_stack *stack, int fd, uint16_t port, void (*run)(struct socket *s),
                        struct socket_listener **out)
{
	struct socket_listener *l;
	int error;

	if (fd < 0) {
		log_error("cannot listen port=%u%s", port, fd == -EADDRINUSE ? ": it is in use" :
		          fd == -EACCES ? ": ports below 1024 need a privilege" : ": no file descriptor");
		return fd == -EADDRINUSE || fd == -EACCES ? fd : -ENOBUFS;
	}
	l = stack->listener_count < stack->limits.listeners ? instance_alloc(sizeof(*l)) : NULL;
	if (!l) {
		host_close(fd);
		return -ENOBUFS;
	}
	error = socket_init(&l->socket, stack, &stack->listeners, fd, run, destroy);
	if (error < 0) {
		instance_free(l, sizeof(*l));
		return -ENOBUFS;
	}
	stack->listener_count++;
	l->port = port;
	*out = l;
	return 0;
}

void socket_listener_close(struct socket_listener *l)
{
	destroy(&l->socket);
}

bool socket_listener_end_run(struct socket_listener *l)
{
	bool is_closed = l->is_closed;

	l->is_running = false;
	if (is_closed)
		instance_free(l, sizeof(*l));
	return !is_closed;
}

static void stop_accepting(struct socket_listener *l)
{
	if (!l->is_stopped)
		l->socket.stack->stats.accept_stops++;
	l->is_stopped = true;
}

/* false: there is nothing to accept, or no room. */
static bool accept_one(struct socket_listener *l)
{
	struct socket_stack *stack = l->socket.stack;
	struct host_address from;
	struct endpoint peer;
	struct socket_flow *f;
	int fd;

	if (stack->flows.used == stack->flows.total) {
		stop_accepting(l);
		return false;
	}
	fd = host_tcp_accept(l->socket.watch.fd, &from);
	if (fd == -EAGAIN)
		return false;
	if (fd == -ECONNABORTED || fd == -EINTR)
		return true; /* it ended before it was accepted */
	if (fd < 0) { /* no descriptor, no memory, or another error that may last */
		stop_accepting(l);
		socket_wait_for_memory(&l->socket);
		return false;
	}
	f = socket_flow_create(stack, fd);
	if (!f)
		return true;
	stack->stats.passive_opens++;
	socket_endpoint(&peer, &from);
	if (l->accept(l->arg, &f->flow, &peer) < 0) {
		stack->stats.declined++;
		socket_flow_abort(f);
	}
	return !l->is_closed;
}

static void run_accept(struct socket *s)
{
	struct socket_listener *l = container_of(s, struct socket_listener, socket);
	unsigned left = ACCEPTS;

	l->is_running = true;
	l->is_stopped = false;
	while (left > 0 && accept_one(l))
		left--;
	if (socket_listener_end_run(l) && left == 0)
		socket_queue(s);
}

void socket_accept_again(struct socket_stack *stack)
{
	list_for_each(at, &stack->listeners) {
		struct socket *s = list_entry(at, struct socket, link);

		if (s->run == run_accept && container_of(s, struct socket_listener, socket)->is_stopped)
			socket_queue(s);
	}
}

int socket_tcp_listen(struct socket_stack *s, uint16_t port, accept_fn *accept, void *arg)
{
	struct socket_listener *l;
	int error;

	if (port == 0)
		return -EINVAL;
	error = socket_listener_add(s, host_tcp_listen(port, s->limits.backlog), port, run_accept, &l);
	if (error < 0)
		return error;
	l->accept = accept;
	l->arg = arg;
	return 0;
}

/* The host gives a listener's options to the connections that it accepts. */
int socket_tcp_preset(struct socket_stack *s, uint16_t port, enum stack_option option, int32_t value)
{
	struct socket_listener *l = port ? socket_listener_find(s, port, run_accept) : NULL;

	if (port && !l)
		return -ENOTCONN;
	return l ? socket_wish(&l->socket, option, value) : ip_wish(&s->opening, option, value);
}

void socket_tcp_unlisten(struct socket_stack *s, uint16_t port)
{
	struct socket_listener *l = socket_listener_find(s, port, run_accept);

	if (l)
		socket_listener_close(l);
}
