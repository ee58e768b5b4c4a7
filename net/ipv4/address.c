/* SPDX-License-Identifier: ISC */
/* Our own addresses: checking, adding and removing them, and telling the protocols when one goes. */
#include <errno.h>

#include "net/ipv4/ipv4_priv.h"

uint32_t ipv4_mask(const struct ip_prefix *prefix)
{
	return prefix->len ? UINT32_MAX << (32 - prefix->len) : 0;
}

bool ipv4_is_host(uint32_t a, uint32_t mask)
{
	if (a >> 24 == 0 || a >> 24 == 127 || a >= 0xe0000000)
		return false;
	return ~mask <= 1 || ((a & ~mask) != 0 && (a | mask) != UINT32_MAX);
}

int ipv4_check_address(const struct ip_prefix *prefix, const struct ip_addr *gateway)
{
	uint32_t address = get_be32(prefix->addr.bytes), via, mask;

	if (prefix->addr.family != IP_V4 || prefix->len > 32)
		return -EINVAL;
	mask = ipv4_mask(prefix);
	if (!ipv4_is_host(address, mask))
		return -EINVAL;
	if (!gateway || gateway->family == IP_NONE)
		return 0;
	via = get_be32(gateway->bytes);
	if (gateway->family != IP_V4 || ((via ^ address) & mask) || !ipv4_is_host(via, mask) || via == address)
		return -ENETUNREACH;
	return 0;
}

int ipv4_add_address(struct ipv4 *ip, const struct ip_prefix *prefix)
{
	uint32_t address = get_be32(prefix->addr.bytes), mask;
	int error = ipv4_check_address(prefix, NULL);

	if (error < 0)
		return error;
	mask = ipv4_mask(prefix);
	if (ipv4_kind(ip, address) == IPV4_OURS) {
		ipv4_remove_ways(ip, IPV4_BROADCAST, address);
	} else {
		if (ip->count[IPV4_OURS] == CONFIG_IPV4_ADDRESSES)
			return -ENOBUFS;
		ipv4_insert_way(ip, address, UINT32_MAX, IPV4_OURS, address);
	}
	ipv4_insert_way(ip, address, mask, IPV4_SUBNET, address);
	if (IS_ENABLED(CONFIG_NET_LINK_LOCAL)) /* always on the link, never behind a gateway: RFC 3927 §2.6.2 */
		ipv4_insert_way(ip, 0xa9fe0000, 0xffff0000, IPV4_SUBNET, address);
	if (~mask > 1) /* a subnet of one or two hosts has no broadcast: RFC 3021 */
		ipv4_insert_way(ip, address | ~mask, UINT32_MAX, IPV4_BROADCAST, address);
	return arp_add_address(ip->arp, address);
}

/* Tells all protocols that address is not ours any more: nothing can be sent from it. */
static void tell_gone(struct ipv4 *ip, uint32_t address)
{
	struct ip_addr gone = { .family = IP_V4 };

	put_be32(gone.bytes, address);
	for (int i = 0; i < IPV4_HANDLERS; i++) {
		const struct ip_handler *handler = ip->handlers[i].handler;

		if (handler && handler->gone)
			handler->gone(handler->arg, &gone);
	}
}

static void remove_address(struct ipv4 *ip, uint32_t address)
{
	ipv4_remove_ways(ip, IPV4_OURS, address);
	arp_remove_address(ip->arp, address);
	tell_gone(ip, address);
}

int ipv4_remove_address(struct ipv4 *ip, const struct ip_addr *address)
{
	uint32_t a = get_be32(address->bytes);

	if (address->family != IP_V4 || ipv4_kind(ip, a) != IPV4_OURS)
		return -EADDRNOTAVAIL;
	remove_address(ip, a);
	return 0;
}

/* Removes all routes, and all addresses but keep. */
static void remove_others(struct ipv4 *ip, uint32_t keep)
{
	ipv4_remove_ways(ip, IPV4_ON_LINK, 0);
	for (const struct ipv4_way *w = ip->way; w->kind;) { /* ours come first */
		if (w->via && w->via != keep) {
			remove_address(ip, w->via);
			w = ip->way;
		} else {
			w++;
		}
	}
}

int ipv4_set_address(struct ipv4 *ip, const struct ip_prefix *prefix, const struct ip_addr *gateway)
{
	int error = ipv4_check_address(prefix, gateway);

	if (error < 0)
		return error;
	remove_others(ip, get_be32(prefix->addr.bytes));
	error = ipv4_add_address(ip, prefix);
	if (error == 0 && gateway && gateway->family != IP_NONE)
		error = ipv4_add_route(ip, &ipv4_everywhere, gateway);
	return error;
}

void ipv4_clear_address(struct ipv4 *ip)
{
	remove_others(ip, 0);
}

void ipv4_listen_unaddressed(struct ipv4 *ip, bool on)
{
	ip->unaddressed = on;
}
