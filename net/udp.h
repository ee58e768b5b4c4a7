/* SPDX-License-Identifier: ISC */
/* UDP (RFC 768, RFC 1122 §4.1) over either IP version. Nothing is queued here: a datagram is handed to its
 * listener at once or dropped, and occupies buffers of the device until the listener frees it. So a listener
 * that keeps datagrams must keep few and drop the rest, in order not to starve the others. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "net/ip.h"
#include "net/stack.h"

struct udp;

/* Names after RFC 4113. */
struct udp_stats {
	uint64_t in_datagrams, out_datagrams;
	uint32_t in_errors, no_ports, out_errors;
};

/* 0, -ENOMEM, -EADDRINUSE. Borrows ip until destroyed. */
int udp_create(struct udp **out, struct ip *ip);
void udp_destroy(struct udp *u);

/* Receives datagrams to port (host byte order). 0, -EINVAL: port 0; -EADDRINUSE, -ENOBUFS. */
int udp_listen(struct udp *u, uint16_t port, datagram_fn *receive, void *arg);
void udp_unlisten(struct udp *u, uint16_t port);
/* As net/stack.h says. */
int udp_set(struct udp *u, uint16_t port, enum stack_option option, int32_t value);
int udp_get(struct udp *u, uint16_t port, enum stack_option option, int32_t *value);
/* Takes b and gives 0, or declines with a negative errno and leaves b alone: the sender is then answered with
 * "port unreachable". */
typedef int udp_other_fn(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to);
/* Receives datagrams to ports without a listener. */
void udp_listen_other(struct udp *u, udp_other_fn *receive, void *arg);

/* Sends b (payload; may be empty) from from_port, 0: a free one. Takes b, also on failure.
 * 0, -EMSGSIZE, -ENOBUFS, -EHOSTUNREACH, -ENETUNREACH, -EINVAL: to port 0. */
int udp_send(struct udp *u, uint16_t from_port, const struct endpoint *to, struct buf *b);
/* The same from one of our addresses: a server answers from the address that was asked (RFC 1122 §4.1.3.5).
 * from->addr IP_NONE: chosen, as udp_send does. Also -EADDRNOTAVAIL: not ours, or a group's. */
int udp_send_from(struct udp *u, const struct endpoint *from, const struct endpoint *to, struct buf *b);

/* A datagram from our endpoint from, to endpoint to, has failed; error as in struct ip_error. */
typedef void udp_error_fn(void *arg, int error, const struct endpoint *from, const struct endpoint *to);
/* Calls error for datagrams that were not delivered (RFC 1122 §4.1.3.3); NULL: nothing. It is a hint, no
 * proof: an attacker who knows both ports can forge it. */
void udp_listen_errors(struct udp *u, udp_error_fn *error, void *arg);

const struct udp_stats *udp_stats(const struct udp *u);

#endif
