/* SPDX-License-Identifier: ISC */
/* Common to the drivers of CPUs' counters; the clock's calls are kernel/dev/clock.h. */
#ifndef DRIVERS_CLOCK_COUNTER_H
#define DRIVERS_CLOCK_COUNTER_H

#include "kernel/util.h"

/* Sets the counter's rate: from 1000 to NS_PER_S. To be called before any call of the clock's. */
void counter_set_rate(uint64_t rate_hz);

#endif
