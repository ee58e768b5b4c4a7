/* SPDX-License-Identifier: ISC */
/* Getting blocks: hits and misses, eviction, waiting, and copies on change. */
#include <errno.h>
#include <string.h>

#include "tests/unit/fs/cache/world.h"

#define BLOCK_BYTES CONFIG_FS_CACHE_BLOCK_BYTES

TestSuite(cache_get, .init = world_begin, .fini = world_end, .timeout = 60);

Test(cache_get, reads_once_what_it_keeps)
{
	struct cache_get op;
	struct cache_block *b;

	cr_assert_null(cache_peek(cache, 3));
	cr_assert_eq(world_look(3), world_byte(3));
	cache_get(cache, &op, 3, CACHE_READ);
	test_assert_value(&op.promise, 0);
	b = cache_peek(cache, 3);
	cr_assert(b == op.block && b->len == BLOCK_BYTES && b->storage.refs == 2);
	cr_assert_eq(world_stats().held, 1);
	cache_put(b);
	cache_put(op.block);
	cr_assert(world_stats().misses == 1 && world_stats().hits == 2 && disk.requests == 1);
	cr_assert_eq(world_look(0), world_byte(0));
	cr_assert_eq(world_look(WORLD_DEVICE_BLOCKS - 1), world_byte(WORLD_DEVICE_BLOCKS - 1));
}

Test(cache_get, refuses_what_is_not_there)
{
	static const uint64_t wrong[] = { WORLD_DEVICE_BLOCKS, UINT64_MAX, UINT64_C(1) << 52 };
	struct cache_get op;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		for (enum cache_mode mode = CACHE_READ; mode <= CACHE_FILL; mode++) {
			cache_get(cache, &op, wrong[i], mode);
			test_assert_error(&op.promise, -EINVAL);
		}
		cr_assert_eq(cache_read_ahead(cache, wrong[i], UINT32_MAX), 0);
	}
	cr_assert_eq(disk.requests, 0);
}

Test(cache_get, the_last_block_may_be_short)
{
	uint64_t last = 3;
	struct cache_block *b;

	world_end();
	world_begin_with(0, 3 * BLOCK_BYTES / 512 + 3, 512);
	b = world_get(last, CACHE_CHANGE);
	cr_assert(b->len == 3 * 512 && b->data[0] == world_byte(last));
	memset(b->data, 0x42, b->len);
	cache_put(b);
	cr_assert_eq(world_sync(), 0);
	cr_assert_eq(world_on_disk(last), 0x42);
	cache_read_ahead(cache, 0, 100);
	cr_assert_eq(world_look(2), world_byte(2));
	b = world_get(last, CACHE_FILL);
	cr_assert(b->len == 3 * 512 && b->data[0] == 0);
	cache_put(b);
}

Test(cache_get, sectors_may_be_as_large_as_blocks)
{
	world_end();
	world_begin_with(BLKDEV_CACHES, WORLD_DEVICE_BLOCKS, 4096);
	world_fill(7, 0x77);
	cr_assert_eq(world_look(8), world_byte(8));
	cr_assert_eq(world_sync(), 0);
	cr_assert_eq(world_on_disk(7), 0x77);
	cr_assert_eq(world_on_disk(8), world_byte(8));
}

Test(cache_get, some_devices_are_of_no_use)
{
	struct cache_config config = { .blocks = 4, .read_ahead = 1, .requests = 2 };
	struct blkdev dev = disk.dev;
	struct cache *other;

	dev.sector_bytes = 2 * BLOCK_BYTES;
	cr_assert_eq(cache_create(&other, &dev, &config), -EINVAL);
	dev.sector_bytes = 520;
	cr_assert_eq(cache_create(&other, &dev, &config), -EINVAL);
	dev.sector_bytes = 512;
	dev.sectors_max = BLOCK_BYTES / 512 - 1;
	cr_assert_eq(cache_create(&other, &dev, &config), -EINVAL);
	dev.sectors_max++;
	dev.slices_max = 0;
	cr_assert_eq(cache_create(&other, &dev, &config), -EINVAL);
	dev.slices_max = 1;
	dev.sectors = 0;
	cr_assert_eq(cache_create(&other, &dev, &config), -EINVAL);
	dev.sectors = UINT64_MAX / 256;
	cr_assert_eq(cache_create(&other, &dev, &config), -EINVAL);
}

static void create_and_destroy(void *arg)
{
	struct cache_config config = CACHE_CONFIG_DEFAULTS;
	struct cache *other;

	(void)arg;
	if (cache_create(&other, &disk.dev, &config) == 0)
		cache_destroy(other);
	else
		cr_assert(test_alloc_failed());
}

Test(cache_get, needs_its_memory)
{
	cr_assert_eq(test_alloc_fail_each(create_and_destroy, NULL), 3);
}

Test(cache_get, all_who_want_a_block_wait_for_one_read)
{
	struct cache_get ops[4];

	disk.when = DISK_HELD;
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		cache_get(cache, &ops[i], 5, CACHE_READ);
		test_assert_pending(&ops[i].promise);
	}
	cr_assert_null(cache_peek(cache, 5));
	promise_cancel(&ops[1].promise);
	test_assert_error(&ops[1].promise, -ECANCELED);
	cr_assert_eq(disk.requests, 1);
	disk_release(&disk, 1);
	test_settle();
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		if (i == 1)
			continue;
		test_assert_value(&ops[i].promise, 0);
		cr_assert_eq(ops[i].block->data[0], world_byte(5));
		cache_put(ops[i].block);
	}
}

Test(cache_get, a_cancelled_read_is_kept_all_the_same)
{
	struct cache_get op;

	disk.when = DISK_HELD;
	cache_get(cache, &op, 5, CACHE_READ);
	promise_cancel(&op.promise);
	test_assert_error(&op.promise, -ECANCELED);
	disk_release(&disk, 1);
	test_settle();
	cr_assert_eq(world_look(5), world_byte(5));
	cr_assert_eq(disk.requests, 1);
}

/* -- room -- */

Test(cache_get, the_longest_unused_makes_room)
{
	for (uint64_t i = 0; i < WORLD_BLOCKS; i++)
		world_look(i);
	world_look(0);
	world_look(100);
	cr_assert_eq(disk.requests, WORLD_BLOCKS + 1);
	world_look(0);
	cr_assert_eq(disk.requests, WORLD_BLOCKS + 1, "was used lately");
	world_look(1);
	cr_assert_eq(disk.requests, WORLD_BLOCKS + 2, "was not");
}

Test(cache_get, what_was_read_ahead_outlives_what_was_used)
{
	for (uint64_t i = 0; i < 4; i++)
		world_look(i);
	cache_read_ahead(cache, 100, 4);
	test_settle();
	for (uint64_t i = 0; i < 4; i++)
		world_look(i); /* 2 and 3 in the same stretch */
	for (uint64_t i = 50; i < 58; i++)
		world_look(i);
	world_look(60);
	world_look(61);
	for (uint64_t i = 100; i < 104; i++) {
		struct cache_block *b = cache_peek(cache, i);

		cr_assert(b, "%u", (unsigned)i);
		cache_put(b);
	}
	cr_assert(!cache_peek(cache, 2) && !cache_peek(cache, 3));
}

Test(cache_get, a_scan_does_not_wipe_what_is_used)
{
	uint64_t before;

	for (uint64_t i = 0; i < 60; i++) {
		world_look(200);     /* a table that every piece of the file is found with */
		world_look(i);
		world_look(i);       /* pieces smaller than a block */
	}
	cr_assert_eq(disk.requests, 61, "the table was read once");
	cache_read_ahead(cache, 60, 4);
	for (uint64_t i = 60; i < 120; i++) {
		cache_read_ahead(cache, i + 1, 4);
		world_look(i);
		world_look(i);
	}
	test_settle();
	before = disk.requests;
	cr_assert_eq(world_look(200), world_byte(200));
	cr_assert_eq(disk.requests, before, "and is there after a file of many times the cache");
}

/* A table that is changed while readers hold it, or while it is written, keeps its rank. */
Test(cache_get, changes_do_not_wipe_it_either)
{
	uint64_t before;

	for (uint64_t i = 0; i < 20; i++) {
		world_look(200);
		world_look(i);
	}
	for (uint64_t i = 20; i < 30; i++) {
		struct cache_block *seen = world_get(200, CACHE_READ);

		world_fill(200, (uint8_t)i);
		cache_put(seen);
		world_look(i);
	}
	cr_assert_eq(world_sync(), 0);
	for (uint64_t i = 30; i < 60; i++)
		world_look(i);
	before = disk.requests;
	cr_assert_eq(world_look(200), 29);
	cr_assert_eq(disk.requests, before);
}

/* Hints for two files read at the same time bring more than a stretch. */
Test(cache_get, two_scans_do_not_wipe_it_either)
{
	uint64_t before;

	for (uint64_t i = 0; i < 30; i++) {
		world_look(200);
		world_look(i);
	}
	for (uint64_t i = 0; i < 40; i++) {
		cache_read_ahead(cache, 40 + i, 4);
		cache_read_ahead(cache, 120 + i, 4);
		test_settle();
		world_look(40 + i);
		world_look(120 + i);
	}
	before = disk.requests;
	cr_assert_eq(world_look(200), world_byte(200));
	cr_assert_eq(disk.requests, before);
}

/* A proven block does not stay for ever. */
Test(cache_get, habits_may_change)
{
	uint64_t before = 0;

	for (uint64_t round = 0; round < 40; round++) {
		world_look(200 + round);
		for (uint64_t i = 0; i < 10; i++)
			world_look(i);
	}
	for (uint64_t round = 0; round < 40; round++) {
		before = round == 30 ? disk.requests : before;
		world_look(200 + round);
		for (uint64_t i = 100; i < 106; i++)
			world_look(i);
	}
	cr_assert_eq(disk.requests - before, 10, "the last rounds miss only what is new");
}

Test(cache_get, held_blocks_stay)
{
	struct cache_block *held[WORLD_BLOCKS];
	struct cache_get op;

	for (uint64_t i = 0; i < WORLD_BLOCKS; i++)
		held[i] = world_get(i, CACHE_READ);
	cache_get(cache, &op, 100, CACHE_READ);
	test_assert_error(&op.promise, -ENOBUFS);
	cache_get(cache, &op, 100, CACHE_FILL);
	test_assert_error(&op.promise, -ENOBUFS);
	cache_get(cache, &op, 3, CACHE_CHANGE);
	test_assert_error(&op.promise, -ENOBUFS);
	cache_read_ahead(cache, 100, 4);
	cr_assert_eq(disk.requests, WORLD_BLOCKS);
	cache_put(held[7]);
	cr_assert_eq(world_look(100), world_byte(100));
	held[7] = world_get(7, CACHE_READ);
	for (uint64_t i = 0; i < WORLD_BLOCKS; i++) {
		cr_assert_eq(held[i]->data[0], world_byte(i));
		cache_put(held[i]);
	}
}

Test(cache_get, waits_for_room_while_blocks_are_read)
{
	struct cache_get ops[WORLD_BLOCKS + 2];

	disk.when = DISK_HELD;
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++)
		cache_get(cache, &ops[i], i, CACHE_READ);
	cr_assert_eq(disk.has, 3, "as many requests as there are");
	promise_cancel(&ops[2].promise);
	promise_cancel(&ops[4].promise);
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		disk_release(&disk, 1);
		test_settle();
	}
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		if (i == 2 || i == 4) {
			test_assert_error(&ops[i].promise, -ECANCELED);
			continue;
		}
		test_assert_value(&ops[i].promise, 0);
		cr_assert_eq(ops[i].block->data[0], world_byte(i));
		cache_put(ops[i].block);
	}
}

Test(cache_get, waits_for_room_while_blocks_are_written)
{
	struct cache_get op;

	for (uint64_t i = 0; i < WORLD_BLOCKS; i++)
		world_fill(i * 2, 0x10);
	disk.when = DISK_HELD;
	for (uint64_t i = 0; i < WORLD_BLOCKS; i++) {
		cache_get(cache, &op, 100 + i, CACHE_FILL);
		if (!promise_is_settled(&op.promise))
			break;
		cache_put(op.block);
	}
	test_assert_pending(&op.promise);
	disk.when = DISK_LATER;
	disk_release(&disk, SIZE_MAX);
	cr_assert_eq(loop_run(&op.promise), 0);
	cache_put(op.block);
}

/* -- changing -- */

Test(cache_get, a_change_is_seen_at_once_and_written_later)
{
	world_fill(9, 0x99);
	cr_assert_eq(world_look(9), 0x99);
	cr_assert_eq(world_on_disk(9), world_byte(9));
	cr_assert_eq(world_stats().dirty, 1);
	cr_assert_eq(world_sync(), 0);
	cr_assert_eq(world_on_disk(9), 0x99);
	cr_assert_eq(world_stats().dirty, 0);
	cr_assert_eq(world_on_disk(8), world_byte(8));
	cr_assert_eq(world_on_disk(10), world_byte(10));
}

Test(cache_get, filling_reads_nothing)
{
	struct cache_block *b = world_get(9, CACHE_FILL);

	cr_assert(b->data[0] == 0 && disk.requests == 0);
	cache_put(b);
	world_fill(9, 0x12);
	b = world_get(9, CACHE_FILL);
	cr_assert_eq(b->data[0], 0);
	cache_put(b);
	cr_assert_eq(world_sync(), 0);
	cr_assert_eq(world_on_disk(9), 0);
}

Test(cache_get, who_looks_sees_no_change)
{
	struct cache_block *seen = world_get(9, CACHE_READ), *dirty;

	world_fill(9, 0x99);
	cr_assert_eq(seen->data[0], world_byte(9));
	dirty = world_get(9, CACHE_READ);
	cr_assert_eq(dirty->data[0], 0x99);
	world_fill(9, 0x9a); /* in the same epoch, but a reader holds it */
	cr_assert_eq(dirty->data[0], 0x99);
	cr_assert_eq(world_stats().dirty, 1, "what nobody can see any more is not written");
	cr_assert_eq(world_sync(), 0);
	cr_assert_eq(world_on_disk(9), 0x9a);
	cr_assert_eq(world_stats().written, 1);
	cr_assert(seen->data[0] == world_byte(9) && dirty->data[0] == 0x99);
	cache_put(seen);
	cache_put(dirty);
}

Test(cache_get, what_is_being_written_does_not_change)
{
	struct cache_sync sync;
	struct cache_get op;

	world_fill(9, 0x99);
	disk.when = DISK_HELD;
	cache_sync(cache, &sync);
	cr_assert_eq(disk.has, 1);
	cache_get(cache, &op, 9, CACHE_CHANGE);
	test_assert_value(&op.promise, 0);
	memset(op.block->data, 0x9a, op.block->len); /* the disk would notice */
	cache_put(op.block);
	disk.when = DISK_LATER;
	disk_release(&disk, SIZE_MAX);
	cr_assert_eq(loop_run(&sync.promise), 0);
	cr_assert_eq(world_on_disk(9), 0x99);
	cr_assert_eq(world_look(9), 0x9a);
}

Test(cache_get, one_changes_and_the_others_wait)
{
	struct cache_get first, look, second, last;

	cache_get(cache, &first, 9, CACHE_FILL);
	test_assert_value(&first.promise, 0);
	cache_get(cache, &look, 9, CACHE_READ);
	cache_get(cache, &second, 9, CACHE_CHANGE);
	cache_get(cache, &last, 9, CACHE_READ);
	cr_assert_null(cache_peek(cache, 9));
	test_assert_pending(&look.promise);
	test_assert_pending(&second.promise);
	memset(first.block->data, 1, BLOCK_BYTES);
	cache_put(first.block);
	test_assert_value(&look.promise, 0);
	test_assert_value(&second.promise, 0);
	test_assert_pending(&last.promise);
	cr_assert(look.block != second.block && second.block->data[0] == 1);
	memset(second.block->data, 2, BLOCK_BYTES);
	cache_put(second.block);
	test_assert_value(&last.promise, 0);
	cr_assert(look.block->data[0] == 1 && last.block->data[0] == 2);
	cache_put(look.block);
	cache_put(last.block);
}

Test(cache_get, a_read_only_device_takes_no_changes)
{
	struct cache_get op;

	world_end();
	world_begin_with(BLKDEV_READ_ONLY, 4096, 512);
	cache_get(cache, &op, 9, CACHE_CHANGE);
	test_assert_error(&op.promise, -EROFS);
	cache_get(cache, &op, 9, CACHE_FILL);
	test_assert_error(&op.promise, -EROFS);
	cr_assert_eq(world_look(9), world_byte(9));
	cr_assert_eq(world_sync(), 0);
}

/* -- reading ahead -- */

Test(cache_get, a_hint_reads_in_large_requests)
{
	world_look(102);
	disk.requests = 0;
	disk.when = DISK_HELD;
	cr_assert_eq(cache_read_ahead(cache, 100, 100), 4, "a quarter of the cache");
	cr_assert_eq(disk.requests, 2, "100 and 101, then 103");
	cr_assert_eq(cache_read_ahead(cache, 100, 3), 3, "they are on their way");
	cr_assert_eq(disk.requests, 2);
	disk_release(&disk, SIZE_MAX);
	test_settle();
	cr_assert_eq(world_stats().read_ahead, 3);
	for (uint64_t i = 100; i < 104; i++)
		cr_assert_eq(world_look(i), world_byte(i));
	cr_assert(disk.requests == 2 && world_stats().misses == 1);
}

Test(cache_get, a_hint_leaves_a_request_to_who_waits)
{
	struct cache_get op;

	disk.when = DISK_HELD;
	cache_read_ahead(cache, 100, 4);
	cache_read_ahead(cache, 110, 4);
	cache_read_ahead(cache, 120, 4);
	cr_assert_eq(disk.has, 2);
	cache_get(cache, &op, 101, CACHE_READ);
	test_assert_pending(&op.promise);
	cr_assert_eq(disk.has, 2, "comes anyhow");
	promise_cancel(&op.promise);
	cache_get(cache, &op, 120, CACHE_READ);
	cr_assert_eq(disk.has, 3);
	disk_release(&disk, SIZE_MAX);
	test_settle();
	test_assert_value(&op.promise, 0);
	cache_put(op.block);
}

/* Hints have all requests but one: blocks read with a get need no other request. */
Test(cache_get, a_block_brings_what_lies_behind_it)
{
	struct cache_get op;

	disk.when = DISK_HELD;
	cache_read_ahead(cache, 10, 1);
	cache_read_ahead(cache, 20, 1);
	cr_assert_eq(cache_read_ahead(cache, 100, 4), 0, "refused");
	cache_get_ahead(cache, &op, 100, CACHE_READ, UINT32_MAX);
	cr_assert_eq(disk.has, 3);
	disk_release(&disk, SIZE_MAX);
	cr_assert_eq(loop_run(&op.promise), 0);
	cr_assert_eq(op.block->data[0], world_byte(100));
	cache_put(op.block);
	test_settle();
	disk.requests = 0;
	for (uint64_t i = 100; i < 104; i++)
		cr_assert_eq(world_look(i), world_byte(i));
	cr_assert_eq(disk.requests, 0, "a quarter of the cache");
	cr_assert(world_stats().misses == 1 && world_stats().read_ahead == 5);
}

/* And the same when it had to wait for that request itself. */
Test(cache_get, who_waits_for_a_request_brings_it_too)
{
	struct cache_get ops[3], op;

	disk.when = DISK_HELD;
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++)
		cache_get(cache, &ops[i], 10 * i, CACHE_READ);
	cache_get_ahead(cache, &op, 100, CACHE_READ, 3);
	cr_assert_eq(disk.has, 3, "all are with the device");
	disk_release(&disk, SIZE_MAX);
	test_settle();
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++)
		cache_put(ops[i].block);
	disk.requests = 0;
	disk_release(&disk, SIZE_MAX);
	cr_assert_eq(loop_run(&op.promise), 0);
	cache_put(op.block);
	cr_assert_eq(world_look(103), world_byte(103));
	cr_assert_eq(disk.requests, 0);
}

Test(cache_get, a_bad_sector_behind_it_fails_nobody)
{
	struct cache_get op;

	disk.bad_sector = 102 * 8;
	cache_get_ahead(cache, &op, 100, CACHE_READ, 3);
	cr_assert_eq(loop_run(&op.promise), 0);
	cr_assert_eq(op.block->data[0], world_byte(100));
	cache_put(op.block);
	cr_assert_eq(disk.requests, 2);
	cache_get_ahead(cache, &op, 102, CACHE_READ, 3);
	cr_assert_eq(loop_run(&op.promise), -EIO);
}

/* All that is not held is proven. */
Test(cache_get, hints_do_not_throw_out_what_is_proven)
{
	struct cache_block *held[8];

	for (uint64_t round = 0; round < 20; round++) {
		world_look(200 + round);
		for (uint64_t i = 0; i < 8; i++)
			world_look(i);
	}
	for (uint64_t i = 0; i < 8; i++)
		held[i] = world_get(100 + i, CACHE_READ);
	cr_assert_eq(cache_read_ahead(cache, 50, 4), 0);
	cache_put(held[0]);
	cr_assert_eq(cache_read_ahead(cache, 50, 4), 1, "in the place of what was used once");
	test_settle();
	for (uint64_t i = 1; i < 8; i++)
		cache_put(held[i]);
	disk.requests = 0;
	for (uint64_t i = 0; i < 8; i++)
		world_look(i);
	cr_assert_eq(disk.requests, 0);
}

Test(cache_get, a_bad_sector_fails_only_who_wants_it)
{
	struct cache_get good, bad;

	disk.bad_sector = 101 * 8 + 3;
	disk.when = DISK_HELD;
	cache_read_ahead(cache, 100, 4);
	cache_get(cache, &good, 100, CACHE_READ);
	cache_get(cache, &bad, 101, CACHE_CHANGE);
	disk.when = DISK_LATER;
	disk_release(&disk, SIZE_MAX);
	cr_assert_eq(loop_run(&good.promise), 0);
	cr_assert_eq(loop_run(&bad.promise), -EIO);
	cr_assert_eq(good.block->data[0], world_byte(100));
	cache_put(good.block);
	cr_assert_eq(world_look(102), world_byte(102));
	cache_get(cache, &bad, 101, CACHE_READ);
	cr_assert_eq(loop_run(&bad.promise), -EIO, "an error is not kept");
	disk.bad_sector = UINT64_MAX;
	cr_assert_eq(world_look(101), world_byte(101));
}

Test(cache_get, a_device_that_is_gone_fails_reads)
{
	struct cache_get ops[6];
	struct cache_block *b = world_get(1, CACHE_READ);

	disk.when = DISK_HELD;
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++)
		cache_get(cache, &ops[i], 10 + i, CACHE_READ);
	disk_vanish(&disk);
	test_settle();
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++)
		test_assert_error(&ops[i].promise, -ENXIO);
	cr_assert_eq(b->data[0], world_byte(1));
	cr_assert_eq(world_look(1), world_byte(1), "what is there is there");
	cache_put(b);
}
