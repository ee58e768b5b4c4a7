/* SPDX-License-Identifier: ISC */
/* HTTP dates, from 1970 to 2106, when 32 bits of seconds end. */
#include <errno.h>
#include <string.h>

#include "kernel/calendar.h"
#include "kernel/format.h"
#include "net/http/date.h"

#define DAY_SECONDS 86400u

static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void http_date_format(char *to, uint32_t seconds)
{
	uint32_t days = seconds / DAY_SECONDS, in_day = seconds % DAY_SECONDS;
	char text[HTTP_DATE_BYTES + 1];
	struct calendar_date date;

	calendar_date(days, &date);
	format(text, sizeof(text), "%.*s, %02u %.*s %04u %02u:%02u:%02u GMT", 3, &weekdays[days % 7 * 3],
	       date.day, 3, &months[date.month * 3 - 3], date.year, in_day / 3600, in_day / 60 % 60, in_day % 60);
	memcpy(to, text, HTTP_DATE_BYTES);
}

/* The number that stands at offset, digits long; sets *bad when it is none. */
static uint32_t number(struct http_text text, size_t offset, size_t digits, bool *bad)
{
	uint32_t n = 0;

	for (size_t i = offset; i < offset + digits; i++) {
		*bad |= text.at[i] < '0' || text.at[i] > '9';
		n = n * 10 + (uint32_t)(text.at[i] - '0');
	}
	return n;
}

int http_date_parse(struct http_text text, uint32_t *seconds)
{
	uint32_t day, year, hour, minute, second, month = 0;
	bool bad = false;

	/* Sun, 06 Nov 1994 08:49:37 GMT
	 * 0    5  8   12   17 20 23 25   */
	if (text.len != HTTP_DATE_BYTES || memcmp(text.at + 25, " GMT", 4))
		return -EBADMSG;
	day = number(text, 5, 2, &bad);
	year = number(text, 12, 4, &bad);
	hour = number(text, 17, 2, &bad);
	minute = number(text, 20, 2, &bad);
	second = number(text, 23, 2, &bad);
	while (month < 12 && memcmp(text.at + 8, &months[month * 3], 3))
		month++;
	if (bad || month == 12 || day < 1 || day > 31 || year < 1970 || year > 2105 || hour > 23 || minute > 59 ||
	    second > 60)
		return -EBADMSG;
	*seconds = calendar_days(year, month + 1, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
	return 0;
}
