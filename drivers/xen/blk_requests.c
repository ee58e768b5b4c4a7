/* SPDX-License-Identifier: ISC */
/* The disk's requests. One has a segment for each page that its memory touches, granted until the response:
 * in the ring's entry, or, with a backend that takes indirect segments, in a page of the slot's own. A
 * transfer with more segments is split into successive requests. The memory is the caller's, uncopied, so
 * grants are not kept from one request to the next.
 *
 * No request is lost with a backend that goes away: requests in flight are sent again to the next one, and
 * new ones wait. While the backend still holds a request's memory the request stays pending, and is sent
 * again once the memory is free. */
#define LOG_TAG "xen-blk"
#include "drivers/xen/blk.h"
#include "drivers/xen/event.h"
#include "drivers/xen/grant.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>

/* All kinds of requests have the first fields in common. */
union request {
	struct blkif_request direct;
	struct blkif_request_indirect indirect;
	struct blkif_request_discard discard;
};

static uint32_t wire_sectors(const struct xen_blk *blk)
{
	return blk->dev.sector_bytes / XEN_BLK_WIRE_BYTES;
}

/* -- to the backend -- */

/* Grants the next pages of the slot's transfer, up to most segments in all. Gives the bytes granted. */
static uint32_t grant_segments(struct xen_blk *blk, struct xen_blk_slot *slot,
                               struct blkif_request_segment *segments, uint32_t most)
{
	struct blkdev_op *op = slot->op;
	uint32_t bytes = 0;

	while (slot->count < most && slot->slice < op->count) {
		const struct blkdev_slice *slice = &op->slices[slot->slice];
		const uint8_t *at = (const uint8_t *)slice->data + slot->offset;
		uint32_t place = (uintptr_t)at % PAGE_BYTES, n = MIN(slice->len - slot->offset, PAGE_BYTES - place);
		int32_t ref = grant_page(blk->front.backend_id, at, !blkdev_is_read(op));

		if (ref < 0)
			break;
		segments[slot->count] = (struct blkif_request_segment){
			(uint32_t)ref, (uint8_t)(place / XEN_BLK_WIRE_BYTES),
			(uint8_t)((place + n) / XEN_BLK_WIRE_BYTES - 1),
		};
		slot->refs[slot->count++] = (uint32_t)ref;
		bytes += n;
		slot->offset += n;
		if (slot->offset == slice->len) {
			slot->offset = 0;
			slot->slice++;
		}
	}
	return bytes;
}

/* Ends the grants of the slot's pages. false: the backend still holds some. */
static bool end_grants(struct xen_blk *blk, struct xen_blk_slot *slot)
{
	bool was_quarantined = slot->quarantined;
	uint16_t held = 0;

	for (uint16_t i = 0; i < slot->count; i++)
		if (!grant_end(slot->refs[i]))
			slot->refs[held++] = slot->refs[i];
	slot->count = held;
	slot->quarantined = held;
	blk->quarantined += (uint32_t)slot->quarantined - was_quarantined;
	if (slot->quarantined && !was_quarantined)
		log_error("quarantined=%u", blk->quarantined);
	return !slot->quarantined;
}

/* Makes r the next part of a read or write. false: too few grants are free now. */
static bool add_segments(struct xen_blk *blk, struct xen_blk_slot *slot, union request *r)
{
	const uint32_t slice = slot->slice, offset = slot->offset;
	struct blkif_request_segment *segments = slot->indirect ? slot->indirect : r->direct.seg;
	uint32_t bytes = grant_segments(blk, slot, segments, slot->indirect ? blk->segments : XEN_BLK_DIRECT);
	uint16_t count = slot->count;
	int32_t ref = count ? 0 : -ENOSPC;

	if (count > XEN_BLK_DIRECT) {
		ref = grant_page(blk->front.backend_id, slot->indirect, true);
		r->indirect.indirect_op = r->direct.operation;
		r->indirect.operation = BLKIF_OP_INDIRECT;
		r->indirect.nr_segments = count;
		r->indirect.indirect_grefs[0] = slot->refs[count] = (uint32_t)ref;
		slot->count += ref >= 0;
	} else {
		r->direct.nr_segments = (uint8_t)count;
		memmove(r->direct.seg, segments, count * sizeof(*segments));
	}
	if (ref < 0) {
		end_grants(blk, slot);
		slot->slice = slice;
		slot->offset = offset;
		return false;
	}
	slot->sectors += bytes / blk->dev.sector_bytes;
	return true;
}

/* false: too few grants are free now. A page that the backend uses already, by guessing its grant, makes the
 * slot wait as if there had been a request. */
static bool put_request(struct xen_blk *blk, struct xen_blk_slot *slot)
{
	static const uint8_t operations[] = {
		[BLKDEV_READ] = BLKIF_OP_READ, [BLKDEV_WRITE] = BLKIF_OP_WRITE,
		[BLKDEV_FLUSH] = BLKIF_OP_FLUSH_DISKCACHE, [BLKDEV_DISCARD] = BLKIF_OP_DISCARD,
	};
	const struct blkdev_op *op = slot->op;
	union request r = {
		.direct.operation = blkdev_is_read(op) ? BLKIF_OP_READ : operations[op->kind],
		.direct.id = slot->id, .direct.sector_number = (op->sector + slot->sectors) * wire_sectors(blk),
	};

	if (blkdev_is_kind(op, BLKDEV_DISCARD))
		r.discard.nr_sectors = (uint64_t)op->sectors * wire_sectors(blk);
	else if (!blkdev_is_kind(op, BLKDEV_FLUSH) && !add_segments(blk, slot, &r))
		return slot->quarantined;
	xen_ring_put(&blk->ring, &r, sizeof(r));
	slot->is_old = false;
	poller_mark(&blk->kick);
	return true;
}

/* false: no slot or no grant is free now. The ring has more places than there are slots. */
static bool start(struct xen_blk *blk, struct blkdev_op *op)
{
	struct xen_blk_slot *slot = blk->free;

	if (!blk->connected || !slot)
		return false;
	slot->op = op;
	slot->slice = slot->offset = slot->sectors = 0;
	if (!put_request(blk, slot)) {
		slot->op = NULL;
		return false;
	}
	blk->free = slot->next;
	return true;
}

static void start_waiting(struct xen_blk *blk)
{
	while (!list_is_empty(&blk->waiting)) {
		struct blkdev_op *op = list_first(&blk->waiting, struct blkdev_op, link);

		if (!start(blk, op))
			return;
		list_remove(&op->link);
	}
}

/* Aligned slices make each segment, and each part of a transfer, whole sectors. */
static bool is_aligned(const struct blkdev_op *op)
{
	for (uint32_t i = 0; i < op->count; i++)
		if ((uintptr_t)op->slices[i].data % op->dev->sector_bytes)
			return false;
	return true;
}

void xen_blk_submit(struct blkdev *dev, struct blkdev_op *op)
{
	struct xen_blk *blk = container_of(dev, struct xen_blk, dev);

	promise_init(&op->promise, blkdev_cancel);
	list_init(&op->link);
	if (blk->refused)
		blkdev_done(op, -ENXIO);
	else if (!is_aligned(op))
		blkdev_done(op, -EINVAL);
	else if (blkdev_is_kind(op, BLKDEV_FLUSH) && !(dev->features & BLKDEV_CACHES))
		blkdev_done(op, 0);
	else if (!list_is_empty(&blk->waiting) || !start(blk, op))
		list_push_back(&blk->waiting, &op->link);
	xen_blk_be_patient(blk);
}

/* -- from the backend -- */

/* Frees the slot and gives its operation, which the backend is done with. */
static struct blkdev_op *release(struct xen_blk *blk, struct xen_blk_slot *slot)
{
	struct blkdev_op *op = slot->op;

	slot->op = NULL;
	slot->next = blk->free;
	blk->free = slot;
	return op;
}

/* Handles the response to slot's request. A slot whose memory the backend still holds is freed later, by
 * xen_blk_take_back: it looks periodically, and when the backend goes. */
static void finish(struct xen_blk *blk, struct xen_blk_slot *slot, int16_t status)
{
	bool whole = slot->slice == slot->op->count; /* a flush and a discard have no slices */

	if (!end_grants(blk, slot))
		return;
	if (status == BLKIF_RSP_OKAY && !whole && put_request(blk, slot))
		return;
	if (status == BLKIF_RSP_OKAY && !whole)
		list_push_front(&blk->waiting, &release(blk, slot)->link); /* no grants: all again, later */
	else
		blkdev_done(release(blk, slot), status == BLKIF_RSP_OKAY ? 0 :
		                                status == BLKIF_RSP_EOPNOTSUPP ? -EOPNOTSUPP : -EIO);
}

static void xen_blk_break(struct xen_blk *blk, const char *how)
{
	blk->connected = false;
	blk->refused = true;
	frontend_break(&blk->front, how);
}

bool xen_blk_reap(struct xen_blk *blk)
{
	struct blkif_response r;
	unsigned count = 0;
	int some = 0;

	for (; count < CONFIG_XEN_BLK_REQUESTS && (some = xen_ring_take(&blk->ring, &r)) > 0; count++) {
		struct xen_blk_slot *slot = r.id < ARRAY_SIZE(blk->slots) ? &blk->slots[r.id] : NULL;

		if (!slot || !slot->op || slot->quarantined) {
			xen_blk_break(blk, "an answer to no request");
			return false;
		}
		finish(blk, slot, r.status);
	}
	if (some < 0)
		xen_blk_break(blk, "more answers than requests");
	return some >= 0 && count > 0;
}

void xen_blk_fail_waiting(struct xen_blk *blk)
{
	struct list *item;

	while ((item = list_pop_front(&blk->waiting)))
		blkdev_done(list_entry(item, struct blkdev_op, link), -ENXIO);
}

/* -- the loop -- */

static void kick(struct poller *p)
{
	struct xen_blk *blk = container_of(p, struct xen_blk, kick);

	if (blk->connected && xen_ring_push(&blk->ring))
		event_send(blk->port);
}

/* No event is requested as long as each look finds responses. */
static void events(struct poller *p)
{
	struct xen_blk *blk = container_of(p, struct xen_blk, events);

	if (!blk->connected)
		return;
	event_again(blk->port);
	if (xen_blk_reap(blk) || (blk->connected && xen_ring_expect(&blk->ring, 1)))
		poller_mark(p);
	start_waiting(blk);
}

/* -- start and end -- */

void xen_blk_requests_init(struct xen_blk *blk)
{
	list_init(&blk->waiting);
	for (size_t i = ARRAY_SIZE(blk->slots); i-- > 0;) {
		blk->slots[i].id = (uint16_t)i;
		blk->slots[i].next = blk->free;
		blk->free = &blk->slots[i];
	}
	poller_add(&blk->events, events);
	poller_add(&blk->kick, kick);
}

/* Requests have no order among themselves (kernel/dev/blkdev.h). */
void xen_blk_take_back(struct xen_blk *blk, bool all)
{
	for (size_t i = ARRAY_SIZE(blk->slots); i-- > 0;) {
		struct xen_blk_slot *slot = &blk->slots[i];

		if (!slot->op || !(all || slot->quarantined) || !end_grants(blk, slot))
			continue;
		list_push_front(&blk->waiting, &release(blk, slot)->link);
		xen_blk_be_patient(blk);
	}
	if (blk->refused)
		xen_blk_fail_waiting(blk);
}
