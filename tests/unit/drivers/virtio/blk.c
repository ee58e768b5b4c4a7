/* SPDX-License-Identifier: ISC */
/* The disk's driver against a device in memory: requests on the ring, how they are cut and wait, and devices
 * that lie, give up or make no sense. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dev/blkdev.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/virtio/device.h"

enum {
	SIZE_MAX_ = 1 << 1, SEG_MAX = 1 << 2, RO = 1 << 5, BLK_SIZE = 1 << 6, FLUSH = 1 << 9, WCE = 1 << 11,
	DISCARD = 1 << 13,
};
enum { OK = 0, IOERR = 1, UNSUPP = 2 };

static const uint64_t usual = SEG_MAX | BLK_SIZE | FLUSH | WCE | DISCARD | VIRTIO_F_EVENT_IDX;

static struct blkdev *dev;
static uint8_t memory[64 * 512];

static void set32(unsigned at, uint32_t value)
{
	memcpy(device.config + at, &value, sizeof(value));
}

static void set_capacity(uint64_t wire_sectors)
{
	memcpy(device.config, &wire_sectors, sizeof(wire_sectors));
}

/* Prepares a device like QEMU's, which the test may still change. */
static void prepare(uint64_t features)
{
	device_reset(features | VIRTIO_F_VERSION_1);
	set_capacity(1000);
	set32(8, 2048);   /* size_max */
	set32(12, 20);    /* seg_max */
	set32(20, 512);   /* blk_size */
	set32(32, 1);     /* writeback */
	set32(36, 100);   /* max_discard_sectors */
	set32(40, 1);
}

static void begin_with(uint64_t features)
{
	prepare(features);
	cr_assert_eq(virtio_blk_create(&dev), 0);
}

static void begin(void)
{
	test_begin();
	begin_with(usual);
}

TestSuite(virtio_blk, .init = begin, .timeout = 60);

struct wire {
	uint32_t type, reserved;
	uint64_t sector;
};

/* Takes the next request, and asserts that it is this one. */
static struct device_request expect(uint32_t type, uint64_t sector, unsigned out, unsigned in)
{
	struct device_request r;
	struct wire header;

	test_settle();
	cr_assert(device_next(0, &r), "no request");
	cr_assert_eq(r.parts[0].bytes, sizeof(header));
	memcpy(&header, r.parts[0].data, sizeof(header));
	cr_assert(header.type == type && header.sector == sector && header.reserved == 0, "type %u, sector %llu",
	          header.type, (unsigned long long)header.sector);
	cr_assert(r.out == out && r.in == in, "%u parts out, %u in", r.out, r.in);
	cr_assert_eq(r.parts[out + in - 1].bytes, 1, "the status");
	return r;
}

/* Completes a request with a status. */
static void answer(const struct device_request *r, uint8_t status)
{
	uint32_t written = 1;

	for (unsigned i = r->out; i < r->out + r->in - 1; i++)
		written += r->parts[i].bytes;
	*r->parts[r->out + r->in - 1].data = status;
	device_done(0, r->id, written);
	device_interrupt();
	test_settle();
}

static void expect_broken(const struct blkdev_op *op)
{
	struct blkdev_op other;

	test_settle();
	test_assert_error(&op->promise, -ENXIO);
	cr_assert_eq(device.status, 0, "the device is reset");
	cr_assert(strstr(test_console_text(), "device=fake reset="), "%s", test_console_text());
	blkdev_flush(dev, &other);
	test_assert_error(&other.promise, -ENXIO);
}

/* -- requests on the ring -- */

Test(virtio_blk, reads_into_slices)
{
	struct blkdev_slice slices[] = { { memory, 1024 }, { memory + 4096, 512 } };
	struct device_request r;
	struct blkdev_op op;

	cr_assert(dev->sectors == 1000 && dev->sector_bytes == 512 && dev->slices_max == 20);
	cr_assert_eq(dev->features, BLKDEV_CACHES | BLKDEV_DISCARDS);
	blkdev_read(dev, &op, 7, 3, slices, 2);
	test_assert_pending(&op.promise);
	r = expect(0, 7, 1, 3);
	cr_assert(device_was_notified(0));
	cr_assert(r.parts[1].data == memory && r.parts[1].bytes == 1024 && r.parts[2].data == memory + 4096);
	memset(r.parts[1].data, 1, 1024);
	memset(r.parts[2].data, 2, 512);
	answer(&r, OK);
	test_assert_value(&op.promise, 0);
	cr_assert(memory[1023] == 1 && memory[4096] == 2);
	cr_assert(dev->stats.reads == 1 && dev->stats.read_bytes == 1536);
}

Test(virtio_blk, the_status_may_be_left_out_of_the_count)
{
	struct blkdev_slice slice = { memory, 512 };
	struct device_request r;
	struct blkdev_op op;

	blkdev_read(dev, &op, 7, 1, &slice, 1);
	r = expect(0, 7, 1, 2);
	*r.parts[2].data = OK;
	device_done(0, r.id, 512);
	device_interrupt();
	test_settle();
	test_assert_value(&op.promise, 0);
}

Test(virtio_blk, writes_and_flushes)
{
	struct blkdev_slice slice = { memory, 512 };
	struct device_request r;
	struct blkdev_op op;

	blkdev_write(dev, &op, 999, 1, &slice, 1);
	r = expect(1, 999, 2, 1);
	cr_assert_eq(r.parts[1].data, memory);
	answer(&r, OK);
	test_assert_value(&op.promise, 0);
	blkdev_flush(dev, &op);
	r = expect(4, 0, 1, 1);
	answer(&r, OK);
	test_assert_value(&op.promise, 0);
}

static struct device_request expect_discard(uint64_t sector, uint32_t sectors)
{
	struct device_request r = expect(11, 0, 2, 1);
	struct {
		uint64_t sector;
		uint32_t sectors, flags;
	} range;

	cr_assert_eq(r.parts[1].bytes, sizeof(range));
	memcpy(&range, r.parts[1].data, sizeof(range));
	cr_assert(range.sector == sector && range.sectors == sectors && range.flags == 0);
	return r;
}

/* Discards are cut to the device's limits. */
Test(virtio_blk, discards)
{
	struct device_request r;
	struct blkdev_op op;

	blkdev_discard(dev, &op, 20, 250);
	r = expect_discard(20, 100);
	answer(&r, OK);
	test_assert_pending(&op.promise);
	r = expect_discard(120, 100);
	answer(&r, OK);
	r = expect_discard(220, 50);
	answer(&r, OK);
	test_assert_value(&op.promise, 0);
	blkdev_discard(dev, &op, 20, 250);
	r = expect_discard(20, 100);
	answer(&r, IOERR);
	test_assert_error(&op.promise, -EIO);
	cr_assert(!device_next(0, &r), "and no further");
}

Test(virtio_blk, large_blocks_are_counted_in_small_sectors)
{
	struct blkdev_slice slice = { memory, 4096 };
	struct device_request r;
	struct blkdev_op op;

	prepare(usual);
	set32(20, 4096);
	set_capacity(1001);
	cr_assert_eq(virtio_blk_create(&dev), 0);
	cr_assert(dev->sector_bytes == 4096 && dev->sectors == 125);
	blkdev_read(dev, &op, 124, 1, &slice, 1);
	r = expect(0, 992, 1, 2);
	answer(&r, OK);
	test_assert_value(&op.promise, 0);
	blkdev_discard(dev, &op, 3, 13);
	r = expect_discard(24, 96);
	answer(&r, OK);
	r = expect_discard(120, 8);
	answer(&r, OK);
	test_assert_value(&op.promise, 0);
}

Test(virtio_blk, blocks_between_are_rounded_up)
{
	prepare(usual);
	set32(20, 1024);
	cr_assert_eq(virtio_blk_create(&dev), 0);
	cr_assert_eq(dev->sector_bytes, 4096);
}

Test(virtio_blk, any_capacity_is_addressed)
{
	struct blkdev_slice slice = { memory, 512 };
	struct blkdev_op op;

	prepare(usual);
	set_capacity(UINT64_MAX / 512);
	cr_assert_eq(virtio_blk_create(&dev), 0);
	cr_assert_eq(dev->sectors, UINT64_MAX / 512);
	blkdev_read(dev, &op, UINT64_MAX / 512 - 1, 1, &slice, 1);
	expect(0, UINT64_MAX / 512 - 1, 1, 2);
}

Test(virtio_blk, pieces_are_as_small_as_the_device_wants)
{
	struct blkdev_slice slices[] = { { memory, 2560 }, { memory + 4096, 512 }, { memory + 8192, 4096 } };
	struct device_request r;
	struct blkdev_op op;

	begin_with(usual | SIZE_MAX_);
	cr_assert(dev->slices_max == 10 && dev->sectors_max == 40);
	blkdev_write(dev, &op, 0, 14, slices, 3);
	r = expect(1, 0, 6, 1);
	cr_assert(r.parts[1].bytes == 2048 && r.parts[2].bytes == 512 && r.parts[2].data == memory + 2048);
	cr_assert(r.parts[3].bytes == 512 && r.parts[4].bytes == 2048 && r.parts[5].bytes == 2048);
	answer(&r, OK);
	test_assert_value(&op.promise, 0);
}

/* The largest request that blkdev.h accepts fits. */
Test(virtio_blk, the_largest_request_fits)
{
	static uint8_t large[20 * 2048];
	struct blkdev_slice slices[10];
	struct blkdev_op op;

	begin_with(usual | SIZE_MAX_);
	for (unsigned i = 0; i < 10; i++)
		slices[i] = (struct blkdev_slice){ large + i * 512, 512 };
	slices[9].len = 31 * 512;
	blkdev_write(dev, &op, 0, 40, slices, 10);
	expect(1, 0, 18, 1);
}

Test(virtio_blk, who_tells_no_number_gets_one_piece)
{
	begin_with(FLUSH);
	cr_assert(dev->slices_max == 1 && dev->sectors_max == (1u << 30) / 512);
	cr_assert_eq(dev->features, BLKDEV_CACHES);
}

Test(virtio_blk, caches_only_where_it_says_so)
{
	struct blkdev_op op;

	prepare(usual);
	set32(32, 0);
	cr_assert_eq(virtio_blk_create(&dev), 0);
	cr_assert_eq(dev->features, BLKDEV_DISCARDS);
	begin_with(SEG_MAX | RO | DISCARD);
	cr_assert_eq(dev->features, BLKDEV_READ_ONLY);
	blkdev_flush(dev, &op);
	test_assert_value(&op.promise, 0);
}

/* -- waiting -- */

Test(virtio_blk, what_there_is_no_room_for_waits)
{
	struct blkdev_op ops[CONFIG_VIRTIO_BLK_REQUESTS + 3];
	struct blkdev_slice slice = { memory, 512 };
	struct device_request r[ARRAY_SIZE(ops)];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		blkdev_read(dev, &ops[i], i, 1, &slice, 1);
	for (i = 0; i < CONFIG_VIRTIO_BLK_REQUESTS; i++)
		r[i] = expect(0, i, 1, 2);
	cr_assert(!device_next(0, &r[i]));
	promise_cancel(&ops[0].promise);
	test_assert_pending(&ops[0].promise);
	promise_cancel(&ops[i + 1].promise);
	test_assert_error(&ops[i + 1].promise, -ECANCELED);
	answer(&r[1], OK);
	test_assert_value(&ops[1].promise, 0);
	test_assert_pending(&ops[0].promise);
	r[i] = expect(0, i, 1, 2);
	cr_assert(device_was_notified(0));
	answer(&r[0], UNSUPP);
	test_assert_error(&ops[0].promise, -EOPNOTSUPP);
	r[i + 2] = expect(0, i + 2, 1, 2);
	for (i = 2; i < ARRAY_SIZE(ops); i++) {
		if (i == CONFIG_VIRTIO_BLK_REQUESTS + 1)
			continue;
		answer(&r[i], OK);
		test_assert_value(&ops[i].promise, 0);
	}
	cr_assert(dev->stats.errors == 1 && dev->stats.reads == ARRAY_SIZE(ops) - 2);
}

/* The ring has 32 descriptors: two requests of 20 pieces do not fit at once. */
Test(virtio_blk, what_the_ring_has_no_room_for_waits)
{
	struct blkdev_slice slices[20];
	struct blkdev_op ops[3];
	struct device_request r;

	for (unsigned i = 0; i < 20; i++)
		slices[i] = (struct blkdev_slice){ memory + i * 512, 512 };
	blkdev_write(dev, &ops[0], 0, 20, slices, 20);
	blkdev_write(dev, &ops[1], 100, 20, slices, 20);
	blkdev_write(dev, &ops[2], 200, 1, slices, 1); /* does not overtake */
	for (unsigned i = 0; i < 3; i++) {
		r = expect(1, i * 100, i < 2 ? 21 : 2, 1);
		if (i == 0)
			cr_assert(!device_next(0, &(struct device_request){ 0 }));
		answer(&r, OK);
		test_assert_value(&ops[i].promise, 0);
	}
}

Test(virtio_blk, sleeps_until_it_is_interrupted)
{
	struct blkdev_slice slice = { memory, 512 };
	struct blkdev_op op;
	struct device_request r;

	test_settle();
	blkdev_read(dev, &op, 0, 1, &slice, 1);
	r = expect(0, 0, 1, 2);
	cr_assert(!loop_turn(), "nothing is looked at meanwhile");
	*r.parts[2].data = OK;
	device_done(0, r.id, 513);
	cr_assert(device_wants_interrupt(0, 0));
	cr_assert(!loop_turn());
	device_interrupt();
	test_settle();
	test_assert_value(&op.promise, 0);
}

/* -- devices that break the rules -- */

static struct blkdev_op ops[2];
static struct blkdev_slice slice = { memory, 512 };

static struct device_request ask(void)
{
	blkdev_read(dev, &ops[0], 0, 1, &slice, 1);
	blkdev_write(dev, &ops[1], 1, 1, &slice, 1);
	return expect(0, 0, 1, 2);
}

static void check_broken(void)
{
	device_interrupt();
	expect_broken(&ops[0]);
	test_assert_error(&ops[1].promise, -ENXIO);
	cr_assert_eq(dev->stats.errors, 3);
}

Test(virtio_blk, a_status_that_there_is_not)
{
	struct device_request r = ask();

	*r.parts[2].data = 3;
	device_done(0, r.id, 513);
	check_broken();
}

Test(virtio_blk, no_status_at_all)
{
	device_done(0, ask().id, 512);
	check_broken();
}

Test(virtio_blk, less_than_was_asked_for)
{
	struct device_request r = ask();

	*r.parts[2].data = OK;
	device_done(0, r.id, 511);
	check_broken();
}

Test(virtio_blk, more_than_was_asked_for)
{
	struct device_request r = ask();

	*r.parts[2].data = OK;
	device_done(0, r.id, 514);
	check_broken();
}

Test(virtio_blk, a_request_that_was_not_made)
{
	ask();
	device_done(0, 31, 1);
	check_broken();
}

Test(virtio_blk, a_request_that_is_done_twice)
{
	struct device_request r = ask();

	answer(&r, OK);
	test_assert_value(&ops[0].promise, 0);
	device_done(0, r.id, 513);
	device_interrupt();
	test_settle();
	test_assert_error(&ops[1].promise, -ENXIO);
}

Test(virtio_blk, a_device_that_gives_up_fails_what_it_has_and_what_waits)
{
	struct blkdev_op many[CONFIG_VIRTIO_BLK_REQUESTS + 2];

	for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
		blkdev_read(dev, &many[i], i, 1, &slice, 1);
	test_settle();
	device.status |= 64;
	device_change();
	test_settle();
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
		test_assert_error(&many[i].promise, -ENXIO);
	expect_broken(&many[0]);
	cr_assert_null(strstr(strstr(test_console_text(), "reset=") + 1, "reset="), "it is reported once");
}

Test(virtio_blk, a_change_that_is_none_of_ours)
{
	struct device_request r = ask();

	set_capacity(5);
	device_change();
	test_settle();
	answer(&r, OK);
	test_assert_value(&ops[0].promise, 0);
	cr_assert_eq(dev->sectors, 1000);
}

/* Each answer gets a time limit that no working device needs. */
Test(virtio_blk, a_device_that_falls_silent_is_given_up)
{
	const uint64_t patience = CONFIG_VIRTIO_BLK_TIMEOUT_MS * NS_PER_MS;
	struct blkdev_op many[CONFIG_VIRTIO_BLK_REQUESTS + 2];
	struct device_request r;

	for (unsigned i = 0; i < 10; i++) {
		blkdev_read(dev, &many[0], i, 1, &slice, 1);
		r = expect(0, i, 1, 2);
		test_run_for_ns(patience - NS_PER_MS);
		test_assert_pending(&many[0].promise);
		answer(&r, OK);
		test_assert_value(&many[0].promise, 0);
	}
	test_run_for_ns(3 * patience);
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
		blkdev_read(dev, &many[i], i, 1, &slice, 1);
	test_run_for_ns(patience / 2);
	test_assert_pending(&many[0].promise);
	test_run_for_ns(patience * 3 / 2 + NS_PER_MS);
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
		test_assert_error(&many[i].promise, -ENXIO);
	cr_assert(strstr(test_console_text(), "a request is not answered in time"));
	expect_broken(&many[0]);
}

/* Completed requests count, though no interrupt has come. */
Test(virtio_blk, an_interrupt_that_is_lost_breaks_nothing)
{
	const uint64_t patience = CONFIG_VIRTIO_BLK_TIMEOUT_MS * NS_PER_MS;
	struct device_request r;
	struct blkdev_op op;

	blkdev_read(dev, &op, 7, 1, &slice, 1);
	r = expect(0, 7, 1, 2);
	test_run_for_ns(patience + NS_PER_MS);
	*r.parts[2].data = OK;
	device_done(0, r.id, 513);
	test_run_for_ns(2 * patience);
	test_assert_value(&op.promise, 0);
}

/* -- devices that make no sense -- */

static void refused(void)
{
	test_console_clear();
	cr_assert_eq(virtio_blk_create(&dev), -ENOTSUP);
	cr_assert(strstr(test_console_text(), "refused="), "%s", test_console_text());
}

Test(virtio_blk, refuses_strange_blocks)
{
	static const uint32_t blocks[] = { 0, 1, 256, 513, 520, 1000, 3072, 8192, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		prepare(usual);
		set32(20, blocks[i]);
		refused();
	}
}

Test(virtio_blk, refuses_strange_capacities)
{
	prepare(usual);
	set_capacity(0);
	refused();
	prepare(usual);
	set_capacity(UINT64_MAX / 512 + 1);
	refused();
	prepare(usual);
	set_capacity(7);
	set32(20, 4096);
	refused();
}

Test(virtio_blk, refuses_requests_without_room)
{
	prepare(usual);
	set32(12, 0);
	refused();
	prepare(usual | SIZE_MAX_);
	set32(8, 511);
	refused();
	prepare(usual);
	device.queue_max = 2;
	refused();
}

Test(virtio_blk, takes_absurd_limits_for_what_fits)
{
	prepare(usual | SIZE_MAX_);
	set32(8, UINT32_MAX);
	set32(12, UINT32_MAX);
	set32(36, UINT32_MAX);
	cr_assert_eq(virtio_blk_create(&dev), 0);
	cr_assert(dev->slices_max == 30 && dev->sectors_max == (1u << 30) / 512);
	prepare(usual);
	set32(36, 0);
	cr_assert_eq(virtio_blk_create(&dev), 0);
	cr_assert_eq(dev->features, BLKDEV_CACHES, "a discard of nothing is none");
}

Test(virtio_blk, needs_its_memory)
{
	for (uint64_t n = 1; n <= 2; n++) {
		prepare(usual);
		test_alloc_fail_at(n);
		cr_assert_eq(virtio_blk_create(&dev), -ENOMEM);
	}
}
