/* SPDX-License-Identifier: ISC */
/* Split rings (virtio 1.2 §2.7). A request is a chain of descriptors: memory that the device reads,
 * then memory that it writes. What the device says is checked against a record of our own: it can
 * end a request early or lie about its bytes' content, but not point us anywhere.
 *
 *   virtqueue_begin(q, 2) → virtqueue_out(q, …) → virtqueue_in(q, …) → virtqueue_commit(q, token)
 *   virtqueue_kick(q)                       once for many
 *   token = virtqueue_take(q, &written)     until NULL */
#ifndef DRIVERS_VIRTIO_VIRTQUEUE_H
#define DRIVERS_VIRTIO_VIRTQUEUE_H

#include "drivers/virtio/virtio.h"

struct virtq_desc {
	uint64_t address;
	uint32_t bytes;
	uint16_t flags, next;
};
static_assert(sizeof(struct virtq_desc) == 16, "§2.7.5");

struct virtq_avail {
	uint16_t flags, index, ring[];
};
static_assert(sizeof(struct virtq_avail) == 4, "§2.7.6");

struct virtq_used {
	uint16_t flags, index;
	struct virtq_used_entry {
		uint32_t id, bytes;
	} ring[];
};
static_assert(sizeof(struct virtq_used) == 4 && sizeof(struct virtq_used_entry) == 8, "§2.7.8");

/* What we know of each descriptor; the ring itself is only written. */
struct virtqueue_slot {
	void *token;       /* of a chain's first */
	uint32_t in_bytes; /* likewise */
	uint16_t count;    /* likewise; 0: no chain begins here */
	uint16_t next;     /* in the chain, or in the free list */
};

/* How a driver learns of what the device is done with. Interrupts stay off while each look finds
 * something: they cost exits to the hypervisor, and where something is done now more will soon be. */
enum virtqueue_watch {
	VIRTQUEUE_LOOKING, /* no interrupt is asked for: the next look comes in the next turn */
	VIRTQUEUE_ASKED,   /* one is, but the last look is still to come */
	VIRTQUEUE_WAITING, /* nothing was there: only an interrupt brings the next look */
};

struct virtqueue {
	struct virtio_device *dev;
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	struct virtqueue_slot *slots;
	volatile void *notify;
	uint16_t index, size;
	uint16_t free_head, free_count; /* descriptors */
	uint16_t pending;               /* chains with the device */
	uint16_t avail_index, used_index;
	uint16_t kicked_index; /* avail_index when the device had last been told, or asked twice */
	uint16_t looked_index; /* avail_index when it was last asked */
	uint16_t head, missing; /* of the chain being built: its first, and how many are still to follow */
	uint8_t watch; /* enum virtqueue_watch */
};

/* Makes queue index of dev with the most descriptors that are a power of two up to size. 0, -ENODEV,
 * -ENOMEM. */
int virtqueue_create(struct virtqueue *q, struct virtio_device *dev, uint16_t index, uint16_t size);
/* Of a device that has been reset: the tokens are forgotten. */
void virtqueue_destroy(struct virtqueue *q);

/* Begins a chain of count descriptors, which must follow. 0, -ENOBUFS when there are not as many now,
 * -EMSGSIZE when there never will be. */
int virtqueue_begin(struct virtqueue *q, uint16_t count);
void virtqueue_out(struct virtqueue *q, const void *data, uint32_t bytes);
void virtqueue_in(struct virtqueue *q, void *data, uint32_t bytes);
void virtqueue_commit(struct virtqueue *q, void *token); /* token is not NULL */

/* Tells the device of what was committed, when it wants to know. True when it does not seem to: then
 * this is to be called once more in the next turn of the loop. */
bool virtqueue_kick(struct virtqueue *q);
/* The next request that the device is done with, and how many bytes it wrote, at most those that
 * it was given. NULL when there is none, or when the device was caught and broken. */
void *virtqueue_take(struct virtqueue *q, uint32_t *written);

/* Asks for an interrupt once another request is done. False when one is already: then none may come.
 * Whoever is to sleep until it comes looks once more in the next turn. */
bool virtqueue_interrupt_next(struct virtqueue *q);
void virtqueue_interrupt_never(struct virtqueue *q);
/* Where q's watch goes after a look at it that has found something, or nothing. */
void virtqueue_watch(struct virtqueue *q, bool found);

#endif
