/* SPDX-License-Identifier: ISC */
/* Virtio over PCI (virtio 1.2 §4.1): modern devices, and transitional ones through their modern interface.
 * Interrupts are MSI-X, or the function's pin where no controller takes messages or it has no room for
 * them. */
#define LOG_TAG "virtio"
#include "drivers/pci/pci.h"
#include "drivers/irq/irq.h"
#include "drivers/virtio/virtio.h"
#include "kernel/log.h"

#include <errno.h>

#define VENDOR 0x1af4
#define TRANSITIONAL 0x1000
#define MODERN 0x1040
#define NO_VECTOR 0xffff
#define WINDOWS_MAX 16 /* limit, should the list be a ring */

enum { QUEUES_MESSAGE, CONFIG_MESSAGE, MESSAGES };
enum { COMMON_CONFIG = 1, NOTIFY_CONFIG = 2, ISR_STATUS = 3, DEVICE_CONFIG = 4 };
enum { ISR_CHANGED = 2 };

struct common {
	uint32_t feature_select, features, accepted_select, accepted;
	uint16_t config_vector, queues;
	uint8_t status, generation;
	uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_notify;
	uint32_t desc[2], avail[2], used[2];
};
static_assert(sizeof(struct common) == 56, "§4.1.4.3");

static volatile struct common *common(struct virtio_device *dev)
{
	return (volatile struct common *)dev->registers;
}

static uint64_t features(struct virtio_device *dev)
{
	uint64_t low;

	common(dev)->feature_select = 0;
	low = common(dev)->features;
	common(dev)->feature_select = 1;
	return low | (uint64_t)common(dev)->features << 32;
}

static void set_features(struct virtio_device *dev, uint64_t accepted)
{
	common(dev)->accepted_select = 0;
	common(dev)->accepted = (uint32_t)accepted;
	common(dev)->accepted_select = 1;
	common(dev)->accepted = (uint32_t)(accepted >> 32);
}

static uint8_t status(struct virtio_device *dev)
{
	return common(dev)->status;
}

static void set_status(struct virtio_device *dev, uint8_t value)
{
	common(dev)->status = value;
}

static uint16_t queue_max(struct virtio_device *dev, uint16_t index)
{
	if (index >= common(dev)->queues)
		return 0;
	common(dev)->queue_select = index;
	return common(dev)->queue_enable ? 0 : MIN(common(dev)->queue_size, (uint16_t)32768);
}

static void write_address(volatile uint32_t *to, const void *address)
{
	to[0] = (uint32_t)(uintptr_t)address;
	to[1] = (uint32_t)((uint64_t)(uintptr_t)address >> 32);
}

static volatile void *queue_start(struct virtio_device *dev, uint16_t index, uint16_t size, const void *desc,
                                  const void *avail, const void *used)
{
	volatile struct common *c = common(dev);
	uint64_t at;

	c->queue_select = index;
	c->queue_size = size;
	write_address(c->desc, desc);
	write_address(c->avail, avail);
	write_address(c->used, used);
	at = (uint64_t)c->queue_notify * dev->notify_step;
	if (at + sizeof(uint16_t) > dev->notify_bytes)
		return NULL;
	if (dev->owner) {
		c->queue_vector = QUEUES_MESSAGE;
		if (c->queue_vector == NO_VECTOR)
			return NULL;
	}
	c->queue_enable = 1;
	return dev->notify + at;
}

/* 16 bits: the window may be no larger (§4.1.4.4, §4.1.5.2). */
static void notify(volatile void *at, uint16_t index)
{
	*(volatile uint16_t *)at = index;
}

static void config_changed(struct poller *p)
{
	struct virtio_device *dev = container_of(p, struct virtio_device, change);

	dev->changed = true;
	poller_mark(dev->owner);
}

static int attach_message(struct virtio_device *dev, struct poller *p, unsigned which)
{
	volatile struct pci_message *message = &dev->messages[which];
	struct irq_message to;
	int error = irq_attach_message(dev->place, p, &to);

	if (error)
		return error;
	message->address = (uint32_t)to.address;
	message->address_high = (uint32_t)(to.address >> 32);
	message->data = to.data;
	message->masked = 0;
	return 0;
}

/* The line may be shared, and stays up until the ISR status is read (§4.1.4.5). */
static int attach_pin(struct virtio_device *dev, struct poller *p)
{
	int line = dev->isr ? pci_line(dev->place) : -ENODEV;

	if (line < 0)
		virtio_break(dev, "its interrupt goes nowhere");
	return line < 0 ? line : irq_attach_line((unsigned)line, p);
}

static int attach(struct virtio_device *dev, struct poller *p)
{
	int error;

	if (!dev->messages) {
		if (IS_ENABLED(CONFIG_PCI_PINS))
			return attach_pin(dev, p);
		log_error("device=%s refused=\"a device without MSI-X: add vectors=3\"", dev->name);
		return -ENODEV;
	}
	error = attach_message(dev, p, QUEUES_MESSAGE);
	if (!error)
		error = attach_message(dev, &dev->change, CONFIG_MESSAGE);
	if (error)
		return IS_ENABLED(CONFIG_PCI_PINS) ? attach_pin(dev, p) : error;
	pci_messages_on(dev->place);
	dev->owner = p;
	poller_add(&dev->change, config_changed);
	common(dev)->config_vector = CONFIG_MESSAGE;
	return common(dev)->config_vector == NO_VECTOR ? -ENOSPC : 0;
}

/* Messages need no acknowledgement; for a pin, reading the ISR status is one. */
static void acknowledge(struct virtio_device *dev)
{
	if (IS_ENABLED(CONFIG_PCI_PINS) && dev->isr && (*dev->isr & ISR_CHANGED))
		dev->changed = true;
}

static const struct virtio_transport transport = {
	features, set_features, status, set_status, queue_max, queue_start, notify, attach, acknowledge,
};

/* The bits that are zero in a window's offset. */
static uint32_t alignment_of(uint32_t kind)
{
	return kind == NOTIFY_CONFIG ? 1 : IS_ENABLED(CONFIG_PCI_PINS) && kind == ISR_STATUS ? 0 : 3;
}

/* Maps the windows that the device's capabilities describe (§4.1.4), the first one of each kind. */
static bool map_windows(struct virtio_device *dev, uint32_t function)
{
	uint32_t at = 0, bytes;

	for (unsigned i = 0; i < WINDOWS_MAX && (at = pci_capability(function, PCI_VENDOR_SPECIFIC, at)); i++) {
		uint32_t kind = pci_read(function, at) >> 24, bar = pci_read(function, at + 4) & 0xff;
		uint32_t offset = at < 0xf0 ? pci_read(function, at + 8) : 0;

		bytes = at < 0xf0 ? pci_read(function, at + 12) : 0;
		if (offset & alignment_of(kind))
			continue;
		if (kind == COMMON_CONFIG && !dev->registers && bytes >= sizeof(struct common)) {
			dev->registers = pci_map(function, bar, offset, bytes);
		} else if (kind == NOTIFY_CONFIG && !dev->notify && at < 0xec) {
			dev->notify = pci_map(function, bar, offset, bytes);
			dev->notify_bytes = bytes;
			dev->notify_step = pci_read(function, at + 16);
		} else if (IS_ENABLED(CONFIG_PCI_PINS) && kind == ISR_STATUS && !dev->isr) {
			dev->isr = pci_map(function, bar, offset, bytes);
		} else if (kind == DEVICE_CONFIG && !dev->config) {
			dev->config = pci_map(function, bar, offset, bytes);
			dev->config_bytes = dev->config ? bytes : 0;
		}
	}
	return dev->registers && dev->notify;
}

static bool is_of_type(uint32_t function, enum virtio_type type)
{
	uint32_t id = pci_read(function, PCI_ID);

	if ((id & 0xffff) != VENDOR)
		return false;
	if (id >> 16 >= MODERN)
		return id >> 16 == MODERN + (uint32_t)type;
	return id >> 16 >= TRANSITIONAL && pci_read(function, PCI_SUBSYSTEM) >> 16 == (uint32_t)type;
}

int virtio_pci_find(struct virtio_device *dev, enum virtio_type type)
{
	struct pci_scan scan = { 0 };
	uint32_t function;
	bool found;

	while ((function = pci_next(&scan)) != PCI_NONE) {
		if (!is_of_type(function, type))
			continue;
		dev->registers = dev->notify = dev->config = NULL;
		if (IS_ENABLED(CONFIG_PCI_PINS))
			dev->isr = NULL;
		pci_disable(function);
		found = map_windows(dev, function);
		dev->messages = pci_messages(function, MESSAGES);
		pci_enable(function);
		if (found) {
			dev->transport = &transport;
			dev->place = function;
			return 0;
		}
		log_error("device=%s refused=\"%s\"", dev->name,
		          pci_capability(function, PCI_VENDOR_SPECIFIC, 0)
		                  ? "its registers have no address that can be mapped"
		                  : "a legacy device: add disable-modern=off");
	}
	return -ENODEV;
}
