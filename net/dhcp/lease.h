/* SPDX-License-Identifier: ISC */
/* A DHCP lease: an address, and the server's parameters of the network around it. */
#ifndef NET_DHCP_LEASE_H
#define NET_DHCP_LEASE_H

#include "kernel/list.h"
#include "net/addr.h"

enum {
	DHCP_SERVERS = 3, /* most that are kept of each kind */
	DHCP_ROUTES = 8,
	DHCP_HOSTNAME_BYTES = 64, /* with the terminator: RFC 1035 §2.3.4 */
	DHCP_DOMAIN_BYTES = 256,
};

#define DHCP_INFINITE UINT32_MAX /* seconds of a lease that never ends */

struct dhcp_route {
	struct ip_prefix to;
	struct ip_addr via; /* IP_NONE: to is on the link */
};

/* Lists end before the first entry whose family is IP_NONE, or with the array. Option numbers are
 * RFC 2132's. */
struct dhcp_lease {
	uint32_t seconds;           /* 51: from when it was asked for; DHCP_INFINITE */
	uint32_t renew_s, rebind_s; /* 58, 59: T1 < T2 < seconds */
	struct ip_prefix ip;        /* from here on: fields that a renewal seldom changes */
	struct ip_addr server;  /* that lent it (54); IP_NONE: none, it is link-local */
	struct ip_addr dns[DHCP_SERVERS], ntp[DHCP_SERVERS]; /* 6, 42 */
	struct dhcp_route routes[DHCP_ROUTES];               /* 121, RFC 3442; else 3, to everywhere */
	uint16_t mtu;               /* 26: bytes; 0: none was given */
	char hostname[DHCP_HOSTNAME_BYTES]; /* 12: ours; "": none was given */
	char domain[DHCP_DOMAIN_BYTES];     /* 15 */
};

/* A listener to the lease. changed is called from the loop: with the lease when it is new or its renewal has
 * changed anything but times; with NULL when it has ended, and IPv4 has no address. Borrowed from listening
 * until it is removed from its list, or the stack destroyed. */
struct dhcp_listener {
	struct list link;
	void (*changed)(struct dhcp_listener *l, const struct dhcp_lease *lease);
};

#endif
