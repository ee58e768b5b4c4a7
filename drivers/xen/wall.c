/* SPDX-License-Identifier: ISC */
/* The time of day where the CPU's counter is the clock: Xen's shared page tells the wall time at which the
 * counter began, and a domain's virtual counter begins with the domain. It is exact to the second, to which
 * Xen rounds. */
#include "drivers/xen/xen.h"
#include "kernel/dev/clock.h"
#include CONFIG_CPU_HEADER

uint64_t clock_wall_ns(void)
{
	uint64_t hz = cpu_timer_hz(), start = xen_wall_start_ns();
	uint64_t boot_ns = machine_boot_ticks / hz * NS_PER_S + machine_boot_ticks % hz * NS_PER_S / hz;

	return start ? start + boot_ns + clock_now_ns() : 0;
}
