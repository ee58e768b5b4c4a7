/* SPDX-License-Identifier: ISC */
/* An application that does with a disk what it is told to, line by line on the console, and says what came of
 * it: tests/system/test_disk.py compares that with what the host sees.
 *
 *   info                         sectors, their bytes, features
 *   write SECTOR COUNT SEED      a pattern, in requests of several slices, many at a time
 *   read SECTOR COUNT SEED       the same pattern is there
 *   flush, discard SECTOR COUNT
 *   cache BLOCK COUNT SEED       writes a pattern through the cache, with a barrier now and then, and syncs
 *   cached BLOCK COUNT SEED      reads it through the cache, ahead
 *   quit
 *
 * Byte i of sector s is s * 31 + i * 7 + (i >> 8) + seed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "fs/cache.h"
#include "kernel/app.h"
#include "kernel/dev/blkdev.h"
#include "kernel/dev/console.h"
#include "kernel/fiber.h"

#define AT_A_TIME 24
#define SLICES 3
#define BLOCK_BYTES CONFIG_FS_CACHE_BLOCK_BYTES

const struct option app_options[] = { { 0 } };

static struct blkdev *dev;
static struct cache *cache;

/* One of many requests: pieces of memory that do not lie side by side. */
static struct task {
	struct blkdev_op op;
	struct blkdev_slice slices[SLICES];
	_Alignas(4096) uint8_t memory[SLICES][2 * 4096]; /* as devices in other domains of Xen want it */
	uint64_t sector;
	uint32_t sectors;
} tasks[AT_A_TIME];

static uint8_t byte_at(uint64_t sector, uint32_t i, uint64_t seed)
{
	return (uint8_t)(sector * 31 + i * 7 + (i >> 8) + seed);
}

static void fill(uint8_t *data, uint64_t sector, uint32_t bytes, uint64_t seed)
{
	for (uint32_t i = 0; i < bytes; i++)
		data[i] = byte_at(sector + i / dev->sector_bytes, i % dev->sector_bytes, seed);
}

static bool is_filled(const uint8_t *data, uint64_t sector, uint32_t bytes, uint64_t seed)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (data[i] != byte_at(sector + i / dev->sector_bytes, i % dev->sector_bytes, seed))
			return false;
	return true;
}

/* As many sectors from sector on as up to slices of 1, 2 and 1 sectors hold. */
static void prepare(struct task *t, uint64_t sector, uint64_t left)
{
	uint32_t most = MIN((uint32_t)SLICES, dev->slices_max);

	t->sector = sector;
	t->sectors = 0;
	t->op.count = 0;
	for (uint32_t i = 0; i < most && t->sectors < left; i++) {
		uint32_t n = (uint32_t)MIN((uint64_t)(i == 1 ? 2 : 1), left - t->sectors);

		t->slices[t->op.count++] = (struct blkdev_slice){ t->memory[i], n * dev->sector_bytes };
		t->sectors += n;
	}
}

static void submit(struct task *t, bool writes, uint64_t seed)
{
	uint64_t sector = t->sector;

	for (uint32_t i = 0; i < t->op.count; i++) {
		if (writes)
			fill(t->slices[i].data, sector, t->slices[i].len, seed);
		else
			memset(t->slices[i].data, 0x5a, t->slices[i].len);
		sector += t->slices[i].len / dev->sector_bytes;
	}
	if (writes)
		blkdev_write(dev, &t->op, t->sector, t->sectors, t->slices, t->op.count);
	else
		blkdev_read(dev, &t->op, t->sector, t->sectors, t->slices, t->op.count);
}

static int check(struct task *t, uint64_t seed)
{
	uint64_t sector = t->sector;

	for (uint32_t i = 0; i < t->op.count; i++) {
		if (!is_filled(t->slices[i].data, sector, t->slices[i].len, seed))
			return -EBADMSG;
		sector += t->slices[i].len / dev->sector_bytes;
	}
	return 0;
}

/* 0, the first error, -EBADMSG when something else was there. */
static int transfer(bool writes, uint64_t sector, uint64_t count, uint64_t seed)
{
	uint64_t end = sector + count;
	int error = 0;

	while (sector < end && !error) {
		unsigned n = 0;

		for (; n < AT_A_TIME && sector < end; sector += tasks[n++].sectors) {
			prepare(&tasks[n], sector, end - sector);
			submit(&tasks[n], writes, seed);
		}
		for (unsigned i = 0; i < n; i++) {
			int result = (int)fiber_await(&tasks[i].op.promise, DEADLINE_NEVER);

			if (!result && !writes)
				result = check(&tasks[i], seed);
			error = error ? error : result;
		}
	}
	return error;
}

static int flush(void)
{
	struct blkdev_op op;

	blkdev_flush(dev, &op);
	return (int)fiber_await(&op.promise, DEADLINE_NEVER);
}

static int discard(uint64_t sector, uint64_t count)
{
	struct blkdev_op op;

	blkdev_discard(dev, &op, sector, (uint32_t)count);
	return (int)fiber_await(&op.promise, DEADLINE_NEVER);
}

static int through_cache(bool writes, uint64_t number, uint64_t count, uint64_t seed)
{
	uint32_t per_block = BLOCK_BYTES / dev->sector_bytes;
	struct cache_get get;
	struct cache_sync sync;
	int error = 0;

	for (uint64_t i = 0; i < count && !error; i++, number++) {
		if (!writes)
			cache_read_ahead(cache, number, (uint32_t)MIN(count - i, UINT64_C(16)));
		cache_get(cache, &get, number, !writes ? CACHE_READ : i % 3 ? CACHE_FILL : CACHE_CHANGE);
		error = (int)fiber_await(&get.promise, DEADLINE_NEVER);
		if (error)
			break;
		if (writes)
			fill(get.block->data, number * per_block, get.block->len, seed);
		else if (!is_filled(get.block->data, number * per_block, get.block->len, seed))
			error = -EBADMSG;
		cache_put(get.block);
		if (writes && i % 10 == 9)
			cache_barrier(cache);
	}
	cache_sync(cache, &sync);
	return error ? error : (int)fiber_await(&sync.promise, DEADLINE_NEVER);
}

static int perform(const char *what, const uint64_t *n)
{
	if (!strcmp(what, "write") || !strcmp(what, "read"))
		return transfer(*what == 'w', n[0], n[1], n[2]);
	if (!strcmp(what, "flush"))
		return flush();
	if (!strcmp(what, "discard"))
		return discard(n[0], n[1]);
	if (!strcmp(what, "cache") || !strcmp(what, "cached"))
		return through_cache(what[5] == '\0', n[0], n[1], n[2]);
	return -ENOSYS;
}

static void info(void)
{
	const struct blkdev_stats *s = &dev->stats;

	printf("info sectors=%llu bytes=%u read_only=%d caches=%d discards=%d errors=%llu\n",
	       (unsigned long long)dev->sectors, dev->sector_bytes, !!(dev->features & BLKDEV_READ_ONLY),
	       !!(dev->features & BLKDEV_CACHES), !!(dev->features & BLKDEV_DISCARDS),
	       (unsigned long long)s->errors);
}

/* One word, and up to three numbers. */
static bool obey(char *line)
{
	uint64_t n[3] = { 0 };
	char *at = line + strcspn(line, " ");

	for (unsigned i = 0; i < 3 && *at; i++) {
		*at++ = '\0';
		n[i] = strtoull(at, &at, 10);
	}
	if (!strcmp(line, "quit"))
		return false;
	if (!strcmp(line, "info"))
		info();
	else
		printf("%s %d\n", line, perform(line, n));
	fflush(stdout);
	return true;
}

static intptr_t run(void *done)
{
	static char line[128];
	struct console_read op;
	size_t len = 0;
	bool more = true;

	while (more && len < sizeof(line)) {
		console_read(&op, line + len, 1);
		if (fiber_await(&op.promise, DEADLINE_NEVER) <= 0)
			break;
		if (line[len] != '\n' && line[len] != '\r') {
			len++;
			continue;
		}
		line[len] = '\0';
		more = !len || obey(line);
		len = 0;
	}
	promise_fulfil(done, 0);
	return 0;
}

int app_start(const struct app *app, struct promise *done)
{
	static const struct cache_config config = CACHE_CONFIG_DEFAULTS;
	int error;

	(void)app;
	dev = machine_blkdev();
	if (!dev)
		return -ENODEV;
	error = cache_create(&cache, dev, &config);
	return error ? error : fiber_start(run, done, NULL);
}
