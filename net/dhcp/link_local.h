/* SPDX-License-Identifier: ISC */
/* An address that nobody lends (RFC 3927): one of 169.254.1.0 to 169.254.254.255 that nobody else uses. */
#ifndef NET_DHCP_LINK_LOCAL_H
#define NET_DHCP_LINK_LOCAL_H

#include "net/arp.h"

/* Embedded by its user. */
struct link_local {
	struct arp *arp;
	/* Nobody else uses address, /16: it may be used from now on. From the loop. */
	void (*found)(struct link_local *l);
	uint32_t address;  /* host byte order: found, or looked at */
	uint32_t seed;
	unsigned conflicts;
	bool running;      /* it looks for one */
	struct arp_probe probe;
	struct waiter probed;
	struct timer timer;
};

/* Borrows arp. mac: another machine looks at other addresses first, this one at the same at each start. */
void link_local_init(struct link_local *l, struct arp *arp, const uint8_t mac[6],
                     void (*found)(struct link_local *l));
/* Looks for an address, and another each time that this is called; nothing when it is looking. */
void link_local_start(struct link_local *l);
/* Looks no more. What it has found remains its user's. */
void link_local_stop(struct link_local *l);

#endif
