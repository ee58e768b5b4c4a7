/* SPDX-License-Identifier: ISC */
/* The ring between a device's two halves (Xen's public/io/ring.h): a page of requests, whose places the
 * responses take. Our indices are kept outside the page, where the backend cannot spoil them. */
#ifndef DRIVERS_XEN_RING_H
#define DRIVERS_XEN_RING_H

#include "kernel/util.h"

/* Laid out as by DEFINE_RING_TYPES; 64 bytes. */
struct xen_ring_page {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[48];
	uint8_t entries[];
};
static_assert(sizeof(struct xen_ring_page) == 64, "public/io/ring.h");

struct xen_ring {
	volatile struct xen_ring_page *page; /* NULL: there is none */
	uint32_t ref;                    /* its grant */
	uint16_t entry_bytes, answer_bytes;
	uint32_t size;                   /* entries, a power of two */
	uint32_t made, pushed, taken;    /* requests put; requests pushed; answers taken */
};

/* Makes the page and grants it to domain; r is zeroed, or has been a ring. 0, -ENOMEM, -ENOSPC; -EBUSY: the
 * other domain still uses the page of before. */
int xen_ring_create(struct xen_ring *r, uint16_t domain, uint32_t request_bytes, uint32_t answer_bytes);
/* Ends the grant and frees the page; a page that the domain does not let go of stays r's until it does.
 * Harmless without a page. */
void xen_ring_destroy(struct xen_ring *r);
/* Has the domain mapped it? */
bool xen_ring_is_mapped(const struct xen_ring *r);

/* Free places for requests. */
uint32_t xen_ring_room(const struct xen_ring *r);
/* Puts a request in a free place; the backend sees it after xen_ring_push. */
void xen_ring_put(struct xen_ring *r, const void *request, size_t bytes);
/* Publishes the requests put so far. true: the backend wants an event. */
bool xen_ring_push(struct xen_ring *r);
/* Copies the next answer out. 1, 0: there is none, -EBADMSG: more answers than requests. */
int xen_ring_take(struct xen_ring *r, void *answer);
/* Ring index of the answer taken last, below size. */
uint32_t xen_ring_place(const struct xen_ring *r);
/* Asks for an event once count more answers are there. true: some are there already. */
bool xen_ring_expect(struct xen_ring *r, uint32_t count);

#endif
