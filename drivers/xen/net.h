/* SPDX-License-Identifier: ISC */
/* The network device's parts: connecting in net.c, receive in net_receive.c, transmit in net_transmit.c,
 * multicast filters in net_groups.c. */
#ifndef DRIVERS_XEN_NET_H
#define DRIVERS_XEN_NET_H

#include "drivers/xen/frontend.h"
#include "drivers/xen/ring.h"
#include "kernel/buf.h"
#include "kernel/dev/netdev.h"
#include "kernel/loop.h"

#define XEN_NET_SLOTS 256    /* of either ring */
#define XEN_NET_PIECES_MAX 18 /* of a frame: as many as every backend takes (public/io/netif.h) */
/* Buffers that stay with the backend, whatever the stack holds (init/limits.h): as many as Linux's wants for
 * the longest frame, 17 pages and two extras, because it keeps all others behind one that finds no room. */
#define XEN_NET_RESERVE 19
#define XEN_NET_NONE UINT16_MAX /* no slot */

struct netif_extra_info;
struct xen_net;

/* A page to receive into. */
struct xen_net_buffer {
	struct storage storage;
	struct xen_net *net;
	struct xen_net_buffer *next; /* in the list free or quarantine */
	uint8_t *page;
	uint32_t ref; /* while it is posted */
};

/* A transmit request. Those of one frame are linked; the first one holds the frame's fields. */
struct xen_net_slot {
	struct buf *frame;
	uint32_t ref; /* 0: none; reference 0 is the toolstack's */
	uint16_t next, first, left; /* left: requests of the frame that are not answered */
	bool busy, quarantined; /* quarantined: answered, but the backend still has the page */
};

/* A multicast address and its number of users. */
struct xen_net_group {
	uint8_t mac[6];
	uint16_t users; /* 0: the place is free */
};
LIMIT_BYTES(XEN_NET_GROUPS, sizeof(struct xen_net_group), 8);

struct xen_net {
	/* The small ones first: small offsets take less code. */
	struct xen_ring rx, tx;
	struct xen_net_buffer *free, *quarantine;
	uint32_t port;
	uint32_t free_count, posted_count, quarantined;
	uint32_t extras; /* extra-info entries in the transmit ring that are not answered */
	uint16_t free_slot, free_slots;
	bool link_up, can_gather, filters;
	bool is_awaited; /* the owner of an outstanding frame's memory may wait for it */
	struct netdev dev;
	struct poller kick;   /* requests are to be pushed to the backend */
	struct poller events; /* looks at the rings */
	struct frontend front;
	struct xen_net_buffer *posted[XEN_NET_SLOTS]; /* by ring index */
	struct xen_net_slot slots[XEN_NET_SLOTS];
	struct xen_net_buffer buffers[CONFIG_XEN_NET_BUFFERS];
	struct xen_net_group groups[CONFIG_XEN_NET_GROUPS];
};

/* -- net.c -- */

/* The backend has broken the protocol: the device is disconnected, until a backend connects again. */
void xen_net_break(struct xen_net *net, const char *how);
/* Counts a page that the backend has not let go of; too many count as a broken protocol. */
void xen_net_count_quarantined(struct xen_net *net);

/* -- net_receive.c -- */

/* Makes the pages. 0, -ENOMEM. */
int xen_net_receive_init(struct xen_net *net);
/* A free buffer with one reference; NULL: there is none. */
struct xen_net_buffer *xen_net_take_buffer(struct xen_net *net);
/* Posts free buffers, up to CONFIG_XEN_NET_RX_RING of them. */
void xen_net_refill(struct xen_net *net);
/* Hands received frames up. Gives their number, dropped ones included. */
unsigned xen_net_receive(struct xen_net *net);
/* Takes back the pages that the backend has, and quarantined ones that are free by now. */
void xen_net_receive_take_back(struct xen_net *net);

/* -- net_transmit.c -- */

void xen_net_transmit_init(struct xen_net *net);
/* As netdev_send. */
int xen_net_send(struct netdev *dev, struct buf *b);
/* Frees the frames that have been sent. */
void xen_net_reap(struct xen_net *net);
/* Takes a slot, of which one must be free, for a request of the frame that begins at slot first;
 * XEN_NET_NONE: the frame begins here. ref: the grant of its memory, or 0. */
uint16_t xen_net_take_slot(struct xen_net *net, uint32_t ref, uint16_t first);
/* Puts extra info behind the request before; the backend answers it with NETIF_RSP_NULL. */
void xen_net_put_extra(struct xen_net *net, const struct netif_extra_info *extra);
/* Takes back the pages that the backend has, and quarantined ones that are free by now. */
void xen_net_transmit_take_back(struct xen_net *net);

/* -- net_groups.c -- */

/* As netdev_want. */
int xen_net_want(struct netdev *dev, const uint8_t mac[6], bool is_wanted);
/* Sends all wanted addresses: a new backend, or one that was away, has none. */
void xen_net_tell_groups(struct xen_net *net);

#endif
