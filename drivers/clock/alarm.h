/* SPDX-License-Identifier: ISC */
/* The clock and timer that a device tree describes; the clock's calls are kernel/dev/clock.h. */
#ifndef DRIVERS_CLOCK_ALARM_H
#define DRIVERS_CLOCK_ALARM_H

#include "drivers/fdt/fdt.h"

/* Finds out the rate of the CPU's counter and attaches its interrupt; panics if it cannot. After irq_init.
 * Time zero is machine_boot_ticks. */
void alarm_init(const struct fdt *tree);
/* Sets the interrupt to deadline_ns, which comes soon if that has passed; DEADLINE_NEVER: none. Called with
 * interrupts off. */
void alarm_set(uint64_t deadline_ns);

#endif
