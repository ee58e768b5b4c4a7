/* SPDX-License-Identifier: ISC */
/* A link-local address (RFC 3927): one of 169.254.1.0 to 169.254.254.255 that no other host uses. */
#ifndef NET_DHCP_LINK_LOCAL_H
#define NET_DHCP_LINK_LOCAL_H

#include "net/arp.h"

/* Embedded by its user. */
struct link_local {
	struct arp *arp;
	/* address is free and may be used from now on, as a /16. Called from the loop. */
	void (*found)(struct link_local *l);
	uint32_t address;  /* host byte order: found, or being probed */
	uint32_t seed;
	unsigned conflicts;
	bool running;      /* it is looking for one */
	struct arp_probe probe;
	struct waiter probed;
	struct timer timer;
};

/* Borrows arp. mac decides the order of addresses: other on each machine, the same at each start. */
void link_local_init(struct link_local *l, struct arp *arp, const uint8_t mac[6],
                     void (*found)(struct link_local *l));
/* Looks for an address, another one at each call; does nothing while it is looking. */
void link_local_start(struct link_local *l);
/* Stops looking. An address that was found stays in use. */
void link_local_stop(struct link_local *l);

#endif
