/* SPDX-License-Identifier: ISC */
/* A FAT volume under the control of a test: images made by mkfs.fat and mtools in the test's own folder, the
 * volume on a disk of tests/lib, and calls that wait for their results. */
#ifndef TESTS_UNIT_FS_FAT_WORLD_H
#define TESTS_UNIT_FS_FAT_WORLD_H

#include "fs/fat/fat.h"
#include "tests/lib/disk.h"
#include "tests/lib/test.h"

/* A mounted volume. The test may set these before world_mount. */
struct world {
	struct disk disk;
	struct cache *cache;
	struct kv *kv;         /* NULL: it was refused */
	const char *problem;   /* why */
	struct cache_config cache_config;
	uint32_t sector_bytes; /* of the device, 512 at first */
	uint32_t features;     /* enum blkdev_features */
	bool read_only;
};

/* Runs a shell script, which must succeed: in a folder of the test's own, with the tools of /sbin, for mtools
 * drive a: being the file "image" there. */
void world_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, but gives its exit status, and its output. */
int world_run(const char **said, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A path in that folder; four live at a time. */
const char *world_path(const char *name);
void world_begin(void); /* .init and .fini of a suite */
void world_end(void);
/* The same for suites each of whose tests leaves no allocation behind. */
void world_begin_counted(void);
void world_end_counted(void);

/* Reads the file "image" onto a disk of its size, holes included. */
void world_load(struct world *w);
/* Writes the disk's content into a file. */
void world_save(const struct world *w, const char *name);
/* Mounts the volume on the disk. Gives the result. */
int world_mount(struct world *w);
void world_unmount(struct world *w);
/* Loads and mounts, which must succeed. */
void world_open(struct world *w);
/* Unmounts, and lets the disk go. */
void world_close(struct world *w);

/* Waits for a promise; gives its result. */
intptr_t world_wait(struct promise *p);

int world_get(struct kv *kv, struct kv_get *op, const char *key);
/* Reads a whole value, with its size in *size; NULL: *size is the error. The caller frees it. */
char *world_read(struct kv *kv, const char *key, intptr_t *size);
/* Asserts that a value is this. */
void world_expect(struct kv *kv, const char *key, const char *text);
/* The names of a folder, sorted, with "/" behind folders, joined with spaces; the error as a number. Lives
 * until the next call. */
const char *world_list(struct kv *kv, const char *key);

/* Changes, waited for; each gives the result. The value is len bytes, handed over in three slices. */
int world_set(struct kv *kv, const char *key, const void *value, size_t len);
int world_remove(struct kv *kv, const char *key);
int world_rename(struct kv *kv, const char *key, const char *to);
int world_append(struct kv *kv, const char *key, const void *value, size_t len);
int world_write_at(struct kv *kv, const char *key, uint64_t offset, const void *value, size_t len);
int world_truncate(struct kv *kv, const char *key, uint64_t size);
int world_make_folder(struct kv *kv, const char *key);

/* fsck.fat's whole output on the disk; NULL: it has found no fault. */
const char *world_check(const struct world *w);

/* A value of len bytes of which each tells its place and the seed. */
void world_fill(uint8_t *to, size_t len, uint32_t seed);

#endif
