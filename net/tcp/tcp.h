/* SPDX-License-Identifier: ISC */
/* TCP (RFC 9293) over either IP version. A connection is a flow (kernel/flow.h): received data is handed
 * up uncopied in the packets that brought it, written data is referenced until the peer has
 * acknowledged it.
 *
 * Memory is bounded, and all taken by tcp_create: control blocks, half-open entries, TIME-WAIT
 * entries and send slices are fixed pools. When a pool is empty the new request is refused and counted,
 * and all other work continues:
 *   connections full   SYNs are dropped, so that clients try again; connect fails with -ENOBUFS
 *   half_open full     a SYN is answered with a SYN cookie, and takes no memory until the cookie returns
 *   time_wait full     the oldest TIME-WAIT entry makes room
 *   send_slices taken  a write is accepted piece by piece as the peer acknowledges
 *   receive_bufs taken data is dropped unless it is next in order and a reader waits for it; no
 *                      connection holds more than are left for the others
 *   recoveries taken   losses are repaired one per round trip, as with a peer without SACK
 *   no packet memory   sending is retried soon, and the delay is not taken for a loss
 *
 * The Nagle algorithm is off unless it is asked for: a write is a gather of everything that belongs
 * together, so holding back its tail only costs a round trip. */
#ifndef NET_TCP_TCP_H
#define NET_TCP_TCP_H

#include "kernel/flow.h"
#include "net/ip.h"
#include "net/stack.h"

struct tcp;

struct tcp_limits {
	uint32_t connections;   /* control blocks: 1 or more */
	uint32_t half_open;     /* handshakes begun by peers: 1 or more */
	uint32_t time_wait;     /* 1 or more */
	uint32_t send_slices;   /* shared, beyond the one reserved for each connection */
	uint32_t receive_bytes; /* per connection: unread and out-of-order data, so the largest window */
	uint32_t receive_max_bytes; /* the same while the reader keeps up; below receive_bytes: no growth */
	uint32_t receive_bufs;  /* all connections together: packets that hold such data */
	uint32_t recoveries;    /* connections in recovery by scoreboard at a time; 0: none */
};

/* Names after RFC 4022 where it has one. Segments that the device joins on receiving, or cuts from one on
 * sending, count as one; out_segs includes retransmissions; passive_opens counts completed handshakes. */
struct tcp_stats {
	uint64_t in_segs, out_segs;
	uint32_t curr_estab;      /* ESTABLISHED and CLOSE-WAIT */
	uint32_t connections, half_open, time_wait, send_slices, receive_bufs,
	         recoveries; /* in use now */
	uint32_t active_opens, passive_opens, attempt_fails, estab_resets;
	uint32_t retrans_segs, in_errs, out_rsts;
	uint32_t in_drops;        /* segments refused, or without anything new; includes in_errs */
	uint32_t listen_drops;    /* handshakes dropped: no control block, or no half-open entry, was free */
	uint32_t cookies_sent, cookies_accepted, cookies_refused; /* SYN cookies; refused: not ours */
	uint32_t declined;        /* connections that a listener refused */
	uint32_t time_wait_drops; /* TIME-WAIT entries ended early */
	uint32_t receive_drops;   /* data dropped: no room in receive_bufs or the packet pools */
	uint32_t challenges;      /* RFC 5961 */
	uint32_t timeouts;        /* retransmission timer ran out */
	uint32_t fast_retransmits;
	uint32_t spurious_recoveries; /* undone, as there had been no loss */
};

/* limits NULL: those of Kconfig. Listens to ip for IP_TCP. Borrows ip until destroyed.
 * 0, -ENOMEM, -EADDRINUSE. */
int tcp_create(struct tcp **out, struct ip *ip, const struct tcp_limits *limits);
/* Drops all connections without telling their peers. No flow of this tcp may be used afterwards. */
void tcp_destroy(struct tcp *tcp);

/* Accepts connections to port, as net/stack.h says. 0, -EADDRINUSE, -ENOBUFS, -EINVAL for port 0. */
int tcp_listen(struct tcp *tcp, uint16_t port, accept_fn *accept, void *arg);
/* Stops accepting; connections accepted before stay open. */
void tcp_unlisten(struct tcp *tcp, uint16_t port);

/* A listener for all ports without one of tcp_listen: for each new connection it gives 0 with *accept
 * and *accept_arg set, or declines with a negative errno, and the peer is reset. It is called for every
 * segment that belongs to no connection, and again when a handshake is complete, so it must have no
 * side effects. NULL: none. */
typedef int tcp_listener_fn(void *arg, uint16_t port, accept_fn **accept, void **accept_arg);
void tcp_listen_other(struct tcp *tcp, tcp_listener_fn *listener, void *arg);

/* Opens a connection; settles op as net/stack.h says. op->state is ours until then. */
void tcp_connect_from(struct tcp *tcp, struct stack_connect *op, const struct endpoint *from,
                      const struct endpoint *to);
static inline void tcp_connect(struct tcp *tcp, struct stack_connect *op, const struct endpoint *to)
{
	tcp_connect_from(tcp, op, NULL, to);
}

/* As stack_tcp_preset of net/stack.h. Listeners of tcp_listen_other have the defaults. */
int tcp_preset(struct tcp *tcp, uint16_t port, enum stack_option option, int32_t value);

/* For flows of TCP only; as net/stack.h says. Keep-alive: RFC 9293 §3.8.4; user timeout: RFC 5482, with
 * its option on the wire where that is configured. TTL and DSCP apply to segments sent from then on, answers
 * in TIME-WAIT included (RFC 9293 MUST-48, MUST-49); tcp_preset is for the handshake, too. */
int tcp_set(struct flow *flow, enum stack_option option, int32_t value);
int tcp_get(const struct flow *flow, enum stack_option option, int32_t *value);
void tcp_info(const struct flow *flow, struct stack_tcp_info *info);
void tcp_peer(const struct flow *flow, struct endpoint *peer);
void tcp_local(const struct flow *flow, struct endpoint *local);

/* The link is up again: retransmits at once all that has timed out, and ends backing off, which is meant for
 * an overloaded network, not for an absent one (the reason of RFC 6069, with surer evidence). */
void tcp_retry(struct tcp *tcp);

/* Is there a connection that the application has closed and the peer has not fully acknowledged yet? */
bool tcp_is_closing(const struct tcp *tcp);

const struct tcp_stats *tcp_stats(struct tcp *tcp);

#endif
