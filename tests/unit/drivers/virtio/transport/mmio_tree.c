/* SPDX-License-Identifier: ISC */
/* The virtio-mmio device that is chosen from a device tree. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "drivers/irq/tree.h"
#include "drivers/virtio/mmio.h"
#include "tests/lib/tree.h"

enum { SLOT = 0x200, SLOTS = 4 };
#define BASE UINT64_C(0xa000000)
#define GIC "/ { interrupt-parent = <&gic>; gic: gic { interrupt-controller; #interrupt-cells = <3>; };"

static struct blob blob;
static struct fdt tree;
static uint32_t slots[SLOTS][SLOT / 4];
static uint32_t attached;

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	cr_assert(bytes <= 4096);
	if (start < BASE || start >= BASE + SLOTS * SLOT)
		return NULL;
	return (uint8_t *)slots + (start - BASE);
}

int irq_line(const struct fdt_interrupt *interrupt)
{
	return interrupt->count == 3 ? 32 + (int)interrupt->cells[1] : -EINVAL;
}

int irq_attach_line(unsigned line, struct poller *p)
{
	(void)p;
	attached = line;
	return line < 1020 ? 0 : -EINVAL;
}

static void begin(void)
{
	test_begin();
	for (unsigned i = 0; i < SLOTS; i++) {
		memset(slots[i], 0, sizeof(slots[i]));
		slots[i][0] = 0x74726976;
		slots[i][1] = 2;
	}
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(virtio_mmio_tree, .init = begin, .fini = end, .timeout = 20);

/* Places in the order of numbers, the nth at slot n; '!' is a place in another's words. */
static void make(const char *numbers)
{
	char source[2000] = GIC;
	size_t len = strlen(source);

	for (; *numbers; numbers++)
		len += (size_t)snprintf(source + len, sizeof(source) - len,
		                        "virtio_mmio@%c { compatible = \"virtio,mmio\"; reg = <0 0xa000%c00 0x200>;"
		                        "interrupts = <0 %c 1>; };", *numbers, '0' + 2 * (*numbers - '0'), *numbers);
	strcpy(source + len, "};");
	blob = blob_compile(source);
	tree = tree_open(&blob);
	virtio_mmio_tree(&tree);
}

static void put(unsigned slot, enum virtio_type type)
{
	slots[slot][2] = type;
}

/* The line of the device that is found. */
static uint32_t found(enum virtio_type type)
{
	struct virtio_device dev = { .name = "fake" };

	if (virtio_mmio_find_in_tree(&dev, type) < 0)
		return 0;
	cr_assert_eq(dev.config, (uint8_t *)slots[dev.place - 32] + 0x100);
	cr_assert_eq(dev.config_bytes, 0x100);
	cr_assert_eq(dev.transport->attach(&dev, NULL), 0);
	return attached;
}

/* In either order of the tree: QEMU's arm virt ascends, its riscv virt descends. */
Test(virtio_mmio_tree, takes_the_last_where_there_are_empty_places)
{
	static const char *const orders[] = { "0123", "3210", "2031" };

	put(1, VIRTIO_TYPE_BLOCK);
	put(2, VIRTIO_TYPE_BLOCK);
	put(3, VIRTIO_TYPE_NET);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		make(orders[i]);
		cr_assert_eq(found(VIRTIO_TYPE_BLOCK), 34, "%s", orders[i]);
		cr_assert_eq(found(VIRTIO_TYPE_NET), 35, "%s", orders[i]);
		cr_assert_eq(found(VIRTIO_TYPE_RNG), 0);
		blob_free(&blob);
	}
	make("0");
}

Test(virtio_mmio_tree, takes_the_first_where_all_are_taken)
{
	static const char *const orders[] = { "0123", "3210", "2031" };

	for (unsigned i = 0; i < SLOTS; i++)
		put(i, i == 0 ? VIRTIO_TYPE_NET : VIRTIO_TYPE_BLOCK);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		make(orders[i]);
		cr_assert_eq(found(VIRTIO_TYPE_BLOCK), 33, "%s", orders[i]);
		cr_assert_eq(found(VIRTIO_TYPE_NET), 32, "%s", orders[i]);
		blob_free(&blob);
	}
	make("0");
}

Test(virtio_mmio_tree, finds_nothing_where_nothing_is)
{
	blob = blob_compile("/ { };");
	tree = tree_open(&blob);
	virtio_mmio_tree(&tree);
	cr_assert_eq(found(VIRTIO_TYPE_NET), 0);
}

Test(virtio_mmio_tree, passes_over_places_that_are_none)
{
	make("0123");
	for (unsigned i = 0; i < SLOTS; i++)
		put(i, VIRTIO_TYPE_NET);
	slots[3][0] = UINT32_MAX; /* no device answers, so the slot is not an empty one either */
	slots[0][0] = 0;
	cr_assert_eq(found(VIRTIO_TYPE_NET), 33);
}

Test(virtio_mmio_tree, passes_over_places_that_make_no_sense)
{
	blob = blob_compile(GIC
	                    "a { compatible = \"virtio,mmio\"; };"
	                    "b { compatible = \"virtio,mmio\"; reg = <0 0xa000000 0xff>; };"
	                    "c { compatible = \"virtio,mmio\"; reg = <0 0xa000001 0x200>; };"
	                    "d { compatible = \"virtio,mmio\"; reg = <0 0xb000000 0x200>; };"
	                    "e { compatible = \"virtio,mmio\"; reg = <0xffffffff 0xfffffffc 0x200>; };"
	                    "f { compatible = \"virtio,mmio\"; reg = <0 0xa000200 0x200>;"
	                    "  interrupts = <0 1 1>; }; };");
	tree = tree_open(&blob);
	virtio_mmio_tree(&tree);
	put(0, VIRTIO_TYPE_NET);
	put(1, VIRTIO_TYPE_NET);
	cr_assert_eq(found(VIRTIO_TYPE_NET), 33);
}

/* Entropy is asked for without one. */
Test(virtio_mmio_tree, finds_a_device_without_interrupt_which_cannot_be_attached)
{
	struct virtio_device dev = { .name = "fake" };

	blob = blob_compile("/ { a { compatible = \"virtio,mmio\"; reg = <0 0xa000000 0x200>; }; };");
	tree = tree_open(&blob);
	virtio_mmio_tree(&tree);
	put(0, VIRTIO_TYPE_RNG);
	cr_assert_eq(virtio_mmio_find_in_tree(&dev, VIRTIO_TYPE_RNG), 0);
	cr_assert_lt(dev.transport->attach(&dev, NULL), 0);
	cr_assert_not_null(strstr(test_console_text(), "device=fake reset=\"its interrupt goes nowhere"));
}

Test(virtio_mmio_tree, says_how_to_make_a_device_modern)
{
	make("0123");
	put(3, VIRTIO_TYPE_NET);
	slots[3][1] = 1;
	cr_assert_eq(found(VIRTIO_TYPE_NET), 0);
	cr_assert_not_null(strstr(test_console_text(), "-global virtio-mmio.force-legacy=false"));
}
