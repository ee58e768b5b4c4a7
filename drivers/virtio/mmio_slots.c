/* SPDX-License-Identifier: ISC */
/* Addresses of virtio-mmio devices on x86: from virtio_mmio.device= words on the command line, as Firecracker
 * and microvm write them; a device that they do not name is searched for in the machine's slots. */
#include "drivers/virtio/mmio.h"
#include "kernel/hex.h"

#include <errno.h>

#define SLOT_BYTES 0x200
#define DEVICES_MAX 24

static struct {
	uint64_t base;
	uint32_t bytes, interrupt;
} devices[DEVICES_MAX];
static uint32_t device_count;
static uint64_t slots_base;
static uint32_t slots_count, slots_interrupt;

static const char *parse_number(const char *text, uint64_t *out)
{
	unsigned base = text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10, digit;
	const char *start = text += base == 16 ? 2 : 0;

	for (*out = 0; (digit = (unsigned)hex_digit(*text)) < base; text++) {
		if (*out >= UINT64_C(1) << 59)
			return NULL;
		*out = *out * base + digit;
	}
	return text > start ? text : NULL;
}

/* As in Linux, <size>[K]@<base>:<irq>[:<id>], but no device has a size in M or G. */
int virtio_mmio_option(const char *value, void *target)
{
	uint64_t bytes, base, interrupt, id;

	(void)target;
	value = parse_number(value, &bytes);
	if (value && (*value | 32) == 'k' && bytes < UINT64_C(1) << 32) {
		bytes *= 1024;
		value++;
	}
	value = value && *value == '@' ? parse_number(value + 1, &base) : NULL;
	value = value && *value == ':' ? parse_number(value + 1, &interrupt) : NULL;
	if (value && *value == ':')
		value = parse_number(value + 1, &id);
	if (!value || *value || bytes < VIRTIO_MMIO_CONFIG || base % 4 || interrupt > 255 ||
	    device_count == DEVICES_MAX)
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

int virtio_mmio_find(struct virtio_device *dev, enum virtio_type type)
{
	for (uint32_t i = 0; i < device_count; i++)
		if (virtio_mmio_probe(dev, type, devices[i].base, devices[i].bytes, devices[i].interrupt))
			return 0;
	/* microvm fills its slots from the last. */
	for (uint32_t i = slots_count; i--;)
		if (virtio_mmio_probe(dev, type, slots_base + i * SLOT_BYTES, SLOT_BYTES, slots_interrupt + i))
			return 0;
	return -ENODEV;
}
