/* SPDX-License-Identifier: ISC */
/* The contract of every store of values (fs/kv.h), tested on each: one folder, crunched by scripts/crunch and
 * copied to FAT volumes by mtools, on disks that answer at once and on some that do not. Changes are tested
 * on those that can make them. Runs in the source tree's root. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/crunch.h"
#include "tests/unit/fs/fat/world.h"

#define BIG 70000

struct store {
	char options[40]; /* of mkfs.fat; none: crunched */
	unsigned kib;
	bool is_slow;
};

static struct world w;
static void *crunched;
static uint8_t big[BIG];

TestSuite(kv, .init = world_begin_counted, .fini = world_end_counted, .timeout = 300);

static struct kv *crunch(void)
{
	char here[1000];
	struct kv *kv;
	FILE *file;

	cr_assert_not_null(getcwd(here, sizeof(here)));
	world_shell("cd %s; scripts/crunch %s %s", here, world_path("site"), world_path("content.S"));
	file = fopen(world_path("content.bin"), "rb");
	cr_assert_not_null(file);
	crunched = test_alloc(1 << 20);
	cr_assert(fread(crunched, 1, 1 << 20, file) > 0);
	fclose(file);
	cr_assert_eq(crunch_create(&kv, crunched), 0);
	return kv;
}

static struct kv *open_store(const struct store *s)
{
	FILE *file = fopen(world_path("big"), "wb");

	world_fill(big, sizeof(big), 1);
	fwrite(big, 1, sizeof(big), file);
	fclose(file);
	world_shell("mkdir -p site/img/deep; mv big site/big.bin; printf hello >site/index.html; "
	            ": >site/empty.txt; "
	            "printf logo >site/img/logo.svg; printf deep >'site/img/deep/A name with spaces.txt'; "
	            "printf ünï >site/ünïcödé.txt");
	if (!*s->options)
		return crunch();
	world_shell("truncate -s %uK image; mkfs.fat %s image; mcopy -s site/* a:", s->kib, s->options);
	w = (struct world){ .sector_bytes = 512 };
	world_load(&w);
	w.disk.when = s->is_slow ? DISK_LATER : DISK_AT_ONCE;
	w.disk.seed = 5;
	cr_assert_eq(world_mount(&w), 0);
	return w.kv;
}

static void close_store(const struct store *s, struct kv *kv)
{
	if (*s->options) {
		world_close(&w);
		return;
	}
	crunch_destroy(kv);
	free(crunched);
}

#define STORES \
	static struct store stores[] = { \
		{ "", 0, false }, { "-F 12 -s 1", 1440, false }, { "-F 16 -s 4", 16000, true }, \
		{ "-F 32 -s 1", 40000, true }, \
	}; \
	return cr_make_param_array(struct store, stores, ARRAY_SIZE(stores))

ParameterizedTestParameters(kv, reading)
{
	STORES;
}

ParameterizedTest(struct store *s, kv, reading)
{
	struct kv *kv = open_store(s);
	struct kv_get get, other;
	intptr_t size;
	char *data;

	world_expect(kv, "index.html", "hello");
	world_expect(kv, "empty.txt", "");
	world_expect(kv, "img/logo.svg", "logo");
	world_expect(kv, "img/deep/A name with spaces.txt", "deep");
	world_expect(kv, "ünïcödé.txt", "ünï");
	data = world_read(kv, "big.bin", &size);
	cr_assert_eq(size, BIG);
	cr_expect(!memcmp(data, big, BIG));
	free(data);
	cr_expect_eq(world_get(kv, &get, "missing"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "img/missing"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "missing/logo.svg"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "index.html/x"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "/index.html"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "img//logo.svg"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "img/../index.html"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "\xff"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "img"), -EISDIR);
	cr_expect_eq(world_get(kv, &get, "img/deep"), -EISDIR);
	cr_expect_eq(world_get(kv, &get, ""), -EISDIR);
	cr_expect_eq(world_get(kv, &get, "img/"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "index.html/"), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "."), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "img/."), -ENOENT);
	cr_expect_eq(world_get(kv, &get, "img/.."), -ENOENT);

	/* Tags: quoted, the same each time, another for another value. */
	cr_assert_eq(world_get(kv, &get, "index.html"), 0);
	cr_assert_eq(world_get(kv, &other, "index.html"), 0);
	cr_expect_str_eq(get.entry.etag, other.entry.etag);
	cr_expect(get.entry.etag[0] == '"' && strlen(get.entry.etag) < KV_ETAG_BYTES);
	cr_expect_eq(get.entry.etag[strlen(get.entry.etag) - 1], '"');
	cr_assert_eq(world_get(kv, &other, "img/logo.svg"), 0);
	cr_expect_str_neq(get.entry.etag, other.entry.etag);
	close_store(s, kv);
}

ParameterizedTestParameters(kv, pieces)
{
	STORES;
}

/* Reads from any offset, in pieces of any size, forwards and backwards. */
ParameterizedTest(struct store *s, kv, pieces)
{
	struct kv *kv = open_store(s);
	struct kv_read read = { .cursor = { 0 } };
	struct kv_get get;
	uint64_t seed = 1;

	cr_assert_eq(world_get(kv, &get, "big.bin"), 0);
	cr_assert_eq(get.entry.size, BIG);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t offset = test_random(&seed) % (BIG + 1000);
		uint32_t max = (uint32_t)(test_random(&seed) % 40000 + 1), at = 0;
		intptr_t n;

		kv_read(kv, &read, &get.entry, offset, max);
		n = world_wait(&read.promise);
		if (offset >= BIG) {
			cr_assert(n == 0 && read.count == 0);
			continue;
		}
		cr_assert(n > 0 && n <= (intptr_t)max && read.count <= KV_READ_SLICES, "%ld", (long)n);
		for (uint32_t j = 0; j < read.count; at += (uint32_t)read.slices[j++].len) {
			cr_assert(offset + at + read.slices[j].len <= BIG);
			cr_assert(!memcmp(read.slices[j].data, big + offset + at, read.slices[j].len));
			storage_put(read.slices[j].storage);
		}
		cr_assert_eq(at, n);
	}
	close_store(s, kv);
}

ParameterizedTestParameters(kv, listing)
{
	STORES;
}

ParameterizedTest(struct store *s, kv, listing)
{
	struct kv *kv = open_store(s);

	cr_expect_str_eq(world_list(kv, ""), "big.bin empty.txt img/ index.html ünïcödé.txt");
	cr_expect_str_eq(world_list(kv, "img"), "deep/ logo.svg");
	cr_expect_str_eq(world_list(kv, "img/deep"), "A name with spaces.txt");
	cr_expect_eq(atoi(world_list(kv, "missing")), -ENOENT);
	cr_expect_eq(atoi(world_list(kv, "index.html")), -ENOTDIR);
	close_store(s, kv);
}

ParameterizedTestParameters(kv, changing)
{
	STORES;
}

ParameterizedTest(struct store *s, kv, changing)
{
	struct kv *kv = open_store(s);
	struct kv_get get, before;
	struct kv_batch batch;

	kv_batch(kv, &batch, NULL, 0);
	if (!kv->ops->set) {
		cr_expect_eq(world_set(kv, "new", "x", 1), -EROFS);
		cr_expect_eq(world_remove(kv, "index.html"), -EROFS);
		cr_expect_eq(world_rename(kv, "index.html", "new"), -EROFS);
		test_assert_error(&batch.promise, -EROFS);
		close_store(s, kv);
		return;
	}
	test_assert_error(&batch.promise, -EOPNOTSUPP);
	cr_assert_eq(world_get(kv, &before, "index.html"), 0);
	cr_expect_eq(world_set(kv, "index.html", "other", 5), 0);
	world_expect(kv, "index.html", "other");
	cr_assert_eq(world_get(kv, &get, "index.html"), 0);
	cr_expect_str_neq(get.entry.etag, before.entry.etag);
	cr_expect_eq(world_set(kv, "new/in/folders", "new", 3), 0);
	world_expect(kv, "new/in/folders", "new");
	cr_expect_eq(world_set(kv, "img", "x", 1), -EISDIR);
	cr_expect_eq(world_set(kv, "index.html/x", "x", 1), -ENOTDIR);
	cr_expect_eq(world_rename(kv, "index.html", "img/start.html"), 0);
	cr_expect_eq(world_get(kv, &get, "index.html"), -ENOENT);
	world_expect(kv, "img/start.html", "other");
	cr_expect_eq(world_rename(kv, "img/logo.svg", "img/start.html"), 0);
	world_expect(kv, "img/start.html", "logo");
	cr_expect_eq(world_rename(kv, "img", "images"), 0);
	world_expect(kv, "images/deep/A name with spaces.txt", "deep");
	cr_expect_eq(world_get(kv, &get, "img/start.html"), -ENOENT);
	cr_expect_eq(world_rename(kv, "images", "new"), -EEXIST);
	cr_expect_eq(world_rename(kv, "missing", "other"), -ENOENT);
	cr_expect_eq(world_remove(kv, "images"), 0);
	cr_expect_eq(world_get(kv, &get, "images/start.html"), -ENOENT);
	cr_expect_eq(world_remove(kv, "empty.txt"), 0);
	cr_expect_eq(world_remove(kv, "empty.txt"), -ENOENT);
	cr_expect_str_eq(world_list(kv, ""), "big.bin new/ ünïcödé.txt");
	close_store(s, kv);
}
