/* SPDX-License-Identifier: ISC */
/* Years are counted from March, so that the leap day is the last of its year and the months' lengths follow
 * a line: month m starts at day (153 m + 2) / 5. */
#include "kernel/calendar.h"

#define EPOCH_DAY 719468u /* 1970-01-01 counted from 0000-03-01 */

/* Days from 0000-03-01 to the first of a March-based year and month. */
static uint32_t first_day(uint32_t year, uint32_t month)
{
	return year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5;
}

uint32_t calendar_days(uint32_t year, uint32_t month, uint32_t day)
{
	return first_day(year - (month <= 2), (month + 9) % 12) + day - 1 - EPOCH_DAY;
}

void calendar_date(uint32_t days, struct calendar_date *out)
{
	uint32_t day = days + EPOCH_DAY;
	uint32_t year = day * 400ull / 146097, month = 11;

	while (first_day(year, 0) > day)
		year--;
	while (first_day(year + 1, 0) <= day)
		year++;
	while (first_day(year, month) > day)
		month--;
	out->year = year + (month >= 10);
	out->month = (month + 2) % 12 + 1;
	out->day = day - first_day(year, month) + 1;
}
