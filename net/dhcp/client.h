/* SPDX-License-Identifier: ISC */
/* The DHCPv4 client (RFC 2131, 2132, 3396, 3442, 4361, 5227) of one interface: gets an address, gives it to
 * IPv4, renews it, and takes it away when the lease ends. */
#ifndef NET_DHCP_CLIENT_H
#define NET_DHCP_CLIENT_H

#include "net/dhcp/lease.h"
#include "net/ipv4/ipv4.h"
#include "net/udp.h"

struct dhcp_client;

struct dhcp_layers {
	struct ethernet *ethernet;
	struct arp *arp;
	struct ipv4 *ipv4;
	struct udp *udp;
};

/* Begins at once. Of config it reads ip.addr (asked for first; IP_NONE: any) and hostname. Borrows the layers
 * and hostname until destroyed, and alone sets IPv4's address and the interface's MTU, and listens to port 68
 * and ARP's conflicts. 0, -ENOMEM, -EADDRINUSE, -ENOBUFS. */
int dhcp_client_create(struct dhcp_client **out, const struct dhcp_layers *layers,
                       const struct stack_config *config);
/* Takes the address away without telling listeners. The server is not told either, so that the same machine
 * gets the same address when it starts again. */
void dhcp_client_destroy(struct dhcp_client *c);

/* The link passes frames again: asks for an address at once, or whether the lease is still good. */
void dhcp_client_returned(struct dhcp_client *c);

/* The lease; for a link-local address one with nothing else set. Valid until the next change. NULL: there is
 * no address. */
const struct dhcp_lease *dhcp_client_lease(const struct dhcp_client *c);
/* Adds l, which is told of changes from now on. */
void dhcp_client_listen(struct dhcp_client *c, struct dhcp_listener *l);

/* Messages sent, used and ignored; leases begun, renewed, lost and declined. */
struct dhcp_stats {
	uint32_t out_messages, in_messages, in_ignored, bound, renewed, lost, declined;
};
const struct dhcp_stats *dhcp_client_stats(const struct dhcp_client *c);

#endif
