/* SPDX-License-Identifier: ISC */
/* Folders of 100,000 files, files of 2 GiB and of the largest size in FAT, volumes of which most is never
 * read. Large content is put onto the disk here, because the tools need minutes for it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fat/geometry.h"
#include "fs/fat/name.h"
#include "tests/unit/fs/fat/world.h"

static struct world w;
static struct fat_geometry g;

TestSuite(fat_big, .init = world_begin, .fini = world_end, .timeout = 900);

static void load(const char *options, const char *size)
{
	world_shell("truncate -s %s image; mkfs.fat %s image", size, options);
	w.sector_bytes = 512;
	world_load(&w);
	w.disk.forgets = true;
	cr_assert_null(fat_geometry_parse(&g, w.disk.image, 0, w.disk.dev.sectors * 512));
	cr_assert_eq(g.bits, 32);
}

static void *at(uint64_t place)
{
	return w.disk.image + place;
}

/* Clusters first to first + count - 1 become a chain. */
static void chain(uint32_t first, uint32_t count)
{
	for (uint32_t copy = 0; copy < g.copies; copy++) {
		uint32_t *table = at(g.table + copy * g.table_stride);

		for (uint32_t c = first; c < first + count; c++)
			table[c] = c + 1 < first + count ? c + 1 : 0x0fffffff;
	}
}

static struct fat_slot slot_of(const char *name, uint8_t attributes, uint32_t first, uint32_t size)
{
	struct fat_slot s = { .attributes = attributes, .size = size };

	memcpy(s.name, name, 11);
	s.first_low = (uint16_t)first;
	s.first_high = (uint16_t)(first >> 16);
	return s;
}

/* -- 100,000 files -- */

#define FILES 100000u
#define FOLDER 3u /* its first cluster */

/* "A file with the number 012345.text": three long slots, and FNNNNNNN.TEX. */
static void add_file(struct fat_slot *slots, uint32_t n, uint32_t first)
{
	char text[40], name[12];
	uint16_t units[52];
	uint8_t bytes[26];
	int len = sprintf(text, "A file with the number %06u.text", n);

	sprintf(name, "F%07uTEX", n);
	memset(units, 0xff, sizeof(units));
	for (int i = 0; i <= len; i++)
		units[i] = (uint16_t)text[i];
	for (int i = 0; i < 3; i++) {
		struct fat_long_slot *l = (struct fat_long_slot *)&slots[2 - i];

		*l = (struct fat_long_slot){
			.ordinal = (uint8_t)((i + 1) | (i == 2 ? FAT_LONG_LAST : 0)), .attributes = FAT_LONG_NAME,
			.checksum = fat_short_checksum((const uint8_t *)name),
		};
		memcpy(bytes, units + i * 13, 26);
		memcpy(l->units_1, bytes, 10);
		memcpy(l->units_2, bytes + 10, 12);
		memcpy(l->units_3, bytes + 22, 4);
	}
	slots[3] = slot_of(name, 0, first, 6);
	memcpy(at(fat_cluster_place(&g, first)), text + 23, 6);
}

static void make_files(void)
{
	uint32_t clusters = (FILES * 4 + 2) * 32 / 512 + 1;
	struct fat_slot *slots = at(fat_cluster_place(&g, FOLDER));

	((struct fat_slot *)at(fat_cluster_place(&g, 2)))[0] = slot_of("MANY       ", FAT_FOLDER, FOLDER, 0);
	slots[0] = slot_of(".          ", FAT_FOLDER, FOLDER, 0);
	slots[1] = slot_of("..         ", FAT_FOLDER, 0, 0);
	chain(FOLDER, clusters);
	for (uint32_t i = 0; i < FILES; i++) {
		chain(FOLDER + clusters + i, 1);
		add_file(slots + 2 + i * 4, i, FOLDER + clusters + i);
	}
}

Test(fat_big, a_folder_of_100000_files)
{
	static struct kv_list list;
	struct kv_get get;
	uint32_t count = 0;
	uint64_t requests;

	load("-F 32 -s 1 -f 1", "80M");
	make_files();
	cr_assert_eq(world_mount(&w), 0);
	world_expect(w.kv, "many/a FILE with the number 099999.text", "099999");
	requests = w.disk.requests;
	kv_get(w.kv, &get, "many/a FILE with the number 099999.text", 39);
	test_assert_value(&get.promise, 0);
	cr_expect_eq(w.disk.requests, requests, "what was found is remembered");
	world_expect(w.kv, "Many/A file with the number 000000.text", "000000");
	cr_expect_eq(world_get(w.kv, &get, "many/a file with the number 100000.text"), -ENOENT);
	kv_list(w.kv, &list, "many", 4);
	for (world_wait(&list.promise); ; count++) {
		kv_list_next(w.kv, &list);
		if (world_wait(&list.promise) != 1)
			break;
		cr_assert(atoi(list.name + 23) == (int)count && list.size == 6);
	}
	cr_expect_eq(count, FILES);
	/* We do not extend a folder beyond the limit of other systems, but find room in it. */
	cr_expect_eq(world_set(w.kv, "many/a longer name than there is room for in a cluster that has 14 slots "
	                       "left, so that another one would be needed, which the folder does not get, and so "
	                       "this fails, as it should", "x", 1), -ENOSPC);
	cr_expect_eq(world_remove(w.kv, "many/A file with the number 050000.text"), 0);
	cr_expect_eq(world_set(w.kv, "many/new", "x", 1), 0);
	world_expect(w.kv, "many/new", "x");
	world_close(&w);
}

/* -- long files -- */

#define REQUEST_BYTES (CONFIG_FS_CACHE_READ_AHEAD * CONFIG_FS_CACHE_BLOCK_BYTES)

/* Reads a whole value; each MiB begins with its number, the rest is zero unless it was set. */
static void read_through(const char *key, uint64_t size)
{
	struct kv_read read = { .cursor = { 0 } };
	uint64_t offset = 0;
	struct kv_get get;
	intptr_t n;

	cr_assert_eq(world_get(w.kv, &get, key), 0);
	cr_assert_eq(get.entry.size, size);
	do {
		kv_read(w.kv, &read, &get.entry, offset, UINT32_MAX);
		n = world_wait(&read.promise);
		cr_assert(n >= 0, "%ld at %llu", (long)n, (unsigned long long)offset);
		for (uint32_t i = 0; i < read.count; i++) {
			uint32_t mark = 0;

			if (offset % (1 << 20) == 0)
				memcpy(&mark, read.slices[i].data, sizeof(mark));
			cr_assert_eq(mark, offset % (1 << 20) ? 0 : (uint32_t)(offset >> 20));
			offset += read.slices[i].len;
			storage_put(read.slices[i].storage);
		}
	} while (n);
	cr_assert_eq(offset, size);
}

static void make_file(const char *name, unsigned slot, uint32_t first, uint64_t size)
{
	uint64_t place = fat_cluster_place(&g, first);

	((struct fat_slot *)at(fat_cluster_place(&g, 2)))[slot] = slot_of(name, 0, first, (uint32_t)size);
	chain(first, (uint32_t)((size + (1u << g.cluster_shift) - 1) >> g.cluster_shift));
	for (uint64_t offset = 0; offset < size; offset += 1 << 20)
		*(uint32_t *)at(place + offset) = (uint32_t)(offset >> 20);
}

Test(fat_big, files_of_2_gib_and_of_almost_4)
{
	uint64_t requests;

	load("-F 32 -s 64 -f 1", "7G");
	make_file("TWO     GIB", 0, 3, UINT64_C(2) << 30);
	make_file("FOUR    GIB", 1, 3 + (1 << 16), UINT32_MAX);
	cr_assert_eq(world_mount(&w), 0);
	requests = w.disk.requests;
	read_through("two.gib", UINT64_C(2) << 30);
	requests = w.disk.requests - requests;
	/* One for as many blocks as a request takes, and some of one block where a cache as small as this had no
	 * room to read ahead. */
	cr_expect_lt(requests, (UINT64_C(2) << 30) / REQUEST_BYTES * 15 / 10, "%llu",
	             (unsigned long long)requests);
	read_through("four.gib", UINT32_MAX);
	cr_expect_eq(world_append(w.kv, "four.gib", "xx", 2), -EFBIG);
	world_close(&w);
}
