/* SPDX-License-Identifier: ISC */
/* The disk's parts: connecting in blk.c, requests in blk_requests.c, and in blk_patience.c the decision that
 * the other side is late. */
#ifndef DRIVERS_XEN_BLK_H
#define DRIVERS_XEN_BLK_H

#include "drivers/xen/frontend.h"
#include "drivers/xen/ring.h"
#include "kernel/dev/blkdev.h"
#include "kernel/loop.h"

#include <xen/io/blkif.h>

#define XEN_BLK_WIRE_BYTES 512 /* of a sector on the wire, whatever the device's have */
#define XEN_BLK_DIRECT BLKIF_MAX_SEGMENTS_PER_REQUEST /* segments in the ring's entry */

/* A request in flight. */
struct xen_blk_slot {
	struct blkdev_op *op;
	struct xen_blk_slot *next; /* free */
	uint32_t slice, offset, sectors; /* progress in op, the request in flight included */
	uint16_t id;
	uint16_t count; /* granted pages */
	bool is_old;
	bool quarantined; /* the backend holds some page of a request that is over */
	struct blkif_request_segment *indirect; /* a page; NULL: the backend takes none */
	uint32_t refs[CONFIG_XEN_BLK_SEGMENTS + 1]; /* that page's the last */
};
LIMIT_BYTES(XEN_BLK_SEGMENTS, sizeof(((struct xen_blk_slot *)0)->refs[0]), 4);

struct xen_blk {
	struct timer patience; /* while there are requests */
	/* The small ones near those by which callbacks find this structure: small offsets take less code. */
	struct xen_ring ring;
	struct list waiting;
	struct xen_blk_slot *free;
	uint32_t port, segments, quarantined; /* quarantined: slots */
	bool connected, refused;
	bool is_stuck; /* at patience's last look the backend was away, or held the memory of all slots */
	struct poller events; /* looks at what is done */
	struct blkdev dev;
	struct frontend front;
	struct poller kick;   /* requests are to be pushed to the backend */
	struct xen_blk_slot slots[CONFIG_XEN_BLK_REQUESTS];
};

/* -- blk_requests.c -- */

void xen_blk_requests_init(struct xen_blk *blk);
/* As blkdev_submit. */
void xen_blk_submit(struct blkdev *dev, struct blkdev_op *op);
/* Handles responses, while connected. true: there were some, and there may be more. */
bool xen_blk_reap(struct xen_blk *blk);
/* Takes back all requests in flight, or only those whose memory the backend held after its response, and
 * queues them before the waiting ones. After a refusal all that wait fail. */
void xen_blk_take_back(struct xen_blk *blk, bool all);
void xen_blk_fail_waiting(struct xen_blk *blk);

/* -- blk_patience.c -- */

void xen_blk_patience_init(struct xen_blk *blk);
/* To be called with each request, and each connection: from now on the backend may be late. */
void xen_blk_be_patient(struct xen_blk *blk);

#endif
