/* SPDX-License-Identifier: ISC */
/* The grant table, version 1: entries of 8 bytes for frames of up to 32 bits, 16 TiB. Xen sets bits in an
 * entry's flags while the other domain uses the page; taking the permission away is an exchange that fails
 * while such a bit is set (public/grant_table.h, "Invalidating an unused GTF_permit_access entry"). */
#include "drivers/xen/grant.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"

#include <errno.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

#define FRAMES CONFIG_XEN_GRANT_FRAMES
#define ENTRIES (PAGE_BYTES / sizeof(struct grant_entry_v1))
#define IN_USE (GTF_reading | GTF_writing)

static volatile struct grant_entry_v1 *table;
/* The free list: for each free reference the next one, 0 at the end. The first few references are the
 * toolstack's. */
static uint16_t next_free[FRAMES * ENTRIES];
LIMIT_BYTES(XEN_GRANT_FRAMES, sizeof(next_free) / FRAMES, 1024);
static uint16_t free_head;
static struct grant_stats stats;

static int lend_table(void)
{
	volatile void *first = NULL;

	for (uint32_t i = 0; i < FRAMES; i++) {
		volatile void *frame = xen_lend(XEN_GRANT_PAGE + i, XENMAPSPACE_grant_table, i);

		if (!frame)
			return -ENOMEM;
		first = first ? first : frame;
	}
	table = first;
	return 0;
}

int grant_init(void)
{
	int error = table ? 0 : lend_table();

	if (error || stats.limit)
		return error;
	for (uint16_t ref = FRAMES * ENTRIES - 1; ref >= GNTTAB_NR_RESERVED_ENTRIES; ref--) {
		next_free[ref] = free_head;
		free_head = ref;
	}
	stats.limit = FRAMES * ENTRIES - GNTTAB_NR_RESERVED_ENTRIES;
	return 0;
}

int grant_resume(void)
{
	return table ? lend_table() : 0;
}

int32_t grant_page(uint16_t domain, const void *p, bool read_only)
{
	volatile struct grant_entry_v1 *entry = &table[free_head];
	uint16_t ref = free_head;

	if (!ref) {
		stats.refused++;
		return -ENOSPC;
	}
	free_head = next_free[ref];
	entry->domid = domain;
	entry->frame = (uint32_t)xen_frame(p);
	__atomic_store_n(&entry->flags, GTF_permit_access | (read_only ? GTF_readonly : 0), __ATOMIC_RELEASE);
	stats.granted++;
	return ref;
}

bool grant_is_used(uint32_t ref)
{
	return table[ref].flags & IN_USE;
}

bool grant_end(uint32_t ref)
{
	volatile struct grant_entry_v1 *entry = &table[ref];
	uint16_t flags = entry->flags;

	do {
		if (flags & IN_USE) {
			stats.lost++;
			return false;
		}
	} while (!__atomic_compare_exchange_n(&entry->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
	                                      __ATOMIC_SEQ_CST));
	next_free[ref] = free_head;
	free_head = (uint16_t)ref;
	stats.ended++;
	return true;
}

void grant_stats(struct grant_stats *out)
{
	*out = stats;
}
