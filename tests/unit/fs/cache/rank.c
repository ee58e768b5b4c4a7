/* SPDX-License-Identifier: ISC */
/* The part of the cache that hints may take, and the part that they must leave to blocks in use. */
#include "tests/unit/fs/cache/world.h"

/* The most unused hinted blocks of the small cache: three quarters. */
#define HINTED 12
#define LARGE_BLOCKS 256

TestSuite(cache_rank, .init = world_begin, .fini = world_end, .timeout = 60);

static void hint(uint64_t number)
{
	cr_assert_eq(cache_read_ahead(cache, number, 4), 4);
	test_settle();
}

static void hint_all(void)
{
	for (uint64_t i = 0; i < HINTED; i += 4)
		hint(100 + 10 * i);
	cr_assert_eq(cache_read_ahead(cache, 240, 4), 0, "refused");
}

Test(cache_rank, hints_are_refused_until_some_are_used)
{
	hint_all();
	for (uint64_t i = 0; i < 4; i++)
		world_look(100 + i);
	disk.requests = 0;
	hint(240);
	for (uint64_t i = 0; i < 4; i++) {
		world_look(140 + i);
		world_look(240 + i);
	}
	cr_assert_eq(disk.requests, 1);
}

Test(cache_rank, what_is_there_takes_no_room)
{
	hint_all();
	cr_assert_eq(cache_read_ahead(cache, 140, 4), 4, "they are there");
	cr_assert_eq(cache_read_ahead(cache, 142, 4), 2, "so far as they are");
}

Test(cache_rank, hints_that_nobody_comes_for_grow_old)
{
	hint_all();
	for (uint64_t i = 0; i < 3 * WORLD_BLOCKS; i++)
		world_look(i);
	hint(240);
	disk.requests = 0;
	for (uint64_t i = 0; i < 4; i++)
		world_look(240 + i);
	cr_assert_eq(disk.requests, 0);
}

Test(cache_rank, who_is_refused_still_reads_more_than_a_block)
{
	struct cache_get op;

	hint_all();
	disk.requests = 0;
	for (uint64_t i = 0; i < 8; i++) {
		cache_get_ahead(cache, &op, i, CACHE_READ, 100);
		cr_assert_eq(loop_run(&op.promise), 0);
		cr_assert_eq(op.block->data[0], world_byte(i));
		cache_put(op.block);
	}
	cr_assert_eq(disk.requests, 4);
}

Test(cache_rank, the_first_stretch_begins_when_it_is_used)
{
	hint(100);
	for (uint64_t i = 0; i < 8; i++)
		world_look(i);
	world_look(100);
	world_look(100);
	for (uint64_t i = 20; i < 20 + WORLD_BLOCKS; i++)
		world_look(i);
	disk.requests = 0;
	world_look(100);
	cr_assert_eq(disk.requests, 1, "it has made room");
}

Test(cache_rank, hints_that_fail_take_no_room)
{
	disk.bad_sector = 103 * 8;
	for (unsigned i = 0; i < HINTED; i++)
		hint(100);
	disk.bad_sector = UINT64_MAX;
	hint_all();
}

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16 & (sides - 1);
}

/* As by a server of small files: each needs a block of the table, of which hints bring more than it needs. */
Test(cache_rank, what_is_in_use_stays_beside_hints_that_nobody_comes_for)
{
	const struct cache_config large = {
		.blocks = LARGE_BLOCKS, .read_ahead = 64, .requests = 8, .write_back_ns = NS_PER_S,
	};
	uint32_t seed = 1, misses = 0;
	uint64_t before;

	world_end();
	world_begin_with(0, 4096 * 8, 512);
	cr_assert_eq(world_sync(), 0);
	cache_destroy(cache);
	cr_assert_eq(cache_create(&cache, &disk.dev, &large), 0);
	for (unsigned i = 0; i < 4000; i++) {
		struct cache_get op;

		before = disk.requests;
		world_look(3 * dice(&seed, 64));
		misses += i >= 1000 && disk.requests > before;
		cache_get_ahead(cache, &op, 1024 + dice(&seed, 2048), CACHE_READ, 8);
		cr_assert_eq(loop_run(&op.promise), 0);
		cache_put(op.block);
	}
	cr_assert_leq(misses, 30, "%u of 3000", misses);
}
