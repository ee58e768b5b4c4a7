/* SPDX-License-Identifier: ISC */
/* The time of day where the CPU's counter is the clock: the page that Xen shares says what it was when the
 * counter began, and a domain's virtual counter begins with the domain. It is right to the second, to which
 * Xen rounds. Xen writes while we read: a version that is odd, or another afterwards, says so. */
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/clock.h"
#include CONFIG_CPU_HEADER

static uint64_t start_ns(void)
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

uint64_t clock_wall_ns(void)
{
	uint64_t hz = cpu_timer_hz(), start = start_ns();
	uint64_t boot_ns = machine_boot_ticks / hz * NS_PER_S + machine_boot_ticks % hz * NS_PER_S / hz;

	return start ? start + boot_ns + clock_now_ns() : 0;
}
