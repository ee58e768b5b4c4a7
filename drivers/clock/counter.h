/* SPDX-License-Identifier: ISC */
/* What the drivers of CPUs' counters share; the clock's calls are kernel/dev/clock.h. */
#ifndef DRIVERS_CLOCK_COUNTER_H
#define DRIVERS_CLOCK_COUNTER_H

#include "kernel/util.h"

/* How often the counter counts in a second: from 1000 to NS_PER_S. Before anything is asked of the clock. */
void counter_set_rate(uint64_t rate_hz);

#endif
