/* SPDX-License-Identifier: ISC */
/* Changing blocks of the device. */
#include <errno.h>
#include <string.h>

#include "fs/fat/writer.h"

int fat_block_change(struct fat_writer *w, uint64_t number, enum cache_mode mode, struct cache_block **out)
{
	struct fat_task *t = &w->lookup.task;
	int error = fat_task_take(t, number, mode, out);

	if (error || *out)
		return error;
	cache_get(t->fat->cache, &t->get, number, mode);
	if (t->get.promise.state == PROMISE_FULFILLED) {
		*out = t->get.block;
		t->get.block = NULL;
		return 0;
	}
	fat_task_wait(t, &t->get.promise);
	return -EAGAIN;
}

int fat_copy_in(struct fat_writer *w, uint64_t place, const void *from, uint32_t len)
{
	while (len > 0) {
		uint32_t offset = (uint32_t)(place % FAT_BLOCK_BYTES), n = MIN(len, FAT_BLOCK_BYTES - offset);
		struct cache_block *b;
		int error = fat_block_change(w, place / FAT_BLOCK_BYTES, CACHE_CHANGE, &b);

		if (error)
			return error;
		if (offset + n > b->len)
			error = -EIO;
		else
			memcpy(b->data + offset, from, n);
		cache_put(b);
		if (error)
			return error;
		place += n;
		from = (const char *)from + n;
		len -= n;
	}
	return 0;
}
