/* SPDX-License-Identifier: ISC */
/* A virtio device on PCI: its windows as small and as oddly placed as the specification lets them be. */
#include <errno.h>
#include <string.h>

#include "drivers/irq/irq.h"
#include "drivers/pci/pci.h"
#include "drivers/virtio/virtio.h"
#include "tests/lib/test.h"

enum { COMMON = 0, NOTIFY = 0x102, CONFIG = 0x200, ISR = 0x215, MESSAGES = 0x300, BAR_BYTES = 0x1000,
       BAR_AT = 0xfebd0000 };
enum { CAPABILITY_COMMON = 0x40, CAPABILITY_NOTIFY = 0x50, CAPABILITY_CONFIG = 0x64, CAPABILITY_ISR = 0x74,
       CAPABILITY_MESSAGES = 0x84 };

static uint32_t words[64]; /* of configuration space */
static _Alignas(16) uint8_t bar[BAR_BYTES];
static struct virtio_device dev;
static int message_error, message_room, line_of_pin; /* message_room: messages before message_error */
static unsigned line;

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

uint32_t pci_first_bus(void)
{
	return 0;
}

volatile void *pci_reach(uint64_t start, uint64_t bytes)
{
	cr_assert(start >= BAR_AT && start + bytes <= BAR_AT + BAR_BYTES);
	return bar + (start - BAR_AT);
}

int irq_attach_message(uint32_t of, struct poller *p, struct irq_message *message)
{
	(void)p, (void)message;
	cr_assert_eq(of, 0);
	return message_room-- > 0 ? 0 : message_error;
}

int pci_line(uint32_t function)
{
	cr_assert_eq(function, 0);
	return line_of_pin;
}

int irq_attach_line(unsigned at, struct poller *p)
{
	(void)p;
	line = at;
	return 0;
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
	message_error = -ENOSPC;
	message_room = 0;
	line_of_pin = 36;
	line = 0;
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

/* §4.1.4: a device that is no modern one has no capability of the vendor. QEMU's has if it is let. */
Test(virtio_pci, refuses_a_legacy_device_and_says_how_it_would_be_modern)
{
	words[PCI_ID / 4] = 0x10001af4;
	words[PCI_SUBSYSTEM / 4] = VIRTIO_TYPE_NET << 16;
	words[PCI_COMMAND / 4] = 0;
	cr_assert_eq(virtio_pci_find(&dev, VIRTIO_TYPE_NET), -ENODEV);
	cr_assert_not_null(strstr(test_console_text(), "a legacy device: add disable-modern=off"));
}

/* -- interrupts -- */

static void add_isr(void)
{
	words[CAPABILITY_CONFIG / 4] |= CAPABILITY_ISR << 8;
	window(CAPABILITY_ISR, 0, 3, ISR, 1);
}

static void add_messages(void)
{
	words[CAPABILITY_ISR / 4] |= CAPABILITY_MESSAGES << 8;
	words[CAPABILITY_MESSAGES / 4] = 2 << 16 | PCI_MSIX;
	words[CAPABILITY_MESSAGES / 4 + 1] = MESSAGES;
}

static int find_and_attach(void)
{
	cr_assert_eq(virtio_pci_find(&dev, VIRTIO_TYPE_NET), 0);
	return dev.transport->attach(&dev, NULL);
}

/* §4.1.4.5: one byte anywhere, whose second bit says that the configuration has changed. */
Test(virtio_pci, interrupts_by_its_pin_without_messages)
{
	add_isr();
	cr_assert_eq(find_and_attach(), 0);
	cr_assert_eq(line, 36);
	bar[ISR] = 1;
	dev.transport->acknowledge(&dev);
	cr_assert_not(dev.changed);
	bar[ISR] = 3;
	dev.transport->acknowledge(&dev);
	cr_assert(dev.changed);
	memset(bar + 26, 0xff, 2);
	cr_assert_not_null(start(0));
	cr_assert_eq(memcmp(bar + 26, "\xff\xff", 2), 0, "a queue's vector is not touched");
}

Test(virtio_pci, interrupts_by_its_pin_where_nobody_takes_messages)
{
	add_isr();
	add_messages();
	message_error = -ENODEV;
	cr_assert_eq(find_and_attach(), 0);
	cr_assert_eq(line, 36);
	cr_assert_eq(words[CAPABILITY_MESSAGES / 4] & 0x80000000, 0, "messages stay off");
}

Test(virtio_pci, interrupts_by_messages_where_somebody_takes_them)
{
	add_isr();
	add_messages();
	message_error = 0;
	memset(bar + 16, 0, 2);
	cr_assert_eq(find_and_attach(), 0);
	cr_assert_eq(line, 0);
	cr_assert_neq(words[CAPABILITY_MESSAGES / 4] & 0x80000000, 0);
}

/* The first of its two messages fails, or the second. */
Test(virtio_pci, interrupts_by_its_pin_when_messages_are_short)
{
	add_isr();
	add_messages();
	for (int room = 0; room < 2; room++) {
		message_room = room;
		line = 0;
		cr_assert_eq(find_and_attach(), 0);
		cr_assert_eq(line, 36);
		cr_assert_eq(words[CAPABILITY_MESSAGES / 4] & 0x80000000, 0, "messages stay off");
		cr_assert_null(dev.owner);
	}
}

Test(virtio_pci, interrupts_by_nothing_without_messages_and_pin)
{
	add_messages();
	words[CAPABILITY_CONFIG / 4] |= CAPABILITY_MESSAGES << 8;
	cr_assert_eq(find_and_attach(), -ENODEV);
	cr_assert_eq(line, 0);
	cr_assert_not_null(strstr(test_console_text(), "its interrupt goes nowhere"));
}

Test(virtio_pci, refuses_a_pin_that_goes_nowhere)
{
	add_isr();
	line_of_pin = -ERANGE;
	cr_assert_eq(find_and_attach(), -ERANGE);
	cr_assert_not_null(strstr(test_console_text(), "its interrupt goes nowhere"));
}

/* It can be found, as entropy needs none. */
Test(virtio_pci, refuses_a_pin_without_status)
{
	cr_assert_eq(find_and_attach(), -ENODEV);
	cr_assert_not_null(strstr(test_console_text(), "its interrupt goes nowhere"));
	dev.transport->acknowledge(&dev);
	cr_assert_not(dev.changed);
}
