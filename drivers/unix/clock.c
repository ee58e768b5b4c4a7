/* SPDX-License-Identifier: ISC */
/* The host's clocks. The monotonic one stands still while the host sleeps, as a guest's would. */
#include "kernel/dev/clock.h"

#include "arch/unix/host.h"

uint64_t clock_now_ns(void)
{
	return host_monotonic_ns();
}

uint64_t clock_wall_ns(void)
{
	return host_wall_ns();
}
