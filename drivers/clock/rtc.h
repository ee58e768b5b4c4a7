/* SPDX-License-Identifier: ISC */
/* The real-time clock that a device tree describes, behind clock_wall_ns of kernel/dev/clock.h. */
#ifndef DRIVERS_CLOCK_RTC_H
#define DRIVERS_CLOCK_RTC_H

#include "drivers/fdt/fdt.h"

/* The clock is looked for in tree, borrowed, when the time is first asked for. */
void rtc_init(const struct fdt *tree);

#endif
