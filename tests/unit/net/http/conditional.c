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

/* Against the C library, over the whole range. */
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

Test(http_date, refuses_what_is_no_date)
{
	static const char *const wrong[] = {
		"", "Sun, 06 Nov 1994 08:49:37 GM", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 0x Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1969 08:49:37 GMT", "Sun, 06 Nov 2106 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
	};
	uint32_t seconds;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct http_text text = { wrong[i], strlen(wrong[i]) };

		cr_expect_eq(http_date_parse(text, &seconds), -EBADMSG, "%s", wrong[i]);
	}
}
