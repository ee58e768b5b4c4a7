/* SPDX-License-Identifier: ISC */
/* kv_get: a file's directory entry, and an entity tag.
 *
 * The tag is strong (RFC 9110 §8.8.1): it is made of the volume's serial number, the file's first cluster,
 * its size, the time of its last modification, and the number of that change among all since the volume was
 * mounted, 0 if it was before. So while the volume is mounted, each change gives another tag. From one mount
 * to the next, two contents of a file have the same tag only if they have the same size, begin in the same
 * cluster, are the same number of changes from their mount, and were written within the same two seconds,
 * which is what FAT tells apart. A machine without a wall clock writes no times: it must not serve files that
 * it has written to clients that outlive it. The disks that the build makes have no times either: their
 * serial number is a part of their content's hash. */
#include <errno.h>

#include "fs/fat/fat_priv.h"

/* Writes each number in digits of six bits, lowest first, with periods between the numbers. */
static void tag(uint32_t serial, const struct fat_entry *e, uint32_t changed, char to[KV_ETAG_BYTES])
{
	static const char digits[64] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
	const uint32_t numbers[] = { serial, (uint32_t)e->date << 16 | e->time, e->size, e->first, changed };

	static_assert(ARRAY_SIZE(numbers) * 7 + sizeof("\"\"") - 1 <= KV_ETAG_BYTES, "room in the operation");
	*to++ = '"';
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint32_t n = numbers[i];

		do
			*to++ = digits[n & 63];
		while (n >>= 6);
		*to++ = '.';
	}
	to[-1] = '"';
	*to = '\0';
}

/* Gives the promise's result. */
static int fill(struct fat *fat, struct kv_get *op, const struct fat_entry *e)
{
	if (e->attributes & FAT_FOLDER)
		return -EISDIR;
	tag(fat->geometry.serial, e, IS_ENABLED(CONFIG_FAT_WRITE) ? fat_changed(fat, e) : 0, op->etag);
	op->entry = (struct kv_entry){
		.size = e->size,
		.modified_ns = fat_time_read(e->date, e->time),
		.etag = op->etag,
		.place = { e->place, (uint64_t)fat_changes_now(fat) << 32 | e->first },
	};
	return 0;
}

static intptr_t step(struct fat_task *t)
{
	struct kv_get *op = container_of(t, struct kv_get, own);
	struct fat_lookup *l = (struct fat_lookup *)t;
	int error = fat_lookup_run(l);

	if (error)
		return error == -ENOTDIR ? -ENOENT : error;
	return fill(t->fat, op, &l->found);
}

static void cancel(struct promise *p)
{
	fat_task_cancel((struct fat_task *)container_of(p, struct kv_get, promise)->own);
}

void fat_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	struct fat_lookup *l = (struct fat_lookup *)op->own;
	struct fat *fat = fat_of(kv);
	const struct fat_entry *known = fat_keys_find(fat, key, key_len);
	int error;

	static_assert(sizeof(*l) <= sizeof(op->own), "room in the operation");
	if (!known) {
		fat_lookup_begin(l, fat, key, key_len);
		fat_task_start(&l->task, fat, &op->promise, cancel, step);
		return;
	}
	error = fill(fat, op, known);
	if (error)
		promise_throw(&op->promise, error);
	else
		promise_return(&op->promise, 0);
}
