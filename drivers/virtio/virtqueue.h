/* SPDX-License-Identifier: ISC */
/* Split rings (virtio 1.2 §2.7). A request is a chain of descriptors: memory that the device reads, then
 * memory that it writes. The used ring is checked against a record of our own: the device can end a request
 * early or write wrong bytes, but not make us follow a wrong index or address.
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

/* Our record of each descriptor; the ring's table is only written, never read. */
struct virtqueue_slot {
	void *token;       /* of a chain's first */
	uint32_t in_bytes; /* likewise */
	uint16_t count;    /* likewise; 0: no chain begins here */
	uint16_t next;     /* in the chain, or in the free list */
};

/* How a driver learns of used requests. Interrupts stay off as long as each look finds some: they cost exits
 * to the hypervisor, and where a request is done more will soon be. */
enum virtqueue_watch {
	VIRTQUEUE_LOOKING, /* interrupts are off: the next look comes in the next turn */
	VIRTQUEUE_ASKED,   /* they are on, but the last look is still to come */
	VIRTQUEUE_WAITING, /* that look found nothing: only an interrupt brings the next one */
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
	uint16_t pending;               /* chains that the device has */
	uint16_t avail_index, used_index;
	uint16_t kicked_index; /* avail_index at the last notification, or when twice none was wanted */
	uint16_t looked_index; /* avail_index when its suppression was last read */
	uint16_t head, missing; /* of the chain being built: its first descriptor, and how many are to follow */
	uint8_t watch; /* enum virtqueue_watch */
};

/* Makes queue index of dev with as many descriptors as the device allows, a power of two of at most size. 0,
 * -ENODEV, -ENOMEM. */
int virtqueue_create(struct virtqueue *q, struct virtio_device *dev, uint16_t index, uint16_t size);
/* To be called after the device's reset; tokens are dropped. */
void virtqueue_destroy(struct virtqueue *q);

/* Begins a chain of count descriptors, which must follow. 0, -ENOBUFS: too few are free now, -EMSGSIZE: the
 * ring has not as many. */
int virtqueue_begin(struct virtqueue *q, uint16_t count);
void virtqueue_out(struct virtqueue *q, const void *data, uint32_t bytes);
void virtqueue_in(struct virtqueue *q, void *data, uint32_t bytes);
void virtqueue_commit(struct virtqueue *q, void *token); /* token is not NULL */

/* Notifies the device of committed chains, if it wants that. true: it seems not to, and this is to be called
 * once more in the next turn of the loop. */
bool virtqueue_kick(struct virtqueue *q);
/* Takes the next used request; *written is the bytes that the device wrote, at most those that it was given.
 * NULL: there is none, or the device was caught breaking the protocol. */
void *virtqueue_take(struct virtqueue *q, uint32_t *written);

/* Asks for an interrupt when the next request is used. false: one is used already, and no interrupt may come.
 * A caller that is to sleep until then looks once more in the next turn. */
bool virtqueue_interrupt_next(struct virtqueue *q);
void virtqueue_interrupt_never(struct virtqueue *q);
/* Changes q's watch after a look that has found requests, or none. */
void virtqueue_watch(struct virtqueue *q, bool found);

#endif
