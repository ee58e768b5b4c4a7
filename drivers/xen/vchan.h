/* SPDX-License-Identifier: ISC */
/* The parts common to both ends of a vchan (Xen's public/io/libxenvchan.h): two rings of bytes, one in each
 * direction, their indices in a page beside the flags of life. vchan.c is the flow over them, whichever end
 * has made the pages: vchan_server.c grants them, vchan_client.c maps them. */
#ifndef DRIVERS_XEN_VCHAN_H
#define DRIVERS_XEN_VCHAN_H

#include "kernel/dev/vchan.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/timer.h"

#include <xen/io/libxenvchan.h>

/* Orders of rings, the base-2 logarithms of their bytes. A ring up to VCHAN_ORDER_IN_PAGE lies in the shared
 * page, at an offset of its own length; a longer one has pages of its own. */
#define VCHAN_ORDER_MIN 10
#define VCHAN_ORDER_IN_PAGE 11
#define VCHAN_ORDER_MAX 20
static_assert(PAGE_BYTES >> (VCHAN_ORDER_IN_PAGE + 1) == 1, "the next order is a page's");

#define VCHAN_LOOK_NS (5 * NS_PER_S) /* between checks that the other domain is there */

struct vchan_ring {
	volatile struct ring_shared *shared;
	uint8_t *bytes;
	uint32_t size; /* a power of two */
	uint32_t at;   /* our own index: the peer could spoil the one in the shared page */
};

struct vchan {
	struct flow flow;
	struct vchan_ring in, out;
	volatile uint8_t *live, *peer_live;    /* 0: that side has left */
	volatile uint8_t *wanted, *peer_wants; /* VCHAN_NOTIFY_…: events that we, and the peer, want */
	uint32_t port;
	struct poller poller;
	struct timer timer;
	struct flow_read *read;
	struct list writes;
	struct storage input; /* of the bytes read: copied, for the peer can still write to the ring */
	uint8_t *input_page;
	bool is_open;   /* the flow has a user, or has not ended */
	bool is_shut, is_closed; /* flow_shutdown; flow_close */
	bool has_ended; /* our flag of life is cleared */
	bool is_broken; /* the peer has broken the protocol */
	bool was_broken; /* it has once, and that was logged */
	bool is_lost;   /* the peer's domain is gone, or its event channel */
	struct list link; /* in the list of all vchans */
	/* The domain is about to be saved: lets go of pages of other domains. May be NULL. */
	void (*suspend)(struct vchan *v);
	/* The domain has been restored: of the vchan only its memory is left. May be NULL. */
	void (*resume)(struct vchan *v);
	/* Something may have happened while the flow has no user. May be NULL. */
	void (*look)(struct vchan *v);
	/* The flow has ended: v is its owner's again. */
	void (*ended)(struct vchan *v);
};

/* Number of pages of its own that a ring has; 0: it lies in the shared page. order: at most
 * VCHAN_ORDER_MAX. */
static inline uint32_t vchan_ring_pages(uint32_t order)
{
	return order <= VCHAN_ORDER_IN_PAGE ? 0 : UINT32_C(1) << (order - VCHAN_ORDER_IN_PAGE - 1);
}

/* Allocates v's memory and adds its poller; v is zeroed, but for the functions. 0, -ENOMEM. */
int vchan_init(struct vchan *v);
void vchan_release(struct vchan *v);
/* Sets up a ring in page, or in pages of its own. */
void vchan_ring_init(struct vchan_ring *r, volatile struct ring_shared *shared, volatile void *page,
                     void *pages, uint32_t order);
/* Begins the flow, once the rings, the flags and the port are there. */
void vchan_open(struct vchan *v);
/* The peer is gone; a flow in use fails with -ECONNRESET from now on. */
void vchan_lose(struct vchan *v);
/* Has the peer left? */
bool vchan_peer_is_gone(const struct vchan *v);

/* -- all vchans -- */

/* Before a suspension: unmaps the pages of other domains; the flows over them end. */
void xen_vchan_suspend(void);
/* In a domain that has just been restored, after grant_resume and store_resume: all flows end, and servers
 * offer their vchans again. */
void xen_vchan_resume(void);

#endif
