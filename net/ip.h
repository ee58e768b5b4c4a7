/* SPDX-License-Identifier: ISC */
/* IP as TCP and UDP see it, in either version: routes, sending, the headers of received packets, and
 * errors. Code above this header does not know how long an address is.
 *
 *   struct ip_route r;                            once per connection, or per datagram
 *   ip_route_init(ip, &r, NULL, &peer.addr);      picks source address, next hop and sizes
 *   ip_send(&r, IP_TCP, b, 16, IP_DF);            per packet: no lookup while the route holds
 */
#ifndef NET_IP_H
#define NET_IP_H

#include "kernel/buf.h"
#include "net/addr.h"

enum ip_protocol { IP_ICMP = 1, IP_IGMP = 2, IP_TCP = 6, IP_UDP = 17 };

struct ip;
struct netdev;

/* The header of a received packet. Lives as long as the call that it is passed to. */
struct ip_meta {
	struct ip *ip;           /* the instance that received the packet, and sends the answer */
	struct endpoint src, dst; /* src is never a group's, dst only if to_group; ports are 0, for the
	                             transport to fill in */
	const uint8_t *header;   /* the IP header as received, and behind it the payload that can be quoted */
	uint16_t header_len;
	uint32_t quote_len;      /* of both: with at least 8 bytes of payload, or all of it */
	uint8_t protocol;        /* enum ip_protocol, or any other */
	uint8_t ttl;             /* hop limit */
	uint8_t ecn;             /* RFC 3168: 0 not capable, 1 and 2 capable, 3 congestion experienced */
	bool to_group;           /* broadcast or multicast: never answered with an error or a reset */
};

/* An error about a packet that we sent: an ICMP error that quotes it, or one of our own link. */
struct ip_error {
	/* -ECONNREFUSED: port or protocol unreachable; -EHOSTUNREACH, -ENETUNREACH; -EACCES:
	 * prohibited; -EMSGSIZE: larger than mtu; -ETIMEDOUT: ran out of hops; -EPROTO: bad header. */
	int error;
	uint32_t mtu;            /* -EMSGSIZE: the size that fits, or a guess if the router told none */
	struct endpoint src, dst; /* of the packet that we sent: src is ours; ports as in struct ip_meta */
	const uint8_t *quoted;   /* start of its transport header */
	size_t quoted_len;       /* at least 8 */
	bool local;              /* from our own link, without an answer there: it cannot be forged */
};

/* The functions that a transport protocol gives to ip_listen. */
struct ip_handler {
	/* Takes b: the transport header first, without link padding. Its first slice has at least
	 * min(length, 54) bytes, or, when we sent the packet to ourselves, the transport header; headers
	 * that do not lie whole in it are malformed. */
	void (*input)(void *arg, struct ip_meta *meta, struct buf *b);
	void (*error)(void *arg, struct ip_error *error); /* may be NULL */
	/* address is not ours any more: nothing can be sent from it. May be NULL. */
	void (*gone)(void *arg, const struct ip_addr *address);
	void *arg;
};

/* The header fields that an application may choose (net/wishes.h); 0: the default. */
struct ip_wishes {
	uint8_t ttl; /* hop limit */
	uint8_t tos; /* traffic class, its two lowest bits 0 */
};

/* The route of packets to one destination. Embedded by its owner; needs no release. */
struct ip_route {
	struct ip_addr dst, src; /* first, for owners that keep ports before them */
	uint16_t payload_bytes; /* transport header and data that fit one packet over the whole path, as far as
	                           known: ip_send may change it */
	uint16_t link_bytes;    /* the same for our own link: the most that can be received */
	uint16_t tso_bytes;     /* the same for a BUF_TSO4 packet; 0: the device cannot cut them */
	uint16_t pseudo;        /* folded sum of both addresses */
	uint8_t link[6];        /* next hop, valid while generation is that of ip */
	bool may_be_cut;        /* IP_DF is ignored: the path's MTU cannot be found out */
	bool to_group;          /* broadcast or multicast */
	struct ip_wishes wishes; /* its owner's to set */
	uint32_t generation;
	struct ip *ip;
};

enum ip_send_flags {
	IP_ECT1 = 1, IP_ECT0 = 2, /* the ECN field */
	IP_DF = 4,                /* not to be fragmented on the way, where the path's MTU is looked for */
};

/* In place of a size for ip_too_big: packets get lost for an unknown reason, so routers may fragment them. */
#define IP_MTU_UNKNOWN 0
#define IP_MTU_LEAST 68 /* RFC 791; ip_too_big does not shrink packets that far */
#define IP_ECN_MARKED 3 /* of the ECN field: a router has met congestion */
#define IP_TTL 64       /* the default: RFC 1700; to groups 1, RFC 1112 */

#define IP_NO_CHECKSUM 0xffff

/* The reason of a refusal, as told to the packet's sender. */
enum ip_refusal { IP_REFUSE_PORT, IP_REFUSE_PROTOCOL };

struct ip_ops {
	int (*route)(struct ip *ip, struct ip_route *r, const struct ip_addr *src,
	             const struct ip_addr *dst);
	int (*send)(struct ip_route *r, uint8_t protocol, struct buf *b, uint16_t checksum_at,
	            unsigned flags);
	int (*listen)(struct ip *ip, uint8_t protocol, const struct ip_handler *handler);
	void (*refuse)(const struct ip_meta *meta, enum ip_refusal why);
	void (*too_big)(struct ip_route *r, uint32_t mtu);
	void (*look)(struct ip_route *r);
	void (*doubt)(struct ip_route *r);
};

/* Embedded first by each version's implementation. */
struct ip {
	const struct ip_ops *ops;
	struct netdev *dev;  /* below; told of packets that are refused (net/capture.h); NULL: none */
	uint32_t generation; /* changes, never to 0, when a cached next hop may be wrong */
};

/* Fills in r. src NULL: our best address for that destination. 0, -ENETUNREACH: no route, or no address
 * to send to; -EADDRNOTAVAIL: src is not ours. Does not wait for the link: the first packets queue
 * there. */
static inline int ip_route_init(struct ip *ip, struct ip_route *r, const struct ip_addr *src,
                                const struct ip_addr *dst)
{
	return ip->ops->route(ip, r, src, dst);
}

/* Sends b, in fragments where it is longer than the path takes and neither flags nor BUF_TSO4 forbid it.
 * b has the transport header first, in a header slice with room for at least 40 more bytes. checksum_at is
 * the offset of the checksum in it, which is filled in here, or left to the device. The caller may set
 * BUF_TSO4 and gso_size, as far as r->tso_bytes allows.
 * Takes b, also on failure: -EMSGSIZE (longer than r->payload_bytes, as updated by now, or in more slices
 * than NETDEV_SLICES, headers included), -ENOBUFS, -ENETDOWN, -ENETUNREACH and -EADDRNOTAVAIL (the
 * route, or the source address, has gone), -EHOSTUNREACH (no answer on the link; if that is known only
 * later, the error handler is called). No handler is called from within ip_send. */
static inline int ip_send(struct ip_route *r, uint8_t protocol, struct buf *b, uint16_t checksum_at,
                          unsigned flags)
{
	return r->ip->ops->send(r, protocol, b, checksum_at, flags);
}

/* Hands packets of protocol to handler (borrowed; NULL: no longer). 0, -EADDRINUSE, -ENOBUFS. */
static inline int ip_listen(struct ip *ip, uint8_t protocol, const struct ip_handler *handler)
{
	return ip->ops->listen(ip, protocol, handler);
}

/* Tells the sender, within the rate limit, that its packet has no taker here. */
static inline void ip_refuse(const struct ip_meta *meta, enum ip_refusal why)
{
	meta->ip->ops->refuse(meta, why);
}

/* The path of r takes no more than mtu bytes. The transport must have verified that the error is about a
 * packet of its own, since errors can be forged. Applies to all routes to that destination, to r at once. */
static inline void ip_too_big(struct ip_route *r, uint32_t mtu)
{
	r->ip->ops->too_big(r, mtu);
}

/* Brings the sizes of r up to date, as ip_send does when the instance's generation has moved on: for
 * callers that size their packets before they send them. */
static inline void ip_route_look(struct ip_route *r)
{
	r->ip->ops->look(r);
}

/* Packets on r are not answered any more: checks that the next hop is there (RFC 1122 §3.3.1.4). */
static inline void ip_doubt(struct ip_route *r)
{
	r->ip->ops->doubt(r);
}

/* Is the transport checksum right? Trusts the device; otherwise sums b (transport header first). */
bool ip_checksum_is_right(const struct ip_meta *meta, const struct buf *b);

/* Pulls n bytes off the first slice, and drops the slice when it is empty and others follow. Takes b and
 * gives the packet; empty packets keep their empty slice. */
struct buf *ip_strip(struct buf *b, uint32_t n);

#endif
