/* SPDX-License-Identifier: ISC */
/* The direct stack: our own TCP/IP on one network interface. Applications see it as struct stack. */
#include "net/stack.h" /* before the guard: that header includes this one once its types stand */
#ifndef NET_DIRECT_H
#define NET_DIRECT_H

struct direct;
struct netdev;
struct ipv4;
struct tcp;
struct udp;

/* 0, -ENOMEM, -ENODEV: no entropy, -EINVAL: an MTU below 68, or bad address;
 * -ENETUNREACH: bad gateway. Borrows dev until destroyed. */
int direct_create(struct direct **out, struct netdev *dev, const struct stack_config *config);
/* Drops every connection and listener. */
void direct_destroy(struct direct *d);

/* As net/stack.h describes them. */
int direct_tcp_listen(struct direct *d, uint16_t port, accept_fn *accept, void *arg);
void direct_tcp_unlisten(struct direct *d, uint16_t port);
void direct_tcp_connect(struct direct *d, struct stack_connect *op, const struct endpoint *to);
int direct_udp_listen(struct direct *d, uint16_t port, datagram_fn *receive, void *arg);
void direct_udp_unlisten(struct direct *d, uint16_t port);
int direct_udp_send(struct direct *d, uint16_t from_port, const struct endpoint *to, struct buf *b);

/* The layers, for observation and tests. */
struct ipv4 *direct_ipv4(struct direct *d);
struct tcp *direct_tcp(struct direct *d);
struct udp *direct_udp(struct direct *d);

#endif
