/* SPDX-License-Identifier: ISC */
/* The power fails at every moment of random workloads, on a device that performs requests in any order and
 * keeps any part of unflushed writes. The medium must have all changes up to some barrier, each sector with
 * any of its contents between that barrier and the next; and at least all synced changes.
 *
 * Each change has a number, which is in every word of its block, so a sector's content identifies it. SEED
 * and SEEDS in the environment repeat a run, and make more. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fs/cache/world.h"

#define BLOCK_BYTES CONFIG_FS_CACHE_BLOCK_BYTES
#define BLOCKS 24
#define CHANGES 400
#define HELD 3

/* Change n (from 1): to which block, in which epoch. */
static struct {
	uint32_t block, epoch;
} changes[CHANGES + 1];
static uint32_t change_count, epoch;
/* The time at which the nth sync was done, and the epoch on the medium since. */
static struct {
	uint64_t time;
	uint32_t epoch;
} syncs[CHANGES];
static uint32_t sync_count;
static uint64_t seed;
static uint8_t image[BLOCKS * BLOCK_BYTES];

TestSuite(cache_power, .timeout = 3000);

static uint32_t dice(uint32_t sides)
{
	return (uint32_t)(test_random(&seed) % sides);
}

static void write_number(uint8_t *data, uint32_t n)
{
	for (size_t at = 0; at < BLOCK_BYTES; at += sizeof(n))
		memcpy(data + at, &n, sizeof(n));
}

static uint32_t read_number(const uint8_t *data, size_t bytes)
{
	uint32_t n, other;

	memcpy(&n, data, sizeof(n));
	for (size_t at = 0; at < bytes; at += sizeof(n)) {
		memcpy(&other, data + at, sizeof(n));
		cr_assert_eq(n, other, "seed %llu: a sector is whole", (unsigned long long)seed);
	}
	return n;
}

/* The last change of block in epoch e or before. */
static uint32_t last_change(uint32_t block, uint32_t e)
{
	for (uint32_t n = change_count; n; n--)
		if (changes[n].block == block && changes[n].epoch <= e)
			return n;
	return 0;
}

static struct cache_block *get(uint32_t block, enum cache_mode mode)
{
	struct cache_get op;

	cache_get(cache, &op, block, mode);
	return loop_run(&op.promise) == 0 ? op.block : NULL;
}

static void change(uint32_t block)
{
	struct cache_block *b = get(block, dice(3) ? CACHE_CHANGE : CACHE_FILL);
	uint32_t was = read_number(b->data, BLOCK_BYTES);

	cr_assert(was == 0 || was == last_change(block, UINT32_MAX), "seed %llu: a change went astray",
	          (unsigned long long)seed);
	/* Another user of the cache works meanwhile. */
	if (!dice(4))
		test_run_for_ns(dice(4) * NS_PER_MS);
	write_number(b->data, ++change_count);
	changes[change_count].block = block;
	changes[change_count].epoch = epoch;
	cache_put(b);
}

static void sync(void)
{
	uint32_t covers = epoch++;

	cr_assert_eq(world_sync(), 0);
	syncs[sync_count].time = disk.time;
	syncs[sync_count++].epoch = covers;
}

/* barriers: of 20 steps. Without any, versions of a block meet in one epoch. */
static void work(uint32_t barriers)
{
	struct cache_block *held[HELD] = { NULL };
	uint32_t held_number[HELD] = { 0 };

	while (change_count < CHANGES) {
		uint32_t block = dice(3) ? dice(BLOCKS / 3) : dice(BLOCKS), slot = dice(HELD), what = dice(20);

		if (what < barriers) {
			cache_barrier(cache);
			epoch++;
		} else if (what < 15) {
			change(block);
		} else if (what < 16) {
			if (dice(4) < barriers)
				sync();
		} else if (what < 17) {
			cache_read_ahead(cache, block, dice(5));
		} else if (held[slot]) {
			cr_assert_eq(read_number(held[slot]->data, BLOCK_BYTES), held_number[slot]);
			cache_put(held[slot]);
			held[slot] = NULL;
		} else {
			held[slot] = get(block, CACHE_READ);
			held_number[slot] = read_number(held[slot]->data, BLOCK_BYTES);
			cr_assert_eq(held_number[slot], last_change(block, UINT32_MAX));
		}
		if (!dice(5))
			test_run_for_ns(dice(8) * NS_PER_MS);
	}
	for (uint32_t i = 0; i < HELD; i++)
		if (held[i])
			cache_put(held[i]);
}

/* Asserts that all changes up to some epoch, at least the last synced one, are on the medium: each sector has
 * its content at the end of it, or a later one. */
static void check(uint64_t time, uint32_t sector_bytes)
{
	uint32_t lowest = 0, latest = 0, before[BLOCKS];

	for (uint32_t i = 0; i < sync_count && syncs[i].time <= time; i++)
		lowest = syncs[i].epoch;
	for (size_t at = 0; at < sizeof(image); at += sector_bytes) {
		uint32_t n = read_number(image + at, sector_bytes);

		cr_assert(n <= change_count && (!n || changes[n].block == at / BLOCK_BYTES));
		latest = MAX(latest, n ? changes[n].epoch : 0);
	}
	latest = MAX(latest, lowest);
	/* A change of epoch latest is there: so all earlier epochs and all synced ones must be. */
	for (uint32_t block = 0; block < BLOCKS; block++)
		before[block] = last_change(block, latest > lowest ? latest - 1 : lowest);
	for (size_t at = 0; at < sizeof(image); at += sector_bytes) {
		uint32_t n = read_number(image + at, sector_bytes), block = (uint32_t)(at / BLOCK_BYTES);

		cr_assert(n >= before[block], "seed %llu, time %llu: block %u has change %u, not %u, but %u is there",
		          (unsigned long long)seed, (unsigned long long)time, block, n, before[block], latest);
	}
}

static void run(uint64_t from_seed, uint32_t features, uint32_t sector_bytes)
{
	uint64_t dice_seed = from_seed;

	seed = from_seed;
	change_count = sync_count = 0;
	epoch = 1;
	memset(changes, 0, sizeof(changes));
	world_begin_with(features, sizeof(image) / sector_bytes, sector_bytes);
	memset(disk.image, 0, sizeof(image));
	disk_forget(&disk);
	disk.when = DISK_LATER;
	disk.delay_ns = dice(3) * NS_PER_MS / 2;
	disk.seed = from_seed;
	work((uint32_t)from_seed % 5);
	for (uint64_t time = 0; time <= disk.time; time++) {
		for (enum disk_left left = DISK_LEFT_ALL; left <= DISK_LEFT_TORN; left++) {
			disk_after_cut(&disk, time, left, dice_seed++, image);
			check(time, sector_bytes);
		}
	}
	sync();
	disk_after_cut(&disk, disk.time, DISK_LEFT_NONE, 0, image);
	check(disk.time, sector_bytes);
	world_end();
}

Test(cache_power, leaves_what_barriers_allow)
{
	const char *one = getenv("SEED"), *many = getenv("SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	uint64_t count = one ? 1 : many ? strtoull(many, NULL, 10) / 50 : 8;

	for (uint64_t s = first; s < first + count; s++)
		run(s, s % 3 ? BLKDEV_CACHES : 0, s % 4 ? 512 : 4096);
}
