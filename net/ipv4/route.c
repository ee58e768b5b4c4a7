/* SPDX-License-Identifier: ISC */
/* Which way a packet goes: the prefixes of our own addresses, which are on the link, and a table of others,
 * each behind a gateway or on the link too. The longest that fits decides (RFC 1122 §3.3.1, RFC 4632). */
#include <errno.h>

#include "net/ipv4/ipv4_priv.h"

const struct ip_prefix ipv4_everywhere = { { .family = IP_V4 }, 0 };

/* The gateway on the way to there; on_link: there is none; 0: there is no way. */
static uint32_t look(const struct ipv4 *ip, uint32_t to, uint32_t on_link)
{
	uint32_t mask = 0, hop = 0;

	for (unsigned i = 0; i < ip->addresses; i++) {
		const struct ipv4_address *a = &ip->address[i];

		if (((a->address ^ to) & a->mask) == 0 && a->mask >= mask) {
			mask = a->mask;
			hop = on_link;
		}
	}
	for (unsigned i = 0; i < ip->ways; i++) {
		const struct ipv4_way *w = &ip->way[i];

		if (((w->prefix ^ to) & w->mask) == 0 && (!hop || w->mask > mask)) {
			mask = w->mask;
			hop = w->gateway ? w->gateway : on_link;
		}
	}
	return hop;
}

uint32_t ipv4_next_hop(const struct ipv4 *ip, uint32_t to)
{
	return look(ip, to, to);
}

uint32_t ipv4_source(const struct ipv4 *ip, uint32_t hop)
{
	const struct ipv4_address *best = &ip->address[0];

	if (ip->addresses == 0)
		return 0;
	for (unsigned i = 0; i < ip->addresses; i++) {
		const struct ipv4_address *a = &ip->address[i];
		bool best_fits = ((best->address ^ hop) & best->mask) == 0;

		if (((a->address ^ hop) & a->mask) == 0 && (!best_fits || a->mask > best->mask))
			best = a;
	}
	return best->address;
}

static struct ipv4_way *find(struct ipv4 *ip, const struct ip_prefix *to)
{
	for (unsigned i = 0; i < ip->ways; i++) {
		struct ipv4_way *w = &ip->way[i];

		if (w->mask == ipv4_mask(to) && w->prefix == (get_be32(to->addr.bytes) & w->mask))
			return w;
	}
	return NULL;
}

/* Is a host on the link, and another than we? */
static bool is_neighbour(const struct ipv4 *ip, uint32_t a)
{
	return look(ip, a, UINT32_MAX) == UINT32_MAX && ipv4_is_host(a, UINT32_MAX) && !ipv4_own(ip, a) &&
	       !ipv4_is_broadcast(ip, a);
}

int ipv4_add_route(struct ipv4 *ip, const struct ip_prefix *to, const struct ip_addr *gateway)
{
	bool on_link = !gateway || gateway->family == IP_NONE;
	struct ipv4_way *w;

	if (to->addr.family != IP_V4 || to->len > 32)
		return -EINVAL;
	w = find(ip, to);
	if (!on_link && (gateway->family != IP_V4 || !is_neighbour(ip, get_be32(gateway->bytes))))
		return -ENETUNREACH;
	if (!w && ip->ways == ARRAY_SIZE(ip->way))
		return -ENOBUFS;
	if (!w)
		w = &ip->way[ip->ways++];
	w->mask = ipv4_mask(to);
	w->prefix = get_be32(to->addr.bytes) & w->mask;
	w->gateway = on_link ? 0 : get_be32(gateway->bytes);
	ipv4_changed(ip);
	return 0;
}

int ipv4_remove_route(struct ipv4 *ip, const struct ip_prefix *to)
{
	struct ipv4_way *w = to->len <= 32 ? find(ip, to) : NULL;

	if (!w)
		return -ENOENT;
	*w = ip->way[--ip->ways];
	ipv4_changed(ip);
	return 0;
}

void ipv4_forget_routes(struct ipv4 *ip)
{
	for (unsigned i = ip->ways; i-- > 0;) {
		if (ip->way[i].gateway && !is_neighbour(ip, ip->way[i].gateway))
			ip->way[i] = ip->way[--ip->ways];
	}
}
