/* SPDX-License-Identifier: ISC */
/* A virtio device on PCI: its windows as small and as oddly placed as the specification lets them be. */
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "drivers/irq/irq.h"
#include "drivers/pci/pci.h"
#include "drivers/virtio/virtio.h"
#include "tests/lib/test.h"

enum { COMMON = 0, NOTIFY = 0x102, CONFIG = 0x200, BAR_BYTES = 0x1000, BAR_AT = 0xfebd0000 };
enum { CAPABILITY_COMMON = 0x40, CAPABILITY_NOTIFY = 0x50, CAPABILITY_CONFIG = 0x64 };

static uint32_t words[64]; /* of configuration space */
static _Alignas(16) uint8_t bar[BAR_BYTES];
static struct virtio_device dev;

uint32_t pci_read(uint32_t function, uint32_t offset)
{
	return function == 0 ? words[offset / 4] : UINT32_MAX;
}

void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
	cr_assert_eq(function, 0);
	if (offset == PCI_BAR)
		words[offset / 4] = value & ~(BAR_BYTES - 1u);
	else if (offset != PCI_COMMAND)
		words[offset / 4] = value;
}

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	cr_assert(start >= BAR_AT && start + bytes <= BAR_AT + BAR_BYTES);
	return bar + (start - BAR_AT);
}

int irq_attach_message(struct poller *p, struct irq_message *message)
{
	(void)p, (void)message;
	return -ENOSPC;
}

static void window(uint32_t at, uint8_t next, uint8_t kind, uint32_t offset, uint32_t bytes)
{
	words[at / 4] = PCI_VENDOR_SPECIFIC | (uint32_t)next << 8 | (uint32_t)kind << 24;
	words[at / 4 + 1] = 0;
	words[at / 4 + 2] = offset;
	words[at / 4 + 3] = bytes;
}

static void begin(void)
{
	test_begin();
	memset(bar, 0xff, sizeof(bar));
	memset(bar, 0, 0x40);
	words[PCI_ID / 4] = 0x10411af4;
	words[PCI_COMMAND / 4] = 0x100000;
	words[PCI_BAR / 4] = BAR_AT;
	words[PCI_CAPABILITIES / 4] = CAPABILITY_COMMON;
	window(CAPABILITY_COMMON, CAPABILITY_NOTIFY, 1, COMMON, 56);
	window(CAPABILITY_NOTIFY, CAPABILITY_CONFIG, 2, NOTIFY, 2);
	window(CAPABILITY_CONFIG, 0, 4, CONFIG, 16);
	dev = (struct virtio_device){ .name = "fake" };
}

TestSuite(virtio_pci, .init = begin, .fini = test_end, .timeout = 20);

static volatile void *start(uint16_t queue)
{
	return dev.transport->queue_start(&dev, queue, 16, bar, bar, bar);
}

/* §4.1.4.4.1: the window needs 2 bytes, and an even offset. */
Test(virtio_pci, notifies_with_16_bits_in_a_window_of_as_many)
{
	volatile void *at;

	cr_assert_eq(virtio_pci_find(&dev, VIRTIO_TYPE_NET), 0);
	at = start(3);
	cr_assert_eq(at, bar + NOTIFY);
	dev.transport->notify(at, 3);
	cr_assert_eq(memcmp(bar + NOTIFY - 2, "\xff\xff\x03\x00\xff\xff", 6), 0);
}

Test(virtio_pci, refuses_a_notification_outside_its_window)
{
	words[CAPABILITY_NOTIFY / 4 + 4] = 2; /* bytes per queue_notify */
	cr_assert_eq(virtio_pci_find(&dev, VIRTIO_TYPE_NET), 0);
	cr_assert_not_null(start(0));
	cr_assert_eq(bar[28], 1, "queue_enable");
	bar[28] = 0;
	bar[30] = 1; /* queue_notify */
	cr_assert_null(start(0));
	cr_assert_eq(bar[28], 0, "queue_enable");
}

Test(virtio_pci, refuses_registers_that_are_not_aligned)
{
	window(CAPABILITY_COMMON, CAPABILITY_NOTIFY, 1, COMMON + 2, 56);
	cr_assert_eq(virtio_pci_find(&dev, VIRTIO_TYPE_NET), -ENODEV);
}
