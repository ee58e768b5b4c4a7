/* SPDX-License-Identifier: ISC */
/* Shared by the files of IPv4. Addresses are in host byte order here. */
#ifndef NET_IPV4_IPV4_PRIV_H
#define NET_IPV4_IPV4_PRIV_H

#include <string.h>

#include "kernel/loop.h"
#include "kernel/timer.h"
#include "net/bytes.h"
#include "net/ipv4/igmp.h"

#define IPV4_HEADER_BYTES 20

struct ipv4_header {
	uint8_t version_ihl; /* version << 4 | header length in 32-bit words */
	uint8_t tos;
	uint16_t total_bytes;
	uint16_t id;
	uint16_t fragment; /* enum ipv4_fragment_bits, offset in units of 8 bytes */
	uint8_t ttl;
	uint8_t protocol;
	uint16_t checksum;
	uint32_t src, dst;
} __attribute__((packed));
static_assert(sizeof(struct ipv4_header) == IPV4_HEADER_BYTES, "wire format");

enum ipv4_fragment_bits { IPV4_DF = 0x4000, IPV4_MF = 0x2000, IPV4_OFFSET = 0x1fff };

static inline uint32_t ipv4_header_bytes(const struct ipv4_header *h)
{
	return (h->version_ihl & 15u) * 4;
}

enum { IPV4_HANDLERS = 4 };

/* A datagram that waits for pieces (reassembly.c). */
struct ipv4_partial {
	uint64_t expires_ns;  /* 0: free */
	uint32_t src, dst;    /* these four, in network byte order, identify the datagram */
	uint16_t id;
	uint8_t protocol;
	uint8_t ecn;          /* 1 << each codepoint received */
	bool condemned;       /* has no pieces, and accepts none */
	unsigned bufs;        /* in all pieces */
	uint32_t have, total; /* bytes of payload; total 0: the last piece is missing */
	struct buf *pieces;   /* linked by queue */
};
LIMIT_BYTES(IPV4_REASSEMBLIES, sizeof(struct ipv4_partial), 48);

struct reassembly {
	struct timer timer;
	unsigned bufs; /* held by all */
#ifdef CONFIG_IPV4_FRAGMENTS
	struct ipv4_partial partials[CONFIG_IPV4_REASSEMBLIES];
#endif
};

/* The MTU of a path (pmtu.c). */
struct ipv4_path {
	uint64_t expires_ns; /* past: free */
	uint32_t dst;
	uint16_t payload_bytes; /* both as struct ip_route has them */
	bool may_be_cut;
};
LIMIT_BYTES(IPV4_PATHS, sizeof(struct ipv4_path), 16);

/* The kind of an address, which decides how packets to it and from it are treated (route.c). */
enum ipv4_kind {
	IPV4_NONE,      /* of a host without a route */
	IPV4_NOWHERE,   /* of no host */
	IPV4_GROUP,
	IPV4_LOOPBACK,
	IPV4_OURS,
	IPV4_BROADCAST,
	IPV4_SUBNET,    /* of a neighbour, by the prefix of an address of ours */
	IPV4_ON_LINK,   /* of a neighbour, by a route */
	IPV4_GATEWAY,   /* of a host behind a neighbour */
	IPV4_KINDS
};

struct ipv4_way {
	uint32_t prefix, mask;
	uint32_t via; /* the gateway; or the address of ours that it belongs to, 0: none */
	uint8_t kind; /* enum ipv4_kind */
};
LIMIT_BYTES(IPV4_ROUTES, sizeof(struct ipv4_way), 16);

enum {
	IPV4_ALWAYS = 5, /* ways that every host has */
	IPV4_WAYS_EACH = 3 + IS_ENABLED(CONFIG_NET_LINK_LOCAL), /* of an address */
	IPV4_WAYS = IPV4_ALWAYS + IPV4_WAYS_EACH * CONFIG_IPV4_ADDRESSES + CONFIG_IPV4_ROUTES,
};
LIMIT_BYTES(IPV4_ADDRESSES, 3 * sizeof(struct ipv4_way) + 24, 72); /* 24: in arp.c */

struct ipv4 {
	struct ip ip; /* first; used by transports */
	struct ethernet *ethernet;
	struct arp *arp;
	bool unaddressed;           /* ipv4_listen_unaddressed */
	uint16_t ways;
	uint16_t count[IPV4_KINDS]; /* of ways of each kind, without IPV4_ALWAYS */
	unsigned loop_count;
	struct igmp_group *groups; /* igmp.c: behind the first all memberships; NULL: none */
	struct ipv4_stats stats;
	uint64_t id_count, ids; /* output.c: identifications given, and the rest of a block */
	uint64_t icmp_credit_ns; /* icmp.c: errors may be sent unless this is far ahead of now */
	struct buf *loop_first, **loop_end;
	struct poller loop; /* delivers packets that we sent to ourselves */
	const struct ip_handler *other;
	struct {
		uint8_t protocol;
		const struct ip_handler *handler;
	} handlers[IPV4_HANDLERS];
	struct ip_handler icmp;
	uint8_t id_key[16];
	struct ipv4_way way[IPV4_WAYS + 1]; /* the longest prefix first; a zero behind the last */
	struct reassembly reassembly;
#ifdef CONFIG_IPV4_PMTU
	struct ipv4_path paths[CONFIG_IPV4_PATHS];
	struct timer path_timer; /* runs while any path is known */
#endif
};

static inline bool ipv4_is_multicast(uint32_t a)
{
	return a >> 28 == 0xe;
}

/* RFC 1112 §6.4 */
static inline void ipv4_group_mac(uint8_t mac[6], uint32_t group)
{
	put_be16(mac, 0x0100);
	put_be32(mac + 2, 0x5e000000 | (group & 0x7fffff));
}

/* Has this image joined group? 224.0.0.1 counts as joined when any group is. */
static inline bool ipv4_is_joined(const struct ipv4 *ip, uint32_t group)
{
	const struct igmp_group *g = ip->groups;

	while (g && (g = g->next))
		if (g->address == group)
			return true;
	return ip->groups && group == 0xe0000001;
}

/* An address from its four bytes as they stand in a header. */
void ipv4_addr(struct ip_addr *to, const void *bytes);

const struct ip_handler *ipv4_handler(const struct ipv4 *ip, uint8_t protocol);
/* Makes all routes look up again what they have cached. */
void ipv4_changed(struct ipv4 *ip);
/* Calls the error handler of the protocol of a packet of ours; sent: its IP header and len bytes in all, at
 * least 8 of them behind the header. The rest as in struct ip_error. */
void ipv4_error(struct ipv4 *ip, const struct ipv4_header *sent, uint32_t len, int error, uint32_t mtu,
                bool local);

/* address.c */
uint32_t ipv4_mask(const struct ip_prefix *prefix);
/* Is it a unicast address that a host can have, where mask is its subnet's? RFC 1122 §3.2.1.3. */
bool ipv4_is_host(uint32_t a, uint32_t mask);

/* route.c */
void ipv4_init_ways(struct ipv4 *ip);
/* The way for packets to an address; lent until ways change. */
const struct ipv4_way *ipv4_way(const struct ipv4 *ip, uint32_t to);
enum ipv4_kind ipv4_kind(const struct ipv4 *ip, uint32_t a);
/* Our address in the prefix of that neighbour, else our first; 0: we have none. */
uint32_t ipv4_source(const struct ipv4 *ip, uint32_t hop);
/* The caller has checked that there is room. */
void ipv4_insert_way(struct ipv4 *ip, uint32_t prefix, uint32_t mask, enum ipv4_kind kind, uint32_t via);
/* Removes the ways that belong to via, an address of ours, of kinds from least on; with IPV4_OURS also the
 * routes whose gateways were in its prefix only. via 0: all routes. */
void ipv4_remove_ways(struct ipv4 *ip, enum ipv4_kind least, uint32_t via);

/* input.c: takes b, the IP header first. looped: it never was on a wire. */
void ipv4_input(struct ipv4 *ip, struct buf *b, bool link_group, bool looped);
/* Drops a packet: counts it (counter may be NULL), logs the reason under log=debug, frees b. header: its IP
 * header, or NULL. */
void ipv4_drop(struct ipv4 *ip, const void *header, struct buf *b, uint32_t *counter, const char *reason);

/* reassembly.c: adds a fragment, its header checked, the padding cut off. Takes b; gives the whole packet if
 * b completes it, or NULL. */
struct buf *reassembly_add(struct ipv4 *ip, struct buf *b);
void reassembly_init(struct reassembly *r);
/* Frees everything. */
void reassembly_clear(struct reassembly *r);

/* fragment.c: takes the first n bytes off *rest, which has them, and gives them with room for the headers
 * below; NULL: no memory. */
struct buf *fragment_take(struct buf **rest, uint32_t n);

/* pmtu.c */
void pmtu_init(struct ipv4 *ip);
void pmtu_done(struct ipv4 *ip);
void pmtu_look(struct ipv4 *ip, struct ip_route *r); /* sets payload_bytes and may_be_cut */
void pmtu_too_big(struct ip_route *r, uint32_t mtu); /* struct ip_ops */
uint32_t pmtu_below(uint32_t bytes); /* the next smaller MTU of usual links */

/* output.c: functions of struct ip_ops, of struct arp_user (unreachable), and of the loop poller. */
void ipv4_look(struct ip_route *r);
void ipv4_doubt(struct ip_route *r);
int ipv4_route(struct ip *base, struct ip_route *r, const struct ip_addr *src, const struct ip_addr *dst);
int ipv4_send_on(struct ip_route *r, uint8_t protocol, struct buf *b, uint16_t checksum_at, unsigned flags);
void ipv4_unreachable(void *arg, struct buf *b);
void ipv4_loop_poll(struct poller *p);

/* icmp.c */
void icmp_input(void *arg, struct ip_meta *meta, struct buf *b);
void icmp_refuse(const struct ip_meta *meta, enum ip_refusal why);
/* piece: the first piece of a datagram that stayed incomplete, its IP header first. */
void icmp_reassembly_timed_out(struct ipv4 *ip, const struct buf *piece);

#endif
