/* SPDX-License-Identifier: ISC */
/* Refusals and counts common to all block devices, and the disk of tests/lib, on which other tests rely. */
#include <errno.h>
#include <string.h>

#include "kernel/dev/blkdev.h"
#include "tests/lib/disk.h"
#include "tests/lib/test.h"

#define SECTORS 64

static struct disk disk;
static struct blkdev *dev;
static uint8_t memory[16 * 512];

static void begin(void)
{
	test_begin();
	disk_init(&disk, SECTORS, 512, BLKDEV_CACHES | BLKDEV_DISCARDS);
	dev = &disk.dev;
}

static void finish(void)
{
	disk_destroy(&disk);
	test_end();
}

TestSuite(blkdev, .init = begin, .fini = finish, .timeout = 60);

static void write_byte(struct blkdev_op *op, uint64_t sector, uint8_t byte, uint8_t *sector_memory)
{
	struct blkdev_slice slice = { sector_memory, 512 };

	memset(sector_memory, byte, 512);
	blkdev_write(dev, op, sector, 1, &slice, 1);
	test_assert_value(&op->promise, 0);
}

static uint8_t after_cut(uint64_t time, enum disk_left left, uint64_t seed, uint64_t sector)
{
	static uint8_t image[SECTORS * 512];

	disk_after_cut(&disk, time, left, seed, image);
	for (unsigned i = 1; i < 512; i++)
		cr_assert_eq(image[sector * 512 + i], image[sector * 512], "a sector is written whole");
	return image[sector * 512];
}

Test(blkdev, refuses_what_no_device_can_do)
{
	static const struct {
		uint64_t sector;
		uint32_t sectors, len[2];
	} wrong[] = {
		{ 0, 0, { 0, 0 } }, { 0, 1, { 0, 512 } }, { 0, 2, { 512, 0 } }, { 0, 1, { 256, 256 } },
		{ 0, 1, { 512, 512 } }, { 0, 3, { 512, 512 } }, { SECTORS - 1, 2, { 512, 512 } },
		{ SECTORS, 2, { 512, 512 } }, { UINT64_MAX, 2, { 512, 512 } }, { UINT64_MAX - 1, 2, { 512, 512 } },
		{ 0, UINT32_MAX, { 512, 512 } },
	};
	struct blkdev_op op;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct blkdev_slice slices[] = { { memory, wrong[i].len[0] }, { memory + 4096, wrong[i].len[1] } };

		blkdev_read(dev, &op, wrong[i].sector, wrong[i].sectors, slices, 2);
		test_assert_error(&op.promise, -EINVAL);
		blkdev_write(dev, &op, wrong[i].sector, wrong[i].sectors, slices, 2);
		test_assert_error(&op.promise, -EINVAL);
	}
	blkdev_read(dev, &op, 0, 1, NULL, 0);
	test_assert_error(&op.promise, -EINVAL);
	blkdev_discard(dev, &op, SECTORS - 1, 2);
	test_assert_error(&op.promise, -EINVAL);
	cr_assert_eq(disk.requests, 0, "the driver sees none of them");
}

Test(blkdev, keeps_to_the_devices_limits)
{
	struct blkdev_slice slices[] = { { memory, 512 }, { memory + 512, 512 }, { memory + 1024, 512 } };
	struct blkdev_op op;

	dev->slices_max = 2;
	blkdev_read(dev, &op, 0, 3, slices, 3);
	test_assert_error(&op.promise, -EINVAL);
	dev->slices_max = 3;
	dev->sectors_max = 2;
	blkdev_read(dev, &op, 0, 3, slices, 3);
	test_assert_error(&op.promise, -EINVAL);
	blkdev_discard(dev, &op, 0, 3);
	test_assert_value(&op.promise, 0);
	dev->sectors_max = 3;
	blkdev_read(dev, &op, SECTORS - 3, 3, slices, 3);
	test_assert_value(&op.promise, 0);
	dev->features = BLKDEV_READ_ONLY;
	blkdev_write(dev, &op, 0, 3, slices, 3);
	test_assert_error(&op.promise, -EROFS);
	blkdev_discard(dev, &op, 0, 3);
	test_assert_error(&op.promise, -EROFS);
	blkdev_flush(dev, &op);
	test_assert_value(&op.promise, 0);
	dev->features = 0;
	blkdev_discard(dev, &op, 0, 3);
	test_assert_error(&op.promise, -EOPNOTSUPP);
}

Test(blkdev, scatters_and_counts)
{
	struct blkdev_slice out[] = { { memory, 1024 }, { memory + 2048, 512 } };
	struct blkdev_slice in[] = { { memory + 4096, 512 }, { memory + 5120, 1024 } };
	struct blkdev_op op;

	memset(memory, 1, 1024);
	memset(memory + 2048, 2, 512);
	blkdev_write(dev, &op, 5, 3, out, 2);
	test_assert_value(&op.promise, 0);
	blkdev_read(dev, &op, 5, 3, in, 2);
	test_assert_value(&op.promise, 0);
	cr_assert(memory[4096] == 1 && memory[5120] == 1 && memory[5631] == 1 && memory[5632] == 2);
	blkdev_flush(dev, &op);
	disk.fail_at = 1;
	blkdev_read(dev, &op, 5, 3, in, 2);
	test_assert_error(&op.promise, -EIO);
	cr_assert(dev->stats.reads == 1 && dev->stats.read_bytes == 1536 && dev->stats.writes == 1);
	cr_assert(dev->stats.written_bytes == 1536 && dev->stats.flushes == 1 && dev->stats.errors == 1);
}

Test(blkdev, disk_forgets_what_was_not_flushed)
{
	struct blkdev_op op;
	uint8_t sector[512];
	bool seen[4] = { false };

	write_byte(&op, 3, 1, sector);
	blkdev_flush(dev, &op);
	write_byte(&op, 3, 2, sector);
	write_byte(&op, 3, 3, sector);
	cr_assert_eq(after_cut(0, DISK_LEFT_ALL, 0, 3), 0);
	cr_assert_eq(after_cut(disk.time, DISK_LEFT_ALL, 0, 3), 3);
	cr_assert_eq(after_cut(disk.time, DISK_LEFT_NONE, 0, 3), 1);
	cr_assert_eq(after_cut(disk.time, DISK_LEFT_TORN, 0, 3), 2);
	cr_assert_eq(after_cut(disk_write_time(&disk, 2), DISK_LEFT_ALL, 0, 3), 2);
	for (uint64_t seed = 0; seed < 50; seed++)
		seen[after_cut(disk.time, DISK_LEFT_SOME, seed, 3)] = true;
	cr_assert(!seen[0] && seen[1] && seen[2] && seen[3]);
	dev->features = 0;
	cr_assert_eq(after_cut(disk.time, DISK_LEFT_NONE, 0, 3), 3, "a device without a cache");
	dev->features = BLKDEV_CACHES;
	disk_forget(&disk);
	cr_assert_eq(after_cut(0, DISK_LEFT_NONE, 0, 3), 3);
}

/* A flush covers writes that were done when it came, not those still under way. */
Test(blkdev, disk_flushes_only_what_was_done_before)
{
	struct blkdev_slice slice = { memory, 512 };
	struct blkdev_op write, flush;

	memset(memory, 7, 512);
	disk.when = DISK_HELD;
	blkdev_write(dev, &write, 0, 1, &slice, 1);
	blkdev_flush(dev, &flush);
	cr_assert_eq(disk_release(&disk, 9), 2);
	cr_assert_eq(after_cut(disk.time, DISK_LEFT_NONE, 0, 0), 0);
	blkdev_flush(dev, &flush);
	cr_assert_eq(after_cut(disk.time, DISK_LEFT_NONE, 0, 0), 0);
	disk_release(&disk, 1);
	cr_assert_eq(after_cut(disk.time, DISK_LEFT_NONE, 0, 0), 7);
}

Test(blkdev, disk_waits_cancels_and_vanishes)
{
	struct blkdev_slice slices[3];
	struct blkdev_op ops[3];

	disk.when = DISK_LATER;
	disk.delay_ns = NS_PER_MS;
	disk.depth = 1;
	for (unsigned i = 0; i < 3; i++) {
		slices[i] = (struct blkdev_slice){ memory + i * 512, 512 };
		blkdev_read(dev, &ops[i], i, 1, &slices[i], 1);
	}
	promise_cancel(&ops[0].promise);
	promise_cancel(&ops[1].promise);
	test_assert_pending(&ops[0].promise);
	test_assert_error(&ops[1].promise, -ECANCELED);
	test_run_for_ns(NS_PER_MS);
	test_assert_value(&ops[0].promise, 0);
	test_assert_pending(&ops[2].promise);
	disk_vanish(&disk);
	test_assert_error(&ops[2].promise, -ENXIO);
	blkdev_read(dev, &ops[0], 0, 1, &slices[0], 1);
	test_assert_error(&ops[0].promise, -ENXIO);
}

Test(blkdev, disk_fails_what_it_is_told_to)
{
	struct blkdev_slice slice = { memory, 4 * 512 };
	struct blkdev_op op;

	memset(memory, 9, sizeof(memory));
	disk.bad_sector = 7;
	blkdev_write(dev, &op, 5, 4, &slice, 1);
	test_assert_error(&op.promise, -EIO);
	cr_assert(disk.image[6 * 512] == 9 && disk.image[7 * 512] == 0, "half of it is done");
	disk.bad_sector = UINT64_MAX;
	disk.fail_at = 2;
	disk.fail_kinds = 1 << BLKDEV_FLUSH;
	disk.fail_with = -ENOSPC;
	blkdev_flush(dev, &op);
	test_assert_value(&op.promise, 0);
	blkdev_write(dev, &op, 5, 4, &slice, 1);
	test_assert_value(&op.promise, 0);
	blkdev_flush(dev, &op);
	test_assert_error(&op.promise, -ENOSPC);
	blkdev_flush(dev, &op);
	test_assert_value(&op.promise, 0);
}
