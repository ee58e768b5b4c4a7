/* SPDX-License-Identifier: ISC */
/* Instances are few, and most live as long as the image. So those smaller than a page share pages, each
 * placed behind the last: a page counts its instances and is freed with the last of them; the space of a
 * freed instance is not used again before. */
#include "kernel/instance.h"
#include "kernel/page.h"

#define ALIGN 16

/* Begins a shared page; instances follow it. */
struct shared {
	size_t used; /* bytes, this header included */
	size_t live; /* instances */
} __attribute__((aligned(ALIGN)));

static struct shared *roomiest;

static size_t pages_of(size_t bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

static bool is_shared(size_t bytes)
{
	return bytes <= PAGE_BYTES - sizeof(struct shared);
}

void *instance_alloc(size_t bytes)
{
	struct shared *page = roomiest;
	void *memory;

	if (!is_shared(bytes))
		return page_alloc(pages_of(bytes), true);
	bytes = ALIGN_UP(bytes, ALIGN);
	if (!page || PAGE_BYTES - page->used < bytes) {
		page = page_alloc(1, true);
		if (!page)
			return NULL;
		page->used = sizeof(*page);
	}
	memory = (char *)page + page->used;
	page->used += bytes;
	page->live++;
	if (!roomiest || page->used < roomiest->used)
		roomiest = page;
	return memory;
}

void instance_free(void *memory, size_t bytes)
{
	struct shared *page = (void *)ALIGN_DOWN((uintptr_t)memory, PAGE_BYTES);

	if (!memory)
		return;
	if (!is_shared(bytes)) {
		page_free(memory, pages_of(bytes));
		return;
	}
	assert(page->live > 0);
	if (--page->live > 0)
		return;
	if (roomiest == page)
		roomiest = NULL;
	page_free(page, 1);
}
