/* SPDX-License-Identifier: ISC */
/* IPv4 for a host with one interface, several addresses and several routers (RFC 791, RFC 1122 §3), with ICMP
 * (RFC 792). Its face for transports is struct ip (net/ip.h). */
#ifndef NET_IPV4_IPV4_H
#define NET_IPV4_IPV4_H

#include "net/arp.h"
#include "net/ip.h"

struct ipv4;

/* Names after RFC 4293's ipSystemStatsTable and icmpStatsTable. */
struct ipv4_stats {
	uint64_t in_receives, in_hdr_errors, in_addr_errors, in_truncated, in_unknown_protos, in_delivers;
	uint64_t reasm_reqds, reasm_oks, reasm_fails;
	uint64_t out_requests, out_no_routes, out_discards, out_transmits;
	uint64_t out_frag_reqds, out_frag_oks, out_frag_fails, out_frag_creates;
	uint64_t icmp_in_msgs, icmp_in_errors, icmp_out_msgs, icmp_out_errors, icmp_out_limited;
};

/* 0, -ENOMEM, -EADDRINUSE, -ENODEV: no entropy, -EINVAL: an MTU below 68. Borrows ethernet and arp
 * until destroyed. */
int ipv4_create(struct ipv4 **out, struct ethernet *e, struct arp *arp);
/* Nobody may listen any more. */
void ipv4_destroy(struct ipv4 *ip);

/* Can an interface have that address and gateway? gateway NULL or IP_NONE: on-link only. 0, -EINVAL: not
 * a host's address, -ENETUNREACH: the gateway is not another host on the link. */
int ipv4_check_address(const struct ip_prefix *address, const struct ip_addr *gateway);
/* Makes this our only address, announced when it is new, and gateway our only route: all that was set before
 * goes, and who used another address is told so. Errors as ipv4_check_address. */
int ipv4_set_address(struct ipv4 *ip, const struct ip_prefix *address, const struct ip_addr *gateway);
/* All addresses and routes go. Broadcasts can still be sent, from 0.0.0.0. */
void ipv4_clear_address(struct ipv4 *ip);

/* One address more; one that is there gets another prefix length. 0, -EINVAL: not a host's address,
 * -ENOBUFS: there are CONFIG_IPV4_ADDRESSES. A packet goes out from the address whose prefix the next hop is
 * in, else from the first. */
int ipv4_add_address(struct ipv4 *ip, const struct ip_prefix *address);
/* It goes, with the routes whose gateways only its prefix had. 0, -EADDRNOTAVAIL. */
int ipv4_remove_address(struct ipv4 *ip, const struct ip_addr *address);
extern const struct ip_prefix ipv4_everywhere; /* 0.0.0.0/0, the prefix of the default route */
/* Packets to a prefix go to gateway (NULL or IP_NONE: they are for the link), in place of what the same
 * prefix had before; the longest prefix decides. 0, -EINVAL, -ENETUNREACH: the gateway is not another host
 * on the link, by our addresses or other routes; -ENOBUFS: there are CONFIG_IPV4_ROUTES. */
int ipv4_add_route(struct ipv4 *ip, const struct ip_prefix *to, const struct ip_addr *gateway);
/* One gateway more for a prefix: where those before it do not answer ARP, it takes their place until it does
 * not either (RFC 1122 §3.3.1.4, §3.3.1.5). Errors as ipv4_add_route; each counts as a route. */
int ipv4_add_stand_in(struct ipv4 *ip, const struct ip_prefix *to, const struct ip_addr *gateway);
/* All that lead to that very prefix. 0, -ENOENT. */
int ipv4_remove_route(struct ipv4 *ip, const struct ip_prefix *to);

/* While we have no address: takes packets to any host's address that come in a frame of our own, as though
 * to a group, so that nothing answers them; and always broadcasts from networks that no route leads to. What
 * a DHCP client needs (RFC 2131 §4.1). Off at first. */
void ipv4_listen_unaddressed(struct ipv4 *ip, bool on);

/* What udp_create and tcp_create want. */
struct ip *ipv4_ip(struct ipv4 *ip);

/* Handles protocols that nobody listens to (borrowed; NULL: answered as unreachable, the default). */
void ipv4_listen_other(struct ipv4 *ip, const struct ip_handler *handler);

/* One packet without a route of one's own: b's first slice has header room for 34 bytes. src may be
 * NULL. Takes b. As ip_send, with no checksum of the payload. */
int ipv4_send(struct ipv4 *ip, uint8_t protocol, const struct ip_addr *src, const struct ip_addr *dst,
              struct buf *b, unsigned flags);

const struct ipv4_stats *ipv4_stats(const struct ipv4 *ip);

#endif
