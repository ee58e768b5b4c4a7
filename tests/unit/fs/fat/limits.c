/* SPDX-License-Identifier: ISC */
/* Full disks, full folders, failing disks, read-only volumes, and readers of files that change meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loop.h"
#include "tests/unit/fs/fat/world.h"

static struct world w;

static void begin(void)
{
	world_begin_counted();
	clock_set_wall_ns(UINT64_C(1700000000) * NS_PER_S);
}

TestSuite(fat_limits, .init = begin, .fini = world_end_counted, .timeout = 600);

static void open_volume(const char *options, unsigned kib)
{
	world_shell("rm -f image; truncate -s %uK image; mkfs.fat %s image", kib, options);
	w = (struct world){ .sector_bytes = 512 };
	world_open(&w);
}

/* Unmounts, has fsck.fat look, and lets the disk go. */
static void check(void)
{
	const char *said;

	world_unmount(&w);
	said = world_check(&w);
	cr_expect_null(said, "%s", said);
	disk_destroy(&w.disk);
}

Test(fat_limits, a_full_disk_loses_nothing)
{
	static const char *const options[] = { "-F 12 -s 1", "-F 12 -s 8", "-F 32 -s 1" };
	uint8_t *value = malloc(60000);
	char key[40], *data;
	intptr_t size;

	for (size_t k = 0; k < ARRAY_SIZE(options); k++) {
		unsigned count = 0;
		int error;

		open_volume(options[k], 300);
		world_fill(value, 60000, 1);
		do {
			sprintf(key, "a/value %u", count);
			error = world_set(w.kv, key, value, 30000 + count * 100);
		} while (!error && count++ < 20);
		cr_assert_eq(error, -ENOSPC);
		cr_assert_geq(count, 5);
		cr_expect_eq(world_append(w.kv, "a/value 1", value, 60000), -ENOSPC);
		cr_expect_eq(world_set(w.kv, "a/value 0", value, 60000), -ENOSPC);
		for (unsigned i = 0; i < count; i++) {
			sprintf(key, "a/value %u", i);
			data = world_read(w.kv, key, &size);
			cr_assert_eq(size, (intptr_t)(30000 + i * 100));
			cr_assert(!memcmp(data, value, (size_t)size));
			free(data);
		}
		/* Removing makes room. */
		cr_expect_eq(world_remove(w.kv, "a/value 0"), 0);
		cr_expect_eq(world_set(w.kv, "b", value, 29000), 0);
		check();
	}
	free(value);
}

/* The root of FAT12 and FAT16 does not grow. */
Test(fat_limits, a_full_root)
{
	char key[40];
	unsigned count = 0;
	int error;

	open_volume("-F 12 -s 1 -r 32", 300);
	do
		sprintf(key, "f%u", count);
	while (!(error = world_set(w.kv, key, "", 0)) && ++count < 100);
	cr_expect_eq(error, -ENOSPC);
	cr_expect_eq(count, 16, "a long slot and a short one each: %u", count);
	sprintf(key, "F9");
	cr_expect_eq(world_remove(w.kv, "f9"), 0);
	cr_expect_eq(world_set(w.kv, key, "", 0), 0);
	cr_expect_eq(world_set(w.kv, "G", "", 0), 0, "a name of 8.3 takes one slot");
	check();
}

/* Long names with the same first letters all get different 8.3 names. */
Test(fat_limits, names_that_are_alike)
{
	char key[100];
	const char *said;

	open_volume("-F 16 -s 4", 10000);
	for (unsigned i = 0; i < 60; i++) {
		sprintf(key, "alike/A name like others %u.text", i);
		cr_assert_eq(world_set(w.kv, key, key, strlen(key)), 0, "%u", i);
	}
	for (unsigned i = 0; i < 60; i++) {
		sprintf(key, "alike/A name like others %u.text", i);
		world_expect(w.kv, key, key);
	}
	/* The 8.3 name of another file is in use, though it is no key: so it cannot be a new name. */
	cr_expect_eq(world_set(w.kv, "alike/ANAMEL~1.TEX", "", 0), -EEXIST);
	cr_expect_eq(world_append(w.kv, "alike/ANAMEL~1.TEX", "", 0), -ENOENT);
	cr_expect_eq(world_rename(w.kv, "alike/ANAMEL~1.TEX", "other"), -ENOENT);
	cr_expect_eq(world_remove(w.kv, "alike/ANAMEL~1.TEX"), -ENOENT);
	/* Its own is no other's. */
	cr_assert_eq(world_set(w.kv, "OWN.TXT", "own", 3), 0);
	cr_expect_eq(world_rename(w.kv, "own.txt", "OWN.TXT"), 0);
	cr_expect_eq(world_rename(w.kv, "OWN.TXT", "own.txt"), 0);
	cr_expect_eq(world_rename(w.kv, "own.txt", "OWN.TXT"), 0);
	cr_expect_str_eq(world_list(w.kv, ""), "OWN.TXT alike/");
	world_expect(w.kv, "own.txt", "own");
	world_unmount(&w);
	said = world_check(&w);
	cr_expect_null(said, "%s", said);
	world_save(&w, "image");
	world_shell("test $(mdir -b a:/alike | wc -l) = 60; mcopy 'a:/alike/A name like others 42.text' out; "
	            "test $(cat out) = 'alike/A name like others 42.text' || grep -q 42 out");
	disk_destroy(&w.disk);
}

Test(fat_limits, keys_that_are_none)
{
	static const char *const keys[] = {
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a.", "a ", "a:b", "a\\b", "a\x01", "\xff",
		"\xc0\x80", "a*", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3",
	};
	struct kv_get get;
	char name[300];

	open_volume("-F 16 -s 4", 10000);
	cr_assert_eq(world_make_folder(w.kv, "a"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		cr_expect_eq(world_set(w.kv, keys[i], "", 0), -EINVAL, "%s", keys[i]);
		cr_expect_eq(world_rename(w.kv, "a", keys[i]), -EINVAL, "%s", keys[i]);
		cr_expect_eq(world_get(w.kv, &get, keys[i]), *keys[i] ? -ENOENT : -EISDIR, "%s", keys[i]);
	}
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	cr_expect_eq(world_set(w.kv, name, "", 0), -ENAMETOOLONG);
	check();
}

/* A name whose slots do not fit into one sector is not made, because the power may fail between two. Names of
 * other systems, across sectors and clusters, can be read, changed, renamed and removed. */
Test(fat_limits, names_of_more_than_a_sector)
{
	static char name[256], made[300];

	memset(name, 'n', 255);
	world_shell("truncate -s 4M image; mkfs.fat -F 16 -s 1 image; printf x >x; mmd a:/f; mmd a:/f/d; "
	            "for n in %s f/%s f/d/%s f/d/m%s; do mcopy x a:/$n; done", name, name, name, name + 1);
	world_open(&w);
	cr_expect_eq(world_set(w.kv, name, "new", 3), 0);
	cr_expect_eq(world_rename(w.kv, name, "short"), 0);
	world_expect(w.kv, "short", "new");
	cr_expect_eq(world_set(w.kv, name, "x", 1), -EOPNOTSUPP);
	cr_expect_eq(world_make_folder(w.kv, name), -EOPNOTSUPP);
	cr_expect_eq(world_rename(w.kv, "short", name), -EOPNOTSUPP);
	world_expect(w.kv, "short", "new");
	memcpy(made, name, 195);
	cr_expect_eq(world_rename(w.kv, "short", made), 0);
	world_expect(w.kv, made, "new");
	made[195] = 'n';
	cr_expect_eq(world_set(w.kv, made, "x", 1), -EOPNOTSUPP);
	snprintf(made, sizeof(made), "f/%s", name);
	cr_expect_eq(world_remove(w.kv, made), 0);
	snprintf(made, sizeof(made), "f/d/%s", name);
	cr_expect_eq(world_rename(w.kv, made, "f/short"), 0);
	made[4] = 'm';
	cr_expect_eq(world_append(w.kv, made, "y", 1), 0);
	world_expect(w.kv, made, "xy");
	cr_expect_eq(world_remove(w.kv, made), 0);
	cr_expect_str_eq(world_list(w.kv, "f"), "d/ short");
	cr_expect_str_eq(world_list(w.kv, "f/d"), "");
	check();
}

/* -- read-only volumes -- */

Test(fat_limits, volumes_that_may_only_be_read)
{
	world_shell("truncate -s 4M image; mkfs.fat -F 16 -s 1 image; printf x >x; mcopy x a:");
	for (int i = 0; i < 2; i++) {
		w = (struct world){ .features = i ? BLKDEV_READ_ONLY : 0, .read_only = !i };
		world_open(&w);
		cr_expect_eq(world_set(w.kv, "x", "", 0), -EROFS);
		cr_expect_eq(world_remove(w.kv, "x"), -EROFS);
		cr_expect_eq(world_rename(w.kv, "x", "y"), -EROFS);
		cr_expect_eq(world_append(w.kv, "x", "", 0), -EROFS);
		world_expect(w.kv, "x", "x");
		cr_expect_eq(w.disk.dev.stats.writes, 0);
		world_close(&w);
	}
}

/* Without a change there is no write, and a volume that was not unmounted stays marked so. */
Test(fat_limits, the_dirty_bit)
{
	struct kv_get get;
	const char *said;

	open_volume("-F 16 -s 1", 4000);
	cr_expect_eq(world_get(w.kv, &get, "x"), -ENOENT);
	cr_expect_eq(world_remove(w.kv, "x"), -ENOENT);
	world_unmount(&w);
	cr_expect_eq(w.disk.dev.stats.writes, 0);
	cr_assert_eq(world_mount(&w), 0);
	cr_expect_eq(world_set(w.kv, "x", "x", 1), 0);
	said = world_check(&w);
	cr_expect(said && strstr(said, "Dirty bit is set"), "%s", said);
	world_unmount(&w);
	cr_expect_null(world_check(&w));
	cr_expect(!strstr(test_console_text(), "let go of"));
	w.disk.image[0x25] |= 1;
	cr_assert_eq(world_mount(&w), 0);
	cr_expect(strstr(test_console_text(), "the volume was not let go of"));
	cr_expect_eq(world_set(w.kv, "y", "y", 1), 0);
	world_unmount(&w);
	said = world_check(&w);
	cr_expect(said && strstr(said, "Dirty bit is set"), "%s", said);
	disk_destroy(&w.disk);
}

/* -- disks that fail -- */

Test(fat_limits, writing_fails_at_each_request)
{
	struct fat_unmount op;
	uint8_t value[3000];
	uint32_t n;
	int error;

	world_fill(value, sizeof(value), 3);
	for (n = 1; ; n++) {
		open_volume("-F 12 -s 1", 300);
		cr_assert_eq(world_set(w.kv, "old", "old", 3), 0);
		w.disk.fail_kinds = 1 << BLKDEV_WRITE | 1 << BLKDEV_FLUSH;
		w.disk.fail_at = n;
		error = world_set(w.kv, "folder/new", value, sizeof(value)) ?: world_remove(w.kv, "old");
		w.disk.fail_at = 0;
		if (!error)
			break;
		cr_expect_eq(error, -EIO, "%u: %d", n, error);
		cr_expect_eq(world_set(w.kv, "other", "", 0), -EIO, "nothing is written any more");
		fat_unmount(&op, w.kv);
		world_wait(&op.promise);
		test_settle();
		cache_destroy(w.cache);
		disk_forget(&w.disk);
		/* The volume can be mounted, and has its earlier content. */
		cr_assert_eq(world_mount(&w), 0);
		cr_expect(!strcmp(world_list(w.kv, ""), "old") || !strcmp(world_list(w.kv, ""), "folder/ old") ||
		          !strcmp(world_list(w.kv, ""), "folder/"), "%u: %s", n, world_list(w.kv, ""));
		world_close(&w);
	}
	cr_expect_geq(n, 6, "there were fewer requests than it takes: %u", n);
	world_close(&w);
}

/* Only reads of the bad part fail. */
Test(fat_limits, a_folder_that_cannot_be_read)
{
	uint8_t value[30000];
	int error;

	open_volume("-F 12 -s 8", 300);
	cr_assert_eq(world_set(w.kv, "bad/x", "x", 1), 0);
	/* Not in the same blocks. */
	cr_assert_eq(world_set(w.kv, "far", value, sizeof(value)), 0);
	world_unmount(&w);
	for (uint64_t sector = 1; sector < w.disk.dev.sectors; sector++)
		if (!memcmp(w.disk.image + sector * 512, ".          ", 11))
			w.disk.bad_sector = sector;
	cr_assert_eq(world_mount(&w), 0);
	cr_expect_eq(world_set(w.kv, "bad/y", "y", 1), -EIO);
	cr_expect_eq(world_remove(w.kv, "bad/x"), -EIO);
	error = world_set(w.kv, "far", value, sizeof(value));
	cr_expect_eq(error, 0, "%d", error);
	w.disk.bad_sector = UINT64_MAX;
	error = world_set(w.kv, "bad/y", "y", 1);
	cr_expect_eq(error, 0, "%d", error);
	check();
}

/* -- readers -- */

Test(fat_limits, readers_of_what_changes)
{
	uint8_t value[20000];
	struct kv_read read = { .cursor = { 0 } };
	struct kv_list list;
	struct kv_get get, again;
	char tag[KV_ETAG_BYTES];

	world_fill(value, sizeof(value), 1);
	open_volume("-F 16 -s 1", 4000);
	cr_assert_eq(world_set(w.kv, "f/value", value, sizeof(value)), 0);
	cr_assert_eq(world_set(w.kv, "f/other", value, sizeof(value)), 0);
	cr_assert_eq(world_get(w.kv, &get, "f/value"), 0);
	strcpy(tag, get.entry.etag);
	kv_read(w.kv, &read, &get.entry, 0, 1000);
	cr_assert_eq(world_wait(&read.promise), 1000);
	/* Changes of other files do not matter. */
	cr_assert_eq(world_set(w.kv, "f/other", value, 5), 0);
	kv_list(w.kv, &list, "f", 1);
	cr_assert_eq(world_wait(&list.promise), 0);
	storage_get(read.slices[0].storage);
	storage_put(read.slices[0].storage);
	cr_assert_eq(world_set(w.kv, "f/value", value, sizeof(value)), 0);
	cr_expect(!memcmp(read.slices[0].data, value, 1000), "what a reader holds does not change");
	storage_put(read.slices[0].storage);
	kv_read(w.kv, &read, &get.entry, 1000, 1000);
	cr_expect_eq(world_wait(&read.promise), -ESTALE);
	cr_assert_eq(world_get(w.kv, &again, "f/value"), 0);
	cr_expect(strcmp(tag, again.entry.etag), "the same bytes at the same time, but another change");
	strcpy(tag, again.entry.etag);
	cr_assert_eq(world_get(w.kv, &again, "f/value"), 0);
	cr_expect_str_eq(tag, again.entry.etag);
	kv_list_next(w.kv, &list);
	cr_expect_eq(world_wait(&list.promise), 1);
	cr_assert_eq(world_remove(w.kv, "f"), 0);
	kv_list_next(w.kv, &list);
	cr_expect_eq(world_wait(&list.promise), -ESTALE);
	read = (struct kv_read){ .cursor = { 0 } };
	kv_read(w.kv, &read, &again.entry, 0, 1000);
	cr_expect_eq(world_wait(&read.promise), -ESTALE);
	check();
}

/* Operations that are pending at the same time, on a disk that takes its time. */
Test(fat_limits, many_at_a_time)
{
	struct kv_change changes[20];
	struct kv_get gets[20];
	struct slice slice = { "value", 5, NULL };
	char keys[20][20];

	open_volume("-F 16 -s 1", 4000);
	w.disk.when = DISK_LATER;
	w.disk.seed = 3;
	for (int i = 0; i < 20; i++) {
		sprintf(keys[i], "folder/%d", i);
		kv_set(w.kv, &changes[i], keys[i], strlen(keys[i]), &slice, 1);
		kv_get(w.kv, &gets[i], keys[i], strlen(keys[i]));
	}
	promise_cancel(&changes[19].promise);
	test_assert_error(&changes[19].promise, -ECANCELED);
	promise_cancel(&gets[19].promise);
	for (int i = 0; i < 19; i++) {
		cr_expect_eq(world_wait(&changes[i].promise), 0);
		world_wait(&gets[i].promise);
		cr_expect(promise_result(&gets[i].promise) == 0 || promise_result(&gets[i].promise) == -ENOENT);
	}
	world_wait(&gets[19].promise);
	for (int i = 0; i < 19; i++)
		world_expect(w.kv, keys[i], "value");
	check();
}

/* More changes than are remembered: the file read all the while does not count as changed, and unchanged
 * files keep their tags. */
Test(fat_limits, more_changes_than_are_remembered)
{
	struct kv_list list;
	struct kv_get get;
	char key[20], tag[KV_ETAG_BYTES];

	world_shell("truncate -s 4M image; mkfs.fat -F 16 -s 1 image; printf x >x; touch -d 2001-01-01 x; "
	            "mcopy -m x a:");
	w = (struct world){ .sector_bytes = 512 };
	world_open(&w);
	cr_assert_eq(world_get(w.kv, &get, "x"), 0);
	cr_expect_eq(get.entry.modified_ns / NS_PER_S / 86400, 11323);
	strcpy(tag, get.entry.etag);
	kv_list(w.kv, &list, "", 0);
	cr_assert_eq(world_wait(&list.promise), 0);
	for (int i = 0; i < 150; i++) {
		sprintf(key, "F%d", i);
		cr_assert_eq(world_set(w.kv, key, key, 1), 0);
	}
	kv_list_next(w.kv, &list);
	cr_expect_eq(world_wait(&list.promise), 1);
	cr_assert_eq(world_get(w.kv, &get, "x"), 0);
	cr_expect_str_eq(get.entry.etag, tag);
	check();
}

Test(fat_limits, a_machine_that_does_not_know_the_time)
{
	struct kv_get get;

	clock_set_wall_ns(0);
	open_volume("-F 16 -s 1", 4000);
	cr_assert_eq(world_set(w.kv, "a/b", "x", 1), 0);
	cr_assert_eq(world_get(w.kv, &get, "a/b"), 0);
	cr_expect_eq(get.entry.modified_ns, 0);
	clock_set_wall_ns(UINT64_C(1700000001) * NS_PER_S);
	cr_assert_eq(world_append(w.kv, "a/b", "x", 1), 0);
	cr_assert_eq(world_get(w.kv, &get, "a/b"), 0);
	cr_expect_eq(get.entry.modified_ns, UINT64_C(1700000000) * NS_PER_S);
	check();
}

/* Changes wait while readers hold all blocks, and are then made whole. */
Test(fat_limits, changes_wait_for_readers)
{
	struct slice held[16 * KV_READ_SLICES], slice = { "value", 5, NULL };
	uint8_t *value = malloc(200000);
	struct kv_read read = { .cursor = { 0 } };
	struct kv_change change;
	struct kv_get get;
	unsigned count = 0;
	uint64_t offset = 0;
	intptr_t n;

	world_fill(value, 200000, 1);
	world_shell("truncate -s 4M image; mkfs.fat -F 16 -s 1 image");
	w = (struct world){ .sector_bytes = 512 };
	w.cache_config = (struct cache_config){
		.blocks = 16, .read_ahead = 4, .requests = 2, .write_back_ns = NS_PER_S,
	};
	world_open(&w);
	cr_assert_eq(world_set(w.kv, "big", value, 200000), 0);
	cr_assert_eq(world_set(w.kv, "small", "old", 3), 0);
	cr_assert_eq(world_get(w.kv, &get, "big"), 0);
	for (;; offset += (uint64_t)n) {
		kv_read(w.kv, &read, &get.entry, offset, 4096);
		n = world_wait(&read.promise);
		if (n < 0)
			break;
		for (uint32_t i = 0; i < read.count; i++)
			held[count++] = read.slices[i];
	}
	cr_assert_eq(n, -ENOBUFS);
	kv_rename(w.kv, &change, "small", 5, "folder", 6);
	test_run_for_ns(50 * NS_PER_MS);
	test_assert_pending(&change.promise);
	while (count > 0)
		storage_put(held[--count].storage);
	cr_expect_eq(world_wait(&change.promise), 0);
	world_expect(w.kv, "folder", "old");
	kv_set(w.kv, &change, "small", 5, &slice, 1);
	cr_expect_eq(world_wait(&change.promise), 0);
	free(value);
	check();
}

/* A file in pieces comes whole, though the table and the file hardly have a block each. */
Test(fat_limits, a_file_in_pieces_with_few_blocks)
{
	static uint8_t value[100 * 512];
	struct slice held[4 * KV_READ_SLICES];
	struct kv_read read = { 0 }, op = { 0 };
	struct kv_get get, pieces;
	unsigned turns = 0, count = 0;
	intptr_t n = 0;

	world_shell("truncate -s 10M image; mkfs.fat -F 16 -s 1 image; head -c 512 /dev/zero >one; "
	            "head -c 24576 /dev/zero >held; mcopy held a:; i=100; "
	            "while [ $i -lt 300 ]; do set -- \"$@\" $i; cp one $i; i=$((i + 1)); done; mcopy \"$@\" a:; "
	            "while [ $# -gt 1 ]; do mdel a:$1; shift 2; done");
	w.cache_config = (struct cache_config){
		.blocks = 8, .read_ahead = 4, .requests = 2, .write_back_ns = NS_PER_S,
	};
	world_open(&w);
	cr_assert_eq(world_set(w.kv, "pieces", value, sizeof(value)), 0);
	world_unmount(&w);
	cr_assert_eq(world_mount(&w), 0);
	cr_assert_eq(world_get(w.kv, &get, "held"), 0);
	for (uint64_t offset = 0; offset < 6 * 4096; offset += (uint64_t)n) {
		kv_read(w.kv, &read, &get.entry, offset, (uint32_t)(6 * 4096 - offset));
		n = world_wait(&read.promise);
		cr_assert_gt(n, 0);
		for (uint32_t i = 0; i < read.count; i++)
			held[count++] = read.slices[i];
	}
	cr_assert_eq(world_get(w.kv, &pieces, "pieces"), 0);
	for (uint64_t offset = 0; offset < sizeof(value); offset += (uint64_t)n) {
		kv_read(w.kv, &op, &pieces.entry, offset, sizeof(value));
		while (!promise_is_settled(&op.promise) && turns++ < 20000)
			loop_turn();
		n = promise_is_settled(&op.promise) ? promise_result(&op.promise) : 0;
		cr_assert_gt(n, 0, "%u turns, at %u", turns, (unsigned)offset);
		for (uint32_t i = 0; i < op.count; i++)
			storage_put(op.slices[i].storage);
	}
	while (count > 0)
		storage_put(held[--count].storage);
	world_close(&w);
}

#define READERS_MAX 6

/* Reads count files of this many bytes at the same time, a piece of each in turn. */
static void read_side_by_side(unsigned count, uint64_t bytes)
{
	static struct kv_get gets[READERS_MAX];
	static struct kv_read reads[READERS_MAX];
	uint64_t done[READERS_MAX] = { 0 }, all = 0;
	char key[12];

	world_shell("rm -f image; truncate -s 20M image; mkfs.fat -F 16 -s 8 image; head -c %lu /dev/zero >zero;"
	            "for i in 0 1 2 3 4 5; do mcopy zero a:$i; done", (unsigned long)bytes);
	world_open(&w);
	for (unsigned i = 0; i < count; i++) {
		sprintf(key, "%u", i);
		cr_assert_eq(world_get(w.kv, &gets[i], key), 0);
		memset(reads[i].cursor, 0, sizeof(reads[i].cursor));
	}
	w.disk.requests = 0;
	w.disk.dev.stats.read_bytes = 0;
	while (all < count * bytes) {
		for (unsigned i = 0; i < count; i++)
			kv_read(w.kv, &reads[i], &gets[i].entry, done[i], 65536);
		for (unsigned i = 0; i < count; i++) {
			intptr_t n = world_wait(&reads[i].promise);

			done[i] += (uint64_t)n;
			all += (uint64_t)n;
			for (uint32_t k = 0; k < reads[i].count; k++)
				storage_put(reads[i].slices[k].storage);
		}
	}
}

/* Two requests at a time: few have one for a hint. */
Test(fat_limits, many_readers_take_large_requests)
{
	w = (struct world){ .cache_config = CACHE_CONFIG_DEFAULTS };
	w.cache_config.requests = 2;
	w.cache_config.blocks = 1024;
	read_side_by_side(6, 64 * 4096);
	/* A block alone at a time would be 384. */
	cr_expect_leq(w.disk.requests, 30, "%lu requests", (unsigned long)w.disk.requests);
	check();
}

/* Together they hold half of the cache, which has 64 blocks. */
Test(fat_limits, readers_do_not_throw_out_what_others_come_to)
{
	const uint64_t bytes = 512 * 4096;

	w = (struct world){ .cache_config = CACHE_CONFIG_DEFAULTS };
	read_side_by_side(4, bytes);
	cr_expect_leq(w.disk.dev.stats.read_bytes, 4 * bytes / 100 * 105, "%lu bytes",
	              (unsigned long)w.disk.dev.stats.read_bytes);
	check();
}
