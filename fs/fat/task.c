/* SPDX-License-Identifier: ISC */
/* Operations that wait for blocks: fat_priv.h says how. The last step may free the file system, so only the
 * operation is touched after it. */
#include <errno.h>
#include <string.h>

#include "fs/fat/fat_priv.h"

#define TURN 128 /* blocks */

static void drop_block(struct fat_task *t)
{
	if (t->get.block)
		cache_put(t->get.block);
	t->get.block = NULL;
}

static void woken(struct waiter *w)
{
	struct fat_task *t = container_of(w, struct fat_task, waiter);
	intptr_t result;

	t->error = (int)promise_result(w->promise);
	if (t->error)
		t->get.block = NULL;
	result = t->step ? t->step(t) : -ECANCELED;
	if (result == -EAGAIN)
		return;
	drop_block(t);
	if (result < 0)
		promise_fail(t->promise, (int)result);
	else
		promise_fulfil(t->promise, result);
}

void fat_go_on(struct promise *p)
{
	(void)p;
}

void fat_task_start(struct fat_task *t, struct fat *fat, struct promise *p, void (*cancel)(struct promise *p),
                    intptr_t (*step)(struct fat_task *t))
{
	intptr_t result;

	t->fat = fat;
	t->promise = p;
	t->step = step;
	t->get.block = NULL;
	t->error = 0;
	t->served = 0;
	result = step(t);
	if (result == -EAGAIN) {
		promise_init(p, cancel ? cancel : fat_go_on);
		return;
	}
	drop_block(t);
	if (result < 0)
		promise_throw(p, (int)result);
	else
		promise_return(p, result);
}

void fat_task_cancel(struct fat_task *t)
{
	t->step = NULL;
}

void fat_task_wait(struct fat_task *t, struct promise *p)
{
	promise_wait(p, &t->waiter, woken);
}

int fat_task_take(struct fat_task *t, uint64_t number, enum cache_mode mode, struct cache_block **out)
{
	struct cache_get *get = &t->get;
	int error = t->error;

	*out = get->block;
	get->block = NULL;
	t->error = 0;
	if (*out && (get->number != number || get->mode != mode)) {
		cache_put(*out);
		*out = NULL;
	}
	return error;
}

int fat_block(struct fat_task *t, uint64_t number, uint32_t ahead, struct cache_block **out)
{
	int error = fat_task_take(t, number, CACHE_READ, out);

	if (error || *out)
		return error;
	/* An operation that finds every block cached still waits now and then, to let others run. */
	if (++t->served % TURN)
		*out = cache_peek(t->fat->cache, number);
	if (*out)
		return 0;
	cache_get_ahead(t->fat->cache, &t->get, number, CACHE_READ, ahead);
	fat_task_wait(t, &t->get.promise);
	return -EAGAIN;
}

int fat_copy_out(struct fat_task *t, uint64_t place, void *to, uint32_t len)
{
	while (len > 0) {
		uint32_t offset = (uint32_t)(place % FAT_BLOCK_BYTES), n = MIN(len, FAT_BLOCK_BYTES - offset);
		struct cache_block *b;
		int error = fat_block(t, place / FAT_BLOCK_BYTES, FAT_AHEAD, &b);

		if (error)
			return error;
		if (offset + n > b->len) {
			cache_put(b);
			return -EIO;
		}
		memcpy(to, b->data + offset, n);
		cache_put(b);
		place += n;
		to = (char *)to + n;
		len -= n;
	}
	return 0;
}
