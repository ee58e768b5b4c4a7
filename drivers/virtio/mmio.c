/* SPDX-License-Identifier: ISC */
/* Virtio over MMIO (virtio 1.2 §4.2). mmio_slots.c and mmio_tree.c find the devices' addresses. */
#define LOG_TAG "virtio"
#include "arch/arch.h"
#include "drivers/irq/irq.h"
#include "drivers/virtio/mmio.h"
#include "kernel/log.h"

#include <errno.h>

enum {
	MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, FEATURES = 0x010, FEATURES_SELECT = 0x014,
	ACCEPTED = 0x020, ACCEPTED_SELECT = 0x024, QUEUE_SELECT = 0x030, QUEUE_MAX = 0x034, QUEUE_SIZE = 0x038,
	QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050, INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064,
	STATUS = 0x070, QUEUE_DESC = 0x080, QUEUE_AVAIL = 0x090, QUEUE_USED = 0x0a0,
};

#define MAGIC_VALUE 0x74726976

static volatile uint32_t *reg(struct virtio_device *dev, uint32_t offset)
{
	return (volatile uint32_t *)(dev->registers + offset);
}

static uint64_t features(struct virtio_device *dev)
{
	uint64_t low;

	*reg(dev, FEATURES_SELECT) = 0;
	low = *reg(dev, FEATURES);
	*reg(dev, FEATURES_SELECT) = 1;
	return low | (uint64_t)*reg(dev, FEATURES) << 32;
}

static void set_features(struct virtio_device *dev, uint64_t accepted)
{
	*reg(dev, ACCEPTED_SELECT) = 0;
	*reg(dev, ACCEPTED) = (uint32_t)accepted;
	*reg(dev, ACCEPTED_SELECT) = 1;
	*reg(dev, ACCEPTED) = (uint32_t)(accepted >> 32);
}

static uint8_t status(struct virtio_device *dev)
{
	return (uint8_t)*reg(dev, STATUS);
}

static void set_status(struct virtio_device *dev, uint8_t value)
{
	*reg(dev, STATUS) = value;
}

static uint16_t queue_max(struct virtio_device *dev, uint16_t index)
{
	uint32_t max;

	*reg(dev, QUEUE_SELECT) = index;
	max = *reg(dev, QUEUE_READY) ? 0 : *reg(dev, QUEUE_MAX);
	return (uint16_t)MIN(max, (uint32_t)32768);
}

static void write_address(struct virtio_device *dev, uint32_t offset, const void *address)
{
	*reg(dev, offset) = (uint32_t)(uintptr_t)address;
	*reg(dev, offset + 4) = (uint32_t)((uint64_t)(uintptr_t)address >> 32);
}

static volatile void *queue_start(struct virtio_device *dev, uint16_t index, uint16_t size, const void *desc,
                                  const void *avail, const void *used)
{
	*reg(dev, QUEUE_SELECT) = index;
	*reg(dev, QUEUE_SIZE) = size;
	write_address(dev, QUEUE_DESC, desc);
	write_address(dev, QUEUE_AVAIL, avail);
	write_address(dev, QUEUE_USED, used);
	*reg(dev, QUEUE_READY) = 1;
	return reg(dev, QUEUE_NOTIFY);
}

/* 32 bits, like all registers (§4.2.2.2). */
static void notify(volatile void *at, uint16_t index)
{
	*(volatile uint32_t *)at = index;
}

static int attach(struct virtio_device *dev, struct poller *p)
{
	int error = irq_attach_line(dev->place, p);

	if (error && IS_ENABLED(CONFIG_VIRTIO_MMIO_TREE)) /* elsewhere each number is a line */
		virtio_break(dev, "its interrupt goes nowhere");
	return error;
}

static void acknowledge(struct virtio_device *dev)
{
	uint32_t why = *reg(dev, INTERRUPT_STATUS);

	*reg(dev, INTERRUPT_ACK) = why;
	if (why & 2)
		dev->changed = true;
}

static const struct virtio_transport transport = {
	features, set_features, status, set_status, queue_max, queue_start, notify, attach, acknowledge,
};

uint32_t virtio_mmio_type(uint64_t base, uint32_t bytes)
{
	struct virtio_device place = { .registers = arch_map_device(base, bytes) };

	return place.registers && *reg(&place, MAGIC) == MAGIC_VALUE ? *reg(&place, DEVICE_ID) : VIRTIO_MMIO_NONE;
}

bool virtio_mmio_probe(struct virtio_device *dev, enum virtio_type type, uint64_t base, uint32_t bytes,
                       uint32_t interrupt)
{
	dev->registers = arch_map_device(base, bytes);
	if (!dev->registers || *reg(dev, MAGIC) != MAGIC_VALUE || *reg(dev, DEVICE_ID) != type)
		return false;
	if (*reg(dev, VERSION) != 2) {
		log_error("device=%s base=0x%llx refused=\"a legacy device: "
		          "add -global virtio-mmio.force-legacy=false\"",
		          dev->name, (unsigned long long)base);
		return false;
	}
	dev->transport = &transport;
	dev->config = dev->registers + VIRTIO_MMIO_CONFIG;
	dev->config_bytes = bytes - VIRTIO_MMIO_CONFIG;
	dev->place = interrupt;
	return true;
}
