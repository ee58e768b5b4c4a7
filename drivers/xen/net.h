/* SPDX-License-Identifier: ISC */
/* The network device's parts: its life in net.c, what comes in in net_receive.c, what goes out in
 * net_transmit.c, which multicast frames may come in net_groups.c. */
#ifndef DRIVERS_XEN_NET_H
#define DRIVERS_XEN_NET_H

#include "drivers/xen/frontend.h"
#include "drivers/xen/ring.h"
#include "kernel/buf.h"
#include "kernel/dev/netdev.h"
#include "kernel/loop.h"

#define XEN_NET_SLOTS 256    /* of either ring */
#define XEN_NET_PIECES_MAX 18 /* of a frame: what every backend takes (public/io/netif.h) */
#define XEN_NET_RESERVE 8    /* buffers that stay with the backend whatever is held above */
#define XEN_NET_NONE UINT16_MAX /* in place of a slot's number */

struct netif_extra_info;
struct xen_net;

/* A page to receive into. */
struct xen_net_buffer {
	struct storage storage;
	struct xen_net *net;
	struct xen_net_buffer *next; /* free, or kept by a backend */
	uint8_t *page;
	uint32_t ref; /* while it is posted */
};

/* A request to send. Those of one frame are linked; the first one has what belongs to the frame. */
struct xen_net_slot {
	struct buf *frame;
	uint32_t ref; /* 0, which is the toolstack's: none */
	uint16_t next, first, left; /* left: of the frame, not yet answered */
	bool busy, kept; /* kept: answered, but not let go of */
};

/* A multicast address, and how often it is wanted. */
struct xen_net_group {
	uint8_t mac[6];
	uint16_t users; /* 0: the place is free */
};
LIMIT_BYTES(XEN_NET_GROUPS, sizeof(struct xen_net_group), 8);

struct xen_net {
	struct netdev dev; /* first */
	struct frontend front;
	struct poller events; /* looks at the rings */
	struct poller kick;   /* there is something that the backend was not told of */
	struct xen_ring rx, tx;
	uint32_t port;
	bool link_up, can_gather, filters;
	bool is_awaited; /* somebody may wait for the memory of a frame that is out */
	struct xen_net_buffer *free, *kept;
	uint32_t free_count, posted_count, quarantined;
	uint32_t extras; /* that were put into the ring of what is sent, and not answered */
	struct xen_net_buffer *posted[XEN_NET_SLOTS]; /* by place in the ring */
	uint16_t free_slot;
	uint16_t free_slots;
	struct xen_net_slot slots[XEN_NET_SLOTS];
	struct xen_net_buffer buffers[CONFIG_XEN_NET_BUFFERS];
	struct xen_net_group groups[CONFIG_XEN_NET_GROUPS];
};

/* -- net.c -- */

/* The backend has broken the rules: from now on the device is not used, until another comes. */
void xen_net_disable(struct xen_net *net, const char *how);
/* It has not let go of memory, which must not be used for anything else. */
void xen_net_count_kept(struct xen_net *net);

/* -- net_receive.c -- */

/* Makes the pages. 0, -ENOMEM. */
int xen_net_receive_init(struct xen_net *net);
/* A free page, which has one user; NULL: there is none. */
struct xen_net_buffer *xen_net_take_buffer(struct xen_net *net);
/* Gives the backend pages to write to, as many as there are and it is to have. */
void xen_net_refill(struct xen_net *net);
/* Hands up what has come: how many frames, of which the stack has not seen those that were dropped. */
unsigned xen_net_receive(struct xen_net *net);
/* Takes back what the backend has, or one before it had kept. */
void xen_net_receive_take_back(struct xen_net *net);

/* -- net_transmit.c -- */

void xen_net_transmit_init(struct xen_net *net);
/* netdev_send. */
int xen_net_send(struct netdev *dev, struct buf *b);
/* Lets go of what has been sent. */
void xen_net_reap(struct xen_net *net);
/* A free slot, of which there is one, for a request of the frame that begins at slot first; XEN_NET_NONE:
 * here. ref: of its memory, or 0. */
uint16_t xen_net_take_slot(struct xen_net *net, uint32_t ref, uint16_t first);
/* Puts what is said of the request before, which is answered by NETIF_RSP_NULL. */
void xen_net_put_extra(struct xen_net *net, const struct netif_extra_info *extra);
/* Takes back what the backend has, or one before it had kept. */
void xen_net_transmit_take_back(struct xen_net *net);

/* -- net_groups.c -- */

/* netdev_want. */
int xen_net_want(struct netdev *dev, const uint8_t mac[6], bool is_wanted);
/* Tells all that are wanted: another backend, or one that has been away, knows of none. */
void xen_net_tell_groups(struct xen_net *net);

#endif
