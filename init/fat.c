/* SPDX-License-Identifier: ISC */
/* The disk with the application's files, from mount to unmount. */
#define LOG_TAG "fat"
#include <errno.h>

#include "arch/arch.h"
#include "fs/fat/fat.h"
#include "init/init.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/panic.h"

struct kv *fat_init(void)
{
	struct cache_config cache_config = CACHE_CONFIG_DEFAULTS;
	struct fat_config config = { .dev = machine_blkdev() };
	struct fat_mount mount;
	int error;

	if (!config.dev)
		panic("no disk that works: add a virtio-blk device, or name a file with disk=");
	error = cache_create(&config.cache, config.dev, &cache_config);
	if (!error) {
		fat_mount(&mount, &config);
		error = (int)loop_run(&mount.promise);
	}
	if (error == -ENOMEM)
		panic("out of memory: give the machine more");
	if (error == -EUCLEAN)
		panic("the disk's files cannot be had: %s; give another, or see what fsck.fat says",
		      mount.problem);
	if (error)
		panic("the disk cannot be read: error %d", -error);
	return mount.kv;
}

void fat_end(struct kv *kv)
{
	struct fat_unmount unmount;

	fat_unmount(&unmount, kv);
	if (loop_run(&unmount.promise) < 0)
		log_error("the disk does not have all that was written");
}
