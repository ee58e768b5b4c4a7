/* SPDX-License-Identifier: ISC */
/* FAT's times ("Date and Time Formats"): two seconds apart, from 1980 to 2107. The first of them stands for
 * none, as whoever knows no time writes it. */
#include "fs/fat/fat_priv.h"

#define DAYS_TO_1980 3652
#define FIRST_DATE 0x21 /* 1980-01-01 */

/* Days of the years since 1980 before this one; every fourth is a leap year but 2100. */
static uint32_t days_before_year(uint32_t year)
{
	return year * 365 + (year + 3) / 4 - (year > 120);
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
	if (month == 2)
		return year % 4 || year == 120 ? 28 : 29;
	return 30 + ((month + month / 8) & 1);
}

uint64_t fat_time_read(uint16_t date, uint16_t time)
{
	uint32_t year = date >> 9, month = date >> 5 & 15, day = date & 31, days = days_before_year(year);
	uint32_t hour = time >> 11, minute = time >> 5 & 63, second = (time & 31) * 2u;

	if (date == FIRST_DATE && time == 0)
		return 0;
	if (month - 1 > 11 || day - 1 >= days_of_month(year, month) || hour > 23 || minute > 59 || second > 59)
		return 0;
	for (uint32_t m = 1; m < month; m++)
		days += days_of_month(year, m);
	days += DAYS_TO_1980 + day - 1;
	return (((days * UINT64_C(24) + hour) * 60 + minute) * 60 + second) * NS_PER_S;
}

void fat_time_write(uint64_t wall_ns, uint16_t *date, uint16_t *time)
{
	uint64_t seconds = wall_ns / NS_PER_S;
	uint32_t days = (uint32_t)(seconds / 86400), of_day = (uint32_t)(seconds % 86400), year = 0, month = 1;

	*date = *time = 0;
	if (days < DAYS_TO_1980 || days - DAYS_TO_1980 >= days_before_year(128))
		return;
	days -= DAYS_TO_1980;
	while (days >= days_before_year(year + 1))
		year++;
	days -= days_before_year(year);
	for (; days >= days_of_month(year, month); month++)
		days -= days_of_month(year, month);
	*date = (uint16_t)(year << 9 | month << 5 | (days + 1));
	*time = (uint16_t)(of_day / 3600 << 11 | of_day / 60 % 60 << 5 | of_day % 60 / 2);
}
