/* SPDX-License-Identifier: ISC */
/* IPv4 for a host with one interface, several addresses and several routers (RFC 791, RFC 1122 §3), with ICMP
 * (RFC 792). Transports use it as struct ip (net/ip.h). */
#ifndef NET_IPV4_IPV4_H
#define NET_IPV4_IPV4_H

#include "net/arp.h"
#include "net/ip.h"

struct ipv4;

/* Names after RFC 4293's ipSystemStatsTable and icmpStatsTable. */
struct ipv4_stats {
	uint64_t in_receives, in_delivers, out_requests, out_transmits;
	uint32_t in_hdr_errors, in_addr_errors, in_truncated, in_unknown_protos, out_no_routes, out_discards;
	uint32_t reasm_reqds, reasm_oks, reasm_fails;
	uint32_t out_frag_reqds, out_frag_oks, out_frag_fails, out_frag_creates;
	uint32_t icmp_in_msgs, icmp_in_errors, icmp_out_msgs, icmp_out_errors, icmp_out_limited;
};

/* 0, -ENOMEM, -EADDRINUSE, -ENODEV: no entropy, -EINVAL: an MTU below 68. Borrows ethernet and arp
 * until destroyed. */
int ipv4_create(struct ipv4 **out, struct ethernet *e, struct arp *arp);
/* No handler may be left. */
void ipv4_destroy(struct ipv4 *ip);

/* Can an interface have this address and gateway? gateway NULL or IP_NONE: on-link only. 0, -EINVAL: not
 * a host's address, -ENETUNREACH: the gateway is not another host on the link. */
int ipv4_check_address(const struct ip_prefix *address, const struct ip_addr *gateway);
/* Makes this our only address, announced if it is new, and gateway our only route: all others are removed,
 * and the protocols are told of addresses that go. Errors as ipv4_check_address. */
int ipv4_set_address(struct ipv4 *ip, const struct ip_prefix *address, const struct ip_addr *gateway);
/* Removes all addresses and routes. Broadcasts can still be sent, from 0.0.0.0. */
void ipv4_clear_address(struct ipv4 *ip);

/* Adds an address, or changes the prefix length of one that is there. 0, -EINVAL: not a host's address,
 * -ENOBUFS: there are CONFIG_IPV4_ADDRESSES. A packet is sent from the address whose prefix has the next hop,
 * else from the first. */
int ipv4_add_address(struct ipv4 *ip, const struct ip_prefix *address);
/* Removes it, and the routes whose gateways were in its prefix only. 0, -EADDRNOTAVAIL. */
int ipv4_remove_address(struct ipv4 *ip, const struct ip_addr *address);
extern const struct ip_prefix ipv4_everywhere; /* 0.0.0.0/0, the prefix of the default route */
/* Routes packets to a prefix to gateway (NULL or IP_NONE: directly to the link), and replaces earlier routes
 * of the same prefix; the longest prefix decides. 0, -EINVAL, -ENETUNREACH: the gateway is not another host
 * on the link, by our addresses or other routes; -ENOBUFS: there are CONFIG_IPV4_ROUTES. */
int ipv4_add_route(struct ipv4 *ip, const struct ip_prefix *to, const struct ip_addr *gateway);
/* Adds a stand-by gateway for a prefix: if the ones before it do not answer ARP, it is used until it does not
 * answer either (RFC 1122 §3.3.1.4, §3.3.1.5). Errors as ipv4_add_route; each counts as a route. */
int ipv4_add_stand_in(struct ipv4 *ip, const struct ip_prefix *to, const struct ip_addr *gateway);
/* Removes all routes of exactly this prefix. 0, -ENOENT. */
int ipv4_remove_route(struct ipv4 *ip, const struct ip_prefix *to);

/* For a DHCP client (RFC 2131 §4.1): while we have no address, accepts packets to any host's address in
 * frames to our MAC address, as though to a group, so that they are not answered; and at any time broadcasts
 * from networks without a route. Off at first. */
void ipv4_listen_unaddressed(struct ipv4 *ip, bool on);

/* The argument of udp_create and tcp_create. */
struct ip *ipv4_ip(struct ipv4 *ip);

/* Handles protocols without a handler (borrowed; NULL: answered as unreachable, the default). */
void ipv4_listen_other(struct ipv4 *ip, const struct ip_handler *handler);

/* Sends one packet, with a route looked up for it: b's first slice has header room for 34 bytes. src may
 * be NULL. Takes b. As ip_send, with no checksum of the payload. */
int ipv4_send(struct ipv4 *ip, uint8_t protocol, const struct ip_addr *src, const struct ip_addr *dst,
              struct buf *b, unsigned flags);

const struct ipv4_stats *ipv4_stats(const struct ipv4 *ip);

#endif
