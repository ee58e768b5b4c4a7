/* SPDX-License-Identifier: ISC */
/* The ring that a device's two halves share (Xen's public/io/ring.h): a page of requests, which answers take
 * the places of. Our indices are our own; the page's are the backend's to spoil. */
#ifndef DRIVERS_XEN_RING_H
#define DRIVERS_XEN_RING_H

#include "kernel/util.h"

/* As DEFINE_RING_TYPES lays it out; 64 bytes. */
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
	uint32_t made, told, taken;      /* requests; requests pushed; answers */
};

/* Makes the page and lets domain have it; r is zeroed, or has been a ring. 0, -ENOMEM, -ENOSPC; -EBUSY: who
 * had the page before still keeps it. */
int xen_ring_create(struct xen_ring *r, uint16_t domain, uint32_t request_bytes, uint32_t answer_bytes);
/* Takes it back; a page that the domain will not let go of stays r's until it does. Harmless when there is
 * none. */
void xen_ring_destroy(struct xen_ring *r);
/* Has the domain mapped it? */
bool xen_ring_is_mapped(const struct xen_ring *r);

/* Requests that there is room for. */
uint32_t xen_ring_room(const struct xen_ring *r);
/* Puts a request in, for which there is room. */
void xen_ring_put(struct xen_ring *r, const void *request, size_t bytes);
/* Shows what was put in. true: the backend wants an event. */
bool xen_ring_push(struct xen_ring *r);
/* Copies the next answer out. 1, 0 when there is none, -EBADMSG: more answers than requests. */
int xen_ring_take(struct xen_ring *r, void *answer);
/* Place of the answer that was taken last, below size. */
uint32_t xen_ring_place(const struct xen_ring *r);
/* Asks for an event once another count answers are there. true: there are some already. */
bool xen_ring_expect(struct xen_ring *r, uint32_t count);

#endif
