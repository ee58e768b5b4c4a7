/* SPDX-License-Identifier: ISC */
/* Volumes that are damaged or made to do harm: damage is refused with a text that names it, in bounded time,
 * and undamaged files beside it are still served. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fat/geometry.h"
#include "fs/fat/name.h"
#include "tests/unit/fs/fat/world.h"

static struct world w;
static struct fat_geometry g;

TestSuite(fat_hostile, .init = world_begin_counted, .fini = world_end_counted, .timeout = 120);

/* A volume with: one.bin, three.bin (clusters in a row), dir/sub/deep.txt, whole.txt. */
static void load(const char *options, unsigned kib)
{
	world_shell("truncate -s %uK image; mkfs.fat %s image; "
	            "printf 1 >one; printf deep >deep; printf whole >whole; "
	            "head -c 1500 /dev/zero | tr '\\0' x >three; mmd a:/dir a:/dir/sub; mcopy one a:/one.bin; "
	            "mcopy three a:/three.bin; mcopy deep a:/dir/sub/deep.txt; mcopy whole a:/whole.txt",
	            kib, options);
	world_load(&w);
	cr_assert_null(fat_geometry_parse(&g, w.disk.image, 0, w.disk.dev.sectors * 512));
}

static uint8_t *at(uint64_t place)
{
	return w.disk.image + place;
}

/* The slot of an 8.3 name in capital letters, anywhere on the volume. */
static struct fat_slot *slot_of(const char name[11])
{
	for (uint64_t place = g.root; place < w.disk.dev.sectors * 512; place += sizeof(struct fat_slot))
		if (!memcmp(at(place), name, 11))
			return (struct fat_slot *)(void *)at(place);
	cr_assert(false, "%s is not there", name);
	return NULL;
}

static uint32_t first_of(const char name[11])
{
	return fat_slot_first(slot_of(name));
}

static void set_first(const char name[11], uint32_t first)
{
	slot_of(name)->first_low = (uint16_t)first;
	slot_of(name)->first_high = (uint16_t)(first >> 16);
}

static void set_table(uint32_t cluster, uint32_t value)
{
	uint8_t *entry = at(g.table + (uint64_t)cluster * g.bits / 8);

	if (g.bits == 12) {
		uint32_t old = entry[0] | (uint32_t)entry[1] << 8;

		value = cluster & 1 ? (old & 0x00f) | value << 4 : (old & 0xf000) | (value & 0xfff);
	}
	entry[0] = (uint8_t)value;
	entry[1] = (uint8_t)(value >> 8);
	if (g.bits == 32) {
		entry[2] = (uint8_t)(value >> 16);
		entry[3] = (uint8_t)(value >> 24);
	}
}

static void expect_refused(const char *key, const char *words)
{
	struct kv_get op;

	test_console_clear();
	cr_expect_eq(world_get(w.kv, &op, key), -EUCLEAN, "%s: %s", key, words);
	cr_expect(strstr(test_console_text(), words), "%s: %s", key, test_console_text());
}

static void mount(void)
{
	disk_forget(&w.disk);
	cr_assert_eq(world_mount(&w), 0, "%s", w.problem ?: "");
}

static void expect_whole(void)
{
	world_expect(w.kv, "whole.txt", "whole");
	world_close(&w);
}



struct kind {
	const char *options;
	unsigned kib;
};
static const struct kind kinds[] = { { "-F 12 -s 1", 1000 }, { "-F 16 -s 1", 4000 }, { "-F 32 -s 1",
40000 } };

Test(fat_hostile, a_chain_that_is_a_loop)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		load(kinds[i].options, kinds[i].kib);
		uint32_t three = first_of("THREE   BIN");

		set_table(three + 2, three);
		mount();
		expect_refused("three.bin", "a chain is a loop");
		expect_whole();

		load(kinds[i].options, kinds[i].kib);
		set_table(three + 1, three + 1);
		mount();
		expect_refused("three.bin", "a chain is a loop");
		expect_whole();
	}
}

/* On a volume whose clusters are too many to look for those that several have: three.bin has runs of these
 * lengths, and its last cluster is followed by that number back of it. */
Test(fat_hostile, a_loop_of_clusters_that_lie_together)
{
	static const struct {
		uint32_t runs[4], back;
	} chains[] = {
		{ { 1 }, 0 }, { { 2 }, 1 }, { { 3000 }, 0 }, { { 3000 }, 1 }, { { 3000 }, 2999 }, { { 3000 }, 1500 },
		{ { 1023, 2 }, 1 }, { { 1024, 1 }, 1024 }, { { 1025, 1023, 1 }, 1100 }, { { 127, 129, 1, 7 }, 263 },
		{ { 1, 1, 1, 1 }, 3 }, { { 500, 2000, 1, 3 }, 2001 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		uint32_t all[5000], count = 0, next = 20000;

		load("-F 32 -s 1", 150000);
		cr_assert_gt(g.clusters, CONFIG_FAT_OWNERS_CLUSTERS);
		for (size_t k = 0; k < 4; k++, next -= 4000)
			for (uint32_t j = 0; j < chains[i].runs[k]; j++)
				all[count++] = next + j;
		set_first("THREE   BIN", all[0]);
		for (uint32_t j = 0; j < count; j++)
			set_table(all[j], j + 1 < count ? all[j + 1] : all[j - chains[i].back]);
		mount();
		expect_refused("three.bin", "a chain is a loop");
		expect_whole();
	}
}

Test(fat_hostile, chains_that_end_early_late_or_elsewhere)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t three, one;

		load(kinds[i].options, kinds[i].kib);
		three = first_of("THREE   BIN");
		one = first_of("ONE     BIN");
		set_table(three + 1, 0x0fffffff);
		set_table(one, three + 2);
		mount();
		expect_refused("three.bin", "a file's chain is shorter than the file");
		expect_refused("one.bin", "a file's chain is longer than the file");
		expect_whole();

		load(kinds[i].options, kinds[i].kib);
		set_table(three + 1, 0);
		set_table(one, g.clusters + 2);
		mount();
		expect_refused("three.bin", "a chain runs into a free cluster");
		expect_refused("one.bin", "a chain leaves the volume");
		expect_whole();

		load(kinds[i].options, kinds[i].kib);
		set_first("ONE     BIN", g.clusters + 1);
		set_table(g.clusters + 1, g.clusters + 2);
		set_table(g.clusters + 2, 0x0fffffff);
		mount();
		expect_refused("one.bin", "a chain leaves the volume");
		expect_whole();
	}
}

Test(fat_hostile, files_that_begin_nowhere_or_never_end)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		load(kinds[i].options, kinds[i].kib);
		set_first("ONE     BIN", 1);
		slot_of("THREE   BIN")->size = UINT32_MAX;
		mount();
		expect_refused("one.bin", "a file lies outside the volume");
		expect_refused("three.bin", "a file is longer than the volume");
		expect_whole();
		load(kinds[i].options, kinds[i].kib);
		set_first("ONE     BIN", g.clusters + 2);
		mount();
		expect_refused("one.bin", "a file lies outside the volume");
		expect_whole();
	}
}

Test(fat_hostile, folders_that_contain_themselves_or_are_none)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t dir, sub, one;

		load(kinds[i].options, kinds[i].kib);
		dir = first_of("DIR        ");
		sub = first_of("SUB        ");
		one = first_of("ONE     BIN");
		set_first("SUB        ", dir);
		mount();
		expect_refused("dir/sub/deep.txt", "a folder says nothing or something else");
		cr_expect_str_eq(world_list(w.kv, "dir/sub"), "-117");
		cr_expect_str_eq(world_list(w.kv, "dir"), "sub/");
		expect_whole();

		load(kinds[i].options, kinds[i].kib);
		set_first("DIR        ", one);
		mount();
		expect_refused("dir/sub/deep.txt", "two have a cluster in common");
		expect_whole();

		load(kinds[i].options, kinds[i].kib);
		set_first("DIR        ", 0);
		mount();
		expect_refused("dir/sub", "a folder lies outside the volume");
		expect_whole();

		/* A wrong "..": readable, but refused. */
		load(kinds[i].options, kinds[i].kib);
		((struct fat_slot *)(void *)at(fat_cluster_place(&g, sub)))[1].first_low++;
		mount();
		expect_refused("dir/sub/deep.txt", "a folder says nothing or something else");
		expect_whole();
	}
}

Test(fat_hostile, a_folder_whose_chain_is_a_loop)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t sub;

		load(kinds[i].options, kinds[i].kib);
		sub = first_of("SUB        ");
		set_table(sub, sub);
		/* No end of it either. */
		for (uint64_t s = 3; s < 16; s++)
			at(fat_cluster_place(&g, sub) + s * 32)[0] = FAT_SLOT_FREE;
		mount();
		expect_refused("dir/sub/missing", "a chain is a loop");
		world_expect(w.kv, "dir/sub/deep.txt", "deep");
		cr_expect_str_eq(world_list(w.kv, "dir/sub"), "-117");
		expect_whole();
	}
}

/* Parts of long names without a file, out of order, with other checksums, too long, or not well formed: the
 * file goes by its 8.3 name. */
Test(fat_hostile, long_names_that_are_none)
{
	static const struct {
		uint8_t ordinals[3], checksum; /* checksum: what is wrong with it */
		uint16_t unit;  /* 0: 'x' */
	} names[] = {
		{ { 0x42, 0x01 }, 1, 0 }, { { 0x02, 0x01 }, 0, 0 }, { { 0x43, 0x01 }, 0, 0 },
		{ { 0x41, 0x01 }, 0, 0 },
		{ { 0x42, 0x02 }, 0, 0 }, { { 0x40 }, 0, 0 }, { { 0x7f, 0x3e }, 0, 0 }, { { 0x41 }, 0, '/' },
		{ { 0x41 }, 0, 7 }, { { 0x41 }, 0, 0xd800 }, { { 0x41 }, 0, 0xdc00 }, { { 0x42, 0x01, 0x01 }, 0, 0 },
		{ { 0x55, 0x14 }, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct fat_slot *slot;

		load("-F 16 -s 1", 4000);
		/* Behind all other slots in the root. */
		slot = (struct fat_slot *)(void *)at(g.root);
		while (slot->name[0])
			slot++;
		for (size_t j = 0; j < 3 && names[i].ordinals[j]; j++) {
			struct fat_long_slot *l = (struct fat_long_slot *)slot++;
			uint8_t units[26];

			for (size_t n = 0; n < 13; n++) {
				units[2 * n] = 'x';
				units[2 * n + 1] = 0;
			}
			if (names[i].unit) {
				units[4] = (uint8_t)names[i].unit;
				units[5] = (uint8_t)(names[i].unit >> 8);
			}
			memcpy(l->units_1, units, 10);
			memcpy(l->units_2, units + 10, 12);
			memcpy(l->units_3, units + 22, 4);
			l->ordinal = names[i].ordinals[j];
			l->attributes = FAT_LONG_NAME;
			l->checksum = (uint8_t)(fat_short_checksum((const uint8_t *)"SHORT   NAM") + names[i].checksum);
		}
		memcpy(slot->name, "SHORT   NAM", 11);
		mount();
		world_expect(w.kv, "short.nam", "");
		cr_expect_str_eq(world_list(w.kv, ""), "SHORT.NAM dir/ one.bin three.bin whole.txt", "%zu: %s", i,
		                 world_list(w.kv, ""));
		expect_whole();
	}
}

/* Names that are not valid in keys are not shown. */
Test(fat_hostile, names_that_are_none)
{
	static const char *const names[] = { "A/B     TXT", "        TXT", "A\001      TXT", ".A      TXT",
	"A:         " };
	struct fat_slot *slot;

	load("-F 16 -s 1", 4000);
	slot = (struct fat_slot *)(void *)at(g.root);
	while (slot->name[0])
		slot++;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		memcpy((slot++)->name, names[i], 11);
	memcpy(slot->name, "\005\200      TXT", 11);
	mount();
	cr_expect_str_eq(world_list(w.kv, ""), "dir/ one.bin three.bin whole.txt ÕÇ.TXT");
	world_expect(w.kv, "õç.txt", "");
	expect_whole();
}

/* The table says that the root folder is free: no file may get it. */
Test(fat_hostile, a_root_that_is_free)
{
	static char value[30000];
	struct slice slice = { value, sizeof(value), NULL };
	struct kv_change op;

	load("-F 32 -s 1", 40000);
	set_table(2, 0);
	memcpy(at(g.info + 492), (uint32_t[]){ 2 }, 4);
	mount();
	kv_set(w.kv, &op, "new", 3, &slice, 1);
	cr_expect_eq(world_wait(&op.promise), 0);
	world_unmount(&w);
	cr_assert_eq(world_mount(&w), 0);
	world_expect(w.kv, "one.bin", "1");
	expect_whole();
}

/* -- boot sectors -- */

static void expect_problem(const char *words)
{
	cr_expect_eq(world_mount(&w), -EUCLEAN, "%s", words);
	cr_expect(w.problem && strstr(w.problem, words), "%s: %s", words, w.problem ?: "none");
	disk_destroy(&w.disk);
}

Test(fat_hostile, boot_sectors_that_contradict_themselves)
{
	static const struct {
		const char *words;
		uint16_t offset;
		uint8_t bytes[4], len;
	} wrong[] = {
		{ "signature", 510, { 0 }, 1 }, { "sectors are not", 11, { 0, 1 }, 2 }, { "sectors are not", 11,
		{ 0, 32 }, 2 },
		{ "sectors are not", 11, { 1, 2 }, 2 }, { "power of two", 13, { 0 }, 1 }, { "power of two", 13,
		{ 3 }, 1 },
		{ "no room for the boot sector", 14, { 0, 0 }, 2 }, { "no table", 16, { 0 }, 1 }, { "no table", 16,
		{ 5 }, 1 },
		{ "medium", 21, { 0xf1 }, 1 }, { "cut off", 19, { 0xff, 0xff }, 2 }, { "no room for a cluster", 19,
		{ 9 }, 2 },
		{ "no room for a cluster", 14, { 0xff, 0xff }, 2 }, { "too short", 22, { 1, 0 }, 2 },
		{ "root folder is not", 17, { 0, 0 }, 2 }, { "no room for a cluster", 22, { 0, 0 }, 2 },
	}, wrong_32[] = {
		{ "version", 42, { 1 }, 1 }, { "root folder lies outside", 44, { 1, 0, 0, 0 }, 4 },
		{ "root folder lies outside", 44, { 0xff, 0xff, 0xff, 0x7f }, 4 }, { "table in use", 40, { 0x82 },
		1 },
		{ "too short", 36, { 1, 0, 0, 0 }, 4 }, { "no room for a cluster", 36, { 0xff, 0xff, 0xff, 0xff },
		4 },
		{ "root folder is not", 17, { 16, 0 }, 2 }, { "cut off", 32, { 0xff, 0xff, 0xff, 0xff }, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		load("-F 16 -s 1", 4000);
		memcpy(at(wrong[i].offset), wrong[i].bytes, wrong[i].len);
		expect_problem(wrong[i].words);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong_32); i++) {
		load("-F 32 -s 1", 40000);
		memcpy(at(wrong_32[i].offset), wrong_32[i].bytes, wrong_32[i].len);
		expect_problem(wrong_32[i].words);
	}
}

/* Every bit of the boot sector turned: mounted or refused, and nothing else. */
Test(fat_hostile, every_bit_of_the_boot_sector)
{
	struct kv_get op;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		load(kinds[i].options, kinds[i].kib);
		for (unsigned bit = 11 * 8; bit < 512 * 8; bit += bit < 96 * 8 || bit > 508 * 8 ? 1 : 64) {
			at(bit / 8)[0] ^= 1u << bit % 8;
			if (world_mount(&w) == 0) {
				world_get(w.kv, &op, "dir/sub/deep.txt");
				world_get(w.kv, &op, "three.bin");
				world_unmount(&w);
			}
			at(bit / 8)[0] ^= 1u << bit % 8;
		}
		mount();
		expect_whole();
	}
}

Test(fat_hostile, a_volume_that_was_cut_off)
{
	load("-F 16 -s 1", 4000);
	disk_destroy(&w.disk);
	world_shell("truncate -s 3000K image");
	world_load(&w);
	expect_problem("cut off");
	world_shell("truncate -s 512 image");
	world_load(&w);
	expect_problem("cut off");
	world_shell("head -c 65536 /dev/zero >image");
	world_load(&w);
	expect_problem("signature");
}

/* -- clusters that several have -- */

static void expect_shared(const char *key)
{
	expect_refused(key, "two have a cluster in common");
}

Test(fat_hostile, files_that_share_clusters)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t three, one;

		/* The end of one is in the other's middle. */
		load(kinds[i].options, kinds[i].kib);
		three = first_of("THREE   BIN");
		one = first_of("ONE     BIN");
		slot_of("ONE     BIN")->size = 513;
		set_table(one, three + 2);
		mount();
		expect_shared("one.bin");
		expect_shared("three.bin");
		expect_whole();

		/* It begins there. */
		load(kinds[i].options, kinds[i].kib);
		set_first("ONE     BIN", three + 2);
		mount();
		expect_shared("one.bin");
		expect_shared("three.bin");
		expect_whole();

		/* The chain continues at the other's beginning, which is that of a file in a folder. */
		load(kinds[i].options, kinds[i].kib);
		slot_of("ONE     BIN")->size = 513;
		set_table(one, first_of("DEEP    TXT"));
		mount();
		expect_shared("one.bin");
		expect_shared("dir/sub/deep.txt");
		expect_whole();
	}
}

Test(fat_hostile, a_file_and_a_folder_that_share_clusters)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t three;

		load(kinds[i].options, kinds[i].kib);
		three = first_of("THREE   BIN");
		set_table(three + 1, first_of("SUB        "));
		mount();
		expect_shared("three.bin");
		expect_shared("dir/sub/deep.txt");
		expect_whole();

		/* Both begin there. */
		load(kinds[i].options, kinds[i].kib);
		set_first("ONE     BIN", first_of("SUB        "));
		mount();
		expect_shared("one.bin");
		expect_shared("dir/sub/deep.txt");
		expect_whole();

		/* A broken folder's entries claim no clusters. */
		load(kinds[i].options, kinds[i].kib);
		memcpy(at(fat_cluster_place(&g, first_of("SUB        "))), slot_of("THREE   BIN"), 32);
		mount();
		world_expect(w.kv, "one.bin", "1");
		expect_refused("dir/sub/deep.txt", "a folder says nothing");
		expect_whole();
	}
}

/* The state that a half-done rename leaves. */
Test(fat_hostile, two_names_of_one_file)
{
	struct kv_get op;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		load(kinds[i].options, kinds[i].kib);
		set_first("ONE     BIN", first_of("THREE   BIN"));
		slot_of("ONE     BIN")->size = 1500;
		test_console_clear();
		mount();
		cr_expect(strstr(test_console_text(), "two names of one file"), "%s", test_console_text());
		cr_expect_eq(world_get(w.kv, &op, "one.bin"), 0);
		cr_expect_eq(world_get(w.kv, &op, "three.bin"), 0);
		/* Removing one name would free the other's clusters. */
		cr_expect_eq(world_remove(w.kv, "one.bin"), -EROFS);
		expect_whole();
	}
}

/* No write where clusters may have another owner. */
Test(fat_hostile, shared_clusters_are_not_written)
{
	load("-F 16 -s 1", 4000);
	set_first("ONE     BIN", first_of("THREE   BIN") + 1);
	test_console_clear();
	mount();
	cr_expect(strstr(test_console_text(), "clusters that several have"), "%s", test_console_text());
	cr_expect_eq(world_remove(w.kv, "one.bin"), -EROFS);
	cr_expect_eq(world_set(w.kv, "new", "", 0), -EROFS);
	expect_whole();
}

/* Folders in folders in folders, each of whose clusters lies before that of the one it is in. */
Test(fat_hostile, a_look_at_the_whole_volume_is_bounded)
{
	world_shell("truncate -s 40000K image; mkfs.fat -F 32 -s 1 image");
	world_load(&w);
	cr_assert_null(fat_geometry_parse(&g, w.disk.image, 0, w.disk.dev.sectors * 512));
	for (uint32_t cluster = g.clusters + 1; cluster > g.clusters / 2; cluster--) {
		struct fat_slot *slots = (struct fat_slot *)(void *)at(fat_cluster_place(&g, cluster));

		for (unsigned n = 2; n < 16; n++) {
			slots[n] = (struct fat_slot){ .attributes = FAT_FOLDER };
			memset(slots[n].name, 'A' + (int)n, sizeof(slots[n].name));
			slots[n].first_low = (uint16_t)(cluster - 1 - n % 3);
			slots[n].first_high = (uint16_t)((cluster - 1 - n % 3) >> 16);
		}
		set_table(cluster, 0x0fffffff);
	}
	memcpy(at(fat_cluster_place(&g, g.root_cluster)), at(fat_cluster_place(&g, g.clusters + 1)), 512);
	mount();
	world_unmount(&w);
	disk_destroy(&w.disk);
}

/* -- partitions -- */

struct partition {
	uint8_t status, type;
	uint32_t first, count;
};

static void set_partitions(const struct partition p[2])
{
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *entry = at(446 + (i + 1) * 16);

		memset(entry, 0, 16);
		entry[0] = p[i].status;
		entry[4] = p[i].type;
		memcpy(entry + 8, &p[i].first, 4);
		memcpy(entry + 12, &p[i].count, 4);
	}
	memcpy(at(510), "\x55\xaa", 2);
}

/* The volume has 6000 sectors from 64 on, the disk 8000. The reason
 * given names both the fault of the partition table and that of the FAT. */
Test(fat_hostile, partition_tables)
{
	static const struct {
		struct partition partitions[2];
		const char *problem, *also;
	} cases[] = {
		{ { { 0x00, 0x83, 1, 63 }, { 0x80, 0x0e, 64, 6000 } }, NULL, NULL },
		{ { { 0, 0x06, 64, 6000 }, { 0, 0x0c, 6064, 100 } }, NULL, NULL },
		{ { { 0, 0xee, 1, 7999 } }, "GPT", NULL },
		{ { { 0, 0x83, 64, 6000 } }, "no such partition", NULL },
		{ { { 0, 0x00, 64, 6000 } }, "no FAT", "it is empty" },
		{ { { 0, 0x06, 64, 60000 } }, "no FAT", "the disk was cut off" },
		{ { { 0, 0x06, 64, 7937 } }, "no FAT", "the disk was cut off" },
		{ { { 0, 0x06, 64, UINT32_MAX } }, "no FAT", "the disk was cut off" },
		{ { { 0, 0x06, 64, 6000 }, { 0, 0x83, 100, 10 } }, "no FAT", "partitions lie on one another" },
		{ { { 0, 0x06, 64, 6000 }, { 0, 0x83, 6063, 10 } }, "no FAT", "partitions lie on one another" },
		{ { { 0, 0x06, 64, 0 } }, "no FAT", "a partition is empty" },
		{ { { 0, 0x06, 0, 6000 } }, "no FAT", "lies on the table" },
		{ { { 1, 0x06, 64, 6000 } }, "no FAT", "no such status" },
		{ { { 0, 0x06, 64, 5000 } }, "cut off", NULL },
		{ { { 0, 0x06, 63, 6000 } }, "signature", NULL },
	};

	world_shell("truncate -s 4000K image; mkfs.fat -F 16 -s 1 --offset 64 image 3000; printf hello >h; "
	            "mcopy -i image@@32768 h ::hello.txt");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world_load(&w);
		set_partitions(cases[i].partitions);
		test_console_clear();
		if (cases[i].problem) {
			expect_problem(cases[i].problem);
		} else {
			mount();
			world_expect(w.kv, "hello.txt", "hello");
			world_unmount(&w);
			disk_destroy(&w.disk);
		}
		cr_expect(!strstr(test_console_text(), "no partition table") == !cases[i].also, "%zu", i);
		cr_expect(!cases[i].also || strstr(test_console_text(), cases[i].also), "%zu", i);
	}
}

/* -- devices -- */

Test(fat_hostile, a_device_that_fails)
{
	struct kv_get op;

	load("-F 16 -s 1", 4000);
	w.disk.bad_sector = 0;
	cr_expect_eq(world_mount(&w), -EIO);
	w.disk.bad_sector = fat_cluster_place(&g, first_of("SUB        ")) / 512;
	mount();
	cr_expect_eq(world_get(w.kv, &op, "dir/sub/deep.txt"), -EIO);
	cr_expect_str_eq(world_list(w.kv, "dir/sub"), "-5");
	w.disk.bad_sector = UINT64_MAX;
	test_settle();
	world_expect(w.kv, "dir/sub/deep.txt", "deep");
	disk_vanish(&w.disk);
	w.disk.bad_sector = UINT64_MAX;
	world_unmount(&w);
	disk_destroy(&w.disk);
}

static void mount_without_memory(void *arg)
{
	(void)arg;
	if (world_mount(&w) == 0)
		world_unmount(&w);
}

Test(fat_hostile, no_memory)
{
	load("-F 12 -s 1", 1000);
	w.cache_config = (struct cache_config){ .blocks = 16, .read_ahead = 4, .requests = 2,
	.write_back_ns = NS_PER_S };
	cr_expect_geq(test_alloc_fail_each(mount_without_memory, NULL), 3);
	mount();
	expect_whole();
}
