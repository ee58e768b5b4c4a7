/* SPDX-License-Identifier: ISC */
/* The network device's transmit side: one grant and request for each page that a slice touches. A frame in
 * more pages than the backend takes, or whose first page has less than the Ethernet header, which Linux's
 * netback drops, is first copied into fewer ones. A frame is freed once the backend has
 * answered all its requests and let go of all its pages. */
#define LOG_TAG "xen-net"
#include "drivers/xen/grant.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/net.h"
#include "kernel/log.h"

#include <errno.h>
#include <xen/io/netif.h>

/* -- completions -- */

/* Frees the frame that begins at slot first and its slots: no response to it is due any more. */
static void release(struct xen_net *net, uint16_t first)
{
	uint16_t id = first, next;

	buf_free(net->slots[first].frame);
	for (; id != XEN_NET_NONE; id = next) {
		next = net->slots[id].next;
		net->slots[id].next = net->free_slot;
		net->free_slot = id;
		net->free_slots++;
	}
}

/* Ends the request of slot id. Its frame waits until the backend has let go of all its pages. */
static void done(struct xen_net *net, uint16_t id)
{
	struct xen_net_slot *slot = &net->slots[id];
	bool was_quarantined = slot->quarantined;

	slot->busy = false;
	slot->quarantined = slot->ref && !grant_end(slot->ref);
	if (slot->quarantined) {
		if (!was_quarantined)
			xen_net_count_quarantined(net);
		return;
	}
	net->quarantined -= was_quarantined;
	if (--net->slots[slot->first].left == 0)
		release(net, slot->first);
}

/* Asks for an event only when many requests are outstanding, or for the last one when a frame's owner may
 * wait for it; otherwise frames are freed whenever the poller runs for something else. */
static void expect(struct xen_net *net)
{
	uint32_t out = net->tx.size - xen_ring_room(&net->tx);
	bool is_much = net->free_slots < XEN_NET_SLOTS / 2;

	net->is_awaited = net->is_awaited && out;
	if ((is_much || net->is_awaited) && xen_ring_expect(&net->tx, is_much ? out / 2 : out))
		poller_mark(&net->kick);
}

void xen_net_reap(struct xen_net *net)
{
	struct netif_tx_response r;
	const char *broken = NULL;
	int some;

	while ((some = xen_ring_take(&net->tx, &r)) > 0 && !broken) {
		if (r.status == NETIF_RSP_NULL && net->extras) {
			net->extras--;
			continue;
		}
		if (r.status == NETIF_RSP_NULL || r.id >= XEN_NET_SLOTS || !net->slots[r.id].busy) {
			broken = "sent what is not there";
			continue;
		}
		if (IS_ENABLED(CONFIG_NETDEV_GROUPS) && r.status == NETIF_RSP_ERROR && !net->slots[r.id].ref)
			log_warn("a multicast address is refused");
		else if (r.status < 0 && net->slots[r.id].frame)
			net->dev.stats.tx_dropped++;
		done(net, r.id);
	}
	if (some < 0 || broken)
		xen_net_break(net, broken ? broken : "more answers than requests");
	expect(net);
}

/* -- requests -- */

/* Number of pages that the slice touches. */
static uint32_t pieces_of(const struct buf *slice)
{
	uint32_t offset = (uintptr_t)slice->data % PAGE_BYTES;

	return slice->len ? (offset + slice->len - 1) / PAGE_BYTES + 1 : 0;
}

/* Does the backend take b as it lies in memory? */
static bool is_sendable(const struct xen_net *net, const struct buf *b)
{
	uint32_t pieces = 0, in_page = PAGE_BYTES - (uintptr_t)b->data % PAGE_BYTES;

	if (MIN(b->len, in_page) < NETDEV_HEADER_BYTES)
		return false;
	for (; b; b = b->next)
		pieces += pieces_of(b);
	return pieces <= (net->can_gather ? XEN_NET_PIECES_MAX : 1u);
}

/* Copies the frame into as few pages as possible, taken from the receive buffers. NULL: too few are free.
 * Takes b. */
static struct buf *gather(struct xen_net *net, struct buf *b, uint32_t bytes)
{
	struct buf *frame = NULL, **end = &frame;

	for (uint32_t at = 0, n; at < bytes; at += n) {
		struct xen_net_buffer *page = net->free_count > XEN_NET_RESERVE ? xen_net_take_buffer(net) : NULL;

		n = MIN(bytes - at, (uint32_t)PAGE_BYTES);
		*end = page ? buf_alloc_slice(&page->storage, page->page, n) : NULL;
		if (page)
			storage_put(&page->storage);
		if (!*end) {
			buf_free(frame);
			frame = NULL;
			break;
		}
		buf_copy_out(b, at, page->page, n);
		end = &(*end)->next;
	}
	if (frame) {
		frame->flags = b->flags;
		frame->gso_size = b->gso_size;
	}
	buf_free(b);
	return frame;
}

uint16_t xen_net_take_slot(struct xen_net *net, uint32_t ref, uint16_t first)
{
	uint16_t id = net->free_slot;
	struct xen_net_slot *slot = &net->slots[id];

	net->free_slot = slot->next;
	net->free_slots--;
	*slot = (struct xen_net_slot){ .ref = ref, .next = XEN_NET_NONE, .busy = true };
	slot->first = first == XEN_NET_NONE ? id : first;
	return id;
}

/* Drops b, whose requests in the slots from first on have been taken out of the ring. A page that the
 * backend uses all the same, by guessing its grant, is waited for. */
static void give_up(struct xen_net *net, struct buf *b, uint16_t first)
{
	if (first == XEN_NET_NONE) {
		buf_free(b);
		return;
	}
	for (uint16_t id = first, next; id != XEN_NET_NONE; id = next) {
		next = net->slots[id].next;
		done(net, id);
	}
}

void xen_net_put_extra(struct xen_net *net, const struct netif_extra_info *extra)
{
	xen_ring_put(&net->tx, extra, sizeof(*extra));
	net->extras++;
}

/* Puts the segment size (GSO) behind the first request. */
static void put_gso(struct xen_net *net, const struct buf *b)
{
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

	extra.u.gso.size = b->gso_size;
	extra.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	xen_net_put_extra(net, &extra);
}

static uint16_t flags_of(const struct buf *b)
{
	uint16_t flags = b->flags & BUF_TSO4 ? NETTXF_extra_info : 0;

	if (b->flags & (BUF_CSUM_PARTIAL | BUF_TSO4))
		flags |= NETTXF_csum_blank | NETTXF_data_validated;
	return flags;
}

/* Puts the request for the frame's next page; the first one has the size of the whole frame, which is bytes,
 * and its flags. */
static void put_request(struct xen_net *net, struct buf *frame, uint32_t bytes, struct netif_tx_request *r,
                        uint16_t *first, uint16_t *last)
{
	if (*first == XEN_NET_NONE) {
		*first = r->id;
		net->slots[r->id].frame = frame;
		r->size = (uint16_t)bytes;
		r->flags |= flags_of(frame);
	} else {
		net->slots[*last].next = r->id;
	}
	*last = r->id;
	net->slots[*first].left++;
	xen_ring_put(&net->tx, r, sizeof(*r));
	if (r->flags & NETTXF_extra_info)
		put_gso(net, frame);
}

/* Puts a request for each page of the frame. false: too few grants are free; the requests, not yet pushed,
 * are taken out of the ring again. Takes b. */
static bool put_requests(struct xen_net *net, struct buf *b, uint32_t bytes)
{
	uint16_t first = XEN_NET_NONE, last = XEN_NET_NONE;
	uint32_t left = bytes, made = net->tx.made, extras = net->extras;

	for (const struct buf *slice = b; slice; slice = slice->next) {
		for (uint32_t at = 0, n; at < slice->len; at += n, left -= n) {
			const uint8_t *data = slice->data + at;
			uint16_t offset = (uint16_t)((uintptr_t)data % PAGE_BYTES);
			int32_t ref = grant_page(net->front.backend_id, data, true);
			struct netif_tx_request r = { .gref = (uint32_t)ref, .offset = offset };

			if (ref < 0) {
				net->tx.made = made;
				net->extras = extras;
				give_up(net, b, first);
				return false;
			}
			n = MIN(slice->len - at, (uint32_t)PAGE_BYTES - offset);
			r.id = xen_net_take_slot(net, r.gref, first);
			r.size = (uint16_t)n;
			r.flags = n < left ? NETTXF_more_data : 0;
			put_request(net, b, bytes, &r, &first, &last);
		}
	}
	return true;
}

static int check(struct xen_net *net, const struct buf *b, uint32_t *bytes)
{
	bool tso = b->flags & BUF_TSO4;

	if (!net->link_up)
		return -ENETDOWN;
	*bytes = buf_length(b);
	if (*bytes > (tso ? (uint32_t)XEN_NETIF_MAX_TX_SIZE : net->dev.mtu + (uint32_t)NETDEV_HEADER_BYTES) ||
	    *bytes < NETDEV_HEADER_BYTES)
		return -EMSGSIZE;
	return tso && !(net->dev.features & NETDEV_TSO4) ? -EMSGSIZE : 0;
}

/* Is there room for a frame of the most pieces, and its extra info? */
static bool has_room(const struct xen_net *net)
{
	return xen_ring_room(&net->tx) > XEN_NET_PIECES_MAX && net->free_slots >= XEN_NET_PIECES_MAX;
}

/* Takes b. */
static int queue(struct xen_net *net, struct buf *b, uint32_t bytes)
{
	if (!is_sendable(net, b) && !(b = gather(net, b, bytes)))
		return -ENOBUFS;
	if (!has_room(net))
		xen_net_reap(net);
	if (!has_room(net)) {
		buf_free(b);
		return -ENOBUFS;
	}
	if (!put_requests(net, b, bytes))
		return -ENOBUFS;
	for (; b; b = b->next)
		net->is_awaited |= b->storage != NULL;
	return 0;
}

int xen_net_send(struct netdev *dev, struct buf *b)
{
	struct xen_net *net = container_of(dev, struct xen_net, dev);
	uint32_t bytes;
	int error = check(net, b, &bytes);

	if (error)
		buf_free(b);
	else
		error = queue(net, b, bytes);
	if (error) {
		net->dev.stats.tx_dropped++;
		return error;
	}
	net->dev.stats.tx_frames++;
	net->dev.stats.tx_bytes += bytes;
	poller_mark(&net->kick);
	return 0;
}

/* -- start and end -- */

void xen_net_transmit_init(struct xen_net *net)
{
	net->free_slot = XEN_NET_NONE;
	for (uint16_t id = 0; id < XEN_NET_SLOTS; id++) {
		net->slots[id].next = net->free_slot;
		net->free_slot = id;
	}
	net->free_slots = XEN_NET_SLOTS;
}

void xen_net_transmit_take_back(struct xen_net *net)
{
	net->extras = 0;
	for (uint16_t id = 0; id < XEN_NET_SLOTS; id++)
		if (net->slots[id].busy || net->slots[id].quarantined)
			done(net, id);
}
