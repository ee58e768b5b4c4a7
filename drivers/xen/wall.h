/* SPDX-License-Identifier: ISC */
/* The wall clock in the page that Xen shares, for the clocks of CPUs. */
#ifndef DRIVERS_XEN_WALL_H
#define DRIVERS_XEN_WALL_H

#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/clock.h"

/* What the time was, in nanoseconds since 1970, when the time of the domain began, which is Xen's on a PC and
 * the virtual counter's on ARM; 0: Xen does not know. Xen writes while we read: a version that is odd, or
 * another afterwards, says so. */
static inline uint64_t xen_wall_start_ns(void)
{
	uint32_t version;
	uint64_t ns;

	do {
		version = __atomic_load_n(&xen_shared->wc_version, __ATOMIC_ACQUIRE);
		ns = ((uint64_t)xen_shared->wc_sec_hi << 32 | xen_shared->wc_sec) * NS_PER_S + xen_shared->wc_nsec;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (version & 1 || version != xen_shared->wc_version);
	return ns;
}

#endif
