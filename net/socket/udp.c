/* SPDX-License-Identifier: ISC */
/* Datagrams over the host's sockets. A datagram for which there is no buffer stays with the host, which
 * drops others when its own buffers are full. */
#include <errno.h>

#include "net/socket/socket_priv.h"

#define DATAGRAMS 32 /* per turn */

/* false: none left, or no room. */
static bool receive_one(struct socket_listener *l)
{
	struct socket_stack *stack = l->socket.stack;
	struct host_iov iov[GATHER];
	size_t count = GATHER, room = 0;
	struct buf *b = socket_alloc(stack, DATAGRAM_BYTES, iov, &count);
	struct host_address from, to;
	struct endpoint peer, local;
	intptr_t n;

	if (!b) {
		stack->stats.buffer_waits++;
		socket_wait_for_memory(&l->socket);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		room += iov[i].len;
	n = host_udp_receive(l->socket.watch.fd, iov, count, &from, &to);
	if (n < 0 || (size_t)n > room) {
		buf_free(b);
		if (n > 0)
			stack->stats.in_errors++;
		return n != -EAGAIN;
	}
	stack->stats.in_datagrams++;
	buf_trim(b, n);
	to.port = l->port;
	socket_endpoint(&peer, &from);
	socket_endpoint(&local, &to);
	l->receive(l->arg, b, &peer, &local);
	return !l->is_closed;
}

static void run_receive(struct socket *s)
{
	struct socket_listener *l = container_of(s, struct socket_listener, socket);
	unsigned left = DATAGRAMS;

	l->is_running = true;
	while (left > 0 && receive_one(l))
		left--;
	if (socket_listener_end_run(l) && left == 0)
		socket_queue(s);
}

int socket_udp_listen(struct socket_stack *s, uint16_t port, datagram_fn *receive, void *arg)
{
	struct socket_listener *l;
	int error;

	if (port == 0)
		return -EINVAL;
	error = socket_listener_add(s, host_udp_open(IP_V4, port), port, run_receive, &l);
	if (error < 0)
		return error;
	l->receive = receive;
	l->arg = arg;
	return 0;
}

void socket_udp_unlisten(struct socket_stack *s, uint16_t port)
{
	struct socket_listener *l = socket_listener_find(s, port, run_receive);

	if (l)
		socket_listener_close(l);
}

/* The host has two TTLs, one of them for groups. */
int socket_udp_set(struct socket_stack *s, uint16_t port, enum stack_option option, int32_t value)
{
	struct socket_listener *l = socket_listener_find(s, port, run_receive);
	int error = l ? socket_wish(&l->socket, option, value) : -ENOTCONN;

	if (error == 0 && option == STACK_TTL)
		error = host_tcp_set(l->socket.watch.fd, HOST_GROUP_TTL, value);
	return error;
}

int socket_udp_get(struct socket_stack *s, uint16_t port, enum stack_option option, int32_t *value)
{
	struct socket_listener *l = socket_listener_find(s, port, run_receive);

	return l ? socket_wished(&l->socket, option, value) : -ENOTCONN;
}

static intptr_t send_chain(int fd, const struct buf *b, const struct endpoint *to,
                           const struct endpoint *from)
{
	struct host_iov iov[GATHER];
	struct host_address address, source;
	size_t count = 0;

	for (; b; b = b->next) {
		if (count == GATHER)
			return -EMSGSIZE;
		iov[count++] = (struct host_iov){ b->data, b->len };
	}
	socket_address(&address, to);
	if (from->addr.family == IP_NONE)
		return host_udp_send(fd, iov, count, &address, NULL);
	socket_address(&source, from);
	return host_udp_send(fd, iov, count, &address, &source);
}

/* Without a listener at the source port, a socket is made for this one datagram. */
int socket_udp_send_from(struct socket_stack *s, const struct endpoint *from, const struct endpoint *to,
                         struct buf *b)
{
	struct socket_listener *l = NULL;
	intptr_t n;
	int fd;

	if (from->port && to->addr.family == IP_V4)
		l = socket_listener_find(s, from->port, run_receive);
	fd = l ? l->socket.watch.fd : host_udp_open(to->addr.family, from->port);
	n = fd < 0 ? fd : send_chain(fd, b, to, from);
	if (fd >= 0 && !l)
		host_close(fd);
	buf_free(b);
	if (n < 0) {
		s->stats.out_errors++;
		/* Linux has no error of its own for a source address that it does not have */
		if (from->addr.family != IP_NONE && (n == -EINVAL || n == -ENETUNREACH))
			return -EADDRNOTAVAIL;
		return n == -EADDRINUSE ? -ENOBUFS : socket_send_error(n);
	}
	s->stats.out_datagrams++;
	return 0;
}

int socket_udp_join(struct socket_stack *s, struct socket_group *g, const struct ip_addr *group)
{
	struct host_address address;

	(void)s;
	socket_address(&address, &(struct endpoint){ *group, 0 });
	g->fd = host_udp_join(&address);
	return g->fd == -EINVAL ? g->fd : g->fd < 0 ? socket_send_error(g->fd) : 0;
}

void socket_udp_leave(struct socket_stack *s, struct socket_group *g)
{
	(void)s;
	host_close(g->fd);
}
