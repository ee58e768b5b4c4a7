/* SPDX-License-Identifier: ISC */
/* The calls that change a volume. */
#include <string.h>

#include "fs/fat/writer.h"

void fat_set(struct kv *kv, struct kv_change *op)
{
	fat_writer_submit(fat_of(kv), op, FAT_SET);
}

void fat_remove(struct kv *kv, struct kv_change *op)
{
	fat_writer_submit(fat_of(kv), op, FAT_REMOVE);
}

void fat_rename(struct kv *kv, struct kv_change *op)
{
	fat_writer_submit(fat_of(kv), op, FAT_RENAME);
}

static void submit(struct kv *kv, struct kv_change *op, const char *key, size_t key_len, uint64_t offset,
                   const struct slice *slices, uint32_t count, enum fat_change_kind kind)
{
	static_assert(sizeof(op->own) >= sizeof(offset), "room in the operation");
	op->key = key;
	op->key_len = key_len;
	op->slices = slices;
	op->count = count;
	memcpy(op->own, &offset, sizeof(offset));
	fat_writer_submit(fat_of(kv), op, kind);
}

void fat_write_at(struct kv *kv, struct kv_change *op, const char *key, size_t key_len, uint64_t offset,
                  const struct slice *slices, uint32_t count)
{
	submit(kv, op, key, key_len, offset, slices, count, FAT_WRITE_AT);
}

void fat_append(struct kv *kv, struct kv_change *op, const char *key, size_t key_len,
                const struct slice *slices, uint32_t count)
{
	submit(kv, op, key, key_len, 0, slices, count, FAT_APPEND);
}

void fat_truncate(struct kv *kv, struct kv_change *op, const char *key, size_t key_len, uint64_t size)
{
	submit(kv, op, key, key_len, size, NULL, 0, FAT_TRUNCATE);
}

void fat_make_folder(struct kv *kv, struct kv_change *op, const char *key, size_t key_len)
{
	submit(kv, op, key, key_len, 0, NULL, 0, FAT_MAKE_FOLDER);
}

void fat_sync(struct kv *kv, struct kv_change *op)
{
	submit(kv, op, NULL, 0, 0, NULL, 0, FAT_SYNC);
}
