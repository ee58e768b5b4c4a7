/* SPDX-License-Identifier: ISC */
/* IP as TCP and UDP see it, whatever its version: routes, sending, what a received packet said,
 * and errors. Nobody above this header knows how long an address is.
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

/* What the header of a received packet said. Lives as long as the call that it is passed to. */
struct ip_meta {
	struct ip *ip;           /* where it came in, and where the answer goes out */
	struct endpoint src, dst; /* src is never a group's; dst only when to_group says so; ports are 0, for the
	                             transport to fill in */
	const uint8_t *header;   /* the IP header as received, and what can be quoted of the packet behind it */
	uint16_t header_len;
	uint32_t quote_len;      /* of both: with 8 bytes of the packet or more, or all */
	uint8_t protocol;        /* enum ip_protocol, or any other */
	uint8_t ttl;             /* hop limit */
	uint8_t ecn;             /* RFC 3168: 0 not capable, 1 and 2 capable, 3 congestion experienced */
	bool to_group;           /* broadcast or multicast: never answered with an error or a reset */
};

/* Bad news about a packet that we sent: an ICMP error that quotes it, or our own link's. */
struct ip_error {
	/* -ECONNREFUSED: port or protocol unreachable; -EHOSTUNREACH, -ENETUNREACH; -EACCES:
	 * prohibited; -EMSGSIZE: larger than mtu; -ETIMEDOUT: ran out of hops; -EPROTO: bad header. */
	int error;
	uint32_t mtu;            /* -EMSGSIZE: what fits, or a guess when the router did not say */
	struct endpoint src, dst; /* of the packet that we sent: src is ours; ports as in struct ip_meta */
	const uint8_t *quoted;   /* start of its transport header */
	size_t quoted_len;       /* at least 8 */
	bool local;              /* our own link found nobody: nothing was forged */
};

/* What a transport protocol gives to ip_listen. */
struct ip_handler {
	/* Takes b: the transport header first, without link padding. Its first slice has at least
	 * min(length, 54) bytes, or, when we sent the packet to ourselves, the transport header; headers
	 * that do not lie whole in it are malformed. */
	void (*input)(void *arg, struct ip_meta *meta, struct buf *b);
	void (*error)(void *arg, struct ip_error *error); /* may be NULL */
	/* address is ours no longer: nothing can be sent from it. May be NULL. */
	void (*gone)(void *arg, const struct ip_addr *address);
	void *arg;
};

/* What an application has chosen of the header (net/wishes.h); 0: as usual. */
struct ip_wishes {
	uint8_t ttl; /* hop limit */
	uint8_t tos; /* traffic class, its two lowest bits 0 */
};

/* Where packets to one destination go. Embedded by its owner; needs no release. */
struct ip_route {
	struct ip_addr dst, src; /* first, for who keeps ports before them */
	uint16_t payload_bytes; /* transport header and data that fit one packet, all the way as far as that
	                           is known: ip_send may change it */
	uint16_t link_bytes;    /* the same for our own link: what can be received */
	uint16_t tso_bytes;     /* the same for a BUF_TSO4 packet; 0: the way out cannot do it */
	uint16_t pseudo;        /* folded sum of both addresses */
	uint8_t link[6];        /* next hop, valid while generation is that of ip */
	bool may_be_cut;        /* IP_DF does not hold: nobody tells what the path takes */
	bool to_group;          /* broadcast or multicast */
	struct ip_wishes wishes; /* its owner's to set */
	uint32_t generation;
	struct ip *ip;
};

enum ip_send_flags {
	IP_ECT1 = 1, IP_ECT0 = 2, /* the ECN field */
	IP_DF = 4,                /* not to be fragmented on the way, where the path's MTU is looked for */
};

/* For ip_too_big beside a size: packets get lost for an unknown reason, so routers may fragment them. */
#define IP_MTU_UNKNOWN 0
#define IP_MTU_LEAST 68 /* RFC 791; what ip_too_big makes of it is more */
#define IP_ECN_MARKED 3 /* of the ECN field: a router has met congestion */
#define IP_TTL 64       /* where nobody wishes another: RFC 1700; to groups 1, RFC 1112 */

#define IP_NO_CHECKSUM 0xffff

/* Why a received packet is refused, told to its sender. */
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
	struct netdev *dev;  /* below; told of what is refused (net/capture.h); NULL: none */
	uint32_t generation; /* changes, never to 0, when a cached next hop may be wrong */
};

/* Fills in r. src NULL: ours for that destination. 0, -ENETUNREACH: no route, or not an address one
 * can send to; -EADDRNOTAVAIL: src is not ours. Does not wait for the link: the first packets
 * queue there. */
static inline int ip_route_init(struct ip *ip, struct ip_route *r, const struct ip_addr *src,
                                const struct ip_addr *dst)
{
	return ip->ops->route(ip, r, src, dst);
}

/* Sends b, in fragments where it is longer than the path takes and neither flags nor BUF_TSO4 forbid it.
 * b has the transport header first, in a slice of its own header room with 40 bytes and more left.
 * checksum_at is where in it the checksum belongs: it is filled in here, or left to the device. BUF_TSO4
 * and gso_size are the caller's to set, when r->tso_bytes allows.
 * Takes b, also on failure: -EMSGSIZE (too long for what r->payload_bytes now is, or in more slices
 * than NETDEV_SLICES, headers included), -ENOBUFS, -ENETDOWN, -ENETUNREACH and -EADDRNOTAVAIL (the
 * route, or the source, has gone), -EHOSTUNREACH (no answer on the link; when that is known only later,
 * the error handler hears it). No handler is called from within ip_send. */
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

/* Tells the sender that nobody wants its packet, within the rate limit. */
static inline void ip_refuse(const struct ip_meta *meta, enum ip_refusal why)
{
	meta->ip->ops->refuse(meta, why);
}

/* The path of r takes no more than mtu bytes: the transport vouches that the packet was its own, since
 * anybody can say so. All routes to that destination hear of it, r at once. */
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

/* What is sent on r is not answered any more: is the next hop still there? (RFC 1122 §3.3.1.4) */
static inline void ip_doubt(struct ip_route *r)
{
	r->ip->ops->doubt(r);
}

/* Is the transport checksum right? Believes the device; otherwise sums b (transport header first). */
bool ip_checksum_is_right(const struct ip_meta *meta, const struct buf *b);

/* Pulls n bytes off the first slice, and the slice too when nothing is left in it and others
 * follow. Takes b and gives the packet; empty packets keep their empty slice. */
struct buf *ip_strip(struct buf *b, uint32_t n);

#endif
