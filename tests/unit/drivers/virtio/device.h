/* SPDX-License-Identifier: ISC */
/* A virtio device in memory, for tests: it is found as the only one, and acts on a test's orders, even
 * against the specification. */
#ifndef TESTS_UNIT_DRIVERS_VIRTIO_DEVICE_H
#define TESTS_UNIT_DRIVERS_VIRTIO_DEVICE_H

#include "drivers/virtio/virtqueue.h"

#define DEVICE_QUEUES 2
#define DEVICE_PARTS 32

struct device {
	uint64_t offered, accepted;
	uint8_t status;
	uint16_t queue_max;
	bool wants_nothing;   /* no notification, at first */
	unsigned reset_reads; /* of the status, that a reset takes */
	unsigned resetting;   /* that this one still takes */
	uint8_t config[64];
	bool line, changed; /* the interrupt line, up until acknowledged; its reason is the configuration */
	unsigned acknowledged;
	void (*on_acknowledge)(void); /* right after it */
	void (*on_notify)(uint16_t queue);
	struct device_queue {
		const struct virtq_desc *desc;
		struct virtq_avail *avail;
		struct virtq_used *used;
		uint16_t size, seen, done; /* indices */
		uint32_t notify;           /* what was written last */
	} queues[DEVICE_QUEUES];
	struct poller *poller;
};
extern struct device device;

/* Resets the device, which then offers these features. */
void device_reset(uint64_t offered);
/* Makes dev the driver's side of it, without queues. */
void device_attach(struct virtio_device *dev);

/* A request as the device finds it: its parts, out then in. */
struct device_request {
	uint16_t id;
	unsigned out, in;
	struct {
		uint8_t *data;
		uint32_t bytes;
	} parts[DEVICE_PARTS];
};
/* The next request of a queue; false when there is none. */
bool device_next(unsigned queue, struct device_request *r);
/* Reports a request as done, without any check. */
void device_done(unsigned queue, uint32_t id, uint32_t bytes);
/* Raises the interrupt line, whose edge counts; also if the driver does not want it, which is only a hint. */
void device_interrupt(void);
/* The same for a change of configuration or status. */
void device_change(void);
/* Was the queue notified since the last time asked? */
bool device_was_notified(unsigned queue);
/* Would an interrupt be due, by the driver's event index, for requests done since before? */
bool device_wants_interrupt(unsigned queue, uint16_t before);

#endif
