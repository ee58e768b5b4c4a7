/* SPDX-License-Identifier: ISC */
/* The network stack that applications see. Kconfig chooses whether struct stack is our own TCP/IP
 * (net/direct.h) or the host's sockets (net/socket.h); the calls forward inline, without a table.
 * Code that needs both at once (tests) uses direct_* and socket_* themselves, which have the same
 * shapes. */
#ifndef NET_STACK_H
#define NET_STACK_H

#include "kernel/flow.h"
#include "net/addr.h"

struct stack;

/* What both implementations are told. */
struct stack_config {
	struct ip_prefix ip;     /* static address; with dhcp, what is asked for first, or IP_NONE */
	struct ip_addr gateway;  /* family IP_NONE: none */
	const char *hostname;    /* told to a DHCP server; NULL or "": nothing */
	bool dhcp;               /* the address comes from a server */
	bool gateway_given, dhcp_given; /* net/config.h: a start option said so, if only that there is none */
};

/* Called for each new connection, from the loop. Takes flow; may decline with a negative errno,
 * and then the stack resets the connection and keeps flow. */
typedef int accept_fn(void *arg, struct flow *flow, const struct endpoint *peer);

/* Called for each datagram. Takes b (payload only). */
typedef void datagram_fn(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to);

/* Fulfilled with 0 when connected: flow is then the caller's. Fails with -ECONNREFUSED,
 * -ETIMEDOUT, -EHOSTUNREACH, -ECANCELED, -ENOBUFS. */
struct stack_connect {
	struct promise promise;
	struct flow *flow;
	void *state; /* the stack's own */
};

#if defined(CONFIG_NET_DIRECT)
#include "net/direct.h"
#define STACK_CALL(name) direct_##name
#define STACK_TYPE struct direct
#elif defined(CONFIG_NET_SOCKET)
#include "net/socket.h"
#define STACK_CALL(name) socket_##name
#define STACK_TYPE struct socket_stack
#endif

#ifdef STACK_CALL

/* Accepts connections to port (1 to 65535). 0, -EADDRINUSE, -ENOBUFS, -EACCES. */
static inline int stack_tcp_listen(struct stack *s, uint16_t port, accept_fn *accept, void *arg)
{
	return STACK_CALL(tcp_listen)((STACK_TYPE *)s, port, accept, arg);
}

static inline void stack_tcp_unlisten(struct stack *s, uint16_t port)
{
	STACK_CALL(tcp_unlisten)((STACK_TYPE *)s, port);
}

static inline void stack_tcp_connect(struct stack *s, struct stack_connect *op, const struct endpoint *to)
{
	STACK_CALL(tcp_connect)((STACK_TYPE *)s, op, to);
}

/* Receives datagrams to port. 0, -EADDRINUSE, -ENOBUFS, -EACCES. */
static inline int stack_udp_listen(struct stack *s, uint16_t port, datagram_fn *receive, void *arg)
{
	return STACK_CALL(udp_listen)((STACK_TYPE *)s, port, receive, arg);
}

static inline void stack_udp_unlisten(struct stack *s, uint16_t port)
{
	STACK_CALL(udp_unlisten)((STACK_TYPE *)s, port);
}

/* Sends b (payload) from port. Takes b, also on failure. 0, -EMSGSIZE, -ENOBUFS, -EHOSTUNREACH. */
static inline int stack_udp_send(struct stack *s, uint16_t from_port, const struct endpoint *to,
                                 struct buf *b)
{
	return STACK_CALL(udp_send)((STACK_TYPE *)s, from_port, to, b);
}

#endif
#endif
