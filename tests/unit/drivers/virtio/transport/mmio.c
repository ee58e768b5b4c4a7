/* SPDX-License-Identifier: ISC */
/* Places of virtio-mmio devices from the command line, and the devices found there. */
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "drivers/irq/irq.h"
#include "drivers/virtio/virtio.h"
#include "tests/lib/test.h"

TestSuite(virtio_mmio, .init = test_begin, .fini = test_end, .timeout = 20);

static struct {
	uint64_t base;
	uint32_t registers[0x200 / 4];
} places[4];
static unsigned line;

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	(void)bytes;
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].base == start)
			return places[i].registers;
	return NULL;
}

int irq_attach_line(unsigned gsi, struct poller *p)
{
	(void)p;
	line = gsi;
	return 0;
}

static void put(unsigned place, uint64_t base, uint32_t version, uint32_t type)
{
	places[place].base = base;
	places[place].registers[0] = 0x74726976;
	places[place].registers[1] = version;
	places[place].registers[2] = type;
}

static unsigned line_of(enum virtio_type type)
{
	struct virtio_device dev = { .name = "fake" };

	if (virtio_mmio_find(&dev, type) < 0)
		return 0;
	cr_assert_eq(dev.transport->attach(&dev, NULL), 0);
	return line;
}

Test(virtio_mmio, takes_the_words_that_machines_write)
{
	put(0, 0xfeb00e00, 2, VIRTIO_TYPE_NET);
	put(1, 0xd0001000, 2, VIRTIO_TYPE_RNG);
	cr_assert_eq(line_of(VIRTIO_TYPE_NET), 0);
	cr_assert_eq(virtio_mmio_option("512@0xfeb00e00:12", NULL), 0);
	cr_assert_eq(virtio_mmio_option("4K@0xd0001000:6", NULL), 0);
	cr_assert_eq(virtio_mmio_option("0x1000@3489669120:7:3", NULL), 0);
	cr_assert_eq(line_of(VIRTIO_TYPE_NET), 12);
	cr_assert_eq(line_of(VIRTIO_TYPE_RNG), 6);
}

Test(virtio_mmio, refuses_other_words)
{
	static const char *const wrong[] = {
		"", "512", "512@", "512@0x", "512@0xfeb00000", "512@0xfeb00000:", "512@0xfeb00000:x",
		"@0xfeb00000:5", "512@0xfeb00000:5:", "512@0xfeb00000:5:1:2", "512@0xfeb00000:5 ",
		"512@0xfeb00002:5", "16@0xfeb00000:5", "512M@0xfeb00000:5", "512@0xfeb00000:256",
		"512@0xfffffffffffffffff:5", "0x@0xfeb00000:5", "-1@0:5", "512@feb00000:5",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_assert_eq(virtio_mmio_option(wrong[i], NULL), -EINVAL, "\"%s\"", wrong[i]);
}

Test(virtio_mmio, refuses_more_than_it_remembers)
{
	for (unsigned i = 0; i < 24; i++)
		cr_assert_eq(virtio_mmio_option("512@0xfeb00000:5", NULL), 0);
	cr_assert_eq(virtio_mmio_option("512@0xfeb00000:5", NULL), -EINVAL);
}

Test(virtio_mmio, searches_the_slots_from_the_last)
{
	put(0, 0xfeb00000 + 23 * 512, 2, VIRTIO_TYPE_RNG);
	put(1, 0xfeb00000 + 22 * 512, 2, VIRTIO_TYPE_NET);
	put(2, 0xfeb00000 + 21 * 512, 2, VIRTIO_TYPE_NET);
	virtio_mmio_slots(0xfeb00000, 24, 24);
	cr_assert_eq(line_of(VIRTIO_TYPE_NET), 46);
	cr_assert_eq(line_of(VIRTIO_TYPE_RNG), 47);
}

Test(virtio_mmio, says_how_to_make_a_device_modern)
{
	put(0, 0xfeb00000, 1, VIRTIO_TYPE_NET);
	virtio_mmio_slots(0xfeb00000, 8, 16);
	cr_assert_eq(line_of(VIRTIO_TYPE_NET), 0);
	cr_assert_neq(strstr(test_console_text(), "-global virtio-mmio.force-legacy=false"), NULL);
}

Test(virtio_mmio, passes_over_what_is_no_device)
{
	put(0, 0xfeb00000, 2, VIRTIO_TYPE_NET);
	places[0].registers[0] = UINT32_MAX;
	virtio_mmio_slots(0xfeb00000, 8, 16);
	cr_assert_eq(line_of(VIRTIO_TYPE_NET), 0);
	cr_assert_eq(test_console_text()[0], '\0');
}
