/* SPDX-License-Identifier: ISC */
/* The name servers of a DHCP lease, for a resolver. With the option NET_DHCP. */
#ifndef NET_DNS_LEASE_H
#define NET_DNS_LEASE_H

#include "net/dhcp/client.h"
#include "net/direct.h"
#include "net/dns/resolver.h"

struct dns_lease {
	struct dhcp_listener listener;
	struct dns_resolver *resolver;
};

/* Makes r ask the servers of d's lease (RFC 2132 §3.8), now and after each change; a lease without any leaves
 * those that r has. Borrows l and r while d lives, or until l->listener is removed from its list. */
void dns_lease_follow(struct dns_lease *l, struct dns_resolver *r, struct direct *d);

#endif
