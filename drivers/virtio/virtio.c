/* SPDX-License-Identifier: ISC */
/* Common to all virtio devices: feature negotiation, and reset. */
#define LOG_TAG "virtio"
#include "drivers/virtio/virtio.h"
#include "kernel/log.h"

#include <errno.h>

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64, FAILED = 128 };

#define RESET_READS 1000000

/* The reset is complete when the status reads 0 (§2.4.2, §4.1.4.3.2); the number of reads is limited. */
bool virtio_reset(struct virtio_device *dev)
{
	dev->transport->set_status(dev, 0);
	for (unsigned i = 0; i < RESET_READS; i++)
		if (dev->transport->status(dev) == 0)
			return true;
	return false;
}

int virtio_begin(struct virtio_device *dev, uint64_t wanted)
{
	const struct virtio_transport *t = dev->transport;
	uint64_t offered;

	virtio_reset(dev);
	t->set_status(dev, ACKNOWLEDGE);
	t->set_status(dev, ACKNOWLEDGE | DRIVER);
	offered = t->features(dev);
	dev->accepted = offered & (wanted | VIRTIO_F_VERSION_1);
	if (offered & VIRTIO_F_VERSION_1) {
		t->set_features(dev, dev->accepted);
		t->set_status(dev, ACKNOWLEDGE | DRIVER | FEATURES_OK);
		if (t->status(dev) & FEATURES_OK)
			return 0;
	}
	t->set_status(dev, t->status(dev) | FAILED);
	log_error("device=%s refused=\"features 0x%llx\"", dev->name, (unsigned long long)offered);
	return -ENOTSUP;
}

void virtio_start(struct virtio_device *dev)
{
	dev->transport->set_status(dev, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

void virtio_break(struct virtio_device *dev, const char *how)
{
	if (dev->broken)
		return;
	dev->broken = true;
	virtio_reset(dev);
	log_error("device=%s reset=\"%s\"", dev->name, how);
}

bool virtio_needs_reset(struct virtio_device *dev)
{
	if (dev->transport->status(dev) & NEEDS_RESET)
		virtio_break(dev, "the device has met an error and asks for it");
	return dev->broken;
}
