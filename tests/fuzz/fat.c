/* SPDX-License-Identifier: ISC */
/* Fuzzes the whole FAT file system and the block cache below it, through the bytes of a disk. The volume is
 * one of those made here, with files and folders; the input spoils bytes of it, and then makes calls:
 *
 *   byte 0          bits 0 and 1: FAT12, FAT16, FAT32, FAT12 in a partition; 2: the disk has a cache of its
 *                   own; 6: the disk takes its time; 7: read-only
 *   byte 1          bits 0 to 4: number of patches; bits 5 to 7: number of requests before one fails
 *   each patch      two bits: relative to the boot sector, the table, the folders or the start; 14 bits:
 *                   offset from there; a byte: length; the bytes
 *   the rest        calls, two bytes each
 *
 * Checks, besides the sanitizers, that every call ends in bounded time, that reads of an unspoilt volume give
 * the written bytes, and that all memory is freed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fat/fat.h"
#include "fs/fat/geometry.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/disk.h"
#include "tests/lib/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KINDS 4
#define TURNS 2000000
#define PARTITION 63 /* sectors before it */
#define BLOCKS 8     /* of the cache */

static struct disk bases[KINDS];
static struct fat_geometry geometries[KINDS];
static const uint32_t sectors_of[KINDS] = { 400, 4400, 600, 400 };

static const char *const keys[] = {
	"SHORT.TXT", "A longer name than that.text", "folder", "folder/in it", "folder/sub/deep", "new",
	"folder/new", "new/er/est", "Ünïcödé \xf0\x9f\x90\xab", "folder/sub", "a\xff", "..", "", "folder/",
	"A name of nearly two hundred characters, of which the slots take up as much as a sector has room for, "
	"so that what is left of the one before is passed over, and the folder may have no room",
	"folder/A name of nearly two hundred characters, of which the slots take up as much as a sector has "
	"room for, and a cluster, so that the folder has to become longer, for it has one cluster only",
};
static_assert(ARRAY_SIZE(keys) == 16, "as many as four bits tell apart");

/* -- waiting -- */

static intptr_t wait(struct promise *p)
{
	unsigned turns = 0;

	while (!promise_is_settled(p)) {
		if (!loop_turn())
			clock_advance_ns(NS_PER_MS);
		CHECK(turns++ < TURNS);
	}
	return promise_result(p);
}

static void settle(void)
{
	while (loop_turn())
		;
}

/* -- calls -- */

static void fill(uint8_t *to, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(seed + i * 7 + i / 251);
}

static int read_all(struct kv *kv, const char *key, size_t key_len, const uint8_t *expected, size_t len)
{
	struct kv_read op = { .cursor = { 0 } };
	struct kv_get get;
	uint64_t offset = 0;
	intptr_t n;

	kv_get(kv, &get, key, key_len);
	n = wait(&get.promise);
	if (n)
		return (int)n;
	CHECK(strlen(get.entry.etag) < KV_ETAG_BYTES && get.entry.size <= UINT32_MAX);
	CHECK(!expected || get.entry.size == len);
	do {
		kv_read(kv, &op, &get.entry, offset, 10000);
		n = wait(&op.promise);
		CHECK(n <= 10000);
		for (uint32_t i = 0; n > 0 && i < op.count; i++) {
			CHECK(op.slices[i].len && offset + op.slices[i].len <= get.entry.size);
			CHECK(!expected || !memcmp(op.slices[i].data, expected + offset, op.slices[i].len));
			offset += op.slices[i].len;
			storage_put(op.slices[i].storage);
		}
	} while (n > 0);
	CHECK(n < 0 || offset == get.entry.size);
	return (int)n;
}

/* Lists a folder, reads its files, and enters its folders. */
static void walk(struct kv *kv, const char *key, int depth, unsigned *budget)
{
	struct kv_list op;
	char path[2000];

	kv_list(kv, &op, key, strlen(key));
	if (wait(&op.promise))
		return;
	for (;;) {
		kv_list_next(kv, &op);
		if (wait(&op.promise) <= 0 || !*budget)
			return;
		--*budget;
		CHECK(op.name_len && strlen(op.name) == op.name_len && !strchr(op.name, '/'));
		if (snprintf(path, sizeof(path), "%s%s%s", key, *key ? "/" : "", op.name) >= (int)sizeof(path))
			continue;
		if (op.is_folder && depth < 8)
			walk(kv, path, depth + 1, budget);
		else if (op.size < 100000)
			CHECK(read_all(kv, path, strlen(path), NULL, 0) != -ENOENT);
	}
}

/* Cancels reads, which must still end. */
static void give_up_looking(struct kv *kv, const char *key)
{
	struct kv_read read = { .cursor = { 0 } };
	struct kv_list list;
	struct kv_get get;
	intptr_t n;

	kv_get(kv, &get, key, strlen(key));
	kv_list(kv, &list, key, strlen(key));
	promise_cancel(&get.promise);
	promise_cancel(&list.promise);
	n = wait(&get.promise);
	CHECK(n <= 0);
	wait(&list.promise);
	if (n)
		return;
	kv_read(kv, &read, &get.entry, 0, 100000);
	promise_cancel(&read.promise);
	if (wait(&read.promise) > 0)
		for (uint32_t i = 0; i < read.count; i++)
			storage_put(read.slices[i].storage);
}

/* Acts as another user of the cache, who holds all blocks for a moment, and cancels further requests. Lookups
 * must fail meanwhile. */
static void crowd(struct cache *c, struct kv *kv, const char *key)
{
	struct cache_get gets[BLOCKS + 1], beyond;
	struct cache_stats stats;
	struct cache_sync sync;
	struct kv_get get;
	size_t held = 0;

	cache_sync(c, &sync);
	promise_cancel(&sync.promise);
	wait(&sync.promise);
	cache_get(c, &beyond, UINT32_MAX, CACHE_READ);
	CHECK(wait(&beyond.promise) == -EINVAL);
	for (uint64_t number = 0; number <= BLOCKS; number++) {
		cache_get(c, &gets[held], number, CACHE_READ);
		if (number == BLOCKS / 2)
			promise_cancel(&gets[held].promise);
		held += wait(&gets[held].promise) == 0;
	}
	cache_stats(c, &stats);
	CHECK(stats.blocks == BLOCKS && stats.held == held && held <= BLOCKS);
	kv_get(kv, &get, key, strlen(key));
	wait(&get.promise);
	while (held > 0)
		cache_put(gets[--held].block);
}

static void change(struct kv *kv, uint8_t what, uint8_t how, bool is_whole)
{
	const char *key = keys[how & 15], *to = keys[how >> 4];
	size_t len = (size_t)(how >> 4) * (what & 8 ? 600 : 40);
	uint8_t bytes[9000];
	struct slice slice = { bytes, len, NULL };
	struct kv_change op;
	int error;

	fill(bytes, sizeof(bytes), how);
	switch (what % 8) {
	case 0: kv_set(kv, &op, key, strlen(key), &slice, 1); break;
	case 1: kv_remove(kv, &op, key, strlen(key)); break;
	case 2: kv_rename(kv, &op, key, strlen(key), to, strlen(to)); break;
	case 3: fat_append(kv, &op, key, strlen(key), &slice, 1); break;
	case 4: fat_write_at(kv, &op, key, strlen(key), what * 8u, &slice, 1); break;
	case 5: fat_truncate(kv, &op, key, strlen(key), len); break;
	case 6: fat_make_folder(kv, &op, key, strlen(key)); break;
	default:
		give_up_looking(kv, key);
		fat_sync(kv, &op);
		break;
	}
	error = (int)wait(&op.promise);
	CHECK(error <= 0 && error != -EAGAIN);
	if (what % 8 == 0 && !error)
		error = read_all(kv, key, strlen(key), is_whole ? bytes : NULL, len);
	CHECK(!is_whole || what % 8 || error != -EUCLEAN);
}

static void end(struct kv *kv)
{
	struct fat_unmount op;

	fat_unmount(&op, kv);
	wait(&op.promise);
	settle();
}

static struct kv *begin(struct disk *d, struct cache **cache, bool read_only)
{
	struct cache_config cache_config = {
		.blocks = BLOCKS, .read_ahead = 4, .requests = 2, .write_back_ns = NS_PER_S,
	};
	struct fat_config config = { .dev = &d->dev, .read_only = read_only };
	struct fat_mount op;
	int error;

	CHECK(cache_create(cache, &d->dev, &cache_config) == 0);
	config.cache = *cache;
	fat_mount(&op, &config);
	error = (int)wait(&op.promise);
	settle();
	CHECK(!op.kv == (error != 0) && !op.problem == (error != -EUCLEAN));
	return op.kv;
}

/* -- volumes -- */

static void put_16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* Formats with clusters of one sector, one table, and for FAT12 and FAT16 a root of 64 slots. */
static void format_volume(uint8_t *at, unsigned kind, uint32_t sectors)
{
	bool is_32 = kind == 2;
	uint32_t table_sectors = kind == 1 ? 18 : is_32 ? 6 : 2;
	uint8_t *table = at + (is_32 ? 4 : 1) * 512;

	memcpy(at, "\xeb\x3c\x90" "fuzzed", 9);
	put_16(at + 11, 512);
	at[13] = 1;
	put_16(at + 14, is_32 ? 4 : 1);
	at[16] = 1;
	put_16(at + 17, is_32 ? 0 : 64);
	put_16(at + 19, sectors);
	at[21] = 0xf8;
	put_16(at + 22, is_32 ? 0 : table_sectors);
	put_16(at + 510, 0xaa55);
	memset(table, 0xff, kind == 1 ? 4 : 3);
	table[0] = 0xf8;
	if (!is_32)
		return;
	put_16(at + 36, table_sectors);
	put_16(at + 44, 2);
	put_16(at + 48, 1);
	memcpy(at + 512, "RRaA", 4);
	memcpy(at + 512 + 484, "rrAa\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	put_16(at + 512 + 510, 0xaa55);
	memcpy(table, "\xf8\xff\xff\x0f\xff\xff\xff\x0f\xff\xff\xff\x0f", 12);
}

static void make_base(unsigned kind)
{
	struct disk *d = &bases[kind];
	uint32_t first = kind == 3 ? PARTITION : 0;
	struct cache *cache;
	struct kv *kv;

	disk_init(d, sectors_of[kind] + first, 512, 0);
	d->forgets = true;
	format_volume(d->image + first * 512, kind, sectors_of[kind]);
	if (first) {
		memcpy(d->image + 446, "\0\0\0\0\x01\0\0\0\x3f\0\0\0\x90\x01\0", 15);
		put_16(d->image + 510, 0xaa55);
	}
	CHECK(!fat_geometry_parse(&geometries[kind], d->image + first * 512, first * 512,
	                          sectors_of[kind] * 512));
	kv = begin(d, &cache, false);
	CHECK(kv);
	change(kv, 8, 0x30, true);
	change(kv, 8, 0x51, true);
	change(kv, 6, 0x02, true);
	change(kv, 8, 0xf3, true);
	change(kv, 0, 0x14, true);
	end(kv);
	cache_destroy(cache);
}

/* -- the input -- */

/* Applies the patches; gives the index at which the calls begin. */
static size_t spoil(uint8_t *image, size_t bytes, const struct fat_geometry *g, const uint8_t *data,
                    size_t size)
{
	const uint64_t places[] = { g->boot, g->table, g->root_slots ? g->root : g->data, 0 };
	size_t at = 2;

	for (unsigned n = data[1] & 31; n > 0 && at + 3 <= size; n--) {
		uint64_t place = places[data[at] >> 6] + ((data[at] & 63u) << 8 | data[at + 1]);
		size_t len = data[at + 2];

		if (data[at] >> 6 == 3)
			place *= 32;
		for (at += 3; len > 0 && at < size; len--, place++, at++)
			image[place % bytes] = data[at];
	}
	return at;
}

static void run(struct disk *d, const uint8_t *data, size_t size, size_t at)
{
	bool is_whole = !data[1] && !(data[0] & 0x80);
	unsigned budget = 150;
	struct cache *cache;
	struct kv *kv = begin(d, &cache, data[0] & 0x80);

	if (kv) {
		walk(kv, "", 0, &budget);
		for (; at + 2 <= size; at += 2) {
			if (data[at] % 8 == 7)
				crowd(cache, kv, keys[data[at + 1] >> 4]);
			change(kv, data[at], data[at + 1], is_whole);
			clock_advance_ns(NS_PER_S); /* so that unsynced changes are written */
		}
		budget = 150;
		walk(kv, "", 0, &budget);
		end(kv);
	}
	settle();
	cache_destroy(cache);
}

static void make_bases(void)
{
	struct cache_config config = CACHE_CONFIG_DEFAULTS;
	struct blkdev wrong[2];
	struct cache *cache;

	for (unsigned i = 0; i < KINDS; i++)
		make_base(i);
	wrong[0] = wrong[1] = bases[0].dev;
	wrong[0].sector_bytes = 3000;
	wrong[1].slices_max = 0;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK(cache_create(&cache, &wrong[i], &config) == -EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_made;
	struct disk d;
	unsigned kind;
	int64_t live;
	size_t at;

	if (!is_made)
		make_bases();
	is_made = true;
	log_level = LOG_ERROR;
	if (size < 2 || size > 400)
		return 0;
	kind = data[0] & 3;
	clock_set_wall_ns(data[0] & 0x20 ? UINT64_C(1700000000) * NS_PER_S : 0);
	disk_init(&d, bases[kind].dev.sectors, 512, data[0] & 4 ? BLKDEV_CACHES : 0);
	d.forgets = true;
	memcpy(d.image, bases[kind].image, d.dev.sectors * 512);
	d.when = data[0] & 0x40 ? DISK_LATER : DISK_AT_ONCE;
	at = spoil(d.image, d.dev.sectors * 512, &geometries[kind], data, size);
	d.fail_at = data[1] >> 5 ? (data[1] >> 5) * 4u : 0;
	live = test_alloc_live();
	run(&d, data, size, at);
	CHECK(test_alloc_live() == live);
	disk_destroy(&d);
	return 0;
}
