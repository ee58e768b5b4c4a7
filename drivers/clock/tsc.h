/* SPDX-License-Identifier: ISC */
/* The clock of x86 machines; its calls are kernel/dev/clock.h. */
#ifndef DRIVERS_CLOCK_TSC_H
#define DRIVERS_CLOCK_TSC_H

#include "kernel/util.h"

/* Finds out how fast the time stamp counter runs, and tells the timer. After irq_init. The moment
 * zero is machine_boot_ticks. */
void clock_init(void);
/* To be called before the timer is started for the first time: its count is a measure of the rate. */
void clock_refine(void);
/* Time stamp ticks as nanoseconds. */
uint64_t clock_ticks_to_ns(uint64_t ticks);

#endif
