/* SPDX-License-Identifier: ISC */
/* The name servers of a lease. A lease that names none, or has ended, leaves the present servers in place:
 * without an address none is asked anyway. */
#include "net/dns/lease.h"

static void changed(struct dhcp_listener *listener, const struct dhcp_lease *lease)
{
	size_t count = 0;

	while (lease && count < ARRAY_SIZE(lease->dns) && lease->dns[count].family != IP_NONE)
		count++;
	if (count)
		dns_resolver_set_servers(container_of(listener, struct dns_lease, listener)->resolver, lease->dns,
		                         count);
}

void dns_lease_follow(struct dns_lease *l, struct dns_resolver *r, struct direct *d)
{
	l->resolver = r;
	l->listener.changed = changed;
	direct_lease_listen(d, &l->listener);
	changed(&l->listener, direct_lease(d));
}
