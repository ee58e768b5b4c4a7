/* SPDX-License-Identifier: ISC */
/* The block device (virtio 1.2 §5.2). A request is a chain: its header, the caller's memory slice by slice, a
 * status byte. Several may be in flight; requests without room in the ring wait, and can be cancelled.
 * Sectors on the wire have 512 bytes, whatever the device's blocks have.
 *
 * A device that breaks the protocol, asks for a reset, or falls silent, is reset: all its requests fail with
 * -ENXIO. */
#define LOG_TAG "virtio-blk"
#include "drivers/virtio/virtqueue.h"
#include "kernel/dev/blkdev.h"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "kernel/timer.h"

#include <errno.h>

#define F_SIZE_MAX (UINT64_C(1) << 1)
#define F_SEG_MAX (UINT64_C(1) << 2)
#define F_RO (UINT64_C(1) << 5)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_FLUSH (UINT64_C(1) << 9)
#define F_CONFIG_WCE (UINT64_C(1) << 11)
#define F_DISCARD (UINT64_C(1) << 13)

/* Registers of the configuration (§5.2.4). */
enum {
	CONFIG_CAPACITY = 0, CONFIG_SIZE_MAX = 8, CONFIG_SEG_MAX = 12, CONFIG_BLK_SIZE = 20,
	CONFIG_WRITEBACK = 32, CONFIG_DISCARD_SECTORS = 36,
};
enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_FLUSH = 4, TYPE_DISCARD = 11 };
enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPP = 2, STATUS_NONE = 0xff };

#define WIRE_BYTES 512 /* of a sector on the wire */
#define SECTOR_LARGE 4096
#define REQUEST_BYTES_MAX (1u << 30)
#define CAPACITY_READS 16
#define CHAIN_PARTS 2 /* descriptors of a chain besides the data: header and status */

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};
static_assert(sizeof(struct header) == 16, "§5.2.6");

struct discard {
	uint64_t sector;
	uint32_t sectors, flags;
};
static_assert(sizeof(struct discard) == 16, "§5.2.6");

/* The state of a request in flight besides the caller's memory. */
struct slot {
	struct header header;
	struct discard discard;
	struct slot *next; /* free */
	struct blkdev_op *op;
	uint32_t discarded; /* sectors of the chains so far, this one included */
	uint8_t status;
	bool is_old;        /* in flight at the timer's last look */
};
LIMIT_BYTES(VIRTIO_BLK_REQUESTS, sizeof(struct slot), 56);

struct blk {
	struct blkdev dev; /* first */
	struct virtio_device virtio;
	struct virtqueue queue;
	struct poller events; /* looks at the used ring */
	struct poller kick;   /* the device is to be notified of requests */
	struct timer patience; /* runs while requests are in flight */
	struct list waiting;
	struct slot *free;
	uint32_t segment_bytes;   /* of one descriptor at most; a multiple of a sector */
	uint32_t discard_sectors; /* of one chain at most */
	uint32_t wire_sectors;    /* per sector of dev */
	struct slot slots[CONFIG_VIRTIO_BLK_REQUESTS];
};

/* -- to the device -- */

static uint32_t segments_of(const struct blk *blk, uint32_t bytes)
{
	return (bytes - 1) / blk->segment_bytes + 1;
}

/* Number of descriptors that op takes; choose_limits has seen to it that a ring has as many. */
static uint16_t parts_of(const struct blk *blk, const struct blkdev_op *op)
{
	uint32_t parts = CHAIN_PARTS + blkdev_is_kind(op, BLKDEV_DISCARD);

	for (uint32_t i = 0; i < op->count; i++)
		parts += segments_of(blk, op->slices[i].len);
	return (uint16_t)parts;
}

static void add_slices(struct blk *blk, const struct blkdev_op *op)
{
	for (uint32_t i = 0; i < op->count; i++) {
		uint8_t *data = op->slices[i].data;

		for (uint32_t left = op->slices[i].len, n; left; left -= n, data += n) {
			n = MIN(left, blk->segment_bytes);
			if (blkdev_is_read(op))
				virtqueue_in(&blk->queue, data, n);
			else
				virtqueue_out(&blk->queue, data, n);
		}
	}
}

static void add_discard(struct blk *blk, struct slot *slot)
{
	uint32_t left = slot->op->sectors - slot->discarded;

	slot->discard = (struct discard){
		.sector = (slot->op->sector + slot->discarded) * blk->wire_sectors,
		.sectors = MIN(left, blk->discard_sectors) * blk->wire_sectors,
	};
	slot->discarded += MIN(left, blk->discard_sectors);
	virtqueue_out(&blk->queue, &slot->discard, sizeof(slot->discard));
}

static void be_patient(struct blk *blk)
{
	timer_start_in(&blk->patience, CONFIG_VIRTIO_BLK_TIMEOUT_MS * NS_PER_MS);
}

/* To be called after virtqueue_begin, for all descriptors of the request. */
static void commit(struct blk *blk, struct slot *slot)
{
	static const uint8_t types[] = {
		[BLKDEV_WRITE] = TYPE_OUT, [BLKDEV_FLUSH] = TYPE_FLUSH, [BLKDEV_DISCARD] = TYPE_DISCARD,
	};
	struct blkdev_op *op = slot->op;
	bool has_sector = blkdev_is_read(op) || op->kind == BLKDEV_WRITE;
	uint32_t type = blkdev_is_read(op) ? TYPE_IN : types[op->kind];

	slot->status = STATUS_NONE;
	slot->is_old = false;
	slot->header = (struct header){ type, 0, has_sector ? op->sector * blk->wire_sectors : 0 };
	virtqueue_out(&blk->queue, &slot->header, sizeof(slot->header));
	if (blkdev_is_kind(op, BLKDEV_DISCARD))
		add_discard(blk, slot);
	else
		add_slices(blk, op);
	virtqueue_in(&blk->queue, &slot->status, sizeof(slot->status));
	virtqueue_commit(&blk->queue, slot);
	poller_mark(&blk->kick);
	if (!timer_is_running(&blk->patience))
		be_patient(blk);
}

/* false: no slot, or too few descriptors, are free now. */
static bool start(struct blk *blk, struct blkdev_op *op)
{
	struct slot *slot = blk->free;

	if (!slot || virtqueue_begin(&blk->queue, parts_of(blk, op)) < 0)
		return false;
	blk->free = slot->next;
	slot->op = op;
	slot->discarded = 0;
	commit(blk, slot);
	return true;
}

static void start_waiting(struct blk *blk)
{
	while (!list_is_empty(&blk->waiting)) {
		struct blkdev_op *op = list_first(&blk->waiting, struct blkdev_op, link);

		if (!start(blk, op))
			return;
		list_remove(&op->link);
	}
}

static void submit(struct blkdev *dev, struct blkdev_op *op)
{
	struct blk *blk = container_of(dev, struct blk, dev);

	promise_init(&op->promise, blkdev_cancel);
	list_init(&op->link);
	if (blk->virtio.broken)
		blkdev_done(op, -ENXIO);
	else if (blkdev_is_kind(op, BLKDEV_FLUSH) && !(blk->virtio.accepted & F_FLUSH))
		blkdev_done(op, 0);
	else if (!list_is_empty(&blk->waiting) || !start(blk, op))
		list_push_back(&blk->waiting, &op->link);
}

/* -- from the device -- */

static void release(struct blk *blk, struct slot *slot, int error)
{
	struct blkdev_op *op = slot->op;

	slot->op = NULL;
	slot->next = blk->free;
	blk->free = slot;
	blkdev_done(op, error);
}

/* A read must have written the caller's memory as a whole: the rest would hold anything. The status byte is
 * not counted, for not all devices do (§2.7.8): the first of Cloud Hypervisor's did not. */
static void finish(struct blk *blk, struct slot *slot, uint32_t written)
{
	struct blkdev_op *op = slot->op;
	uint8_t status = *(volatile uint8_t *)&slot->status; /* once: the device may still write to it */

	if (status == STATUS_OK && blkdev_is_read(op) &&
	    written < op->sectors * blk->dev.sector_bytes) {
		virtio_break(&blk->virtio, "fewer bytes read than were asked for");
	} else if (status == STATUS_OK && blkdev_is_kind(op, BLKDEV_DISCARD) &&
	           slot->discarded < op->sectors && virtqueue_begin(&blk->queue, parts_of(blk, op)) == 0) {
		commit(blk, slot); /* in the last chain's descriptors */
	} else if (status <= STATUS_UNSUPP) {
		release(blk, slot, status == STATUS_OK ? 0 : status == STATUS_IOERR ? -EIO : -EOPNOTSUPP);
	} else {
		virtio_break(&blk->virtio, "a status that there is not");
	}
}

static void fail_all(struct blk *blk)
{
	struct list *item;

	for (size_t i = 0; i < ARRAY_SIZE(blk->slots); i++)
		if (blk->slots[i].op)
			release(blk, &blk->slots[i], -ENXIO);
	while ((item = list_pop_front(&blk->waiting)))
		blkdev_done(list_entry(item, struct blkdev_op, link), -ENXIO);
}

/* true: requests were handled, and there may be more. A device may complete the next chain of a discard as
 * soon as it gets it, so at most as many are handled as there are slots. */
static bool reap(struct blk *blk)
{
	struct slot *slot;
	uint32_t written;
	size_t count = 0;

	while (count < ARRAY_SIZE(blk->slots) && (slot = virtqueue_take(&blk->queue, &written))) {
		finish(blk, slot, written);
		count++;
	}
	return count > 0;
}

/* -- the loop -- */

static void kick(struct poller *p)
{
	struct blk *blk = container_of(p, struct blk, kick);

	if (virtqueue_kick(&blk->queue))
		poller_mark(p);
}

static void events(struct poller *p)
{
	struct blk *blk = container_of(p, struct blk, events);

	if (!blk->virtio.broken && blk->queue.watch == VIRTQUEUE_ASKED)
		blk->virtio.transport->acknowledge(&blk->virtio);
	if (!blk->virtio.broken && blk->virtio.changed) {
		blk->virtio.changed = false;
		virtio_needs_reset(&blk->virtio);
	}
	virtqueue_watch(&blk->queue, reap(blk));
	if (blk->virtio.broken) {
		fail_all(blk);
		return;
	}
	start_waiting(blk);
	if (blk->queue.watch != VIRTQUEUE_WAITING)
		poller_mark(p);
}

/* A request seen by two looks in a row has been in flight for the whole time between. */
static void on_time(struct timer *t)
{
	struct blk *blk = container_of(t, struct blk, patience);
	bool is_busy = false, is_late = false;

	poller_mark(&blk->events);
	reap(blk);
	for (struct slot *slot = blk->slots; slot < blk->slots + ARRAY_SIZE(blk->slots); slot++) {
		is_busy = is_busy || slot->op;
		is_late = is_late || (slot->op && slot->is_old);
		slot->is_old = true;
	}
	if (is_late)
		virtio_break(&blk->virtio, "a request is not answered in time");
	else if (is_busy)
		be_patient(blk);
}

/* -- the beginning -- */

static const struct blkdev_ops ops = { submit };

/* Reads a 32-bit register of the configuration; 0 where it has none. */
static uint32_t read_register(struct blk *blk, uint32_t at)
{
	if (blk->virtio.config_bytes < at + sizeof(uint32_t))
		return 0;
	return *(volatile uint32_t *)(blk->virtio.config + at);
}

/* In sectors on the wire. Read as two registers, which may change in between (§2.5.3). */
static uint64_t read_capacity(struct blk *blk)
{
	uint32_t high = read_register(blk, CONFIG_CAPACITY + 4), low, again;

	for (unsigned i = 0; i < CAPACITY_READS; i++, high = again) {
		low = read_register(blk, CONFIG_CAPACITY);
		again = read_register(blk, CONFIG_CAPACITY + 4);
		if (again == high)
			return (uint64_t)high << 32 | low;
	}
	return 0;
}

/* Chooses sectors of 512 or 4096 bytes. false: neither is a multiple of the device's blocks. */
static bool choose_sector(struct blk *blk)
{
	uint32_t block = blk->virtio.accepted & F_BLK_SIZE ? read_register(blk, CONFIG_BLK_SIZE) : WIRE_BYTES;

	blk->dev.sector_bytes = block == WIRE_BYTES ? WIRE_BYTES : SECTOR_LARGE;
	blk->wire_sectors = blk->dev.sector_bytes / WIRE_BYTES;
	return block >= WIRE_BYTES && blk->dev.sector_bytes % block == 0;
}

/* Chooses the limits of a request. A device that gives no number of segments may take only one, as
 * Firecracker's; if the size of segments is limited, slices get half of the segments, for they may be cut
 * into more. */
static bool choose_limits(struct blk *blk)
{
	const uint64_t accepted = blk->virtio.accepted;
	uint32_t segments = accepted & F_SEG_MAX ? read_register(blk, CONFIG_SEG_MAX) : 1;
	uint32_t size = accepted & F_SIZE_MAX ? read_register(blk, CONFIG_SIZE_MAX) : REQUEST_BYTES_MAX;
	uint64_t bytes = REQUEST_BYTES_MAX;

	segments = MIN(segments, blk->queue.size - (uint32_t)CHAIN_PARTS);
	blk->segment_bytes = MIN(size, REQUEST_BYTES_MAX) / blk->dev.sector_bytes * blk->dev.sector_bytes;
	if (blk->segment_bytes < REQUEST_BYTES_MAX) {
		bytes = MIN(bytes, (uint64_t)MAX(segments / 2, 1u) * blk->segment_bytes);
		segments = segments > 1 ? segments / 2 : segments;
	}
	blk->dev.slices_max = segments;
	blk->dev.sectors_max = (uint32_t)(bytes / blk->dev.sector_bytes);
	return segments && blk->segment_bytes;
}

static uint32_t choose_features(struct blk *blk)
{
	uint64_t accepted = blk->virtio.accepted;
	uint32_t features = accepted & F_RO ? BLKDEV_READ_ONLY : 0;
	bool writes_through = (accepted & F_CONFIG_WCE) && !(read_register(blk, CONFIG_WRITEBACK) & 0xff);

	if ((accepted & F_FLUSH) && !writes_through)
		features |= BLKDEV_CACHES;
	if (accepted & F_DISCARD)
		blk->discard_sectors = read_register(blk, CONFIG_DISCARD_SECTORS) / blk->wire_sectors;
	if (blk->discard_sectors && !(features & BLKDEV_READ_ONLY))
		features |= BLKDEV_DISCARDS;
	return features;
}

static int read_config(struct blk *blk)
{
	const char *wrong = NULL;
	uint64_t capacity = read_capacity(blk);

	if (!choose_sector(blk))
		wrong = "blocks of neither 512 bytes nor a part of 4096";
	else if (capacity < blk->wire_sectors || capacity > UINT64_MAX / WIRE_BYTES)
		wrong = "a capacity that is none";
	else if (!choose_limits(blk))
		wrong = "no room for a sector in a request";
	if (wrong) {
		log_error("refused=\"%s\"", wrong);
		return -ENOTSUP;
	}
	blk->dev.sectors = capacity / blk->wire_sectors;
	blk->dev.features = IS_ENABLED(CONFIG_BLOCK_WRITE) ? choose_features(blk) : BLKDEV_READ_ONLY;
	return 0;
}

static int make_queue(struct blk *blk)
{
	int error;

	poller_add(&blk->events, events);
	poller_add(&blk->kick, kick);
	timer_init(&blk->patience, on_time);
	error = blk->virtio.transport->attach(&blk->virtio, &blk->events);
	if (!error)
		error = virtqueue_create(&blk->queue, &blk->virtio, 0, CONFIG_VIRTIO_BLK_RING);
	list_init(&blk->waiting);
	for (size_t i = 0; i < ARRAY_SIZE(blk->slots); i++) {
		blk->slots[i].next = blk->free;
		blk->free = &blk->slots[i];
	}
	return error;
}

/* On failure nothing is freed: the image ends. */
int virtio_blk_create(struct blkdev **out)
{
	struct blk *blk = instance_alloc(sizeof(*blk));
	const uint64_t writing = IS_ENABLED(CONFIG_BLOCK_WRITE) ? F_FLUSH | F_CONFIG_WCE | F_DISCARD : 0;
	const uint64_t wanted = F_SIZE_MAX | F_SEG_MAX | F_RO | F_BLK_SIZE | VIRTIO_F_EVENT_IDX | writing;
	int error;

	if (!blk)
		return -ENOMEM;
	error = virtio_find(&blk->virtio, VIRTIO_TYPE_BLOCK);
	if (!error)
		error = virtio_begin(&blk->virtio, wanted);
	if (!error)
		error = make_queue(blk);
	if (!error)
		error = read_config(blk);
	if (error) {
		if (error != -ENOTSUP) /* logged already */
			log_error("refused=\"%s\"", error == -ENOMEM ? "out of memory: give the machine more" :
			          "no such device: add a virtio-blk device");
		return error;
	}
	blk->dev.ops = &ops;
	virtio_start(&blk->virtio);
	poller_mark(&blk->events); /* LOOKING */
	*out = &blk->dev;
	return 0;
}
