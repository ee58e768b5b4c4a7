/* SPDX-License-Identifier: ISC */
/* Writing back: when, in which order and in how many requests; syncs, and changes lost by an error. */
#include <errno.h>
#include <string.h>

#include "tests/unit/fs/cache/world.h"

TestSuite(cache_write, .init = world_begin, .fini = world_end, .timeout = 60);

/* Lets the disk perform its requests, and those that follow from them. */
static void let_disk_work(void)
{
	do
		test_settle();
	while (disk_release(&disk, SIZE_MAX));
}

Test(cache_write, the_clock_writes_what_nobody_syncs)
{
	world_fill(3, 0x33);
	test_run_for_ns(NS_PER_S / 2);
	world_fill(4, 0x44);
	cr_assert_eq(world_on_disk(3), world_byte(3));
	test_run_for_ns(NS_PER_S / 2);
	cr_assert_eq(world_on_disk(3), 0x33);
	cr_assert_eq(world_on_disk(4), 0x44, "one request");
	cr_assert_eq(disk.dev.stats.flushes, 1, "the device may not keep it in its memory either");
	world_fill(4, 0x45);
	test_run_for_ns(NS_PER_S);
	cr_assert_eq(world_on_disk(4), 0x45);
	test_run_for_ns(10 * NS_PER_S);
	cr_assert(disk.dev.stats.flushes == 2 && disk.dev.stats.writes == 2);
}

/* However often it is changed. */
Test(cache_write, a_change_does_not_stay_in_memory_for_ever)
{
	for (uint8_t i = 1; i < 25; i++) {
		world_fill(3, i);
		test_run_for_ns(NS_PER_S / 10);
	}
	cr_assert_geq(world_on_disk(3), 10);
}

Test(cache_write, neighbours_go_in_one_request)
{
	static const uint64_t order[] = { 12, 10, 14, 11, 20, 15, 13, 17 };

	disk.when = DISK_AT_ONCE;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct cache_block *b = world_get(order[i], CACHE_FILL);

		memset(b->data, 0x55, b->len);
		cache_put(b);
	}
	cr_assert_eq(world_sync(), 0);
	cr_assert_eq(disk.dev.stats.writes, 4, "10 to 13, 14 and 15, 17, 20");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		cr_assert_eq(world_on_disk(order[i]), 0x55);
	cr_assert(world_on_disk(16) == world_byte(16) && world_on_disk(9) == world_byte(9));
	cr_assert_eq(world_stats().written, ARRAY_SIZE(order));
}

Test(cache_write, a_sync_without_changes_is_done_at_once)
{
	struct cache_sync sync;

	cache_sync(cache, &sync);
	test_assert_value(&sync.promise, 0);
	world_fill(3, 0x33);
	cr_assert_eq(world_sync(), 0);
	cache_sync(cache, &sync);
	test_assert_value(&sync.promise, 0);
	cr_assert_eq(disk.dev.stats.flushes, 1);
}

Test(cache_write, a_device_without_a_cache_is_not_flushed)
{
	world_end();
	world_begin_with(0, 4096, 512);
	world_fill(3, 0x33);
	cache_barrier(cache);
	world_fill(4, 0x44);
	cr_assert_eq(world_sync(), 0);
	cr_assert(world_on_disk(3) == 0x33 && world_on_disk(4) == 0x44);
	cr_assert(disk.dev.stats.flushes == 0 && disk.dev.stats.writes == 2);
}

Test(cache_write, a_barrier_holds_until_all_before_it_is_flushed)
{
	struct cache_sync sync;

	world_fill(3, 0x33);
	world_fill(30, 0x33);
	cache_barrier(cache);
	cache_barrier(cache); /* costs nothing */
	world_fill(4, 0x44);
	world_fill(3, 0x34);
	disk.when = DISK_HELD;
	cache_sync(cache, &sync);
	cr_assert_eq(disk.has, 2);
	disk_release(&disk, 1);
	test_settle();
	cr_assert_eq(disk.has, 1, "not before both are written");
	disk_release(&disk, 1);
	test_settle();
	cr_assert(disk.has == 1 && world_on_disk(3) == 0x33 && world_on_disk(4) == world_byte(4), "the flush");
	disk_release(&disk, 1);
	test_settle();
	cr_assert_eq(disk.has, 1, "3 and 4 together");
	let_disk_work();
	test_assert_value(&sync.promise, 0);
	cr_assert(world_on_disk(3) == 0x34 && world_on_disk(4) == 0x44 && disk.dev.stats.flushes == 2);
}

Test(cache_write, syncs_wait_for_their_own_epoch)
{
	struct cache_sync first, second, cancelled;

	world_fill(3, 1);
	disk.when = DISK_HELD;
	cache_sync(cache, &first);
	cache_sync(cache, &cancelled);
	cache_put(world_get(60, CACHE_FILL));
	cache_sync(cache, &second);
	promise_cancel(&cancelled.promise);
	test_assert_error(&cancelled.promise, -ECANCELED);
	disk_release(&disk, 1); /* the write */
	test_settle();
	disk_release(&disk, 1); /* the flush */
	test_settle();
	test_assert_value(&first.promise, 0);
	test_assert_pending(&second.promise);
	let_disk_work();
	test_assert_value(&second.promise, 0);
}

/* A change before the sync may be in a block that is being changed again. */
Test(cache_write, a_sync_waits_for_what_is_changed_anew)
{
	struct cache_block *b;
	struct cache_sync sync;

	world_fill(3, 1);
	b = world_get(3, CACHE_CHANGE);
	cache_sync(cache, &sync);
	let_disk_work();
	test_settle();
	test_assert_pending(&sync.promise);
	memset(b->data, 2, b->len);
	cache_put(b);
	let_disk_work();
	test_assert_value(&sync.promise, 0);
	cr_assert_eq(world_on_disk(3), 2);
}

/* The same with a reader, so that the change is in a copy. */
Test(cache_write, a_sync_waits_for_a_copy_that_is_changed)
{
	struct cache_block *seen, *b;
	struct cache_sync sync;

	world_fill(3, 1);
	seen = world_get(3, CACHE_READ);
	b = world_get(3, CACHE_CHANGE);
	cr_assert(b != seen);
	cache_sync(cache, &sync);
	let_disk_work();
	test_settle();
	test_assert_pending(&sync.promise);
	cache_put(b);
	let_disk_work();
	test_assert_value(&sync.promise, 0);
	cr_assert_eq(world_on_disk(3), 1);
	cache_put(seen);
}

/* The device never has two versions of a block of the same epoch at a time: the disk would assert. */
Test(cache_write, a_block_is_with_the_device_once)
{
	struct cache_block *seen;

	disk.when = DISK_HELD;
	disk.stuck_sector = 0;
	for (uint64_t i = 0; i < 9; i++)
		cache_put(world_get(i * 2, CACHE_FILL)); /* more than half: writing begins, with block 0 */
	world_fill(0, 1);
	seen = world_get(0, CACHE_READ);
	world_fill(0, 2);
	for (uint64_t i = 100; i < 140; i += 2) {
		struct cache_get op;

		cache_get(cache, &op, i, CACHE_FILL);
		let_disk_work();
		if (!promise_is_settled(&op.promise)) {
			promise_cancel(&op.promise);
			break;
		}
		cache_put(op.block);
	}
	cr_assert(disk.has == 1 && world_stats().dirty > 8, "all else waits for it");
	cache_put(seen);
	disk.stuck_sector = UINT64_MAX;
	disk.when = DISK_AT_ONCE;
	let_disk_work();
	cr_assert_eq(world_sync(), 0);
	cr_assert_eq(world_on_disk(0), 2);
}

/* More blocks are changed than there is room for, epoch after epoch. */
Test(cache_write, a_stream_of_changes_flows_through)
{
	disk.when = DISK_LATER;
	disk.delay_ns = NS_PER_MS;
	for (uint64_t i = 0; i < 200; i++) {
		world_fill(i, (uint8_t)~i);
		if (i % 7 == 0)
			cache_barrier(cache);
	}
	cr_assert_eq(world_sync(), 0);
	for (uint64_t i = 0; i < 200; i++)
		cr_assert_eq(world_on_disk(i), (uint8_t)~i);
}

/* -- errors -- */

static void fail_writes(uint32_t nth, unsigned kinds)
{
	disk.fail_at = nth;
	disk.fail_kinds = kinds;
}

static int try_change(uint64_t number)
{
	struct cache_get op;

	cache_get(cache, &op, number, CACHE_FILL);
	if (loop_run(&op.promise) == 0)
		cache_put(op.block);
	return (int)promise_result(&op.promise);
}

Test(cache_write, an_error_reaches_the_sync)
{
	world_fill(3, 0x33);
	fail_writes(1, 1 << BLKDEV_WRITE);
	cr_assert_eq(world_sync(), -EIO);
	cr_assert_eq(world_sync(), 0, "it is told once");
	cache_put(world_get(3, CACHE_FILL));
	cr_assert_eq(world_sync(), 0);
	cr_assert_eq(world_on_disk(3), 0);
}

Test(cache_write, an_error_of_the_clock_reaches_the_next_sync)
{
	world_fill(3, 0x33);
	fail_writes(1, 1 << BLKDEV_WRITE);
	test_run_for_ns(NS_PER_S);
	cr_assert_eq(world_sync(), -EIO);
	cr_assert_eq(world_sync(), 0);
}

/* Half of the block has been written all the same: a get gives the disk's content. */
Test(cache_write, what_is_lost_is_read_anew)
{
	struct cache_get op;

	world_fill(3, 0x33);
	fail_writes(1, 1 << BLKDEV_WRITE);
	cr_assert_eq(world_sync(), -EIO);
	cache_get(cache, &op, 3, CACHE_READ);
	cr_assert_eq(loop_run(&op.promise), 0);
	cr_assert(op.block->data[0] == 0x33 && op.block->data[4095] == world_byte(3));
	cache_put(op.block);
}

Test(cache_write, nothing_after_an_error_is_written)
{
	struct cache_block *seen, *changed;

	world_fill(3, 0x33);
	cache_barrier(cache);
	world_fill(40, 0x44);
	seen = world_get(40, CACHE_READ);
	cache_barrier(cache);
	world_fill(50, 0x55);
	changed = world_get(60, CACHE_CHANGE);
	fail_writes(1, 1 << BLKDEV_WRITE);
	test_run_for_ns(NS_PER_S); /* the timer writes, without a sync */
	memset(changed->data, 0x66, changed->len);
	cache_put(changed);
	cr_assert_eq(try_change(70), -EIO, "until a sync has told");
	cr_assert_eq(seen->data[0], 0x44);
	cache_put(seen);
	cr_assert_eq(world_look(40), world_byte(40));
	cr_assert_eq(world_sync(), -EIO);
	cr_assert_eq(try_change(70), 0);
	cr_assert_eq(world_sync(), 0);
	cr_assert(world_on_disk(40) == world_byte(40) && world_on_disk(50) == world_byte(50));
	cr_assert(world_on_disk(60) == world_byte(60) && world_on_disk(70) == 0);
}

Test(cache_write, a_failed_flush_is_an_error)
{
	struct cache_sync sync;

	world_fill(3, 0x33);
	cache_barrier(cache);
	world_fill(4, 0x44);
	fail_writes(1, 1 << BLKDEV_FLUSH);
	disk.fail_with = -ENXIO;
	cr_assert_eq(world_sync(), -ENXIO);
	cr_assert_eq(world_on_disk(4), world_byte(4));
	cache_sync(cache, &sync);
	cr_assert_eq(loop_run(&sync.promise), 0);
	cr_assert_eq(disk.dev.stats.flushes, 1, "what was written before is still to be flushed");
}

/* A pending sync fails; changes after it are lost, too, and the next sync reports that. */
Test(cache_write, whoever_lost_something_hears_of_it)
{
	struct cache_sync first, second;

	world_fill(3, 0x33);
	disk.when = DISK_HELD;
	cache_sync(cache, &first);
	fail_writes(1, 1 << BLKDEV_WRITE);
	cache_put(world_get(40, CACHE_FILL));
	let_disk_work();
	test_assert_error(&first.promise, -EIO);
	cr_assert_eq(try_change(41), -EIO);
	cache_sync(cache, &second);
	test_assert_error(&second.promise, -EIO);
	cr_assert_eq(try_change(41), 0);
}

/* Others of the epoch are under way when one fails. */
Test(cache_write, an_error_waits_for_what_is_under_way)
{
	struct cache_sync sync;
	struct cache_get look;

	world_fill(10, 1);
	world_fill(20, 2);
	world_fill(30, 3);
	disk.when = DISK_HELD;
	fail_writes(1, 1 << BLKDEV_WRITE);
	cache_sync(cache, &sync);
	cr_assert_eq(disk.has, 2);
	disk_release(&disk, 1);
	test_settle();
	test_assert_pending(&sync.promise);
	cr_assert_eq(try_change(50), -EIO);
	cache_get(cache, &look, 20, CACHE_READ);
	test_assert_value(&look.promise, 0);
	let_disk_work();
	test_assert_error(&sync.promise, -EIO);
	cr_assert(world_on_disk(20) == 2 && world_on_disk(30) == world_byte(30));
	cache_put(look.block);
	disk.when = DISK_AT_ONCE;
	cr_assert(world_look(20) == 2 && world_look(30) == world_byte(30));
}

/* Gets that waited for room, or for a block lost while it was being changed, continue. */
Test(cache_write, an_error_leaves_nobody_waiting)
{
	struct cache_get held, look, change, read, room[WORLD_BLOCKS];
	unsigned i;

	for (i = 0; i < 4; i++)
		cache_put(world_get(2 * i, CACHE_FILL));
	cache_get(cache, &held, 60, CACHE_FILL);
	cache_get(cache, &look, 60, CACHE_READ);
	cache_get(cache, &change, 60, CACHE_CHANGE);
	disk.when = DISK_HELD;
	for (i = 0; i < ARRAY_SIZE(room); i++) {
		cache_get(cache, &room[i], 100 + i, CACHE_FILL);
		if (!promise_is_settled(&room[i].promise))
			break;
		cache_put(room[i].block);
	}
	test_assert_pending(&room[i].promise);
	cache_get(cache, &read, 200, CACHE_READ);
	test_assert_pending(&read.promise);
	fail_writes(1, 1 << BLKDEV_WRITE);
	let_disk_work();
	test_assert_value(&look.promise, 0);
	test_assert_error(&change.promise, -EIO);
	test_assert_error(&room[i].promise, -EIO);
	test_assert_value(&read.promise, 0);
	cr_assert(look.block->data[0] == world_byte(60) && read.block->data[0] == world_byte(200));
	cache_put(held.block);
	cache_put(look.block);
	cache_put(read.block);
	cr_assert_eq(world_sync(), -EIO);
}

/* Blocks written meanwhile make no room, because readers hold them. */
Test(cache_write, what_an_error_loses_makes_room)
{
	struct cache_block *seen;
	struct cache_get op;

	cache_put(world_get(0, CACHE_FILL));
	seen = world_get(0, CACHE_READ);
	cache_barrier(cache);
	disk.when = DISK_HELD;
	for (uint64_t i = 1; i < WORLD_BLOCKS; i++)
		cache_put(world_get(i, CACHE_FILL));
	cache_get(cache, &op, 200, CACHE_READ);
	test_assert_pending(&op.promise);
	fail_writes(1, 1 << BLKDEV_FLUSH);
	let_disk_work();
	test_assert_value(&op.promise, 0);
	cache_put(op.block);
	cache_put(seen);
	cr_assert_eq(world_sync(), -EIO);
}

Test(cache_write, a_device_that_is_gone_fails_syncs)
{
	struct cache_sync syncs[2];

	world_fill(3, 1);
	disk.when = DISK_HELD;
	cache_sync(cache, &syncs[0]);
	cache_put(world_get(4, CACHE_FILL));
	cache_sync(cache, &syncs[1]);
	disk_vanish(&disk);
	test_settle();
	test_assert_error(&syncs[0].promise, -ENXIO);
	test_assert_error(&syncs[1].promise, -ENXIO);
	cr_assert_eq(try_change(5), 0, "it is told");
	cr_assert_eq(world_sync(), -ENXIO);
}
