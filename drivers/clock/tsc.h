/* SPDX-License-Identifier: ISC */
/* The clock of x86 machines; its calls are kernel/dev/clock.h. */
#ifndef DRIVERS_CLOCK_TSC_H
#define DRIVERS_CLOCK_TSC_H

#include "kernel/util.h"

/* Finds out the time stamp counter's rate, and sets the timer's. After irq_init. Time zero is
 * machine_boot_ticks. */
void clock_init(void);
/* To be called before the timer is first started: the rate is measured by its count. */
void clock_refine(void);
/* Time stamp ticks as nanoseconds. */
uint64_t clock_ticks_to_ns(uint64_t ticks);

#endif
