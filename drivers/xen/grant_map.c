/* SPDX-License-Identifier: ISC */
/* Pages of other domains, mapped (Xen's public/grant_table.h) at addresses that are never our memory: a page
 * of ours that Xen maps another over is lost. A page that cannot be unmapped keeps its place. */
#include "drivers/xen/grant.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"

#include <errno.h>
#include <xen/grant_table.h>

static struct {
	bool is_used;
	grant_handle_t handle;
} places[CONFIG_XEN_MAP_PAGES];
LIMIT_BYTES(XEN_MAP_PAGES, sizeof(places[0]), 8);

/* The first of count free places in a row, or CONFIG_XEN_MAP_PAGES. */
static uint32_t find_room(uint32_t count)
{
	uint32_t free = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++) {
		free = places[i].is_used ? 0 : free + 1;
		if (free == count)
			return i + 1 - count;
	}
	return ARRAY_SIZE(places);
}

static bool map(uint16_t domain, uint32_t ref, uint32_t at)
{
	volatile void *page = xen_place(XEN_MAP_PAGE + at);
	struct gnttab_map_grant_ref op = { .flags = GNTMAP_host_map, .ref = ref, .dom = domain };

	if (!page)
		return false;
	op.host_addr = arch_device_address((const void *)page);
	if (xen_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, (uintptr_t)&op, 1) < 0 ||
	    op.status != GNTST_okay)
		return false;
	places[at].is_used = true;
	places[at].handle = op.handle;
	return true;
}

static void unmap(uint32_t at)
{
	struct gnttab_unmap_grant_ref op = {
		.host_addr = arch_device_address((const void *)xen_place(XEN_MAP_PAGE + at)),
		.handle = places[at].handle,
	};

	if (xen_call(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, (uintptr_t)&op, 1) == 0 &&
	    op.status == GNTST_okay)
		places[at].is_used = false;
}

int grant_map(uint16_t domain, const uint32_t *refs, uint32_t count, void **pages)
{
	uint32_t first = find_room(count);

	if (first == ARRAY_SIZE(places))
		return -ENOSPC;
	for (uint32_t i = 0; i < count; i++) {
		if (!map(domain, refs[i], first + i)) {
			while (i)
				unmap(first + --i);
			return -EACCES;
		}
	}
	*pages = (void *)xen_place(XEN_MAP_PAGE + first);
	return 0;
}

void grant_unmap(void *pages, uint32_t count)
{
	uint32_t first = (uint32_t)(((uintptr_t)pages - (uintptr_t)xen_place(XEN_MAP_PAGE)) / PAGE_BYTES);

	for (uint32_t i = 0; i < count; i++)
		unmap(first + i);
}
