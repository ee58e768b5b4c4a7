/* SPDX-License-Identifier: ISC */
/* Page allocator. Free memory is a list of runs in address order; a run's header lies in its own
 * first page, so the allocator's state is one pointer and untouched memory stays untouched.
 * Allocation takes the beginning of the first run that is long enough: used pages lie together, so a
 * host that backs memory with large pages, each cleared when it is first touched, needs few of them.
 * Invariant: runs are sorted and never adjacent. */
#include <string.h>

#include "kernel/page.h"

struct run {
	struct run *next;
	size_t count; /* pages, with this one */
};

static struct run *runs;
static struct page_stats stats;
struct page_share page_malloc;

static char *run_end(struct run *r)
{
	return (char *)r + r->count * PAGE_BYTES;
}

static void insert(void *pages, size_t count)
{
	struct run *added = pages, *before = NULL, *after = runs;

	while (after && (char *)after < (char *)pages) {
		before = after;
		after = after->next;
	}
	assert(!before || run_end(before) <= (char *)pages);
	assert(!after || (char *)pages + count * PAGE_BYTES <= (char *)after);
	added->next = after;
	added->count = count;
	if (after && run_end(added) == (char *)after) {
		added->count += after->count;
		added->next = after->next;
	}
	if (before && run_end(before) == (char *)added) {
		before->count += added->count;
		before->next = added->next;
	} else if (before) {
		before->next = added;
	} else {
		runs = added;
	}
}

void page_add_region(uintptr_t start, uintptr_t end)
{
	/* Page 0 is never memory, even if the map says so: its address means "none". */
	start = MAX(ALIGN_UP(start, PAGE_BYTES), (uintptr_t)PAGE_BYTES);
	end = ALIGN_DOWN(end, PAGE_BYTES);
	if (start >= end)
		return;
	insert((void *)start, (end - start) / PAGE_BYTES);
	stats.total += (end - start) / PAGE_BYTES;
}

void *page_alloc(size_t count, bool zero)
{
	struct run **link = &runs, *r, *next;

	assert(count);
	while ((r = *link) && r->count < count)
		link = &r->next;
	if (!r) {
		stats.refused++;
		return NULL;
	}
	next = r->next;
	if (r->count > count) {
		next = (struct run *)((char *)r + count * PAGE_BYTES);
		*next = (struct run){ r->next, r->count - count };
	}
	*link = next;
	stats.used += count;
	stats.peak = MAX(stats.peak, stats.used);
	if (zero)
		memset(r, 0, count * PAGE_BYTES);
	return r;
}

void page_free(void *pages, size_t count)
{
	assert((uintptr_t)pages % PAGE_BYTES == 0 && count && count <= stats.used);
	if (IS_ENABLED(CONFIG_DEBUG))
		memset(pages, 0xdd, count * PAGE_BYTES);
	insert(pages, count);
	stats.used -= count;
}

void page_stats(struct page_stats *out)
{
	*out = stats;
}
