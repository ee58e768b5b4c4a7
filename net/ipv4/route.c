/* SPDX-License-Identifier: ISC */
/* Routing: a table of prefixes ("ways"), each with the treatment of packets to it, the longest prefix first,
 * so that the first match decides (RFC 1122 §3.3.1, RFC 4632). It holds the ways that every host has, our own
 * addresses with the broadcast and the prefix of each, and the routes. Behind the last is a zero, which
 * matches everything and leads nowhere. */
#include <errno.h>

#include "net/ipv4/ipv4_priv.h"

const struct ip_prefix ipv4_everywhere = { { .family = IP_V4 }, 0 };

void ipv4_init_ways(struct ipv4 *ip)
{
	static const struct ipv4_way always[IPV4_ALWAYS] = {
		{ 0xffffffff, 0xffffffff, 0, IPV4_BROADCAST },
		{ 0x00000000, 0xff000000, 0, IPV4_NOWHERE },
		{ 0x7f000000, 0xff000000, 0, IPV4_LOOPBACK },
		{ 0xe0000000, 0xf0000000, 0, IPV4_GROUP },
		{ 0xf0000000, 0xf0000000, 0, IPV4_NOWHERE },
	};

	memcpy(ip->way, always, sizeof(always));
	ip->ways = IPV4_ALWAYS;
}

const struct ipv4_way *ipv4_way(const struct ipv4 *ip, uint32_t to)
{
	const struct ipv4_way *w = ip->way;

	while ((w->prefix ^ to) & w->mask)
		w++;
	return w;
}

enum ipv4_kind ipv4_kind(const struct ipv4 *ip, uint32_t a)
{
	return ipv4_way(ip, a)->kind;
}

uint32_t ipv4_source(const struct ipv4 *ip, uint32_t hop)
{
	uint32_t first = 0;

	for (const struct ipv4_way *w = ip->way; w->kind; w++) {
		if (!w->via || w->kind == IPV4_GATEWAY)
			continue;
		if (((w->prefix ^ hop) & w->mask) == 0)
			return w->via;
		if (!first)
			first = w->via;
	}
	return first;
}

/* Among prefixes of equal length ways are in order of kind: ours before broadcast, that before subnet, and so
 * on; of the same kind the older first. */
void ipv4_insert_way(struct ipv4 *ip, uint32_t prefix, uint32_t mask, enum ipv4_kind kind, uint32_t via)
{
	struct ipv4_way *w = ip->way + ip->ways++;

	for (; w > ip->way && (w[-1].mask < mask || (w[-1].mask == mask && w[-1].kind > kind)); w--)
		*w = w[-1];
	*w = (struct ipv4_way){ prefix & mask, mask, via, (uint8_t)kind };
	ip->count[kind]++;
	ipv4_changed(ip);
}

static void remove_way(struct ipv4 *ip, struct ipv4_way *w)
{
	ip->ways--;
	ip->count[w->kind]--;
	do
		*w = w[1];
	while (w++->kind);
	ipv4_changed(ip);
}

static bool is_neighbour(const struct ipv4 *ip, uint32_t a)
{
	enum ipv4_kind kind = ipv4_kind(ip, a);

	return kind == IPV4_SUBNET || kind == IPV4_ON_LINK;
}

void ipv4_remove_ways(struct ipv4 *ip, enum ipv4_kind least, uint32_t via)
{
	for (struct ipv4_way *w = ip->way; w->kind;) {
		bool goes = w->kind >= least && w->via == via;

		if (w->kind == IPV4_GATEWAY)
			goes = via ? least == IPV4_OURS && !is_neighbour(ip, w->via) : true;
		if (goes) {
			remove_way(ip, w);
			w = ip->way; /* the way to another one's gateway may have gone */
		} else {
			w++;
		}
	}
}

static struct ipv4_way *find(struct ipv4 *ip, const struct ip_prefix *to)
{
	uint32_t mask = ipv4_mask(to);

	for (struct ipv4_way *w = ip->way; w->kind; w++) {
		if (w->kind >= IPV4_ON_LINK && w->mask == mask && w->prefix == (get_be32(to->addr.bytes) & mask))
			return w;
	}
	return NULL;
}

/* replaces: earlier routes of the same prefix are removed. */
static int add(struct ipv4 *ip, const struct ip_prefix *to, const struct ip_addr *gateway, bool replaces)
{
	bool on_link = !gateway || gateway->family == IP_NONE;
	uint32_t prefix = get_be32(to->addr.bytes), via = on_link ? 0 : get_be32(gateway->bytes);

	/* no route to addresses that no host can have, though a short prefix may contain some */
	if (to->addr.family != IP_V4 || to->len > 32 ||
	    ((to->len >= 8 || prefix >= 0xe0000000) && !ipv4_is_host(prefix, UINT32_MAX)))
		return -EINVAL;
	if (!on_link && (gateway->family != IP_V4 || !is_neighbour(ip, via)))
		return -ENETUNREACH;
	if (replaces)
		ipv4_remove_route(ip, to);
	if (ip->count[IPV4_ON_LINK] + ip->count[IPV4_GATEWAY] == CONFIG_IPV4_ROUTES)
		return -ENOBUFS;
	ipv4_insert_way(ip, prefix, ipv4_mask(to), on_link ? IPV4_ON_LINK : IPV4_GATEWAY, via);
	return 0;
}

int ipv4_add_route(struct ipv4 *ip, const struct ip_prefix *to, const struct ip_addr *gateway)
{
	return add(ip, to, gateway, true);
}

/* Moves the ways by that gateway behind others of the same prefix; last first, so that none moves twice. */
static void pass_over(void *arg, uint32_t gateway)
{
	struct ipv4 *ip = arg;

	for (unsigned i = ip->ways; i-- > 0;) {
		struct ipv4_way w = ip->way[i];

		if (w.kind == IPV4_GATEWAY && w.via == gateway) {
			remove_way(ip, &ip->way[i]);
			ipv4_insert_way(ip, w.prefix, w.mask, IPV4_GATEWAY, gateway);
		}
	}
}

int ipv4_add_stand_in(struct ipv4 *ip, const struct ip_prefix *to, const struct ip_addr *gateway)
{
	arp_listen_silence(ip->arp, pass_over);
	return add(ip, to, gateway, false);
}

int ipv4_remove_route(struct ipv4 *ip, const struct ip_prefix *to)
{
	int error = -ENOENT;
	struct ipv4_way *w;

	while (to->len <= 32 && (w = find(ip, to))) {
		remove_way(ip, w);
		error = 0;
	}
	return error;
}
