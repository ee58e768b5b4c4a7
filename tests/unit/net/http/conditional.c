/* SPDX-License-Identifier: ISC */
/* Conditional requests and dates. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/http/conditional.h"
#include "net/http/date.h"
#include "tests/lib/clock.h"
#include "tests/unit/net/http/fields.h"

#define ETAG "\"abc\""
#define MODIFIED_NS (UINT64_C(784111777) * NS_PER_S) /* Sun, 06 Nov 1994 08:49:37 GMT */

static uint16_t check(const char *fields, const char *etag, uint64_t modified_ns)
{
	struct http_request r;
	char *memory = fields_parse(&r, fields);
	uint16_t status = http_check_conditions(&r, etag, modified_ns);

	free(memory);
	return status;
}

Test(http_conditional, follows_entity_tags)
{
	static const struct {
		const char *fields;
		uint16_t status;
	} cases[] = {
		{ "", 200 },
		{ "If-None-Match: " ETAG "\r\n", 304 },
		{ "If-None-Match: W/" ETAG "\r\n", 304 },
		{ "If-None-Match: *\r\n", 304 },
		{ "If-None-Match: \"x\", " ETAG "\r\n", 304 },
		{ "If-None-Match: \"x,y\",W/\"z\" , \t" ETAG ",\r\n", 304 },
		{ "If-None-Match: \"x\"\r\nif-none-match: " ETAG "\r\n", 304 },
		{ "If-None-Match: \"ABC\"\r\n", 200 },
		{ "If-None-Match: \"ab\"\r\n", 200 },
		{ "If-None-Match: abc\r\n", 200 },
		{ "If-None-Match: \"abc\r\n", 200 },
		{ "If-None-Match: W/\r\n", 200 },
		{ "If-None-Match: W/\"\r\n", 200 },
		{ "If-None-Match: \r\n", 200 },
		{ "If-None-Match: \", " ETAG "\r\n", 200 },
		{ "If-Match: " ETAG "\r\n", 200 },
		{ "If-Match: *\r\n", 200 },
		{ "If-Match: \"x\"\r\n", 412 },
		{ "If-Match: W/" ETAG "\r\n", 412 },
		{ "If-Match: " ETAG "\r\nIf-None-Match: " ETAG "\r\n", 304 },
		{ "If-Match: \"x\"\r\nIf-None-Match: " ETAG "\r\n", 412 },
		{ "If-Range: " ETAG "\r\n", 200 },
		/* modification not known: dates do not count */
		{ "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200 },
		{ "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(check(cases[i].fields, ETAG, 0), cases[i].status, "%s", cases[i].fields);
	cr_expect_eq(check("If-None-Match: \"x\"\r\n", NULL, 0), 200);
	cr_expect_eq(check("If-Match: \"x\"\r\n", NULL, 0), 412);
}

Test(http_conditional, follows_dates)
{
	static const struct {
		const char *fields;
		uint16_t status;
	} cases[] = {
		{ "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304 },
		{ "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT\r\n", 304 },
		{ "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200 },
		{ "If-Modified-Since: yesterday\r\n", 200 },
		{ "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200 },
		{ "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 412 },
		{ "If-Unmodified-Since: nonsense\r\n", 200 },
		/* tags come before dates */
		{ "If-None-Match: \"x\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200 },
		{ "If-None-Match: " ETAG "\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 304 },
		{ "If-Match: " ETAG "\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(check(cases[i].fields, ETAG, MODIFIED_NS), cases[i].status, "%s", cases[i].fields);
}

/* Compares with the C library, over the whole range. */
Test(http_date, agrees_with_the_c_library)
{
	char ours[HTTP_DATE_BYTES + 1] = "", theirs[64];

	for (uint64_t at = 0; at < UINT32_MAX; at += 86400 * 11 + 3701) {
		time_t seconds = (time_t)at;
		uint32_t back = 0;

		http_date_format(ours, (uint32_t)at);
		strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&seconds));
		cr_assert_str_eq(ours, theirs);
		if (at < UINT64_C(4291747200)) { /* 2106 begins */
			cr_assert_eq(http_date_parse((struct http_text){ ours, HTTP_DATE_BYTES }, &back), 0);
			cr_assert_eq(back, at);
		}
	}
	for (uint32_t day = 10957; day < 10957 + 1500; day++) { /* every day around 2000 */
		time_t seconds = (time_t)day * 86400;

		http_date_format(ours, day * 86400);
		strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&seconds));
		cr_assert_str_eq(ours, theirs);
	}
}

static uint32_t parse(const char *text)
{
	uint32_t seconds = 0;

	cr_expect_eq(http_date_parse((struct http_text){ text, strlen(text) }, &seconds), 0, "%s", text);
	return seconds;
}

/* Obsolete forms must not be written any more, but must be read (RFC 9110 §5.6.7). */
Test(http_date, reads_the_obsolete_forms)
{
	cr_expect_eq(parse("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	cr_expect_eq(parse("Wednesday, 01-Jan-70 00:00:01 GMT"), 1);
	cr_expect_eq(parse("Sun Nov  6 08:49:37 1994"), 784111777);
	cr_expect_eq(parse("Wed Nov 16 08:49:37 1994"), 784975777);
	clock_set_wall_ns(UINT64_C(1795000000) * NS_PER_S); /* in 2026 */
	cr_expect_eq(parse("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	cr_expect_eq(parse("Friday, 06-Nov-26 08:49:37 GMT"), 1793954977);
	cr_expect_eq(parse("Friday, 01-Jan-76 00:00:00 GMT"), parse("Wed, 01 Jan 2076 00:00:00 GMT"));
	cr_expect_eq(parse("Saturday, 01-Jan-77 00:00:00 GMT"), parse("Sat, 01 Jan 1977 00:00:00 GMT"));
	clock_set_wall_ns(UINT64_C(4133980800) * NS_PER_S); /* 2101 begins */
	cr_expect_eq(parse("Monday, 02-Jan-02 00:00:00 GMT"), parse("Mon, 02 Jan 2102 00:00:00 GMT"));
}

Test(http_date, refuses_what_is_no_date)
{
	static const char *const wrong[] = {
		"", "Sun, 06 Nov 1994 08:49:37 GM", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 0x Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT",
		"Thu, 31 Nov 1994 08:49:37 GMT", "Tue, 29 Feb 1994 08:49:37 GMT", "Thu, 00 Jan 1970 08:49:37 GMT",
		"Sun, 06 Nov 1969 08:49:37 GMT", "Sun, 06 Nov 2106 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06-Nov-94 08:49:37",
		"Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 UTC",
		"Sunday, 06-Nov-9x 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT ", "Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun,  6 Nov 1994 08:49:37 GMT",
		"Sunday, 06 Nov 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94",
		"Sun Nov    08:49:37 1994", "Sun Nov  6 08:49:37 1994 GMT", "Sunday", ",", "Sun,",
	};
	uint32_t seconds;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct http_text text = { wrong[i], strlen(wrong[i]) };

		cr_expect_eq(http_date_parse(text, &seconds), -EBADMSG, "%s", wrong[i]);
	}
}
