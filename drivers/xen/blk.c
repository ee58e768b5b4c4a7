/* SPDX-License-Identifier: ISC */
/* The block device (Xen's public/io/blkif.h). A request has one segment for each page that its memory
 * touches, granted until the response: in the ring's entry, or, with a backend that takes indirect segments,
 * in a page of the slot's own. A transfer with more segments is split into successive requests. The memory is
 * the caller's, uncopied, so grants are not kept from one request to the next.
 *
 * No request is lost with a backend that goes away: requests in flight are sent again to the next one, and
 * new ones wait. While the backend still holds a request's memory the request stays pending, and is sent
 * again once the memory is free. A backend that is silent or away for too long is given up until it comes
 * back: requests fail. Sectors on the wire have 512 bytes, whatever the device's have. */
#define LOG_TAG "xen-blk"
#include "drivers/xen/event.h"
#include "drivers/xen/frontend.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/ring.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/blkdev.h"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "kernel/loop.h"

#include <errno.h>
#include <string.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

#define XEN_BLK_WIRE_BYTES 512
#define SECTOR_LARGE 4096
#define XEN_BLK_DIRECT BLKIF_MAX_SEGMENTS_PER_REQUEST
#define PATIENCE_NS (CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S)

enum { STATE, SECTORS, SECTOR_SIZE, INFO, FLUSH, DISCARD, INDIRECT };
static const char *const names[] = {
	[STATE] = "state", [SECTORS] = "sectors", [SECTOR_SIZE] = "sector-size", [INFO] = "info",
	[FLUSH] = "feature-flush-cache", [DISCARD] = "feature-discard",
	[INDIRECT] = "feature-max-indirect-segments", NULL,
};

/* All kinds of requests have the first fields in common. */
union request {
	struct blkif_request direct;
	struct blkif_request_indirect indirect;
	struct blkif_request_discard discard;
};

/* A request in flight. */
struct xen_blk_slot {
	struct blkdev_op *op;
	struct xen_blk_slot *next; /* free */
	uint32_t slice, offset, sectors; /* progress in op, the request in flight included */
	uint16_t id;
	uint16_t count; /* granted pages */
	bool is_old;
	bool lost; /* the backend holds some page of a request that is over */
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
	uint32_t port, segments, quarantined;
	bool connected, refused;
	bool is_stuck; /* at patience's last look the backend was away, or held the memory of all slots */
	struct poller events; /* looks at what is done */
	struct blkdev dev;
	struct frontend front;
	struct poller kick;   /* requests are to be pushed to the backend */
	struct xen_blk_slot slots[CONFIG_XEN_BLK_REQUESTS];
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
	bool was_lost = slot->lost;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < slot->count; i++)
		if (!grant_end(slot->refs[i]))
			slot->refs[kept++] = slot->refs[i];
	slot->count = kept;
	slot->lost = kept;
	blk->quarantined += (uint32_t)slot->lost - was_lost;
	if (slot->lost && !was_lost)
		log_error("quarantined=%u", blk->quarantined);
	return !slot->lost;
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
		return slot->lost;
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

static void xen_blk_be_patient(struct xen_blk *blk);

static void xen_blk_submit(struct blkdev *dev, struct blkdev_op *op)
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

static void broken(struct xen_blk *blk, const char *how)
{
	blk->connected = false;
	blk->refused = true;
	frontend_break(&blk->front, how);
}

/* true: responses were handled, and there may be more. */
static bool xen_blk_reap(struct xen_blk *blk)
{
	struct blkif_response r;
	unsigned count = 0;
	int some = 0;

	for (; count < CONFIG_XEN_BLK_REQUESTS && (some = xen_ring_take(&blk->ring, &r)) > 0; count++) {
		struct xen_blk_slot *slot = r.id < ARRAY_SIZE(blk->slots) ? &blk->slots[r.id] : NULL;

		if (!slot || !slot->op || slot->lost) {
			broken(blk, "an answer to no request");
			return false;
		}
		finish(blk, slot, r.status);
	}
	if (some < 0)
		broken(blk, "more answers than requests");
	return some >= 0 && count > 0;
}

static void xen_blk_fail_waiting(struct xen_blk *blk)
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

static void xen_blk_requests_init(struct xen_blk *blk)
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

/* Takes back all requests in flight, or only those whose memory the backend held after its response, and
 * queues them before the waiting ones; requests have no order among themselves (kernel/dev/blkdev.h). */
static void xen_blk_take_back(struct xen_blk *blk, bool all)
{
	for (size_t i = ARRAY_SIZE(blk->slots); i-- > 0;) {
		struct xen_blk_slot *slot = &blk->slots[i];

		if (!slot->op || !(all || slot->lost) || !end_grants(blk, slot))
			continue;
		list_push_front(&blk->waiting, &release(blk, slot)->link);
		xen_blk_be_patient(blk);
	}
	if (blk->refused)
		xen_blk_fail_waiting(blk);
}

/* -- patience -- */

static void xen_blk_be_patient(struct xen_blk *blk)
{
	if (!timer_is_running(&blk->patience))
		timer_start_in(&blk->patience, PATIENCE_NS);
}

/* Is the backend late? Then a request has been in flight since the last call, or waits for a backend that was
 * stuck then, too. */
static bool look_for_late(struct xen_blk *blk, bool *is_busy)
{
	bool is_late = false, is_stuck = !blk->free;

	*is_busy = !list_is_empty(&blk->waiting);
	for (struct xen_blk_slot *slot = blk->slots; slot < blk->slots + ARRAY_SIZE(blk->slots); slot++) {
		*is_busy |= slot->op != NULL;
		if (!slot->op || slot->lost)
			continue;
		is_stuck = false;
		is_late |= slot->is_old;
		slot->is_old = true;
	}
	is_stuck |= !blk->connected;
	is_late |= is_stuck && blk->is_stuck && !list_is_empty(&blk->waiting);
	blk->is_stuck = is_stuck;
	return is_late;
}

/* Gives up the backend until it connects again. */
static void give_up(struct xen_blk *blk)
{
	blk->refused = true;
	if (blk->connected) {
		blk->connected = false;
		frontend_renew(&blk->front, "a request is not answered in time");
		return;
	}
	log_error("away_s=%u given_up=true", CONFIG_XEN_STORE_TIMEOUT_SECONDS);
	xen_blk_fail_waiting(blk);
}

/* An event may have been lost: responses in the ring are handled before the age of requests is judged. */
static void on_time(struct timer *t)
{
	struct xen_blk *blk = container_of(t, struct xen_blk, patience);
	bool is_late, is_busy;

	if (blk->connected)
		xen_blk_reap(blk);
	xen_blk_take_back(blk, false);
	is_late = look_for_late(blk, &is_busy);
	if (is_late && !blk->refused)
		give_up(blk);
	if (!is_busy)
		return;
	poller_mark(&blk->events);
	xen_blk_be_patient(blk);
}

static void xen_blk_patience_init(struct xen_blk *blk)
{
	timer_init(&blk->patience, on_time);
}

/* -- the two halves -- */

static bool disconnect(struct frontend *f)
{
	struct xen_blk *blk = container_of(f, struct xen_blk, front);

	blk->connected = false;
	if (blk->port)
		event_close(blk->port);
	blk->port = 0;
	xen_blk_take_back(blk, true);
	xen_ring_destroy(&blk->ring);
	return !blk->ring.page;
}

static int offer(struct frontend *f)
{
	struct xen_blk *blk = container_of(f, struct xen_blk, front);
	int error;

	xen_blk_take_back(blk, true);
	error = xen_ring_create(&blk->ring, f->backend_id, sizeof(struct blkif_request),
	                        sizeof(struct blkif_response));
	if (!error)
		error = event_offer(f->backend_id, &blk->events, &blk->port);
	if (error) {
		blk->refused |= error != -EBUSY;
		return error;
	}
	frontend_key(f, "ring-ref", blk->ring.ref);
	frontend_key(f, "event-channel", blk->port);
	frontend_key_text(f, "protocol", XEN_IO_PROTO_ABI_NATIVE);
	return 0;
}

/* Takes over the backend's description of the disk, which must not change when the backend comes back. Gives
 * an error text, or NULL. */
static const char *describe(struct xen_blk *blk)
{
	const uint64_t *values = blk->front.values, size = values[SECTOR_SIZE];
	uint32_t sector_bytes = size <= XEN_BLK_WIRE_BYTES ? XEN_BLK_WIRE_BYTES : SECTOR_LARGE;
	uint64_t sectors = values[SECTORS] / (sector_bytes / XEN_BLK_WIRE_BYTES);
	uint32_t features = values[INFO] & VDISK_READONLY ? BLKDEV_READ_ONLY : 0;

	if (size && (size < XEN_BLK_WIRE_BYTES || sector_bytes % size))
		return "blocks of neither 512 bytes nor a part of 4096";
	if (!sectors)
		return "a capacity that is none";
	if (blk->dev.sectors && (blk->dev.sectors != sectors || blk->dev.sector_bytes != sector_bytes))
		return "another disk than before";
	if (!IS_ENABLED(CONFIG_BLOCK_WRITE))
		features = BLKDEV_READ_ONLY;
	else if (values[FLUSH])
		features |= BLKDEV_CACHES;
	if (values[DISCARD] && !(features & BLKDEV_READ_ONLY))
		features |= BLKDEV_DISCARDS;
	blk->dev.sectors = sectors;
	blk->dev.sector_bytes = sector_bytes;
	blk->dev.features = features;
	return NULL;
}

/* Gives each slot a page for indirect segments if the backend takes more of them than fit into a ring
 * entry. */
static void choose_segments(struct xen_blk *blk)
{
	uint64_t most = MIN(blk->front.values[INDIRECT], (uint64_t)CONFIG_XEN_BLK_SEGMENTS);

	blk->segments = most > XEN_BLK_DIRECT ? (uint32_t)most : XEN_BLK_DIRECT;
	for (size_t i = 0; i < ARRAY_SIZE(blk->slots); i++) {
		struct xen_blk_slot *slot = &blk->slots[i];

		if (most > XEN_BLK_DIRECT && !slot->indirect)
			slot->indirect = page_alloc(1, true);
	}
	if (!blk->dev.slices_max) {
		blk->dev.slices_max = blk->segments;
		blk->dev.sectors_max = blk->segments * PAGE_BYTES / blk->dev.sector_bytes;
	}
}

static int connect(struct frontend *f)
{
	struct xen_blk *blk = container_of(f, struct xen_blk, front);
	const char *wrong;

	if (!xen_ring_is_mapped(&blk->ring))
		return -EBUSY;
	wrong = describe(blk);
	if (wrong) {
		log_error("refused=\"%s\"", wrong);
		blk->refused = true;
		return -ENOTSUP;
	}
	choose_segments(blk);
	blk->refused = blk->is_stuck = false;
	blk->connected = true;
	xen_blk_be_patient(blk);
	poller_mark(&blk->events);
	return 0;
}

static const struct frontend_kind kind = {
	.folder = "device/vbd", .names = names, .offered = XenbusStateInitialised, .has_number = true,
	.offer = offer, .connect = connect, .disconnect = disconnect,
};
static const struct blkdev_ops ops = { xen_blk_submit };

/* On failure nothing is freed: the image ends. */
int xen_blk_create(struct blkdev **out)
{
	struct xen_blk *blk = instance_alloc(sizeof(*blk));
	int error = blk ? store_init() : -ENOMEM;

	if (!error)
		error = grant_init();
	if (!error) {
		xen_blk_requests_init(blk);
		xen_blk_patience_init(blk);
		blk->dev.ops = &ops;
		frontend_start(&blk->front, &kind);
		error = frontend_wait(&blk->front);
	}
	if (error) {
		log_error("error=%d", -error);
		return error;
	}
	*out = &blk->dev;
	return 0;
}
