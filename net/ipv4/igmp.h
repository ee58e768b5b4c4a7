/* SPDX-License-Identifier: ISC */
/* Membership in multicast groups: IGMPv3 as a host without source filters (RFC 3376, the subset of RFC 5790),
 * with version 2 or 1 where an older router asks (RFC 2236, RFC 1112). Only images that join groups have it.
 *
 *   struct igmp_group g;
 *   igmp_join(ipv4, &g, &group);     from now on packets to group are received, as broadcasts are:
 *   udp_listen(udp, port, ...);      UDP gives them to the port's listener
 */
#ifndef NET_IPV4_IGMP_H
#define NET_IPV4_IGMP_H

#include "net/ipv4/ipv4.h"

/* One membership, in the caller's storage until it has left; the fields are igmp.c's. */
struct igmp_group {
	struct igmp_group *next;
	uint32_t address; /* host byte order */
	uint64_t due_ns;  /* of the next report; DEADLINE_NEVER: none */
	uint8_t repeats;  /* unsolicited reports still to be sent */
};

/* Joins a group, and tells the routers if it is the first membership. 0, -EINVAL: not a multicast address,
 * -ENOMEM, -ENOBUFS and -EADDRINUSE: no place for IGMP's handler. */
int igmp_join(struct ipv4 *ip, struct igmp_group *g, const struct ip_addr *group);
/* Leaves, and tells the routers if it was the last membership. All have to leave before IPv4 is destroyed. */
void igmp_leave(struct ipv4 *ip, struct igmp_group *g);

#endif
