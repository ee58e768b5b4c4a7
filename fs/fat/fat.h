/* SPDX-License-Identifier: ISC */
/* FAT12, FAT16 and FAT32 with long names, as a store of values (fs/kv.h).
 *
 * The specification is Microsoft's, 1.03. Keys are UTF-8; whether a key and a name are the same does not
 * depend on the case of letters. A file's key is its long name, or its 8.3 name only if it has no long
 * one, so that no value has two keys. The volume may be the whole device or its first FAT partition.
 *
 * Access to damaged parts fails with -EUCLEAN, and a line in the log names the damage: chains that are loops,
 * too short or too long for their file, or leave the volume, folders that are none, and clusters that belong
 * to several files. The last are found by a scan of the whole volume at mount (FAT_OWNERS_CLUSTERS). A volume
 * that has them is read-only, as is one on which a power cut has left both names of a half-done rename.
 *
 * A new name must fit into one sector, which of 512 bytes holds 195 characters, or it fails with -EOPNOTSUPP
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

/* No other operation may be pending. Fulfilled with 0 when everything is on the medium and the volume is
 * marked clean, or fails with a write's error; the store is gone either way. */
struct fat_unmount {
	struct promise promise;
	struct kv_change change;
	struct waiter waiter;
};
void fat_unmount(struct fat_unmount *op, struct kv *kv);

/* Changes beyond those of fs/kv.h, with its rules and errors: each is made whole or not at all, and is on the
 * medium when it is fulfilled. A change beyond the file's last cluster writes the whole file anew, as
 * kv_set does: FAT allows nothing less if the power may fail at any moment. -EROFS. */

/* Writes into an existing file; bytes between its end and offset become zero. */
void fat_write_at(struct kv *kv, struct kv_change *op, const char *key, size_t key_len, uint64_t offset,
                  const struct slice *slices, uint32_t count);
void fat_append(struct kv *kv, struct kv_change *op, const char *key, size_t key_len,
                const struct slice *slices, uint32_t count);
/* Cuts a file to size, or extends it with zeros. */
void fat_truncate(struct kv *kv, struct kv_change *op, const char *key, size_t key_len, uint64_t size);
/* Makes a folder in an existing one. -EEXIST. */
void fat_make_folder(struct kv *kv, struct kv_change *op, const char *key, size_t key_len);
/* Writes the volume's count of free clusters to the medium, too. */
void fat_sync(struct kv *kv, struct kv_change *op);

#endif
