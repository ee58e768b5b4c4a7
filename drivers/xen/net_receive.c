/* SPDX-License-Identifier: ISC */
/* The network device's receive side. Frames arrive in our pages, which the backend may write until their
 * grants end: a page is read only after its grant has ended. A page whose grant cannot be ended is
 * quarantined until that succeeds, under a later backend. Pages are counted storage, like the buffers of a
 * virtio device: when they run short the last XEN_NET_RESERVE are left to the ring, small frames are copied
 * and others dropped. */
#define LOG_TAG "xen-net"
#include "drivers/xen/grant.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/net.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>
#include <xen/io/netif.h>

#define BUDGET 24 /* pages per poll, more only within a frame, so that readers and timers get their turn */

/* -- pages -- */

static void give_back(struct xen_net_buffer *b)
{
	struct xen_net *net = b->net;

	b->next = net->free;
	net->free = b;
	net->free_count++;
}

static void buffer_free(struct storage *s)
{
	struct xen_net_buffer *b = container_of(s, struct xen_net_buffer, storage);

	give_back(b);
	/* No event may come any more that would refill the ring. */
	if (b->net->posted_count < CONFIG_XEN_NET_RX_RING / 2)
		poller_mark(&b->net->kick);
}

struct xen_net_buffer *xen_net_take_buffer(struct xen_net *net)
{
	struct xen_net_buffer *b = net->free;

	if (!b)
		return NULL;
	net->free = b->next;
	net->free_count--;
	b->storage = (struct storage){ 1, buffer_free };
	return b;
}

int xen_net_receive_init(struct xen_net *net)
{
	uint8_t *pages = page_alloc(CONFIG_XEN_NET_BUFFERS, false);

	if (!pages)
		return -ENOMEM;
	for (size_t i = 0; i < CONFIG_XEN_NET_BUFFERS; i++) {
		net->buffers[i].net = net;
		net->buffers[i].page = pages + i * PAGE_BYTES;
		give_back(&net->buffers[i]);
	}
	return 0;
}

/* -- with the backend -- */

void xen_net_refill(struct xen_net *net)
{
	struct netif_rx_request request = { 0 };

	while (net->posted_count < CONFIG_XEN_NET_RX_RING && net->free) {
		int32_t ref = grant_page(net->front.backend_id, net->free->page, false);
		uint32_t place = net->rx.made % XEN_NET_SLOTS;

		if (ref < 0)
			break;
		request.id = (uint16_t)place;
		request.gref = (uint32_t)ref;
		net->posted[place] = xen_net_take_buffer(net);
		net->posted[place]->ref = (uint32_t)ref;
		net->posted_count++;
		xen_ring_put(&net->rx, &request, sizeof(request));
	}
}

/* The backend still holds b's page. */
static void quarantine(struct xen_net_buffer *b)
{
	struct xen_net *net = b->net;

	b->next = net->quarantine;
	net->quarantine = b;
	xen_net_count_quarantined(net);
}

/* Takes back the buffer posted at place. NULL: none is posted there, or the backend still holds its page. */
static struct xen_net_buffer *unpost(struct xen_net *net, uint32_t place)
{
	struct xen_net_buffer *b = net->posted[place];

	net->posted[place] = NULL;
	if (!b)
		return NULL;
	net->posted_count--;
	if (grant_end(b->ref))
		return b;
	quarantine(b);
	return NULL;
}

/* A slice of b's page, or a copy when pages are short and it is small. Takes b. */
static struct buf *to_slice(struct xen_net *net, struct xen_net_buffer *b, uint32_t offset, uint32_t bytes)
{
	struct buf *slice = NULL;

	if (net->posted_count + net->free_count >= XEN_NET_RESERVE) {
		slice = buf_alloc_slice(&b->storage, b->page + offset, bytes);
	} else if (bytes <= BUF_HEADROOM) {
		slice = buf_alloc_header();
		if (slice)
			memcpy(buf_push(slice, bytes), b->page + offset, bytes);
	}
	storage_put(&b->storage);
	return slice;
}

/* Skips the extra-info responses behind the first one of a frame; the buffers of their places were not
 * used. */
static bool skip_extras(struct xen_net *net)
{
	struct netif_extra_info extra;
	struct xen_net_buffer *b;

	do {
		if (xen_ring_take(&net->rx, &extra) <= 0)
			return false;
		b = unpost(net, xen_ring_place(&net->rx));
		if (b)
			storage_put(&b->storage);
	} while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return true;
}

/* The piece of a frame that r describes, its offset and length checked. NULL: the backend reports an error,
 * or memory is short. */
static struct buf *take_piece(struct xen_net *net, const struct netif_rx_response *r)
{
	struct xen_net_buffer *b = unpost(net, xen_ring_place(&net->rx));

	if (!b)
		return NULL;
	if (r->status <= 0 || r->offset > PAGE_BYTES || r->status > (int32_t)PAGE_BYTES - r->offset) {
		storage_put(&b->storage);
		return NULL;
	}
	return to_slice(net, b, r->offset, (uint32_t)r->status);
}

static uint8_t flags_of(uint16_t flags)
{
	return flags & NETRXF_csum_blank ? BUF_CSUM_PARTIAL : flags & NETRXF_data_validated ? BUF_CSUM_VALID : 0;
}

/* The frame whose first response is r. NULL: the frame is dropped; *broken is set when the responses cannot
 * make up a frame. */
static struct buf *take_frame(struct xen_net *net, struct netif_rx_response r, const char **broken)
{
	struct buf *frame = NULL, **end = &frame;
	uint8_t flags = flags_of(r.flags);
	bool whole = true;

	for (unsigned pieces = 1;; pieces++) {
		if (r.id != xen_ring_place(&net->rx) || !net->posted[r.id])
			*broken = "an answer to no request";
		*end = take_piece(net, &r);
		whole &= *end != NULL;
		end = *end ? &(*end)->next : end;
		if (pieces == 1 && (r.flags & NETRXF_extra_info) && !skip_extras(net))
			*broken = "extras without end";
		if (*broken || !(r.flags & NETRXF_more_data))
			break;
		if (pieces == XEN_NET_PIECES_MAX || xen_ring_take(&net->rx, &r) <= 0) {
			*broken = "a frame without end";
			break;
		}
	}
	/* A backend may put less into the first page than kernel/buf.h promises of a first slice: such a frame is
	 * dropped. */
	if (*broken || !whole || frame->len < NETDEV_HEADER_BYTES || (frame->next && frame->len < BUF_HEADROOM)) {
		buf_free(frame);
		return NULL;
	}
	frame->flags = flags;
	return frame;
}

/* The stack, while it handles a frame, cannot have the device disconnected: only a poller of the store's does
 * that. */
unsigned xen_net_receive(struct xen_net *net)
{
	struct netif_rx_response r;
	const char *broken = NULL;
	uint32_t before = net->posted_count;
	unsigned frames = 0;
	int some = 0;

	for (; before - net->posted_count < BUDGET && !broken; frames++) {
		some = xen_ring_take(&net->rx, &r);
		if (some <= 0)
			break;
		netdev_hand_up(&net->dev, take_frame(net, r, &broken));
	}
	if (some < 0)
		broken = "more answers than requests";
	if (broken)
		xen_net_break(net, broken);
	return frames;
}

void xen_net_receive_take_back(struct xen_net *net)
{
	struct xen_net_buffer **at = &net->quarantine;

	while (*at) {
		struct xen_net_buffer *b = *at;

		if (!grant_end(b->ref)) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		net->quarantined--;
		give_back(b);
	}
	for (uint32_t place = 0; place < XEN_NET_SLOTS; place++) {
		struct xen_net_buffer *b = unpost(net, place);

		if (b)
			storage_put(&b->storage);
	}
}
