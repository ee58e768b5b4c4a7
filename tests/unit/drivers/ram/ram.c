/* SPDX-License-Identifier: ISC */
/* The disk in memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ram/ram.h"
#include "tests/lib/test.h"

TestSuite(ram, .init = test_begin, .fini = test_end, .timeout = 60);

static void check_size(uint32_t sector_bytes)
{
	uint64_t bytes = 3 * sector_bytes + 100;
	uint8_t *memory = malloc(bytes), *other = malloc(2 * sector_bytes);
	struct blkdev_slice slices[] = { { other + sector_bytes, sector_bytes }, { other, sector_bytes } };
	struct blkdev *dev;
	struct blkdev_op op;

	memset(memory, 0, bytes);
	cr_assert_eq(ram_create(&dev, memory, bytes, sector_bytes, false), 0);
	cr_assert(dev->sectors == 3 && dev->sector_bytes == sector_bytes && !dev->features);
	memset(other, 1, sector_bytes);
	memset(other + sector_bytes, 2, sector_bytes);
	blkdev_write(dev, &op, 1, 2, slices, 2);
	test_assert_value(&op.promise, 0);
	cr_assert(memory[sector_bytes - 1] == 0 && memory[sector_bytes] == 2 && memory[2 * sector_bytes] == 1);
	cr_assert_eq(memory[3 * sector_bytes], 0);
	memset(other, 0, 2 * sector_bytes);
	blkdev_read(dev, &op, 1, 2, slices, 2);
	test_assert_value(&op.promise, 0);
	cr_assert(other[0] == 1 && other[sector_bytes] == 2);
	blkdev_read(dev, &op, 2, 2, slices, 2);
	test_assert_error(&op.promise, -EINVAL);
	blkdev_flush(dev, &op);
	test_assert_value(&op.promise, 0);
	ram_destroy(dev);
	free(memory);
	free(other);
}

Test(ram, reads_and_writes)
{
	check_size(512);
	check_size(4096);
}

Test(ram, is_read_only_when_it_is_told_to_be)
{
	uint8_t memory[512], other[512];
	struct blkdev_slice slice = { other, sizeof(other) };
	struct blkdev *dev;
	struct blkdev_op op;

	memset(memory, 7, sizeof(memory));
	cr_assert_eq(ram_create(&dev, memory, sizeof(memory), 512, true), 0);
	blkdev_write(dev, &op, 0, 1, &slice, 1);
	test_assert_error(&op.promise, -EROFS);
	blkdev_read(dev, &op, 0, 1, &slice, 1);
	test_assert_value(&op.promise, 0);
	cr_assert_eq(other[0], 7);
	ram_destroy(dev);
}

Test(ram, needs_a_sector_and_memory)
{
	static uint8_t memory[4096];
	struct blkdev *dev;

	cr_assert_eq(ram_create(&dev, memory, 511, 512, false), -EINVAL);
	cr_assert_eq(ram_create(&dev, memory, 4095, 4096, false), -EINVAL);
	test_alloc_fail_at(1);
	cr_assert_eq(ram_create(&dev, memory, 512, 512, false), -ENOMEM);
}
