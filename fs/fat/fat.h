/* SPDX-License-Identifier: ISC */
/* FAT12, FAT16 and FAT32 with long names, as a store of values (fs/kv.h).
 *
 * The specification is Microsoft's, 1.03. Keys are UTF-8; whether a key and a name are the same does not
 * depend on the case of letters. A file goes by its long name, and by the one of 8.3 characters only where
 * there is no other, so that no value has two keys. The volume may lie on the whole device or be its first
 * FAT partition.
 *
 * What is damaged is refused, with -EUCLEAN and a line in the log that says what it is: chains that are
 * loops, too short or too long for their file, or leave the volume, folders that are none, and clusters that
 * several files have. A look at the whole volume finds the last when it is mounted (FAT_OWNERS_CLUSTERS), and
 * nothing is written then, nor where a power cut has left the two names of a half-done renaming.
 *
 * A new name must fit into one sector, or it fails with -EOPNOTSUPP: 195 characters where that has 512 bytes
 * (docs/adr/0012). */
#ifndef FS_FAT_FAT_H
#define FS_FAT_FAT_H

#include "fs/cache.h"
#include "fs/kv.h"

struct fat_config {
	struct blkdev *dev;
	struct cache *cache; /* of that device */
	bool read_only;      /* else as the device is */
};

/* Fulfilled with 0 and kv. Fails with -EUCLEAN, and problem says in words what is wrong; -ENOMEM; the
 * device's errors. */
struct fat_mount {
	struct promise promise;
	struct kv *kv;
	const char *problem; /* constant memory */
	struct fat_config config;
	uint64_t own[26];
};
/* Borrows device and cache until fat_unmount. */
void fat_mount(struct fat_mount *op, const struct fat_config *config);

/* No other operation may be pending. Fulfilled with 0 when everything is on the medium and the volume says
 * that it was let go of, or fails with the error that writing met; the store is gone either way. */
struct fat_unmount {
	struct promise promise;
	struct kv_change change;
	struct waiter waiter;
};
void fat_unmount(struct fat_unmount *op, struct kv *kv);

/* Changes beyond those of fs/kv.h, with its rules and errors: each is made whole or not at all, and is on the
 * medium when it is fulfilled. What does not fit into a file's last cluster has all of the file written anew,
 * as kv_set does: FAT allows nothing less if the power may fail at any moment. -EROFS. */

/* Into a file that there is; what lies between its end and offset is zero. */
void fat_write_at(struct kv *kv, struct kv_change *op, const char *key, size_t key_len, uint64_t offset,
                  const struct slice *slices, uint32_t count);
void fat_append(struct kv *kv, struct kv_change *op, const char *key, size_t key_len,
                const struct slice *slices, uint32_t count);
/* Makes a file shorter, or longer with zeros. */
void fat_truncate(struct kv *kv, struct kv_change *op, const char *key, size_t key_len, uint64_t size);
/* In a folder that there is. -EEXIST. */
void fat_make_folder(struct kv *kv, struct kv_change *op, const char *key, size_t key_len);
/* Has all that the volume knows of itself on the medium, too: how much is free. */
void fat_sync(struct kv *kv, struct kv_change *op);

#endif
