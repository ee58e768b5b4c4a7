/* SPDX-License-Identifier: ISC */
/* The small cache, and its disk, whose blocks are told apart by their bytes. */
#include "tests/unit/fs/cache/world.h"

#include <string.h>

#define BLOCK_BYTES CONFIG_FS_CACHE_BLOCK_BYTES

struct disk disk;
struct cache *cache;

static const struct cache_config config = {
	.blocks = WORLD_BLOCKS, .read_ahead = 4, .requests = 3, .write_back_ns = NS_PER_S,
};

uint8_t world_byte(uint64_t number)
{
	return (uint8_t)(number * 7 + 1);
}

void world_begin_with(uint32_t features, uint64_t sectors, uint32_t sector_bytes)
{
	uint64_t bytes = sectors * sector_bytes;

	test_begin();
	disk_init(&disk, sectors, sector_bytes, features);
	for (uint64_t at = 0; at < bytes; at++)
		disk.image[at] = world_byte(at / BLOCK_BYTES);
	disk_forget(&disk);
	cr_assert_eq(cache_create(&cache, &disk.dev, &config), 0);
}

void world_begin(void)
{
	world_begin_with(BLKDEV_CACHES, WORLD_DEVICE_BLOCKS * BLOCK_BYTES / 512, 512);
}

void world_end(void)
{
	disk.when = DISK_LATER;
	disk_release(&disk, SIZE_MAX);
	world_sync();
	test_settle();
	cr_assert_eq(world_stats().held, 0);
	cache_destroy(cache);
	disk_destroy(&disk);
	test_end();
}

static uint8_t whole(const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 1; i < len; i++)
		cr_assert_eq(data[i], data[0], "byte %u of a block", i);
	return data[0];
}

struct cache_block *world_get(uint64_t number, enum cache_mode mode)
{
	struct cache_get op;

	cache_get(cache, &op, number, mode);
	cr_assert_eq(loop_run(&op.promise), 0);
	whole(op.block->data, op.block->len);
	return op.block;
}

uint8_t world_look(uint64_t number)
{
	struct cache_block *b = world_get(number, CACHE_READ);
	uint8_t byte = b->data[0];

	cache_put(b);
	return byte;
}

void world_fill(uint64_t number, uint8_t byte)
{
	struct cache_block *b = world_get(number, CACHE_CHANGE);

	memset(b->data, byte, b->len);
	cache_put(b);
}

int world_sync(void)
{
	struct cache_sync op;

	cache_sync(cache, &op);
	return (int)loop_run(&op.promise);
}

uint8_t world_on_disk(uint64_t number)
{
	uint64_t bytes = disk.dev.sectors * disk.dev.sector_bytes, at = number * BLOCK_BYTES;

	return whole(disk.image + at, (uint32_t)MIN((uint64_t)BLOCK_BYTES, bytes - at));
}

struct cache_stats world_stats(void)
{
	struct cache_stats stats;

	cache_stats(cache, &stats);
	return stats;
}
