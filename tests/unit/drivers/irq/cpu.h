/* SPDX-License-Identifier: ISC */
/* The calls of gicv3.c to its CPU. */
#ifndef TESTS_UNIT_DRIVERS_IRQ_CPU_H
#define TESTS_UNIT_DRIVERS_IRQ_CPU_H

#include "kernel/util.h"

#define CPU_READ(name) (*system_register(#name))
#define CPU_WRITE(name, value) (*system_register(#name) = (value))

uint64_t *system_register(const char *name);
void cpu_pause(void);

static inline void cpu_synchronise(void)
{
}

static inline void cpu_complete(void)
{
}

#endif
