/* SPDX-License-Identifier: ISC */
/* The entropy device: its bytes, and a device that gives none. */
#include <errno.h>
#include <string.h>

#include "tests/lib/clock.h"
#include "tests/lib/memory.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/virtio/device.h"

static uint8_t got[32];
static uint32_t per_request;

static void answer(uint16_t queue)
{
	struct device_request r;

	while (device_next(queue, &r)) {
		uint32_t n = MIN(per_request, r.parts[0].bytes);

		cr_assert(r.in == 1 && r.out == 0);
		memset(r.parts[0].data, 0x5a, n);
		device_done(queue, r.id, n);
	}
}

static void begin(void)
{
	test_begin();
	device_reset(VIRTIO_F_VERSION_1);
	device.on_notify = answer;
	per_request = sizeof(got);
	clock_on_read = NULL;
	memset(got, 0, sizeof(got));
}

TestSuite(virtio_rng, .init = begin, .fini = test_end, .timeout = 60);

static void assert_got_all(void)
{
	for (unsigned i = 0; i < sizeof(got); i++)
		cr_assert_eq(got[i], 0x5a);
}

Test(virtio_rng, gives_bytes_at_once_or_by_pieces)
{
	cr_assert_eq(virtio_rng_read(got, sizeof(got)), 0);
	assert_got_all();
	begin();
	per_request = 5;
	cr_assert_eq(virtio_rng_read(got, sizeof(got)), 0);
	assert_got_all();
	cr_assert_eq(device.status, 0, "not reset");
}

static void pass_a_millisecond(void)
{
	clock_advance_ns(NS_PER_MS);
}

Test(virtio_rng, gives_up_on_one_that_is_silent)
{
	device.on_notify = NULL;
	clock_on_read = pass_a_millisecond;
	cr_assert_eq(virtio_rng_read(got, sizeof(got)), -ENODEV);
	cr_assert_not_null(strstr(test_console_text(), "does not answer"));
	cr_assert_eq(device.status, 0, "not reset");
}

Test(virtio_rng, gives_up_on_one_that_gives_nothing)
{
	per_request = 0;
	cr_assert_eq(virtio_rng_read(got, sizeof(got)), -ENODEV);
}

static void want_to_know(void)
{
	clock_advance_ns(NS_PER_MS);
	if (device.queues[0].used)
		device.queues[0].used->flags = 0; /* the clock was read before there was a ring, too */
}

/* virtqueue_kick: the device's wish for a notification may be seen late. */
Test(virtio_rng, asks_twice_whether_the_device_wants_to_know)
{
	device.wants_nothing = true;
	clock_on_read = want_to_know;
	cr_assert_eq(virtio_rng_read(got, sizeof(got)), 0);
	assert_got_all();
}

Test(virtio_rng, waits_until_the_device_is_reset)
{
	device.reset_reads = 1000;
	cr_assert_eq(virtio_rng_read(got, sizeof(got)), 0);
	cr_assert_eq(device.status, 0);
}

/* The device may still write, so the pages are given up. */
Test(virtio_rng, leaves_the_ring_to_a_device_that_will_not_be_reset)
{
	int64_t before = test_alloc_live();

	device.reset_reads = UINT32_MAX;
	cr_assert_eq(virtio_rng_read(got, sizeof(got)), 0);
	cr_assert_gt(test_alloc_live(), before);
	test_begin(); /* test_end is not to miss them */
}
