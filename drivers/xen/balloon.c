/* SPDX-License-Identifier: ISC */
/* The balloon driver: pages are given back to Xen, and taken again, to reach the KiB of memory/target
 * (docs/misc/xenstore-paths). The memory map has memory/static-max, which may be more from the start: Xen
 * ends a domain that then uses more than the target. Only free pages can be given, so the target may be out
 * of reach: then as many as possible are given, and the rest is tried again each second. The addresses of
 * given pages are kept in pages of their own. */
#define LOG_TAG "balloon"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/store.h"
#include "drivers/xen/xen.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/timer.h"

#include <xen/memory.h>

#define TARGET "memory/target"
#define PAGE_KIB (PAGE_BYTES / 1024)
#define BUDGET 64 /* pages per poll */

struct given {
	struct given *next;
	size_t count;
	void *pages[PAGE_BYTES / sizeof(void *) - 2];
};

static struct given *newest; /* NULL, or with at least one page */
static size_t given_count;
static int32_t most_kib, target_kib;
static bool is_most_read;
static struct store_watch watch;
static struct store_op op;
static struct waiter waiter;
static char text[STORE_NUMBER_MAX];
static struct poller poller;
static struct timer again;
static bool is_told; /* the result for this target has been logged */

/* Makes a memory_op for one page. false: Xen refuses. */
static bool ask_xen(unsigned what, const void *page)
{
	xen_pfn_t frame = xen_frame(page);
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

	set_xen_guest_handle(r.extent_start, &frame);
	return xen_call(__HYPERVISOR_memory_op, what, (uintptr_t)&r, 0) == 1;
}

static bool give(void)
{
	bool is_full = !newest || newest->count == ARRAY_SIZE(newest->pages);
	struct page_stats pages;
	struct given *kept = newest;
	void *page;

	page_stats(&pages);
	if (pages.total - pages.used < CONFIG_XEN_BALLOON_FREE_PAGES + 2)
		return false;
	if (is_full) {
		kept = page_alloc(1, true);
		kept->next = newest;
	}
	page = page_alloc(1, false);
	if (!ask_xen(XENMEM_decrease_reservation, page)) {
		page_free(page, 1);
		if (is_full)
			page_free(kept, 1);
		return false;
	}
	newest = kept;
	kept->pages[kept->count++] = page;
	given_count++;
	return true;
}

static bool take(void)
{
	struct given *kept = newest;
	void *page = kept->pages[kept->count - 1];

	if (!ask_xen(XENMEM_populate_physmap, page))
		return false;
	page_free(page, 1);
	given_count--;
	if (--kept->count == 0) {
		newest = kept->next;
		page_free(kept, 1);
	}
	return true;
}

static void poll(struct poller *p)
{
	size_t wanted = (uint32_t)MAX(most_kib - target_kib, 0) / PAGE_KIB;
	bool moves = true;

	for (unsigned i = 0; i < BUDGET && moves && given_count != wanted; i++)
		moves = given_count < wanted ? give() : take();
	if (moves && given_count != wanted) {
		poller_mark(p);
		return;
	}
	if (given_count == wanted)
		timer_stop(&again);
	else
		timer_start_in(&again, NS_PER_S);
	if (given_count == wanted || !is_told)
		log_info("target_kib=%d given_kib=%zu", (int)target_kib, given_count * PAGE_KIB);
	is_told = true;
}

static void look_again(struct timer *t)
{
	(void)t;
	poller_mark(&poller);
}

static void changed(struct store_watch *w);

/* The first number read is the most that the domain has; without it the first target is. */
static void have_number(struct waiter *w)
{
	int32_t kib = promise_result(w->promise) > 0 ? (int32_t)store_number(text, INT32_MAX) : -1;

	if (kib >= 0) {
		if (!most_kib) {
			most_kib = kib;
		} else if (kib != target_kib) {
			is_told = false;
			poller_mark(&poller);
		}
		target_kib = kib;
	}
	if (is_most_read) {
		store_watch_done(&watch);
	} else {
		is_most_read = true;
		changed(&watch);
	}
}

static void changed(struct store_watch *w)
{
	store_watch_look(w);
	store_read(&op, 0, is_most_read ? TARGET : "memory/static-max", NULL, text, sizeof(text));
	promise_wait(&op.promise, &waiter, have_number);
}

void xen_balloon_start(void)
{
	if (store_init() < 0)
		return;
	poller_add(&poller, poll);
	timer_init(&again, look_again);
	store_watch(&watch, TARGET, NULL, changed);
}
