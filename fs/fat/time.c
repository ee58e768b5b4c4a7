/* SPDX-License-Identifier: ISC */
/* FAT's times ("Date and Time Formats"): two seconds apart, from 1980 to 2107. The first of them stands for
 * none, because systems without a clock write it. */
#include "fs/fat/fat_priv.h"
#include "kernel/calendar.h"

#define FIRST_YEAR 1980
#define FIRST_DATE 0x21 /* 1980-01-01 */

uint64_t fat_time_read(uint16_t date, uint16_t time)
{
	uint32_t month = date >> 5 & 15, day = date & 31;
	uint32_t days = calendar_days(FIRST_YEAR + (date >> 9), month, day);
	uint32_t hour = time >> 11, minute = time >> 5 & 63, second = (time & 31) * 2u;
	struct calendar_date is;

	if (date == FIRST_DATE && time == 0)
		return 0;
	calendar_date(days, &is); /* a date that does not exist becomes another */
	if (is.month != month || is.day != day || hour > 23 || minute > 59 || second > 59)
		return 0;
	return (((days * UINT64_C(24) + hour) * 60 + minute) * 60 + second) * NS_PER_S;
}

void fat_time_write(uint64_t wall_ns, uint16_t *date, uint16_t *time)
{
	uint64_t seconds = wall_ns / NS_PER_S;
	uint32_t of_day = (uint32_t)(seconds % 86400);
	struct calendar_date is;

	*date = *time = 0;
	calendar_date((uint32_t)(seconds / 86400), &is);
	if (is.year < FIRST_YEAR || is.year > FIRST_YEAR + 127)
		return;
	*date = (uint16_t)((is.year - FIRST_YEAR) << 9 | is.month << 5 | is.day);
	*time = (uint16_t)(of_day / 3600 << 11 | of_day / 60 % 60 << 5 | of_day % 60 / 2);
}
