/* SPDX-License-Identifier: ISC */
/* HTTP dates, from 1970 to 2106, when 32 bits of seconds end. */
#include <errno.h>
#include <string.h>

#include "kernel/calendar.h"
#include "kernel/dev/clock.h"
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

/* The number at offset, digits long; sets *bad if it is none. */
static uint32_t number(struct http_text text, size_t offset, size_t digits, bool *bad)
{
	uint32_t n = 0;

	for (size_t i = offset; i < offset + digits; i++) {
		*bad |= text.at[i] < '0' || text.at[i] > '9';
		n = n * 10 + (uint32_t)(text.at[i] - '0');
	}
	return n;
}

/* Offsets of the parts of a form, from the comma or, if there is none, from the start. */
struct form {
	uint8_t len, day, month, year, year_digits, time;
};

static const struct form today = { 26, 2, 5, 9, 4, 14 };    /* Sun, 06 Nov 1994 08:49:37 GMT */
static const struct form rfc_850 = { 24, 2, 5, 9, 2, 12 };  /* Sunday, 06-Nov-94 08:49:37 GMT */
static const struct form asctimes = { 24, 8, 4, 20, 4, 11 }; /* Sun Nov  6 08:49:37 1994 */

/* A year of this century; of the last one, if that were more than 50 years ahead (RFC 9110 §5.6.7). */
static uint32_t year_of_two_digits(uint32_t year)
{
	struct calendar_date now;

	calendar_date((uint32_t)(clock_wall_ns() / NS_PER_S / DAY_SECONDS), &now);
	year += now.year / 100 * 100;
	return year > now.year + 50 ? year - 100 : year;
}

int http_date_parse(struct http_text text, uint32_t *seconds)
{
	const char *comma = memchr(text.at, ',', text.len);
	struct http_text rest = comma ? (struct http_text){ comma, (size_t)(text.at + text.len - comma) } : text;
	const struct form *f = !comma ? &asctimes : text.len == HTTP_DATE_BYTES ? &today : &rfc_850;
	uint32_t day, days, year, hour, minute, second, month = 0;
	struct calendar_date date;
	bool bad = false, is_padded;

	if (rest.len != f->len || (comma && memcmp(rest.at + f->len - 4, " GMT", 4)))
		return -EBADMSG;
	is_padded = !comma && rest.at[f->day] == ' ';
	day = number(rest, f->day + is_padded, 2u - is_padded, &bad);
	year = number(rest, f->year, f->year_digits, &bad);
	hour = number(rest, f->time, 2, &bad);
	minute = number(rest, f->time + 3u, 2, &bad);
	second = number(rest, f->time + 6u, 2, &bad);
	while (month < 12 && memcmp(rest.at + f->month, &months[month * 3], 3))
		month++;
	if (!bad && f == &rfc_850)
		year = year_of_two_digits(year);
	if (bad || month == 12 || year < 1970 || year > 2105 || hour > 23 || minute > 59 || second > 60)
		return -EBADMSG;
	days = calendar_days(year, month + 1, day);
	calendar_date(days, &date);
	if (date.day != day) /* the month has no such day */
		return -EBADMSG;
	*seconds = days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
	return 0;
}
