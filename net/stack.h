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
struct dhcp_lease;
struct dhcp_listener;

/* The configuration of either implementation. */
struct stack_config {
	struct ip_prefix ip;     /* static address; with dhcp, the one to ask for first, or IP_NONE */
	struct ip_addr gateway;  /* family IP_NONE: none */
	const char *hostname;    /* told to a DHCP server; NULL or "": none */
	bool dhcp;               /* the address comes from a server */
	bool gateway_given, dhcp_given; /* net/config.h: by a start option, even if its value is none, or false */
	uint16_t mtu;            /* bytes after the Ethernet header; 0: the interface's */
};

/* Called for each new connection, from the loop. Takes flow and gives 0, or declines with a negative
 * errno: then the stack resets the connection and keeps flow. */
typedef int accept_fn(void *arg, struct flow *flow, const struct endpoint *peer);

/* Called for each datagram. Takes b (payload only). */
typedef void datagram_fn(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to);

/* Fulfilled with 0 when connected: flow is then the caller's. Fails with -ECONNREFUSED,
 * -ETIMEDOUT, -EHOSTUNREACH (to a group's address, too), -EADDRINUSE, -EADDRNOTAVAIL (our address has gone),
 * -ECANCELED, -ENOBUFS; to port 0 with one of these, or -EINVAL. */
struct stack_connect {
	struct promise promise;
	struct flow *flow;
	void *state; /* the stack's own */
};

/* Options of a connection, or of a UDP listener, which can be set and read. Values are integers; those of
 * switches are 0 and 1. */
enum stack_option {
	STACK_NODELAY,     /* 1, the default: part of a segment does not wait for data in flight (Nagle) */
	STACK_CORK,        /* 1: a part waits until 0 is set, the flow is shut down, or for 200 ms or more */
	STACK_KEEPALIVE,   /* 1: a silent peer is probed, and given up when it stays silent; default 0 */
	STACK_KEEPIDLE,    /* seconds of silence before the first probe: 1 to 32767; default 7200 */
	STACK_KEEPINTVL,   /* seconds between probes: 1 to 32767; default 75 */
	STACK_KEEPCNT,     /* probes without an answer: 1 to 127; default 9 */
	STACK_LINGER,      /* effect of close. -1, the default: written data is sent in the background;
	                      0: resets at once; 1 or more: resets after that many seconds */
	STACK_RCVBUF,      /* most bytes received and not read; 0: as many as the stack allows */
	STACK_SNDBUF,      /* most bytes accepted by writes and not acknowledged; 0: any number */
	STACK_USERTIMEOUT, /* milliseconds without progress before it is given up (RFC 5482); 0: the stack's */
	STACK_MSS,         /* most payload bytes of a segment; can only be lowered, to 64 at least, and cannot
	                      be set of a host's socket */
	/* of the IP header, and so of UDP, too */
	STACK_TTL,         /* links that a packet may pass: 1 to 255; default 64, of UDP to groups 1 */
	STACK_DSCP,        /* the packets' class for routers: 0, the default, to 63 (RFC 2474) */
	STACK_ERROR,       /* why the connection has ended: a negative errno, or 0; cannot be set */
	STACK_OPTIONS
};

/* A connection's status; names after RFC 4898, which explains them. Values unknown to a stack are 0. */
struct stack_tcp_info {
	uint32_t state;                /* enum tcp_state */
	bool timestamps, sack, scale, ecn; /* negotiated */
	uint32_t cur_mss;              /* payload bytes per segment */
	uint32_t smoothed_rtt_us, rtt_var_us, cur_rto_us;
	uint32_t cur_cwnd, cur_ssthresh; /* bytes */
	uint32_t cur_rwin_rcvd, cur_rwin_sent; /* bytes: the peer's window, and ours */
	uint32_t in_flight;            /* bytes */
	uint32_t app_wqueue, app_rqueue; /* bytes accepted and not acknowledged; received and not read */
	uint32_t segs_retrans;
};

#if defined(CONFIG_NET_DIRECT)
#include "net/direct.h"
#define STACK_CALL(name) direct_##name
#define STACK_TYPE struct direct
#define STACK_GROUP struct igmp_group
#elif defined(CONFIG_NET_SOCKET)
#include "net/socket.h"
#define STACK_CALL(name) socket_##name
#define STACK_TYPE struct socket_stack
#define STACK_GROUP struct socket_group
#endif

#ifdef STACK_CALL

/* The DHCP lease (net/dhcp/lease.h: name servers, time servers, our name …), lent until the next turn of the
 * loop; NULL: none, as the address is static or the host's, or none has been granted yet. */
static inline const struct dhcp_lease *stack_lease(struct stack *s)
{
	return STACK_CALL(lease)((STACK_TYPE *)s);
}

/* Adds l, which is called for each change of the lease from now on. */
static inline void stack_lease_listen(struct stack *s, struct dhcp_listener *l)
{
	STACK_CALL(lease_listen)((STACK_TYPE *)s, l);
}

/* Accepts connections to port (1 to 65535). 0, -EADDRINUSE, -ENOBUFS, -EACCES, -EINVAL: port 0. */
static inline int stack_tcp_listen(struct stack *s, uint16_t port, accept_fn *accept, void *arg)
{
	return STACK_CALL(tcp_listen)((STACK_TYPE *)s, port, accept, arg);
}

/* Stops accepting; connections accepted before stay open. Does nothing if port has no listener. */
static inline void stack_tcp_unlisten(struct stack *s, uint16_t port)
{
	STACK_CALL(tcp_unlisten)((STACK_TYPE *)s, port);
}

/* from: one of our addresses (RFC 9293 MUST-43), IP_NONE: the best of them; and a port, 0: a free one that
 * cannot be guessed (RFC 6056); NULL: neither is given. Fails with -EADDRINUSE when a connection between the
 * same ends exists, or is in TIME-WAIT, and with -EADDRNOTAVAIL: the address is not ours, or cannot be used
 * towards to. */
static inline void stack_tcp_connect_from(struct stack *s, struct stack_connect *op,
                                          const struct endpoint *from, const struct endpoint *to)
{
	STACK_CALL(tcp_connect_from)((STACK_TYPE *)s, op, from, to);
}

static inline void stack_tcp_connect(struct stack *s, struct stack_connect *op, const struct endpoint *to)
{
	stack_tcp_connect_from(s, op, NULL, to);
}

/* For flows of TCP, once they are the caller's. 0; -EINVAL: the value is out of range; -ENOPROTOOPT: the
 * option cannot be set. Numbers are rounded up to the stack's unit, and cut to its bounds. */
static inline int stack_tcp_set(struct flow *f, enum stack_option option, int32_t value)
{
	return STACK_CALL(tcp_set)(f, option, value);
}

/* 0, -ENOPROTOOPT. */
static inline int stack_tcp_get(struct flow *f, enum stack_option option, int32_t *value)
{
	return STACK_CALL(tcp_get)(f, option, value);
}

/* Sets STACK_TTL or STACK_DSCP for connections from their first segment on: those that port's listener
 * accepts; port 0: those that are opened from now on. 0; -EINVAL: the value is out of range; -ENOPROTOOPT:
 * another option; -ENOTCONN: port has no listener. */
static inline int stack_tcp_preset(struct stack *s, uint16_t port, enum stack_option option, int32_t value)
{
	return STACK_CALL(tcp_preset)((STACK_TYPE *)s, port, option, value);
}

static inline void stack_tcp_info(struct flow *f, struct stack_tcp_info *info)
{
	STACK_CALL(tcp_info)(f, info);
}

/* The two ends of f. */
static inline void stack_tcp_ends(struct flow *f, struct endpoint *local, struct endpoint *peer)
{
	STACK_CALL(tcp_ends)(f, local, peer);
}

/* Receives datagrams to port. 0, -EADDRINUSE, -ENOBUFS, -EACCES, -EINVAL: port 0. */
static inline int stack_udp_listen(struct stack *s, uint16_t port, datagram_fn *receive, void *arg)
{
	return STACK_CALL(udp_listen)((STACK_TYPE *)s, port, receive, arg);
}

/* As stack_tcp_unlisten; later datagrams are answered as for any port without a listener. */
static inline void stack_udp_unlisten(struct stack *s, uint16_t port)
{
	STACK_CALL(udp_unlisten)((STACK_TYPE *)s, port);
}

/* Sets STACK_TTL or STACK_DSCP of datagrams sent from port, as long as it has this listener. 0; -EINVAL: the
 * value is out of range; -ENOPROTOOPT: another option; -ENOTCONN: port has no listener. */
static inline int stack_udp_set(struct stack *s, uint16_t port, enum stack_option option, int32_t value)
{
	return STACK_CALL(udp_set)((STACK_TYPE *)s, port, option, value);
}

/* 0, -ENOPROTOOPT, -ENOTCONN. */
static inline int stack_udp_get(struct stack *s, uint16_t port, enum stack_option option, int32_t *value)
{
	return STACK_CALL(udp_get)((STACK_TYPE *)s, port, option, value);
}

/* Sends b (payload, may be empty) from from_port; 0: a free one. Takes b, also on failure. 0,
 * -EMSGSIZE, -ENOBUFS, -EHOSTUNREACH, -ENETUNREACH; to port 0 one of these, or -EINVAL. */
static inline int stack_udp_send(struct stack *s, uint16_t from_port, const struct endpoint *to,
                                 struct buf *b)
{
	return STACK_CALL(udp_send)((STACK_TYPE *)s, from_port, to, b);
}

/* The same from one of our addresses: a server answers from the address that was asked (RFC 1122 §4.1.3.5).
 * from->addr IP_NONE: the best of them. Also -EADDRNOTAVAIL: it is not ours. */
static inline int stack_udp_send_from(struct stack *s, const struct endpoint *from, const struct endpoint *to,
                                      struct buf *b)
{
	return STACK_CALL(udp_send_from)((STACK_TYPE *)s, from, to, b);
}

/* One membership in a multicast group. The caller's storage until it has left. */
struct stack_group {
	STACK_GROUP its;
};

/* From now on datagrams to that group are given to the listener at their port (RFC 1112). 0, -EINVAL: it is
 * no group, -ENOMEM, -ENOBUFS, -EHOSTUNREACH: the host has no network for it. */
static inline int stack_udp_join(struct stack *s, struct stack_group *g, const struct ip_addr *group)
{
	return STACK_CALL(udp_join)((STACK_TYPE *)s, &g->its, group);
}

/* Leaves; to be called before the stack is destroyed. */
static inline void stack_udp_leave(struct stack *s, struct stack_group *g)
{
	STACK_CALL(udp_leave)((STACK_TYPE *)s, &g->its);
}

#endif
#endif
