/* SPDX-License-Identifier: ISC */
/* The network stack made of the host's sockets. Applications see it as struct stack.
 *
 * Memory is bounded, and all taken by socket_create. At a bound, work waits or is refused:
 *   connections all in use  accepting stops, the host's backlog fills; connect fails with -ENOBUFS
 *   buffers all in use      reading stops until some come back, so that senders are slowed down
 *   listeners all in use    listening fails with -ENOBUFS */
#include "net/stack.h" /* before the guard: that header includes this one once its types stand */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "net/dhcp/lease.h"

struct socket_stack;

struct socket_group {
	int fd;
};

struct socket_limits {
	uint32_t connections;
	uint32_t listeners; /* of TCP and UDP together */
	uint32_t buffers;   /* of 4 KiB, for data received and not yet freed by its reader */
	uint32_t backlog;   /* per listener: connections that the host holds until we accept them */
};

struct socket_stats {
	uint64_t active_opens, passive_opens, attempt_fails, declined;
	uint64_t in_datagrams, in_errors, out_datagrams, out_errors; /* in_errors: did not fit, dropped */
	uint64_t accept_stops;  /* times that accepting stopped for want of connections or of fds */
	uint64_t buffer_waits;  /* times that reading stopped for want of buffers */
	uint32_t connections, buffers; /* in use now */
};

/* limits NULL: those of Kconfig. 0, -ENOMEM. */
int socket_create(struct socket_stack **out, const struct socket_limits *limits);
/* Resets every connection and closes every listener. All received bufs must have been freed. No
 * flow of this stack may be used after. */
void socket_destroy(struct socket_stack *s);

/* Always none: the host owns the address and the lease. */
static inline const struct dhcp_lease *socket_lease(const struct socket_stack *s)
{
	(void)s;
	return NULL;
}

static inline void socket_lease_listen(struct socket_stack *s, struct dhcp_listener *l)
{
	(void)s;
	list_init(&l->link);
}

/* As net/stack.h describes them. */
int socket_tcp_listen(struct socket_stack *s, uint16_t port, accept_fn *accept, void *arg);
void socket_tcp_unlisten(struct socket_stack *s, uint16_t port);
void socket_tcp_connect_from(struct socket_stack *s, struct stack_connect *op, const struct endpoint *from,
                             const struct endpoint *to);
static inline void socket_tcp_connect(struct socket_stack *s, struct stack_connect *op,
                                      const struct endpoint *to)
{
	socket_tcp_connect_from(s, op, NULL, to);
}
int socket_tcp_set(struct flow *f, enum stack_option option, int32_t value);
int socket_tcp_get(struct flow *f, enum stack_option option, int32_t *value);
int socket_tcp_preset(struct socket_stack *s, uint16_t port, enum stack_option option, int32_t value);
void socket_tcp_info(struct flow *f, struct stack_tcp_info *info);
void socket_tcp_ends(struct flow *f, struct endpoint *local, struct endpoint *peer);
int socket_udp_listen(struct socket_stack *s, uint16_t port, datagram_fn *receive, void *arg);
void socket_udp_unlisten(struct socket_stack *s, uint16_t port);
int socket_udp_set(struct socket_stack *s, uint16_t port, enum stack_option option, int32_t value);
int socket_udp_get(struct socket_stack *s, uint16_t port, enum stack_option option, int32_t *value);
int socket_udp_send_from(struct socket_stack *s, const struct endpoint *from, const struct endpoint *to,
                         struct buf *b);
static inline int socket_udp_send(struct socket_stack *s, uint16_t from_port, const struct endpoint *to,
                                  struct buf *b)
{
	return socket_udp_send_from(s, &(struct endpoint){ .port = from_port }, to, b);
}
int socket_udp_join(struct socket_stack *s, struct socket_group *g, const struct ip_addr *group);
void socket_udp_leave(struct socket_stack *s, struct socket_group *g);

/* Can connections and datagrams arrive at that address? */
bool socket_has_address(const struct socket_stack *s, const struct ip_addr *a);

/* For observation and tests. */
void socket_stats(const struct socket_stack *s, struct socket_stats *out);

#endif
