/* SPDX-License-Identifier: ISC */
/* A CPU whose instruction for random numbers is the test's. */
#ifndef TESTS_UNIT_DRIVERS_ENTROPY_CPU_H
#define TESTS_UNIT_DRIVERS_ENTROPY_CPU_H

#include "kernel/util.h"

bool cpu_has_random(void);
bool cpu_random(uint64_t *out);
static inline void cpu_pause(void)
{
}

#endif
