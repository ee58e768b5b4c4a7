/* SPDX-License-Identifier: ISC */
/* Sending: the route to a destination, the header, the checksum or its offload, and the next hop.
 * While a route's generation is the instance's, its MAC address is right and nothing is looked up.
 *
 * Identification: 0 for packets that cannot be fragmented (RFC 6864 §4.1), else unpredictable, so
 * that it does not reveal how much we send to others (RFC 7739): four from each SipHash of a counter. */
#include "net/ipv4/ipv4_priv.h"

#include <errno.h>

#include "kernel/siphash.h"
#include "net/checksum.h"

static bool is_ours(const struct ipv4 *ip, uint32_t a)
{
	enum ipv4_kind kind = ipv4_kind(ip, a);

	return kind == IPV4_OURS || kind == IPV4_LOOPBACK;
}

void ipv4_look(struct ip_route *r)
{
	struct ipv4 *ip = container_of(r->ip, struct ipv4, ip);

	r->link_bytes = (uint16_t)(ethernet_netdev(ip->ethernet)->mtu - IPV4_HEADER_BYTES);
	/* A device that has come back may be able to do less than before. */
	if (IS_ENABLED(CONFIG_NETDEV_RETURNS) && !(ethernet_netdev(ip->ethernet)->features & NETDEV_TSO4))
		r->tso_bytes = 0;
	if (IS_ENABLED(CONFIG_IPV4_PMTU)) {
		pmtu_look(ip, r);
	} else {
		r->payload_bytes = r->link_bytes;
		r->may_be_cut = true; /* RFC 1191 §3: without path MTU discovery routers may fragment */
	}
}

void ipv4_doubt(struct ip_route *r)
{
	struct ipv4 *ip = container_of(r->ip, struct ipv4, ip);
	uint32_t to = get_be32(r->dst.bytes);
	const struct ipv4_way *w = ipv4_way(ip, to);

	arp_doubt(ip->arp, w->kind == IPV4_GATEWAY ? w->via : to);
}

/* The source of a DHCP client that has only a link-local address: RFC 2131 §4.1. */
static bool is_nobody(const struct ip_addr *src)
{
	return IS_ENABLED(CONFIG_NET_LINK_LOCAL) && get_be32(src->bytes) == 0;
}

/* Is src an address of ours to send from? One of loopback only to ourselves. */
static bool can_be_from(const struct ipv4 *ip, const struct ip_addr *src, bool to_ours)
{
	return src->family == IP_V4 && is_ours(ip, get_be32(src->bytes)) && (to_ours || src->bytes[0] != 127);
}

int ipv4_route(struct ip *base, struct ip_route *r, const struct ip_addr *src, const struct ip_addr *dst)
{
	struct ipv4 *ip = container_of(base, struct ipv4, ip);
	uint32_t to = get_be32(dst->bytes);
	const struct ipv4_way *w = ipv4_way(ip, to);
	bool ours = w->kind == IPV4_OURS || w->kind == IPV4_LOOPBACK;

	if (dst->family != IP_V4 || w->kind <= IPV4_NOWHERE) {
		ip->stats.out_no_routes++;
		return -ENETUNREACH;
	}
	if (src && !can_be_from(ip, src, ours) && !(is_nobody(src) && w->kind == IPV4_BROADCAST))
		return -EADDRNOTAVAIL;
	memset(r, 0, sizeof(*r));
	r->ip = base;
	r->src = src ? *src : *dst;
	if (!src && !ours)
		put_be32(r->src.bytes, ipv4_source(ip, w->kind == IPV4_GATEWAY ? w->via : to));
	r->dst = *dst;
	r->to_group = w->kind == IPV4_GROUP || w->kind == IPV4_BROADCAST;
	ipv4_look(r);
	if ((ethernet_netdev(ip->ethernet)->features & NETDEV_TSO4) && !ours)
		r->tso_bytes = UINT16_MAX - ETHERNET_HEADER_BYTES - IPV4_HEADER_BYTES;
	r->pseudo = checksum_fold(checksum_pseudo(&r->src, &r->dst, 0, 0));
	return 0;
}

/* Fills in the transport's checksum, or leaves it to the device or to our own receiving side. */
static void fill_checksum(const struct ip_route *r, uint8_t protocol, struct buf *b, uint32_t len,
                          uint16_t at, bool offload)
{
	uint64_t sum = (uint64_t)r->pseudo + be16((uint16_t)len) + be16(protocol);
	uint16_t value;

	if (offload) {
		value = checksum_fold(sum);
		b->flags |= BUF_CSUM_PARTIAL;
		b->csum_start = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;
		b->csum_offset = at;
	} else {
		memset(b->data + at, 0, sizeof(value));
		value = checksum_finish(checksum_add_buf(sum, b));
		if (value == 0 && protocol == IP_UDP)
			value = 0xffff; /* RFC 768: 0 means none */
	}
	memcpy(b->data + at, &value, sizeof(value));
}

static uint16_t next_id(struct ipv4 *ip)
{
	if (ip->id_count++ % 4 == 0)
		ip->ids = siphash(ip->id_key, &ip->id_count, sizeof(ip->id_count));
	else
		ip->ids >>= 16;
	return (uint16_t)ip->ids;
}

static void fill_header(const struct ip_route *r, uint8_t protocol, struct buf *b, uint32_t len, uint8_t ecn,
                        uint16_t id, uint16_t fragment)
{
	struct ipv4_header *h = (void *)buf_push(b, sizeof(*h));

	h->version_ihl = 4 << 4 | sizeof(*h) / 4;
	h->tos = r->wishes.tos | ecn;
	h->total_bytes = be16((uint16_t)(len + sizeof(*h)));
	h->id = id;
	h->fragment = be16(fragment);
	h->ttl = r->wishes.ttl ? r->wishes.ttl : r->dst.bytes[0] >> 4 == 0xe ? 1 : IP_TTL;
	h->protocol = protocol;
	h->checksum = 0;
	memcpy(&h->src, r->src.bytes, 4);
	memcpy(&h->dst, r->dst.bytes, 4);
	h->checksum = checksum_of_header(h, sizeof(*h) / 4);
}

/* Queues a packet to ourselves: if it were delivered within the call, the sender might not be ready for the
 * answer. */
static int loop_back(struct ipv4 *ip, struct buf *b)
{
	if (ip->loop_count >= CONFIG_IPV4_LOOP_PACKETS) {
		ipv4_drop(ip, b->data, b, &ip->stats.out_discards, "too many to ourselves");
		return -ENOBUFS;
	}
	b->queue = NULL;
	*ip->loop_end = b;
	ip->loop_end = &b->queue;
	ip->loop_count++;
	poller_mark(&ip->loop);
	return 0;
}

void ipv4_loop_poll(struct poller *p)
{
	struct ipv4 *ip = container_of(p, struct ipv4, loop);
	unsigned count = ip->loop_count; /* packets sent in answer wait for the next turn */

	while (count-- > 0) {
		struct buf *b = ip->loop_first;

		ip->loop_first = b->queue;
		if (!ip->loop_first)
			ip->loop_end = &ip->loop_first;
		ip->loop_count--;
		b->queue = NULL;
		ipv4_input(ip, b, false, true);
	}
}

/* Sends on a route whose MAC address may be out of date. Takes b. */
static int send_slowly(struct ipv4 *ip, struct ip_route *r, struct buf *b)
{
	uint32_t to = get_be32(r->dst.bytes);
	const struct ipv4_way *w = ipv4_way(ip, to);
	int error;

	switch ((enum ipv4_kind)w->kind) {
	case IPV4_OURS: case IPV4_LOOPBACK:
		return loop_back(ip, b);
	case IPV4_BROADCAST:
		memset(r->link, 0xff, 6);
		break;
	case IPV4_GROUP:
		ipv4_group_mac(r->link, to);
		break;
	case IPV4_GATEWAY:
		to = w->via;
		/* fall through */
	case IPV4_SUBNET: case IPV4_ON_LINK:
		error = arp_resolve(ip->arp, to, r->link, b);
		if (error == 0)
			break;
		if (error == -EAGAIN)
			return 0;
		ip->stats.out_discards++;
		return error;
	default:
		ipv4_drop(ip, b->data, b, &ip->stats.out_no_routes, "no route any more");
		return -ENETUNREACH;
	}
	r->generation = ip->ip.generation;
	return ethernet_send(ip->ethernet, r->link, ETHERTYPE_IPV4, b);
}

/* Updates r, which may be out of date. 0, -EADDRNOTAVAIL: our address has gone. */
static int look_again(struct ipv4 *ip, struct ip_route *r)
{
	uint32_t src = get_be32(r->src.bytes);

	if (src == 0 ? ip->count[IPV4_OURS] > 0 && !(IS_ENABLED(CONFIG_NET_LINK_LOCAL) && r->to_group)
	             : !is_ours(ip, src))
		return -EADDRNOTAVAIL;
	ipv4_look(r);
	return 0;
}

/* Does b fit r, counting the packets that the device cuts it into? */
static bool fits(const struct ip_route *r, const struct buf *b, uint32_t len)
{
	if (b->flags & BUF_TSO4)
		return len <= r->tso_bytes && MIN(len, b->len + b->gso_size) <= r->payload_bytes;
	return len <= r->payload_bytes;
}

/* Sends b of len bytes as one packet, or cut into fragments. Takes b. */
static int send_pieces(struct ip_route *r, uint8_t protocol, struct buf *b, uint32_t len, bool cut,
                       unsigned flags)
{
	struct ipv4 *ip = container_of(r->ip, struct ipv4, ip);
	bool whole = flags & IP_DF && !r->may_be_cut;
	/* a packet that cannot be fragmented needs no identification: RFC 6864 §4.1 */
	uint16_t id = whole ? 0 : next_id(ip);
	struct buf *piece = b;
	uint32_t at = 0, n;
	int error;

	do {
		n = len - at;
		if (IS_ENABLED(CONFIG_IPV4_FRAGMENTS) && cut) {
			n = n > r->payload_bytes ? r->payload_bytes & ~7u : n;
			piece = fragment_take(&b, n);
			if (!piece) {
				buf_free(b);
				return -ENOBUFS;
			}
			ip->stats.out_frag_creates++;
		}
		fill_header(r, protocol, piece, n, flags & (IP_ECT0 | IP_ECT1), id,
		            (uint16_t)((whole ? IPV4_DF : 0) | (at + n < len ? IPV4_MF : 0) | at / 8));
		ip->stats.out_transmits++;
		error = r->generation == ip->ip.generation
		        ? ethernet_send(ip->ethernet, r->link, ETHERTYPE_IPV4, piece) : send_slowly(ip, r, piece);
		at += n;
	} while (at < len && error == 0);
	if (at < len)
		buf_free(b);
	return error;
}

int ipv4_send_on(struct ip_route *r, uint8_t protocol, struct buf *b, uint16_t checksum_at, unsigned flags)
{
	struct ipv4 *ip = container_of(r->ip, struct ipv4, ip);
	uint32_t len = buf_length(b);
	int error = r->generation == ip->ip.generation ? 0 : look_again(ip, r);
	bool cut = !fits(r, b, len);

	ip->stats.out_requests++;
	ip->stats.out_frag_reqds += cut;
	if (cut && (!IS_ENABLED(CONFIG_IPV4_FRAGMENTS) || (flags & IP_DF && !r->may_be_cut) ||
	            b->flags & BUF_TSO4 || len > UINT16_MAX - IPV4_HEADER_BYTES))
		error = -EMSGSIZE;
	if (error < 0) {
		ipv4_drop(ip, NULL, b, &ip->stats.out_discards,
		          error == -EMSGSIZE ? "too long" : "no address any more");
		return error;
	}
	if (checksum_at != IP_NO_CHECKSUM)
		fill_checksum(r, protocol, b, len, checksum_at,
		              !cut && ((ethernet_netdev(ip->ethernet)->features & NETDEV_TX_CSUM) ||
		                       is_ours(ip, get_be32(r->dst.bytes))));
	error = send_pieces(r, protocol, b, len, cut, flags);
	if (cut && error < 0)
		ip->stats.out_frag_fails++;
	else if (cut)
		ip->stats.out_frag_oks++;
	return error;
}

void ipv4_unreachable(void *arg, struct buf *b)
{
	const struct ipv4_header *h = (const void *)b->data;
	struct ipv4 *ip = arg;

	if (b->len >= IPV4_HEADER_BYTES + 8 && !(h->fragment & be16(IPV4_OFFSET)))
		ipv4_error(ip, h, b->len, -EHOSTUNREACH, 0, true);
	ipv4_drop(ip, h, b, &ip->stats.out_discards, "a neighbour that does not answer");
}
