/* SPDX-License-Identifier: ISC */
/* Virtio over MMIO (virtio 1.2 §4.2). Devices are named by the command line's virtio_mmio.device=
 * words, as Firecracker and microvm write them; one that they do not name is searched in the slots that
 * the machine has. */
#define LOG_TAG "virtio"
#include "arch/arch.h"
#include "drivers/irq/irq.h"
#include "drivers/virtio/virtio.h"
#include "kernel/log.h"

#include <errno.h>

enum {
	MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, FEATURES = 0x010, FEATURES_SELECT = 0x014,
	ACCEPTED = 0x020, ACCEPTED_SELECT = 0x024, QUEUE_SELECT = 0x030, QUEUE_MAX = 0x034, QUEUE_SIZE = 0x038,
	QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050, INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064,
	STATUS = 0x070, QUEUE_DESC = 0x080, QUEUE_AVAIL = 0x090, QUEUE_USED = 0x0a0, CONFIG = 0x100,
};

#define MAGIC_VALUE 0x74726976
#define SLOT_BYTES 0x200
#define DEVICES_MAX 24

static struct {
	uint64_t base;
	uint32_t bytes, interrupt;
} devices[DEVICES_MAX];
static uint32_t device_count;
static uint64_t slots_base;
static uint32_t slots_count, slots_interrupt;

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

/* 32 bits, as all registers (§4.2.2.2). */
static void notify(volatile void *at, uint16_t index)
{
	*(volatile uint32_t *)at = index;
}

static int attach(struct virtio_device *dev, struct poller *p)
{
	return irq_attach_line(dev->place, p);
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

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 16;
}

static const char *parse_number(const char *text, uint64_t *out)
{
	int base = text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10;
	const char *start = text += base == 16 ? 2 : 0;

	for (*out = 0; digit_of(*text) < base; text++) {
		if (*out >= UINT64_C(1) << 59)
			return NULL;
		*out = *out * (unsigned)base + (unsigned)digit_of(*text);
	}
	return text > start ? text : NULL;
}

/* As Linux has it: <size>[KMG]@<base>:<irq>[:<id>]. */
int virtio_mmio_option(const char *value, void *target)
{
	uint64_t bytes, base, interrupt, id;

	(void)target;
	value = parse_number(value, &bytes);
	if (value && (*value | 32) == 'k') {
		bytes *= 1024;
		value++;
	}
	value = value && *value == '@' ? parse_number(value + 1, &base) : NULL;
	value = value && *value == ':' ? parse_number(value + 1, &interrupt) : NULL;
	if (value && *value == ':')
		value = parse_number(value + 1, &id);
	if (!value || *value || bytes < CONFIG || base % 4 || interrupt > 255 || device_count == DEVICES_MAX)
		return -EINVAL;
	devices[device_count].base = base;
	devices[device_count].bytes = (uint32_t)MIN(bytes, (uint64_t)4096);
	devices[device_count++].interrupt = (uint32_t)interrupt;
	return 0;
}

void virtio_mmio_slots(uint64_t base, uint32_t count, uint32_t interrupt)
{
	slots_base = base;
	slots_count = count;
	slots_interrupt = interrupt;
}

static bool probe(struct virtio_device *dev, enum virtio_type type, uint64_t base, uint32_t bytes,
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
	dev->config = dev->registers + CONFIG;
	dev->config_bytes = bytes - CONFIG;
	dev->place = interrupt;
	return true;
}

int virtio_mmio_find(struct virtio_device *dev, enum virtio_type type)
{
	for (uint32_t i = 0; i < device_count; i++)
		if (probe(dev, type, devices[i].base, devices[i].bytes, devices[i].interrupt))
			return 0;
	/* Microvm fills its slots from the last. */
	for (uint32_t i = slots_count; i--;)
		if (probe(dev, type, slots_base + i * SLOT_BYTES, SLOT_BYTES, slots_interrupt + i))
			return 0;
	return -ENODEV;
}
