/* SPDX-License-Identifier: ISC */
/* The direct stack: our own TCP/IP on one network interface. Applications see it as struct stack. */
#include "net/stack.h" /* before the guard: that header includes this one once its types stand */
#ifndef NET_DIRECT_H
#define NET_DIRECT_H

#include "net/ipv4/igmp.h"

struct direct;
struct arp;
struct capture;
struct dhcp_client;
struct ethernet;
struct netdev;
struct ipv4;
struct tcp;
struct udp;

/* 0, -ENOMEM, -ENODEV: no entropy, -EINVAL: an MTU below 68 or above dev's, or bad address;
 * -ENETUNREACH: bad gateway. Borrows dev and config->hostname until destroyed, and lowers dev's mtu till
 * then to config->mtu. With config->dhcp it asks for an address from now on. A static address is used and
 * announced at once, without probing first as RFC 5227 §2.1 has it, which would take some seconds. */
int direct_create(struct direct **out, struct netdev *dev, const struct stack_config *config);
/* Drops every connection and listener. */
void direct_destroy(struct direct *d);

/* Called before the machine ends: runs the loop until peers have acknowledged all that was written to
 * connections closed by now, for CONFIG_TCP_END_SECONDS at most. */
void direct_finish(struct direct *d);

/* Fulfilled with 0 when the stack has an address for the first time; of a static one at once. */
struct promise *direct_ready(struct direct *d);
/* The address that the stack has now, until the next turn of the loop; family IP_NONE: none. */
const struct ip_prefix *direct_address(const struct direct *d);

/* As net/stack.h describes them. */
const struct dhcp_lease *direct_lease(const struct direct *d);
void direct_lease_listen(struct direct *d, struct dhcp_listener *l);
int direct_tcp_listen(struct direct *d, uint16_t port, accept_fn *accept, void *arg);
void direct_tcp_unlisten(struct direct *d, uint16_t port);
void direct_tcp_connect_from(struct direct *d, struct stack_connect *op, const struct endpoint *from,
                             const struct endpoint *to);
static inline void direct_tcp_connect(struct direct *d, struct stack_connect *op, const struct endpoint *to)
{
	direct_tcp_connect_from(d, op, NULL, to);
}
int direct_tcp_set(struct flow *f, enum stack_option option, int32_t value);
int direct_tcp_get(struct flow *f, enum stack_option option, int32_t *value);
int direct_tcp_preset(struct direct *d, uint16_t port, enum stack_option option, int32_t value);
void direct_tcp_info(struct flow *f, struct stack_tcp_info *info);
void direct_tcp_ends(struct flow *f, struct endpoint *local, struct endpoint *peer);
int direct_udp_listen(struct direct *d, uint16_t port, datagram_fn *receive, void *arg);
void direct_udp_unlisten(struct direct *d, uint16_t port);
int direct_udp_set(struct direct *d, uint16_t port, enum stack_option option, int32_t value);
int direct_udp_get(struct direct *d, uint16_t port, enum stack_option option, int32_t *value);
int direct_udp_send(struct direct *d, uint16_t from_port, const struct endpoint *to, struct buf *b);
int direct_udp_send_from(struct direct *d, const struct endpoint *from, const struct endpoint *to,
                         struct buf *b);
int direct_udp_join(struct direct *d, struct igmp_group *g, const struct ip_addr *group);
void direct_udp_leave(struct direct *d, struct igmp_group *g);

/* The layers, for observation and tests. */
struct netdev *direct_netdev(struct direct *d); /* the interface itself, whose statistics count */
struct ethernet *direct_ethernet(struct direct *d);
struct arp *direct_arp(struct direct *d);
struct ipv4 *direct_ipv4(struct direct *d);
struct tcp *direct_tcp(struct direct *d);
struct udp *direct_udp(struct direct *d);
struct dhcp_client *direct_dhcp(struct direct *d); /* NULL: the address is static */
struct capture *direct_capture(struct direct *d); /* NULL without NET_OBSERVE */

#endif
