/* SPDX-License-Identifier: ISC */
/* Mounting: the device's first sector is the volume's, or has a partition table that says where that is. */
#include <errno.h>

#include "fs/fat/fat_priv.h"
#include "fs/mbr.h"
#include "kernel/instance.h"

#define LOG_TAG "fat"
#include "kernel/log.h"

struct mounting {
	struct fat_task task; /* first */
	uint64_t start, bytes; /* where the volume is looked for */
};

static bool is_fat(uint8_t type)
{
	/* FAT12, FAT16 below 32 MiB, FAT16, FAT32 twice, FAT16, and the EFI system partition, which is FAT
	 * too. */
	static const uint8_t types[] = { 0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e, 0xef };

	for (size_t i = 0; i < sizeof(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

/* Gives 1 when a partition is to be looked at. */
static int understand(struct mounting *m, struct fat_mount *op, const void *sector)
{
	const struct blkdev *dev = op->config.dev;
	const char *problem;
	struct mbr_partition p;
	int error;

	op->problem = fat_geometry_parse(&m->task.fat->geometry, sector, m->start, m->bytes);
	if (!op->problem)
		return 0;
	if (m->start)
		return -EUCLEAN;
	error = mbr_find(&p, sector, dev->sectors, is_fat, &problem);
	if (error == -ENOENT)
		op->problem = problem;
	else if (error)
		log_warn("no partition table either: %s", problem);
	if (error)
		return -EUCLEAN;
	m->start = p.first * dev->sector_bytes;
	m->bytes = p.count * dev->sector_bytes;
	return 1;
}

/* The operations of both kinds of volume. */
#define READING \
	.get = fat_get, .read = fat_read, .list = IS_ENABLED(CONFIG_FS_LIST) ? fat_list : NULL, \
	.list_next = IS_ENABLED(CONFIG_FS_LIST) ? fat_list_next : NULL

/* The table of a read-only volume; without FAT_WRITE the other one is left out. */
static const struct kv_ops ops = { READING };

static const struct kv_ops writing_ops = {
	READING,
	.set = fat_set, .remove = fat_remove, .rename = fat_rename,
};

static void be_read_only(struct fat *fat)
{
	fat->kv.ops = &ops;
	if (IS_ENABLED(CONFIG_FAT_WRITE))
		fat_state_destroy(fat);
}

static void destroy(struct fat *fat)
{
	be_read_only(fat);
	fat_owners_destroy(fat);
	fat_keys_destroy(fat);
	instance_free(fat, sizeof(*fat));
}

/* -- steps, one after the other: each keeps what it has checked, and does not read it again -- */

static intptr_t fail(struct fat_task *t, int error)
{
	if (error != -EAGAIN)
		destroy(t->fat);
	return error;
}

static intptr_t load(struct fat_task *t)
{
	struct fat_mount *op = container_of(t, struct fat_mount, own);
	struct fat *fat = t->fat;
	int error = IS_ENABLED(CONFIG_FAT_WRITE) && fat->writer ? fat_state_load(t) : 0;

	if (error)
		return fail(t, error);
	if (fat->geometry.dirty)
		log_warn("the volume was not let go of: see what fsck.fat says");
	op->kv = &fat->kv;
	return 0;
}

static intptr_t look_at_owners(struct fat_task *t)
{
	struct fat *fat = t->fat;
	int result = 0;

	if (fat->geometry.clusters <= CONFIG_FAT_OWNERS_CLUSTERS)
		result = fat_owners_find(t);
	else
		log_info("not looked at as a whole: clusters=%u", fat->geometry.clusters);
	if (result < 0)
		return fail(t, result);
	if (IS_ENABLED(CONFIG_FAT_WRITE) && result && fat->writer) {
		log_warn("nothing is written, for there are %s: see what fsck.fat says",
		         fat->owners ? "clusters that several have" : "two names of one file");
		be_read_only(fat);
	}
	t->step = load;
	return load(t);
}

static intptr_t find(struct fat_task *t)
{
	struct fat_mount *op = container_of(t, struct fat_mount, own);
	struct mounting *m = (struct mounting *)t;
	uint8_t sector[FAT_BOOT_BYTES] __attribute__((aligned(8)));
	int error;

	do {
		error = fat_copy_out(t, m->start, sector, sizeof(sector));
		if (!error)
			error = understand(m, op, sector);
	} while (error == 1);
	if (error)
		return fail(t, error);
	t->step = CONFIG_FAT_OWNERS_CLUSTERS > 0 ? look_at_owners : load;
	return t->step(t);
}

/* -- the beginning -- */

static struct fat *create(const struct fat_config *config)
{
	bool writes = IS_ENABLED(CONFIG_FAT_WRITE) && !config->read_only &&
		!(config->dev->features & BLKDEV_READ_ONLY);
	struct fat *fat = instance_alloc(sizeof(*fat));
	int error;

	if (!fat)
		return NULL;
	fat->kv.ops = &ops;
	fat->cache = config->cache;
	error = fat_keys_create(fat);
	if (IS_ENABLED(CONFIG_FAT_WRITE) && !error && writes) {
		fat->kv.ops = &writing_ops;
		error = fat_state_create(fat, config->dev);
	}
	if (!error)
		return fat;
	destroy(fat);
	return NULL;
}

void fat_mount(struct fat_mount *op, const struct fat_config *config)
{
	struct mounting *m = (struct mounting *)op->own;
	struct fat *fat = create(config);

	static_assert(sizeof(*m) <= sizeof(op->own), "room in the operation");
	op->config = *config;
	op->kv = NULL;
	op->problem = NULL;
	if (!fat) {
		promise_throw(&op->promise, -ENOMEM);
		return;
	}
	m->start = 0;
	m->bytes = config->dev->sectors * config->dev->sector_bytes;
	fat_task_start(&m->task, fat, &op->promise, NULL, find);
}

static void let_go(struct waiter *waiter)
{
	struct fat_unmount *op = container_of(waiter, struct fat_unmount, waiter);
	int error = (int)promise_result(&op->change.promise);

	destroy(fat_of(op->change.kv));
	if (error)
		promise_fail(&op->promise, error);
	else
		promise_fulfil(&op->promise, 0);
}

void fat_unmount(struct fat_unmount *op, struct kv *kv)
{
	struct fat *fat = fat_of(kv);

	if (IS_ENABLED(CONFIG_FAT_WRITE) && fat->writer) {
		promise_init(&op->promise, fat_go_on);
		fat_writer_submit(fat, &op->change, FAT_LET_GO);
		promise_wait(&op->change.promise, &op->waiter, let_go);
		return;
	}
	destroy(fat);
	promise_return(&op->promise, 0);
}
