/* SPDX-License-Identifier: ISC */
/* The socket stack itself: its pools, the queue of sockets with events, and addresses. A socket that
 * finds no memory or no fd waits in hungry and tries again a little later: buffers are freed by code
 * that does not know the stack, so it could not wake those that wait. */
#include <errno.h>
#include <string.h>

#include "kernel/instance.h"
#include "net/socket/socket_priv.h"
#include "net/wishes.h"

struct buffer {
	struct storage storage;
	struct socket_stack *stack;
	uint8_t data[BUFFER_BYTES - sizeof(struct storage) - sizeof(struct socket_stack *)];
};
static_assert(sizeof(struct buffer) == BUFFER_BYTES, "no padding");

static void buffer_free(struct storage *s)
{
	struct buffer *b = container_of(s, struct buffer, storage);

	pool_free(&b->stack->buffers, b);
}

struct buf *socket_alloc(struct socket_stack *stack, size_t bytes, struct host_iov *iov, size_t *count)
{
	struct buf *chain = NULL, **end = &chain;
	size_t n = 0;

	while (bytes > 0 && n < *count) {
		struct buffer *buffer = pool_alloc(&stack->buffers);
		struct buf *b;

		if (!buffer)
			break;
		buffer->storage = (struct storage){ .refs = 1, .free = buffer_free };
		buffer->stack = stack;
		b = buf_alloc_slice(&buffer->storage, buffer->data, MIN(bytes, sizeof(buffer->data)));
		storage_put(&buffer->storage);
		if (!b)
			break;
		iov[n++] = (struct host_iov){ b->data, b->len };
		bytes -= b->len;
		*end = b;
		end = &b->next;
	}
	*count = n;
	return chain;
}

static void notify(struct host_watch *w, unsigned events)
{
	struct socket *s = container_of(w, struct socket, watch);

	s->events |= events;
	socket_queue(s);
}

int socket_init(struct socket *s, struct socket_stack *stack, struct list *siblings, int fd,
                void (*run)(struct socket *s), void (*destroy)(struct socket *s))
{
	int error;

	s->stack = stack;
	s->events = 0;
	s->run = run;
	s->destroy = destroy;
	error = host_watch_add(&s->watch, fd, HOST_READABLE | HOST_WRITABLE | HOST_EDGE, notify);
	if (error < 0) {
		host_close(fd);
		return error;
	}
	list_init(&s->queued);
	list_push_back(siblings, &s->link);
	return 0;
}

int socket_release(struct socket *s)
{
	host_watch_remove(&s->watch);
	list_remove(&s->link);
	list_remove(&s->queued);
	return s->watch.fd;
}

void socket_queue(struct socket *s)
{
	list_remove(&s->queued);
	list_push_back(&s->stack->ready, &s->queued);
	poller_mark(&s->stack->poller);
}

void socket_wait_for_memory(struct socket *s)
{
	struct socket_stack *stack = s->stack;

	list_remove(&s->queued);
	list_push_back(&stack->hungry, &s->queued);
	if (!timer_is_running(&stack->retry))
		timer_start_in(&stack->retry, RETRY_NS);
}

static void retry(struct timer *t)
{
	struct socket_stack *stack = container_of(t, struct socket_stack, retry);
	struct list *first;

	while ((first = list_pop_front(&stack->hungry)))
		socket_queue(list_entry(first, struct socket, queued));
}

static void poll(struct poller *p)
{
	struct socket_stack *stack = container_of(p, struct socket_stack, poller);
	struct list *first;

	for (unsigned left = POLL_SOCKETS; left > 0 && (first = list_pop_front(&stack->ready)); left--) {
		struct socket *s = list_entry(first, struct socket, queued);

		s->run(s);
	}
	if (!list_is_empty(&stack->ready))
		poller_mark(p);
}

int socket_create(struct socket_stack **out, const struct socket_limits *limits)
{
	static const struct socket_limits defaults = {
		.connections = CONFIG_SOCKET_CONNECTIONS,
		.listeners = CONFIG_SOCKET_LISTENERS,
		.buffers = CONFIG_SOCKET_BUFFERS,
		.backlog = CONFIG_SOCKET_BACKLOG,
	};
	struct socket_stack *s = instance_alloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->limits = limits ? *limits : defaults;
	if (pool_init(&s->flows, sizeof(struct socket_flow), _Alignof(max_align_t), s->limits.connections) < 0)
		goto no_flows;
	if (pool_init(&s->buffers, BUFFER_BYTES, _Alignof(max_align_t), s->limits.buffers) < 0)
		goto no_buffers;
	list_init(&s->connections);
	list_init(&s->listeners);
	list_init(&s->ready);
	list_init(&s->hungry);
	timer_init(&s->retry, retry);
	poller_add(&s->poller, poll);
	*out = s;
	return 0;

no_buffers:
	pool_destroy(&s->flows);
no_flows:
	instance_free(s, sizeof(*s));
	return -ENOMEM;
}

static void destroy_all(struct list *sockets)
{
	while (!list_is_empty(sockets)) {
		struct socket *first = list_first(sockets, struct socket, link);

		first->destroy(first);
	}
}

void socket_destroy(struct socket_stack *s)
{
	destroy_all(&s->connections);
	destroy_all(&s->listeners);
	timer_stop(&s->retry);
	poller_remove(&s->poller);
	pool_destroy(&s->buffers);
	pool_destroy(&s->flows);
	instance_free(s, sizeof(*s));
}

void socket_address(struct host_address *to, const struct endpoint *from)
{
	memcpy(to->bytes, from->addr.bytes, sizeof(to->bytes));
	to->family = from->addr.family;
	to->port = from->port;
}

void socket_endpoint(struct endpoint *to, const struct host_address *from)
{
	memcpy(to->addr.bytes, from->bytes, sizeof(from->bytes));
	to->addr.family = from->family;
	to->port = from->port;
}

bool socket_has_address(const struct socket_stack *s, const struct ip_addr *a)
{
	struct host_address address;

	(void)s;
	socket_address(&address, &(struct endpoint){ *a, 0 });
	return host_has_address(&address);
}

/* Maps the host's errors to those that net/stack.h promises. */
int socket_send_error(int error)
{
	switch (error) {
	case -EAGAIN: case -ENOMEM: case -EMFILE: case -ENFILE: case -ENOSPC: case -EADDRNOTAVAIL:
		return -ENOBUFS;
	case -ENODEV:
	case -ENETUNREACH: case -ENETDOWN: case -EACCES: case -EPERM: case -EINVAL: case -EAFNOSUPPORT:
		return -EHOSTUNREACH;
	default:
		return error;
	}
}

int socket_wish(const struct socket *s, enum stack_option option, int32_t value)
{
	struct ip_wishes w = { 0 };
	int error = ip_wish(&w, option, value);

	if (error < 0)
		return error;
	return host_tcp_set(s->watch.fd, option == STACK_TTL ? HOST_TTL : HOST_TOS, w.ttl | w.tos);
}

int socket_wished(const struct socket *s, enum stack_option option, int32_t *value)
{
	struct ip_wishes w = { 0 };
	int error = ip_wished(&w, option, value), host;

	if (error == 0)
		error = host_tcp_get(s->watch.fd, option == STACK_TTL ? HOST_TTL : HOST_TOS, &host);
	if (error < 0)
		return error;
	w = (struct ip_wishes){ (uint8_t)host, (uint8_t)host };
	return ip_wished(&w, option, value);
}

void socket_stats(const struct socket_stack *s, struct socket_stats *out)
{
	*out = s->stats;
	out->connections = s->flows.used;
	out->buffers = s->buffers.used;
}
