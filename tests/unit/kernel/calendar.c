/* SPDX-License-Identifier: ISC */
/* Days and dates, against a calendar that counts day by day. */
#include "kernel/calendar.h"
#include "tests/lib/test.h"

static bool is_leap(uint32_t year)
{
	return year % 4 == 0 && (year % 100 || year % 400 == 0);
}

static uint32_t length(uint32_t year, uint32_t month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

Test(calendar, every_day_of_six_centuries)
{
	struct calendar_date date;
	uint32_t days = 0;

	for (uint32_t year = 1970; year < 2570; year++) {
		for (uint32_t month = 1; month <= 12; month++) {
			for (uint32_t day = 1; day <= length(year, month); day++, days++) {
				calendar_date(days, &date);
				if (date.year != year || date.month != month || date.day != day ||
				    calendar_days(year, month, day) != days)
					cr_assert_fail("%u-%u-%u is day %u", year, month, day, days);
			}
		}
	}
}

Test(calendar, days_beyond_the_end_of_a_month)
{
	cr_assert_eq(calendar_days(2026, 2, 31), calendar_days(2026, 3, 3));
	cr_assert_eq(calendar_days(2000, 2, 30), calendar_days(2000, 3, 1));
	cr_assert_eq(calendar_days(2099, 12, 32), calendar_days(2100, 1, 1));
}
