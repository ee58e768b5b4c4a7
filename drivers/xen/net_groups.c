/* SPDX-License-Identifier: ISC */
/* Multicast filtering by the backend (public/io/netif.h, "feature-multicast-control"): a transmit request
 * without a frame adds an address to the backend's filter, or removes it. */
#include "drivers/xen/hypercall.h"
#include "drivers/xen/net.h"

#include <errno.h>
#include <string.h>
#include <xen/io/netif.h>

/* Sends such a request for g's address. false: no slot is free. */
static bool put_group(struct xen_net *net, const struct xen_net_group *g, uint8_t type)
{
	struct netif_tx_request r = { .flags = NETTXF_extra_info };
	struct netif_extra_info extra = { .type = type };

	if (!net->link_up || !net->filters)
		return true; /* the backend does not filter */
	if (xen_ring_room(&net->tx) < 2 || !net->free_slots)
		return false;
	r.id = xen_net_take_slot(net, 0, XEN_NET_NONE);
	net->slots[r.id].left = 1;
	memcpy(extra.u.mcast.addr, g->mac, sizeof(g->mac));
	xen_ring_put(&net->tx, &r, sizeof(r));
	xen_net_put_extra(net, &extra);
	poller_mark(&net->kick);
	return true;
}

/* The entry of mac, else a free one. NULL: there is neither. */
static struct xen_net_group *find_group(struct xen_net *net, const uint8_t mac[6])
{
	struct xen_net_group *found = NULL;

	for (size_t i = 0; i < CONFIG_XEN_NET_GROUPS; i++) {
		struct xen_net_group *g = &net->groups[i];

		if (g->users && !memcmp(g->mac, mac, sizeof(g->mac)))
			return g;
		if (!g->users)
			found = g;
	}
	return found;
}

int xen_net_want(struct netdev *dev, const uint8_t mac[6], bool is_wanted)
{
	struct xen_net *net = container_of(dev, struct xen_net, dev);
	struct xen_net_group *g = find_group(net, mac);

	if (!g)
		return -ENOBUFS;
	if (!is_wanted) {
		assert(g->users);
		if (--g->users == 0)
			put_group(net, g, XEN_NETIF_EXTRA_TYPE_MCAST_DEL); /* else frames come in vain */
		return 0;
	}
	memcpy(g->mac, mac, sizeof(g->mac));
	if (!g->users && !put_group(net, g, XEN_NETIF_EXTRA_TYPE_MCAST_ADD))
		return -ENOBUFS;
	g->users++;
	return 0;
}

void xen_net_tell_groups(struct xen_net *net)
{
	for (size_t i = 0; i < CONFIG_XEN_NET_GROUPS; i++)
		if (net->groups[i].users)
			put_group(net, &net->groups[i], XEN_NETIF_EXTRA_TYPE_MCAST_ADD);
}
