/* SPDX-License-Identifier: ISC */
/* The DHCPv4 client (RFC 2131, 2132, 3396, 3442, 4361, 5227) of one interface: gets an address, gives it to
 * IPv4, renews it, and takes it away when it ends. */
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

/* Begins at once. Of config it reads ip.addr (asked for first; IP_NONE: whatever comes) and hostname. Borrows
 * the layers and hostname until destroyed; IPv4's address, port 68, ARP's conflicts and the interface's MTU
 * are its own. 0, -ENOMEM, -EADDRINUSE, -ENOBUFS. */
int dhcp_client_create(struct dhcp_client **out, const struct dhcp_layers *layers,
                       const struct stack_config *config);
/* Takes the address away and tells nobody. The server is not told either: the same machine gets the same
 * address when it starts again. */
void dhcp_client_destroy(struct dhcp_client *c);

/* The lease; of a link-local address one that says nothing more. Valid until the next change. NULL: there is
 * no address. */
const struct dhcp_lease *dhcp_client_lease(const struct dhcp_client *c);
/* Adds l; it hears of changes from now on. */
void dhcp_client_listen(struct dhcp_client *c, struct dhcp_listener *l);

/* Names after what is counted: messages sent and taken, leases begun and renewed, lost, declined. */
struct dhcp_stats {
	uint32_t out_messages, in_messages, in_ignored, bound, renewed, lost, declined;
};
const struct dhcp_stats *dhcp_client_stats(const struct dhcp_client *c);

#endif
