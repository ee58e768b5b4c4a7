/* SPDX-License-Identifier: ISC */
/* The proleptic Gregorian calendar, in days since 1970-01-01; as far as 32 bits of seconds and FAT's dates
 * reach, and some centuries further. */
#ifndef KERNEL_CALENDAR_H
#define KERNEL_CALENDAR_H

#include <stdint.h>

struct calendar_date {
	uint32_t year, month, day; /* month and day from 1 */
};

/* month: 1 to 12. A day beyond the month's end is one of the next month. */
uint32_t calendar_days(uint32_t year, uint32_t month, uint32_t day);
void calendar_date(uint32_t days, struct calendar_date *out);

#endif
