/* SPDX-License-Identifier: ISC */
/* The device's side of the ring, written from the specification and not from the driver: it reads only
 * what the driver has published. */
#include "tests/unit/drivers/virtio/device.h"

#include <errno.h>
#include <string.h>

#include "tests/lib/test.h"

#define NOT_NOTIFIED UINT32_MAX

struct device device;

static uint64_t features(struct virtio_device *dev)
{
	(void)dev;
	return device.offered;
}

static void set_features(struct virtio_device *dev, uint64_t accepted)
{
	(void)dev;
	cr_assert_eq(accepted & ~device.offered, 0, "accepted what was not offered");
	device.accepted = accepted;
}

static uint8_t status(struct virtio_device *dev)
{
	(void)dev;
	if (device.resetting && --device.resetting == 0)
		device.status = 0;
	return device.status;
}

static void set_status(struct virtio_device *dev, uint8_t value)
{
	(void)dev;
	device.resetting = value ? 0 : device.reset_reads;
	if (!device.resetting)
		device.status = value;
}

static uint16_t queue_max(struct virtio_device *dev, uint16_t index)
{
	(void)dev;
	return index < DEVICE_QUEUES ? device.queue_max : 0;
}

static volatile void *queue_start(struct virtio_device *dev, uint16_t index, uint16_t size, const void *desc,
                                  const void *avail, const void *used)
{
	struct device_queue *q = &device.queues[index];

	(void)dev;
	cr_assert(size && (size & (size - 1)) == 0 && size <= device.queue_max);
	cr_assert((uintptr_t)desc % 16 == 0 && (uintptr_t)avail % 2 == 0 && (uintptr_t)used % 4 == 0,
	          "alignment");
	*q = (struct device_queue){ .desc = desc, .size = size, .notify = NOT_NOTIFIED };
	q->avail = (void *)(uintptr_t)avail;
	q->used = (void *)(uintptr_t)used;
	q->used->flags = device.wants_nothing;
	return &q->notify;
}

static void notify(volatile void *at, uint16_t index)
{
	*(volatile uint32_t *)at = index;
	if (device.on_notify)
		device.on_notify(index);
}

static int attach(struct virtio_device *dev, struct poller *p)
{
	(void)dev;
	device.poller = p;
	return 0;
}

static void acknowledge(struct virtio_device *dev)
{
	dev->changed |= device.changed;
	device.line = device.changed = false;
	device.acknowledged++;
	if (device.on_acknowledge)
		device.on_acknowledge();
}

static const struct virtio_transport transport = {
	features, set_features, status, set_status, queue_max, queue_start, notify, attach, acknowledge,
};

void device_reset(uint64_t offered)
{
	device = (struct device){ .offered = offered, .queue_max = 256 };
}

void device_attach(struct virtio_device *dev)
{
	dev->transport = &transport;
	dev->config = device.config;
	dev->config_bytes = sizeof(device.config);
	dev->name = "fake";
}

/* Replaces the buses. */
int virtio_mmio_find(struct virtio_device *dev, enum virtio_type type)
{
	(void)type;
	device_attach(dev);
	return 0;
}

int virtio_pci_find(struct virtio_device *dev, enum virtio_type type)
{
	(void)dev, (void)type;
	return -ENODEV;
}

bool device_next(unsigned queue, struct device_request *r)
{
	struct device_queue *q = &device.queues[queue];
	uint16_t at, count = 0;

	if (q->seen == q->avail->index)
		return false;
	*r = (struct device_request){ .id = q->avail->ring[q->seen++ % q->size] };
	for (at = r->id;; at = q->desc[at].next) {
		cr_assert(at < q->size && count < DEVICE_PARTS, "chain without end");
		cr_assert(!(q->desc[at].flags & ~3), "unknown flags");
		r->parts[count].data = (uint8_t *)(uintptr_t)q->desc[at].address;
		r->parts[count++].bytes = q->desc[at].bytes;
		if (q->desc[at].flags & 2)
			r->in++;
		else
			r->out++;
		cr_assert(q->desc[at].flags & 2 || !r->in, "readable after writable");
		if (!(q->desc[at].flags & 1))
			break;
	}
	/* Asks for a notification of the very next buffer. */
	*(uint16_t *)&q->used->ring[q->size] = q->seen;
	return true;
}

void device_done(unsigned queue, uint32_t id, uint32_t bytes)
{
	struct device_queue *q = &device.queues[queue];

	q->used->ring[q->done++ % q->size] = (struct virtq_used_entry){ id, bytes };
	q->used->index = q->done;
}

void device_interrupt(void)
{
	if (!device.line)
		poller_mark(device.poller);
	device.line = true;
}

void device_change(void)
{
	device.changed = true;
	device_interrupt();
}

bool device_was_notified(unsigned queue)
{
	bool was = device.queues[queue].notify == queue;

	cr_assert(was || device.queues[queue].notify == NOT_NOTIFIED, "notified of another queue");
	device.queues[queue].notify = NOT_NOTIFIED;
	return was;
}

bool device_wants_interrupt(unsigned queue, uint16_t before)
{
	struct device_queue *q = &device.queues[queue];

	if (!(device.accepted & VIRTIO_F_EVENT_IDX))
		return !(q->avail->flags & 1);
	return (uint16_t)(q->done - q->avail->ring[q->size] - 1) < (uint16_t)(q->done - before);
}
