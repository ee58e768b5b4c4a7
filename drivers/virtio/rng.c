/* SPDX-License-Identifier: ISC */
/* The entropy device (virtio 1.2 §5.4), for machines whose CPU has no source of its own. It is used once, at
 * boot: set up, polled with patience, and reset. */
#define LOG_TAG "virtio-rng"
#include "drivers/virtio/virtqueue.h"
#include "kernel/dev/clock.h"
#include "kernel/log.h"

#include <errno.h>
#include <string.h>

#define BYTES_MAX 64

/* The device may write until it has been reset, so this is not on the stack. */
static uint8_t pool[BYTES_MAX];

static int ask(struct virtqueue *q, uint8_t *to, size_t n, uint64_t deadline_ns)
{
	uint32_t written;

	if (virtqueue_begin(q, 1) < 0)
		return -ENODEV;
	virtqueue_in(q, pool, (uint32_t)n);
	virtqueue_commit(q, pool);
	do {
		virtqueue_kick(q);
		if (q->dev->broken || clock_now_ns() > deadline_ns)
			return -ENODEV;
	} while (!virtqueue_take(q, &written));
	memcpy(to, pool, written);
	return written ? (int)written : -ENODEV; /* 0 would have the caller ask for ever */
}

int virtio_rng_read(void *to, size_t n)
{
	uint64_t deadline_ns = clock_now_ns() + NS_PER_S;
	struct virtio_device dev;
	struct virtqueue q;
	int got = 0;

	if (n > sizeof(pool) || virtio_find(&dev, VIRTIO_TYPE_RNG) < 0 || virtio_begin(&dev, 0) < 0)
		return -ENODEV;
	if (virtqueue_create(&q, &dev, 0, 2) < 0)
		return -ENODEV;
	virtqueue_interrupt_never(&q);
	virtio_start(&dev);
	for (size_t have = 0; have < n && got >= 0; have += (size_t)got)
		got = ask(&q, (uint8_t *)to + have, n - have, deadline_ns);
	if (virtio_reset(&dev))
		virtqueue_destroy(&q);
	memset(pool, 0, sizeof(pool));
	if (got < 0)
		log_error("error=\"the device does not answer\"");
	return got < 0 ? -ENODEV : 0;
}
