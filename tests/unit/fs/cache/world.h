/* SPDX-License-Identifier: ISC */
/* A small cache over a disk under the test's control, and common steps of its tests. */
#ifndef TESTS_UNIT_FS_CACHE_WORLD_H
#define TESTS_UNIT_FS_CACHE_WORLD_H

#include "fs/cache.h"
#include "kernel/loop.h"
#include "tests/lib/disk.h"
#include "tests/lib/test.h"

#define WORLD_BLOCKS 16
#define WORLD_DEVICE_BLOCKS 256

extern struct disk disk;
extern struct cache *cache;

/* Sectors of 512 bytes, a device with a cache; block i is full of world_byte(i). */
void world_begin(void);
/* The same of another kind: features of the device, its sectors. */
void world_begin_with(uint32_t features, uint64_t sectors, uint32_t sector_bytes);
void world_end(void);
uint8_t world_byte(uint64_t number);

/* The block, whole and full of byte; asserts that it is. Waits for the disk. */
struct cache_block *world_get(uint64_t number, enum cache_mode mode);
/* Gets and puts a block; gives its first byte. */
uint8_t world_look(uint64_t number);
/* Changes all of it. */
void world_fill(uint64_t number, uint8_t byte);
/* 0, or the error. */
int world_sync(void);
/* The byte that fills a whole block of the disk's image, which is asserted. */
uint8_t world_on_disk(uint64_t number);
struct cache_stats world_stats(void);

#endif
