/* SPDX-License-Identifier: ISC */
/* Split rings (virtio 1.2 §2.7). Invariants: each descriptor is in the free list, in a chain that the device
 * has, or in the one being built; the links of all three are in slots, out of the device's reach. Indirect
 * descriptors are not used: a ring of twice the size takes the same memory as tables for half of it would,
 * and spares the device a mapping per packet.
 *
 * An emulator of a single CPU may drop our fences though its devices run in parallel (QEMU before 8 does,
 * under TCG). Our write may still be on its way when the device's suppression flag or event index is read, so
 * that is read twice, a turn of the loop apart: see virtqueue_kick and virtqueue_interrupt_next. */
#include "drivers/virtio/virtqueue.h"
#include "arch/arch.h"
#include "kernel/page.h"

#include <errno.h>

#define DESC_NEXT 1
#define DESC_WRITE 2
#define AVAIL_NO_INTERRUPT 1
#define USED_NO_NOTIFY 1

/* In both rings and in slots. */
#define DESCRIPTOR_BYTES (sizeof(struct virtq_desc) + sizeof(struct virtqueue_slot) + sizeof(uint16_t) + \
                          sizeof(struct virtq_used_entry))
LIMIT_BYTES(VIRTIO_NET_RX_RING, DESCRIPTOR_BYTES, 42);
LIMIT_BYTES(VIRTIO_NET_TX_RING, DESCRIPTOR_BYTES, 42);
LIMIT_BYTES(VIRTIO_BLK_RING, DESCRIPTOR_BYTES, 42);

static size_t ring_bytes(uint16_t size)
{
	/* Rings end with an event index; used is aligned to 4. */
	return size * sizeof(struct virtq_desc) + size * sizeof(struct virtqueue_slot) +
	       ALIGN_UP(sizeof(struct virtq_avail) + size * 2 + 2, 4) + sizeof(struct virtq_used) +
	       size * sizeof(struct virtq_used_entry) + 2;
}

static size_t ring_pages(uint16_t size)
{
	return ALIGN_UP(ring_bytes(size), PAGE_BYTES) / PAGE_BYTES;
}

int virtqueue_create(struct virtqueue *q, struct virtio_device *dev, uint16_t index, uint16_t size)
{
	uint16_t max = dev->transport->queue_max(dev, index);

	size = MIN(size, max);
	while (size & (size - 1)) /* to a power of two (§2.7) */
		size &= size - 1;
	if (size < 2)
		return -ENODEV;
	*q = (struct virtqueue){ .dev = dev, .index = index, .size = size, .free_count = size };
	q->desc = page_alloc(ring_pages(size), true);
	if (!q->desc)
		return -ENOMEM;
	q->slots = (struct virtqueue_slot *)(q->desc + size);
	q->avail = (struct virtq_avail *)(q->slots + size);
	q->used = (struct virtq_used *)ALIGN_UP((uintptr_t)&q->avail->ring[size + 1], 4);
	for (uint16_t i = 0; i < size; i++)
		q->slots[i].next = i + 1;
	q->notify = dev->transport->queue_start(dev, index, size, q->desc, q->avail, q->used);
	if (!q->notify) {
		virtqueue_destroy(q);
		return -ENODEV;
	}
	return 0;
}

void virtqueue_destroy(struct virtqueue *q)
{
	page_free(q->desc, ring_pages(q->size));
	q->desc = NULL;
}

int virtqueue_begin(struct virtqueue *q, uint16_t count)
{
	if (count > q->size)
		return -EMSGSIZE;
	if (count > q->free_count)
		return -ENOBUFS;
	q->head = q->free_head;
	q->slots[q->head].count = q->missing = count;
	q->slots[q->head].in_bytes = 0;
	q->free_count -= count;
	return 0;
}

static void add(struct virtqueue *q, const void *data, uint32_t bytes, uint16_t flags)
{
	struct virtq_desc *desc = &q->desc[q->free_head];

	q->free_head = q->slots[q->free_head].next;
	desc->bytes = bytes;
	desc->flags = --q->missing ? flags | DESC_NEXT : flags;
	desc->next = q->free_head;
	desc->address = arch_device_address(data);
}

void virtqueue_out(struct virtqueue *q, const void *data, uint32_t bytes)
{
	add(q, data, bytes, 0);
}

void virtqueue_in(struct virtqueue *q, void *data, uint32_t bytes)
{
	add(q, data, bytes, DESC_WRITE);
	q->slots[q->head].in_bytes += bytes;
}

void virtqueue_commit(struct virtqueue *q, void *token)
{
	assert_debug(!q->missing);
	q->slots[q->head].token = token;
	q->avail->ring[q->avail_index & (q->size - 1)] = q->head;
	__atomic_store_n(&q->avail->index, ++q->avail_index, __ATOMIC_RELEASE);
	q->pending++;
}

static bool has_event_index(const struct virtqueue *q)
{
	return q->dev->accepted & VIRTIO_F_EVENT_IDX;
}

/* Has an index that went from before to now passed event? (§2.7.7.2) */
static bool has_passed(uint16_t event, uint16_t before, uint16_t now)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

static bool wants_notice(const struct virtqueue *q)
{
	const volatile uint16_t *avail_event = (const volatile uint16_t *)&q->used->ring[q->size];

	if (has_event_index(q))
		return has_passed(*avail_event, q->kicked_index, q->avail_index);
	return !(*(volatile uint16_t *)&q->used->flags & USED_NO_NOTIFY);
}

bool virtqueue_kick(struct virtqueue *q)
{
	bool again = q->looked_index != q->avail_index;

	if (q->kicked_index == q->avail_index || q->dev->broken)
		return false;
	/* The index must be visible before the device's suppression is read. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	q->looked_index = q->avail_index;
	if (wants_notice(q))
		q->dev->transport->notify(q->notify, q->index);
	else if (again)
		return true;
	q->kicked_index = q->avail_index;
	return false;
}

static void free_chain(struct virtqueue *q, uint16_t head)
{
	struct virtqueue_slot *first = &q->slots[head];
	uint16_t last = head;

	for (uint16_t i = 1; i < first->count; i++)
		last = q->slots[last].next;
	q->slots[last].next = q->free_head;
	q->free_head = head;
	q->free_count += first->count;
	first->count = 0;
	q->pending--;
}

void *virtqueue_take(struct virtqueue *q, uint32_t *written)
{
	uint16_t done = __atomic_load_n(&q->used->index, __ATOMIC_ACQUIRE) - q->used_index;
	const volatile struct virtq_used_entry *entry = &q->used->ring[q->used_index & (q->size - 1)];
	struct virtqueue_slot *slot;
	uint32_t id, bytes;

	if (!done || q->dev->broken)
		return NULL;
	id = entry->id;
	bytes = entry->bytes;
	if (done > q->pending) {
		virtio_break(q->dev, "more requests done than were made");
		return NULL;
	}
	if (id >= q->size || !q->slots[id].count) {
		virtio_break(q->dev, "a request done that was not made");
		return NULL;
	}
	slot = &q->slots[id];
	if (bytes > slot->in_bytes) {
		virtio_break(q->dev, "more bytes written than there was room for");
		return NULL;
	}
	q->used_index++;
	free_chain(q, (uint16_t)id);
	*written = bytes;
	return slot->token;
}

bool virtqueue_interrupt_next(struct virtqueue *q)
{
	if (has_event_index(q))
		*(volatile uint16_t *)&q->avail->ring[q->size] = q->used_index;
	else
		*(volatile uint16_t *)&q->avail->flags = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->used->index, __ATOMIC_RELAXED) == q->used_index;
}

/* With event indices ours simply stays behind, where the device has passed it. */
void virtqueue_interrupt_never(struct virtqueue *q)
{
	if (!has_event_index(q))
		*(volatile uint16_t *)&q->avail->flags = AVAIL_NO_INTERRUPT;
}

void virtqueue_watch(struct virtqueue *q, bool found)
{
	if (found) {
		virtqueue_interrupt_never(q);
		q->watch = VIRTQUEUE_LOOKING;
	} else if (q->watch == VIRTQUEUE_ASKED) {
		q->watch = VIRTQUEUE_WAITING;
	} else {
		q->watch = virtqueue_interrupt_next(q) ? VIRTQUEUE_ASKED : VIRTQUEUE_LOOKING;
	}
}
