/* SPDX-License-Identifier: ISC */
/* The host's clocks. The monotonic one counts from its first reading, and stands still while the
 * host sleeps, as a guest's would. */
#include "kernel/dev/clock.h"

#include "arch/unix/host.h"

uint64_t clock_now_ns(void)
{
	static uint64_t start_ns;

	if (!start_ns)
		start_ns = host_monotonic_ns() - 1;
	return host_monotonic_ns() - start_ns;
}

uint64_t clock_wall_ns(void)
{
	return host_wall_ns();
}
