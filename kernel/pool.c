/* SPDX-License-Identifier: ISC */
/* Fixed pools. Freed objects form a list through their first bytes; objects that were never given out are
 * taken in order of address. So creation touches none of the objects' pages, and memory that is never
 * needed is never resident. Debug builds fill free objects. */
#include <errno.h>
#include <string.h>

#include "kernel/page.h"
#include "kernel/poison.h"
#include "kernel/pool.h"

static size_t pool_pages(const struct pool *p)
{
	return (p->object_bytes * p->total + PAGE_BYTES - 1) / PAGE_BYTES;
}

int pool_init(struct pool *p, size_t object_bytes, size_t align, size_t count)
{
	*p = (struct pool){ .object_bytes = ALIGN_UP(object_bytes, align), .total = count };
	assert(object_bytes && count && align >= sizeof(void *) && align <= PAGE_BYTES);
	assert((align & (align - 1)) == 0);
	if (p->object_bytes > SIZE_MAX / count - PAGE_BYTES / count - 1)
		return -ENOMEM;
	p->memory = page_alloc(pool_pages(p), false);
	if (!p->memory)
		return -ENOMEM;
	poison(p->memory, p->object_bytes * p->total);
	return 0;
}

void pool_destroy(struct pool *p)
{
	assert(p->used == 0);
	unpoison(p->memory, p->object_bytes * p->total);
	page_free(p->memory, pool_pages(p));
	p->memory = p->free_list = NULL;
	p->total = p->fresh = 0;
}

void *pool_alloc(struct pool *p)
{
	void *object = p->free_list;

	if (object) {
		unpoison(object, p->object_bytes);
		p->free_list = *(void **)object;
	} else if (p->fresh < p->total) {
		object = (char *)p->memory + p->fresh++ * p->object_bytes;
		unpoison(object, p->object_bytes);
	} else {
		p->refused++;
		return NULL;
	}
	if (++p->used > p->peak)
		p->peak = p->used;
	return object;
}

bool pool_owns(const struct pool *p, const void *object)
{
	return (uintptr_t)object - (uintptr_t)p->memory < p->object_bytes * p->total;
}

void pool_free(struct pool *p, void *object)
{
	assert(pool_owns(p, object) && p->used);
	assert_debug(((uintptr_t)object - (uintptr_t)p->memory) % p->object_bytes == 0);
	if (IS_ENABLED(CONFIG_DEBUG))
		memset(object, 0xdd, p->object_bytes);
	*(void **)object = p->free_list;
	p->free_list = object;
	p->used--;
	poison(object, p->object_bytes);
}
