/* SPDX-License-Identifier: ISC */
/* The disk's connection (Xen's public/io/blkif.h): the keys that both halves write, and the backend's
 * description of the disk. */
#define LOG_TAG "xen-blk"
#include "drivers/xen/blk.h"
#include "drivers/xen/event.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/xen.h"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <errno.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

#define SECTOR_LARGE 4096

enum { STATE, SECTORS, SECTOR_SIZE, INFO, FLUSH, DISCARD, INDIRECT };
static const char *const names[] = {
	[STATE] = "state", [SECTORS] = "sectors", [SECTOR_SIZE] = "sector-size", [INFO] = "info",
	[FLUSH] = "feature-flush-cache", [DISCARD] = "feature-discard",
	[INDIRECT] = "feature-max-indirect-segments", NULL,
};

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
