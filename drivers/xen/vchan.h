/* SPDX-License-Identifier: ISC */
/* What both ends of a vchan share (Xen's public/io/libxenvchan.h): two rings of bytes, one in each
 * direction, their indices in a page beside the flags of life. vchan.c is the flow over them, whoever has
 * made the pages: vchan_server.c grants them, vchan_client.c maps them. */
#ifndef DRIVERS_XEN_VCHAN_H
#define DRIVERS_XEN_VCHAN_H

#include "kernel/dev/vchan.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/timer.h"

#include <xen/io/libxenvchan.h>

/* Orders of rings, the logarithms of their bytes: up to the second they lie in the shared page, as far in
 * as they are long, beyond it in pages of their own. */
#define VCHAN_ORDER_MIN 10
#define VCHAN_ORDER_IN_PAGE 11
#define VCHAN_ORDER_MAX 20
static_assert(PAGE_BYTES >> (VCHAN_ORDER_IN_PAGE + 1) == 1, "the next order is a page's");

#define VCHAN_LOOK_NS (5 * NS_PER_S) /* between looks at whether the other domain is there */

struct vchan_ring {
	volatile struct ring_shared *shared;
	uint8_t *bytes;
	uint32_t size; /* a power of two */
	uint32_t at;   /* our own index; the shared page's is the peer's to spoil */
};

struct vchan {
	struct flow flow;
	struct vchan_ring in, out;
	volatile uint8_t *live, *peer_live;    /* 0: has gone */
	volatile uint8_t *wanted, *peer_wants; /* VCHAN_NOTIFY_…: events that we want, and it does */
	uint32_t port;
	struct poller poller;
	struct timer timer;
	struct flow_read *read;
	struct list writes;
	struct storage input; /* of what is being read: a copy, for the peer may still write where it was */
	uint8_t *input_page;
	bool is_open;   /* the flow is somebody's, or not yet at its end */
	bool is_shut, is_closed; /* nothing more is written; flow_close */
	bool has_ended; /* the peer has been told so */
	bool is_broken; /* the peer has broken the rules */
	bool was_broken; /* once, and that was logged */
	bool is_lost;   /* the peer's domain is gone, or its event channel */
	struct list link; /* of all that there are */
	/* The domain is about to be saved: what another has lent is let go of. May be NULL. */
	void (*suspend)(struct vchan *v);
	/* It goes on in a new domain, where nothing of the vchan is there but its memory. May be NULL. */
	void (*resume)(struct vchan *v);
	/* While the flow is nobody's: something may have happened. May be NULL. */
	void (*look)(struct vchan *v);
	/* The flow is at its end, and v its owner's. */
	void (*ended)(struct vchan *v);
};

/* Pages of its own that a ring has; 0: it lies in the shared one. order: at most VCHAN_ORDER_MAX. */
static inline uint32_t vchan_ring_pages(uint32_t order)
{
	return order <= VCHAN_ORDER_IN_PAGE ? 0 : UINT32_C(1) << (order - VCHAN_ORDER_IN_PAGE - 1);
}

/* Has v's own memory and its poller; v is zeroed, but for the functions. 0, -ENOMEM. */
int vchan_init(struct vchan *v);
void vchan_release(struct vchan *v);
/* A ring in page, or in pages of its own. */
void vchan_ring_init(struct vchan_ring *r, volatile struct ring_shared *shared, volatile void *page,
                     void *pages, uint32_t order);
/* Begins the flow, once the rings, the flags and the port are there. */
void vchan_open(struct vchan *v);
/* The flow, if it is somebody's, fails with -ECONNRESET from now on, and the peer is not there. */
void vchan_lose(struct vchan *v);
/* Has it left? */
bool vchan_peer_is_gone(const struct vchan *v);

#endif
