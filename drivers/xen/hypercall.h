/* SPDX-License-Identifier: ISC */
/* Hypercalls. Xen's public headers come from Debian's libxen-dev; none of their text is in the tree. Xen is
 * given our pages by frame number: arch_device_address in pages. */
#ifndef DRIVERS_XEN_HYPERCALL_H
#define DRIVERS_XEN_HYPERCALL_H

#define __XEN_INTERFACE_VERSION__ 0x00040d00 /* of Xen 4.13: an older header stops the build */

#include "arch/arch.h"
#include "kernel/page.h"
#include "kernel/util.h"

#include <xen/xen.h>

/* Makes hypercall number; one with fewer arguments ignores the rest. 0 or more, or a negative errno: Xen's
 * numbers are ours. Memory that an argument points to is read and written before it returns. */
long xen_call(uint32_t number, uintptr_t a, uintptr_t b, uintptr_t c);

static inline uint64_t xen_frame(const void *page)
{
	return arch_device_address(page) / PAGE_BYTES;
}

/* Maps a page of Xen's or of the toolstack's; NULL: that failed. The page is memory, and ARM's page tables
 * must say so; on a PC Xen's own tables override ours. */
static inline volatile void *xen_map(uint64_t start)
{
	if (IS_ENABLED(CONFIG_ARM_MACHINE))
		return arch_map_memory(start, PAGE_BYTES);
	return arch_map_device(start, PAGE_BYTES);
}

#endif
