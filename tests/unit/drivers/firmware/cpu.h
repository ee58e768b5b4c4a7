/* SPDX-License-Identifier: ISC */
/* A CPU whose firmware is the test. */
#ifndef TESTS_UNIT_DRIVERS_FIRMWARE_CPU_H
#define TESTS_UNIT_DRIVERS_FIRMWARE_CPU_H

enum cpu_conduit { CPU_CONDUIT_NONE, CPU_CONDUIT_HVC, CPU_CONDUIT_SMC };

void cpu_call(enum cpu_conduit conduit, unsigned long values[4]);

#endif
