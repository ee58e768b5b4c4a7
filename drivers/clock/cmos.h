/* SPDX-License-Identifier: ISC */
/* The battery-backed clock of a PC. */
#ifndef DRIVERS_CLOCK_CMOS_H
#define DRIVERS_CLOCK_CMOS_H

#include "kernel/util.h"

/* UTC, in seconds since 1970; 0: there is no clock, or its time is invalid. */
uint64_t cmos_seconds(void);

#endif
