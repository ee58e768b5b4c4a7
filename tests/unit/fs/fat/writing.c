/* SPDX-License-Identifier: ISC */
/* Changes: written content is read back, here and by mtools, and fsck.fat finds no fault. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fs/fat/world.h"

static struct world w;

static void begin(void)
{
	world_begin_counted();
	clock_set_wall_ns(UINT64_C(1700000000) * NS_PER_S);
}

TestSuite(fat_writing, .init = begin, .fini = world_end_counted, .timeout = 600);

struct kind {
	const char *options;
	unsigned kib;
	uint32_t sector_bytes;
};

static const struct kind kinds[] = {
	{ "-F 12 -s 1", 1000, 512 }, { "-F 12 -S 4096 -s 2 -f 1", 8000, 4096 }, { "-F 16 -s 1", 4000, 512 },
	{ "-F 16 -s 8 -R 5", 20000, 4096 }, { "-F 32 -s 1", 40000, 512 }, { "-F 32 -s 8", 300, 512 },
	{ "-F 32 -S 1024 -s 2", 200000, 512 },
};

static void open_kind(const struct kind *k)
{
	world_shell("rm -f image; truncate -s %uK image; mkfs.fat %s image", k->kib, k->options);
	w = (struct world){ .sector_bytes = k->sector_bytes };
	world_open(&w);
}

/* Unmounts, and has fsck.fat look. The volume is mounted no more, its disk still there. */
static void check(const char *what)
{
	const char *said;

	world_unmount(&w);
	said = world_check(&w);
	cr_assert_null(said, "%s: %s", what, said);
	world_save(&w, "image");
}

#define ALL_KINDS const struct kind *k = kinds; k < kinds + ARRAY_SIZE(kinds); k++

Test(fat_writing, values_of_all_sizes)
{
	static const size_t sizes[] = { 0, 1, 511, 512, 513, 4095, 4096, 4097, 20000, 100001 };
	uint8_t *value = malloc(100001);
	char key[40];

	for (ALL_KINDS) {
		open_kind(k);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			world_fill(value, sizes[i], (uint32_t)i);
			sprintf(key, "value of %zu bytes", sizes[i]);
			cr_assert_eq(world_set(w.kv, key, value, sizes[i]), 0, "%s: %s", k->options, key);
		}
		check(k->options);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			FILE *file;
			uint8_t *theirs;

			world_fill(value, sizes[i], (uint32_t)i);
			if (strstr(k->options, "-F 32 -s 8"))
				break; /* mtools does not believe in FAT32 of so few clusters */
			theirs = malloc(100002);
			world_shell("rm -f out; mcopy 'a:/value of %zu bytes' out", sizes[i]);
			file = fopen(world_path("out"), "rb");
			cr_assert_eq(fread(theirs, 1, 100002, file), sizes[i]);
			fclose(file);
			cr_assert(!memcmp(value, theirs, sizes[i]));
			free(theirs);
		}
		cr_assert_eq(world_mount(&w), 0);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			intptr_t size;
			char *ours;

			sprintf(key, "Value Of %zu bytes", sizes[i]);
			world_fill(value, sizes[i], (uint32_t)i);
			ours = world_read(w.kv, key, &size);
			cr_assert_eq(size, (intptr_t)sizes[i], "%s: %ld", key, (long)size);
			cr_assert(!memcmp(ours, value, sizes[i]));
			free(ours);
		}
		world_close(&w);
	}
	free(value);
}

Test(fat_writing, folders_come_into_being_and_go)
{
	for (ALL_KINDS) {
		open_kind(k);
		cr_assert_eq(world_set(w.kv, "a/b/A long name of a folder/d.txt", "deep", 4), 0);
		cr_assert_eq(world_set(w.kv, "a/b/e.txt", "e", 1), 0);
		cr_assert_eq(world_make_folder(w.kv, "a/f"), 0);
		cr_assert_eq(world_make_folder(w.kv, "a/F"), -EEXIST);
		cr_assert_eq(world_make_folder(w.kv, "x/y"), -ENOENT);
		cr_assert_eq(world_set(w.kv, "a/b", "", 0), -EISDIR);
		cr_assert_eq(world_set(w.kv, "a/b/e.txt/f", "", 0), -ENOTDIR);
		cr_expect_str_eq(world_list(w.kv, "a"), "b/ f/");
		cr_expect_str_eq(world_list(w.kv, "a/b"), "A long name of a folder/ e.txt");
		world_expect(w.kv, "A/B/a LONG name of a folder/D.TXT", "deep");
		check(k->options);
		cr_assert_eq(world_mount(&w), 0);
		cr_assert_eq(world_remove(w.kv, "a/b"), 0);
		cr_expect_str_eq(world_list(w.kv, "a"), "f/");
		cr_assert_eq(world_remove(w.kv, "a/b"), -ENOENT);
		check(k->options);
		cr_assert_eq(world_mount(&w), 0);
		cr_assert_eq(world_remove(w.kv, "a"), 0);
		cr_expect_str_eq(world_list(w.kv, ""), "");
		check(k->options);
		disk_destroy(&w.disk);
	}
}

Test(fat_writing, renaming)
{
	for (ALL_KINDS) {
		open_kind(k);
		cr_assert_eq(world_set(w.kv, "a/one.txt", "one", 3), 0);
		cr_assert_eq(world_set(w.kv, "two.txt", "two", 3), 0);
		cr_assert_eq(world_rename(w.kv, "a/one.txt", "b.txt"), 0);
		cr_assert_eq(world_rename(w.kv, "b.txt", "B.TXT"), 0);
		cr_expect_str_eq(world_list(w.kv, ""), "B.TXT a/ two.txt");
		cr_assert_eq(world_rename(w.kv, "B.TXT", "B.TXT"), 0);
		cr_assert_eq(world_rename(w.kv, "a", "a"), 0);
		cr_assert_eq(world_rename(w.kv, "B.TXT", "two.txt"), 0);
		cr_assert_eq(world_rename(w.kv, "B.TXT", "three"), -ENOENT);
		cr_expect_str_eq(world_list(w.kv, ""), "a/ two.txt");
		world_expect(w.kv, "two.txt", "one");
		cr_assert_eq(world_rename(w.kv, "two.txt", "a"), -EEXIST);
		cr_assert_eq(world_rename(w.kv, "a", "two.txt"), -EEXIST);
		cr_assert_eq(world_set(w.kv, "a/b/c/d", "d", 1), 0);
		cr_assert_eq(world_rename(w.kv, "a", "A/b/e"), -EINVAL);
		cr_assert_eq(world_rename(w.kv, "a/b/c", "c is now here"), 0);
		world_expect(w.kv, "c is now here/d", "d");
		cr_assert_eq(world_rename(w.kv, "c is now here", "a/c"), 0);
		cr_assert_eq(world_rename(w.kv, "a/c", "nowhere/c"), -ENOENT);
		world_expect(w.kv, "a/c/d", "d");
		check(k->options);
		disk_destroy(&w.disk);
	}
}

Test(fat_writing, appending_truncating_writing_in_the_middle)
{
	uint8_t *model = malloc(200000), *piece = malloc(5000);
	uint64_t seed = 1;

	for (ALL_KINDS) {
		size_t size = 0;
		intptr_t got;
		char *data;

		memset(model, 0, 200000);
		open_kind(k);
		cr_assert_eq(world_append(w.kv, "f", "x", 1), -ENOENT);
		cr_assert_eq(world_set(w.kv, "f", "", 0), 0);
		for (uint32_t i = 0; i < 40; i++) {
			size_t len = test_random(&seed) % 5000, at = size ? test_random(&seed) % (size * 5 / 4) : 0;

			world_fill(piece, len, i);
			switch (test_random(&seed) % 4) {
			case 0: case 1:
				cr_assert_eq(world_append(w.kv, "f", piece, len), 0);
				memcpy(model + size, piece, len);
				size += len;
				break;
			case 2:
				cr_assert_eq(world_write_at(w.kv, "F", at, piece, len), 0);
				memcpy(model + at, piece, len);
				size = MAX(size, at + len);
				break;
			default:
				cr_assert_eq(world_truncate(w.kv, "f", at), 0);
				if (at < size)
					memset(model + at, 0, size - at);
				size = at;
			}
			if (i % 8 < 7)
				continue;
			data = world_read(w.kv, "f", &got);
			cr_assert_eq(got, (intptr_t)size, "%s: %u: %ld", k->options, i, (long)got);
			cr_assert(!memcmp(data, model, size), "%s: %u", k->options, i);
			free(data);
		}
		check(k->options);
		disk_destroy(&w.disk);
	}
	free(model);
	free(piece);
}

/* The entries of the folder's first cluster and of the first free one lie in different blocks of the table,
 * and those of the second copy have not been read yet. */
Test(fat_writing, a_folder_grows_in_every_copy_of_the_table)
{
	char key[40];

	world_shell("rm -f image; truncate -s 16M image; mkfs.fat -F 16 -s 1 image;"
	            "head -c 4000000 /dev/zero >zero; mcopy zero a:BEFORE; mmd a:D; mcopy zero a:BEHIND;"
	            "for i in 0 1 2 3 4 5 6 7 8 9 A B C D; do mcopy - a:D/$i </dev/null; done");
	w = (struct world){ .cache_config = CACHE_CONFIG_DEFAULTS };
	w.cache_config.blocks = 8; /* so that little is read ahead */
	world_open(&w);
	for (unsigned i = 0; i < 40; i++) {
		sprintf(key, "D/%u", 1000 + i);
		cr_assert_eq(world_set(w.kv, key, "", 0), 0);
	}
	check("a folder that grows");
	disk_destroy(&w.disk);
}
