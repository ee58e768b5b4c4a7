/* SPDX-License-Identifier: ISC */
/* The clock and timer that a device tree describes; the clock's calls are kernel/dev/clock.h. */
#ifndef DRIVERS_CLOCK_ALARM_H
#define DRIVERS_CLOCK_ALARM_H

#include "drivers/fdt/fdt.h"

/* Finds out how fast the CPU's counter runs, and attaches its interrupt; panics when it cannot. After
 * irq_init. The moment zero is machine_boot_ticks. */
void alarm_init(const struct fdt *tree);
/* An interrupt comes at deadline_ns, soon when that has passed; DEADLINE_NEVER: none. Called with interrupts
 * off. */
void alarm_set(uint64_t deadline_ns);

#endif
