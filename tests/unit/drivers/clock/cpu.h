/* SPDX-License-Identifier: ISC */
/* A CPU whose counter is the test's. */
#ifndef TESTS_UNIT_DRIVERS_CLOCK_CPU_H
#define TESTS_UNIT_DRIVERS_CLOCK_CPU_H

#include "kernel/util.h"

extern uint64_t machine_boot_ticks;

uint64_t cpu_timer_count(void);
void cpu_timer_set(uint64_t at);

#endif
