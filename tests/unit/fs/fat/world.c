/* SPDX-License-Identifier: ISC */
/* FAT volumes for tests. */
#define _GNU_SOURCE
#include "tests/unit/fs/fat/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/loop.h"

#define SAID_BYTES 65536

static char base[] = "/tmp/fat-XXXXXX";

void world_begin(void)
{
	cr_assert_not_null(mkdtemp(base));
	setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
	setenv("MTOOLS_SKIP_CHECK", "1", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
}

void world_end(void)
{
	world_shell("rm -rf %s", base);
}

void world_begin_counted(void)
{
	world_begin();
	test_begin();
}

void world_end_counted(void)
{
	test_end();
	world_end();
}

const char *world_path(const char *name)
{
	static char paths[4][200];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
	return path;
}

static int run(const char **said, const char *format, va_list args)
{
	static char text[SAID_BYTES], command[SAID_BYTES];
	FILE *pipe;
	size_t n;

	n = (size_t)snprintf(command, sizeof(command), "exec 2>&1; set -e; cd %s; export MTOOLSRC=%s/mtoolsrc; "
	                     "printf 'drive a: file=\"%s/image\"\\n' >mtoolsrc; ", base, base, base);
	vsnprintf(command + n, sizeof(command) - n, format, args);
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	n = fread(text, 1, sizeof(text) - 1, pipe);
	text[n] = '\0';
	*said = text;
	return WEXITSTATUS(pclose(pipe));
}

int world_run(const char **said, const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = run(said, format, args);
	va_end(args);
	return status;
}

void world_shell(const char *format, ...)
{
	const char *said;
	va_list args;

	va_start(args, format);
	cr_assert_eq(run(&said, format, args), 0, "%s: %s", format, said);
	va_end(args);
}

/* -- the disk -- */

void world_load(struct world *w)
{
	int file = open(world_path("image"), O_RDONLY);
	off_t at = 0, end;
	struct stat status;

	cr_assert(file >= 0 && fstat(file, &status) == 0, "image: %s", strerror(errno));
	w->sector_bytes = w->sector_bytes ?: 512;
	disk_init(&w->disk, (uint64_t)status.st_size / w->sector_bytes, w->sector_bytes, w->features);
	while ((at = lseek(file, at, SEEK_DATA)) >= 0) {
		end = lseek(file, at, SEEK_HOLE);
		cr_assert_eq(pread(file, w->disk.image + at, (size_t)(end - at), at), end - at);
		at = end;
	}
	close(file);
	disk_forget(&w->disk);
}

void world_save(const struct world *w, const char *name)
{
	size_t bytes = w->disk.dev.sectors * w->disk.dev.sector_bytes;
	FILE *file = fopen(world_path(name), "wb");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(w->disk.image, 1, bytes, file), bytes);
	fclose(file);
}

intptr_t world_wait(struct promise *p)
{
	return promise_is_settled(p) ? promise_result(p) : loop_run(p);
}

int world_mount(struct world *w)
{
	struct cache_config defaults = CACHE_CONFIG_DEFAULTS;
	struct fat_mount op;
	struct fat_config config;
	int error;

	if (!w->cache_config.blocks)
		w->cache_config = defaults;
	error = cache_create(&w->cache, &w->disk.dev, &w->cache_config);
	if (error)
		return error;
	config = (struct fat_config){ .dev = &w->disk.dev, .cache = w->cache, .read_only = w->read_only };
	fat_mount(&op, &config);
	error = (int)world_wait(&op.promise);
	w->kv = op.kv;
	w->problem = op.problem;
	cr_assert_eq(!w->kv, error != 0);
	cr_assert_eq(!w->problem, error != -EUCLEAN);
	if (error) {
		test_settle();
		cache_destroy(w->cache);
	}
	return error;
}

void world_unmount(struct world *w)
{
	struct fat_unmount op;

	fat_unmount(&op, w->kv);
	cr_assert_eq(world_wait(&op.promise), 0);
	test_settle();
	cache_destroy(w->cache);
}

void world_open(struct world *w)
{
	int error;

	world_load(w);
	error = world_mount(w);
	cr_assert_eq(error, 0, "error %d: %s", error, w->problem ?: "");
}

void world_close(struct world *w)
{
	world_unmount(w);
	disk_destroy(&w->disk);
}

/* -- values -- */

int world_get(struct kv *kv, struct kv_get *op, const char *key)
{
	size_t len = strlen(key);
	char *exact = malloc(len ?: 1);
	int error;

	memcpy(exact, key, len);
	kv_get(kv, op, exact, len);
	error = (int)world_wait(&op->promise);
	free(exact);
	return error;
}

char *world_read(struct kv *kv, const char *key, intptr_t *size)
{
	struct kv_read op = { .cursor = { 0 } };
	struct kv_get get;
	intptr_t n = world_get(kv, &get, key);
	char *data = n ? NULL : test_alloc(get.entry.size + 1), *at = data;

	for (uint64_t offset = 0; !n && data; offset += (uint64_t)n, n = 0) {
		kv_read(kv, &op, &get.entry, offset, 100000);
		n = world_wait(&op.promise);
		if (n <= 0)
			break;
		for (uint32_t i = 0; i < op.count; i++) {
			cr_assert((uint64_t)(at - data) + op.slices[i].len <= get.entry.size);
			memcpy(at, op.slices[i].data, op.slices[i].len);
			at += op.slices[i].len;
			storage_put(op.slices[i].storage);
		}
		cr_assert_eq((uint64_t)(at - data), offset + (uint64_t)n);
	}
	*size = n;
	if (n) {
		free(data);
		return NULL;
	}
	cr_assert_eq((uint64_t)(at - data), get.entry.size);
	*at = '\0';
	*size = at - data;
	return data;
}

void world_expect(struct kv *kv, const char *key, const char *text)
{
	intptr_t size;
	char *data = world_read(kv, key, &size);

	cr_assert_eq(size, (intptr_t)strlen(text), "%s: %ld", key, (long)size);
	cr_assert(!memcmp(data, text, (size_t)size), "%s: %s", key, data);
	free(data);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *world_list(struct kv *kv, const char *key)
{
	static char text[SAID_BYTES];
	static struct kv_list op;
	char *names[1000];
	size_t count = 0, len = 0;
	intptr_t result;

	kv_list(kv, &op, key, strlen(key));
	result = world_wait(&op.promise);
	while (!result) {
		kv_list_next(kv, &op);
		result = world_wait(&op.promise);
		if (result <= 0)
			break;
		cr_assert(strlen(op.name) == op.name_len && count < ARRAY_SIZE(names));
		names[count] = test_alloc(op.name_len + 2u);
		sprintf(names[count++], "%s%s", op.name, op.is_folder ? "/" : "");
		result = 0;
	}
	qsort(names, count, sizeof(*names), compare);
	text[0] = '\0';
	for (size_t i = 0; i < count; free(names[i++]))
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "", names[i]);
	if (result)
		snprintf(text, sizeof(text), "%d", (int)result);
	return text;
}

void world_fill(uint8_t *to, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)((i * 0x9e3779b1u + seed * 0x85ebca6bu) >> 13 ^ i >> 16);
}

/* -- changes -- */

/* The value in three slices, one of them empty. */
static uint32_t cut(struct slice slices[3], const void *value, size_t len)
{
	slices[0] = (struct slice){ value, len / 3, NULL };
	slices[1] = (struct slice){ value, 0, NULL };
	slices[2] = (struct slice){ (const char *)value + len / 3, len - len / 3, NULL };
	return 3;
}

int world_set(struct kv *kv, const char *key, const void *value, size_t len)
{
	struct slice slices[3];
	struct kv_change op;

	kv_set(kv, &op, key, strlen(key), slices, cut(slices, value, len));
	return (int)world_wait(&op.promise);
}

int world_remove(struct kv *kv, const char *key)
{
	struct kv_change op;

	kv_remove(kv, &op, key, strlen(key));
	return (int)world_wait(&op.promise);
}

int world_rename(struct kv *kv, const char *key, const char *to)
{
	struct kv_change op;

	kv_rename(kv, &op, key, strlen(key), to, strlen(to));
	return (int)world_wait(&op.promise);
}

int world_append(struct kv *kv, const char *key, const void *value, size_t len)
{
	struct slice slices[3];
	struct kv_change op;

	fat_append(kv, &op, key, strlen(key), slices, cut(slices, value, len));
	return (int)world_wait(&op.promise);
}

int world_write_at(struct kv *kv, const char *key, uint64_t offset, const void *value, size_t len)
{
	struct slice slices[3];
	struct kv_change op;

	fat_write_at(kv, &op, key, strlen(key), offset, slices, cut(slices, value, len));
	return (int)world_wait(&op.promise);
}

int world_truncate(struct kv *kv, const char *key, uint64_t size)
{
	struct kv_change op;

	fat_truncate(kv, &op, key, strlen(key), size);
	return (int)world_wait(&op.promise);
}

int world_make_folder(struct kv *kv, const char *key)
{
	struct kv_change op;

	fat_make_folder(kv, &op, key, strlen(key));
	return (int)world_wait(&op.promise);
}

const char *world_check(const struct world *w)
{
	const char *said;
	int status;

	world_save(w, "checked");
	status = world_run(&said, "fsck.fat -n checked");
	return status ? said : NULL;
}
