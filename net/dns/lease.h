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

/* Has r ask the servers that d's lease names (RFC 2132 §3.8), now and after each change; the servers that it
 * has stay while there are no others. Borrows l and r as long as d lives, or until l->listener is removed
 * from its list. */
void dns_lease_follow(struct dns_lease *l, struct dns_resolver *r, struct direct *d);

#endif
