/* SPDX-License-Identifier: ISC */
/* The network device (Xen's public/io/netif.h): the features that both halves offer each other, and the
 * pollers that look at the rings. */
#define LOG_TAG "xen-net"
#include "drivers/xen/event.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/net.h"
#include "drivers/xen/xen.h"
#include "kernel/hex.h"
#include "kernel/instance.h"
#include "kernel/log.h"

#include <errno.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>

#define QUARANTINED_MAX 16 /* pages; a backend that holds as many is refused */

enum { STATE, FEATURE_NO_CSUM, FEATURE_SG, FEATURE_GSO, FEATURE_COPY, FEATURE_GROUPS };
static const char *const features[] = {
	[STATE] = "state", [FEATURE_NO_CSUM] = "feature-no-csum-offload", [FEATURE_SG] = "feature-sg",
	[FEATURE_GSO] = "feature-gso-tcpv4", [FEATURE_COPY] = "feature-rx-copy",
	[FEATURE_GROUPS] = IS_ENABLED(CONFIG_NETDEV_GROUPS) ? "feature-multicast-control" : NULL, NULL,
};

/* -- a backend that breaks the protocol -- */

void xen_net_break(struct xen_net *net, const char *how)
{
	net->link_up = false;
	frontend_break(&net->front, how);
}

void xen_net_count_quarantined(struct xen_net *net)
{
	log_error("quarantined=%u", ++net->quarantined);
	if (net->link_up && net->quarantined >= QUARANTINED_MAX)
		xen_net_break(net, "keeps what is not its own");
}

/* -- the loop -- */

static void kick(struct poller *p)
{
	struct xen_net *net = container_of(p, struct xen_net, kick);
	bool tell;

	if (!net->link_up)
		return;
	tell = xen_ring_push(&net->tx);
	xen_net_reap(net);
	xen_net_refill(net);
	tell |= xen_ring_push(&net->rx);
	if (tell)
		event_send(net->port);
}

/* No event is requested as long as each look finds frames. */
static void events(struct poller *p)
{
	struct xen_net *net = container_of(p, struct xen_net, events);

	if (!net->link_up)
		return;
	event_again(net->port);
	if (xen_net_receive(net) || (net->link_up && xen_ring_expect(&net->rx, 1)))
		poller_mark(p);
	poller_mark(&net->kick);
}

/* -- the two halves -- */

/* Takes back all pages that the backend has, and quarantined ones that are free by now. */
static void take_back(struct xen_net *net)
{
	xen_net_receive_take_back(net);
	xen_net_transmit_take_back(net);
}

static bool disconnect(struct frontend *f)
{
	struct xen_net *net = container_of(f, struct xen_net, front);

	net->link_up = false;
	if (net->port)
		event_close(net->port);
	net->port = 0;
	take_back(net);
	xen_ring_destroy(&net->rx);
	xen_ring_destroy(&net->tx);
	return !net->rx.page && !net->tx.page;
}

static int offer(struct frontend *f)
{
	struct xen_net *net = container_of(f, struct xen_net, front);
	int error = f->values[FEATURE_COPY] ? 0 : -ENOTSUP;

	take_back(net);
	if (!error)
		error = xen_ring_create(&net->tx, f->backend_id, sizeof(struct netif_tx_request),
		                    sizeof(struct netif_tx_response));
	if (!error)
		error = xen_ring_create(&net->rx, f->backend_id, sizeof(struct netif_rx_request),
		                    sizeof(struct netif_rx_response));
	if (!error)
		error = event_offer(f->backend_id, &net->events, &net->port);
	if (error)
		return error;
	frontend_key(f, "tx-ring-ref", net->tx.ref);
	frontend_key(f, "rx-ring-ref", net->rx.ref);
	frontend_key(f, "event-channel", net->port);
	frontend_key(f, "request-rx-copy", 1);
	frontend_key(f, "feature-rx-notify", 1);
	frontend_key(f, "feature-sg", 1);
	frontend_key(f, "feature-gso-tcpv4", 1);
	net->filters = IS_ENABLED(CONFIG_NETDEV_GROUPS) && f->values[FEATURE_GROUPS];
	if (net->filters)
		frontend_key(f, "request-multicast-control", 1);
	xen_net_refill(net);
	xen_ring_push(&net->rx);
	return 0;
}

static int connect(struct frontend *f)
{
	struct xen_net *net = container_of(f, struct xen_net, front);

	if (!xen_ring_is_mapped(&net->tx) || !xen_ring_is_mapped(&net->rx))
		return -EBUSY;
	net->can_gather = f->values[FEATURE_SG];
	net->dev.features = NETDEV_RX_CSUM;
	if (!f->values[FEATURE_NO_CSUM])
		net->dev.features |= NETDEV_TX_CSUM;
	if (!f->values[FEATURE_NO_CSUM] && net->can_gather && f->values[FEATURE_GSO])
		net->dev.features |= NETDEV_TSO4;
	net->link_up = true;
	if (IS_ENABLED(CONFIG_NETDEV_GROUPS))
		xen_net_tell_groups(net);
	event_send(net->port);
	poller_mark(&net->events);
	netdev_tell_returned(&net->dev);
	return 0;
}

static const struct frontend_kind kind = {
	.folder = "device/vif", .names = features, .offered = XenbusStateConnected,
	.offer = offer, .connect = connect, .disconnect = disconnect,
};
static const struct netdev_ops ops = { .send = xen_net_send };

/* "00:16:3e:01:02:03" */
static int read_mac(struct xen_net *net)
{
	char text[3 * sizeof(net->dev.mac)];
	struct store_op op;

	store_read(&op, 0, net->front.dir, "mac", text, sizeof(text));
	if (loop_run(&op.promise) != sizeof(text) - 1)
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof(net->dev.mac); i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

		if (high < 0 || low < 0)
			return -ENOTSUP;
		net->dev.mac[i] = (uint8_t)(high << 4 | low);
	}
	return net->dev.mac[0] & 1 ? -ENOTSUP : 0;
}

static int make(struct xen_net *net)
{
	int error = xen_net_receive_init(net);

	if (error)
		return error;
	xen_net_transmit_init(net);
	poller_add(&net->events, events);
	poller_add(&net->kick, kick);
	net->dev.ops = &ops;
	net->dev.mtu = NETDEV_MTU_USUAL;
	if (IS_ENABLED(CONFIG_NETDEV_GROUPS))
		netdev_filter(&net->dev, xen_net_want);
	return grant_init();
}

/* On failure nothing is freed: the image ends. */
int xen_net_create(struct netdev **out)
{
	struct xen_net *net = instance_alloc(sizeof(*net));
	int error = net ? store_init() : -ENOMEM;

	if (!error)
		error = make(net);
	if (!error) {
		frontend_start(&net->front, &kind);
		error = frontend_wait(&net->front);
	}
	if (!error)
		error = read_mac(net);
	if (error) {
		log_error("error=%d", -error);
		return error;
	}
	*out = &net->dev;
	return 0;
}
