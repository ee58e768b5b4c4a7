/* SPDX-License-Identifier: ISC */
/* The Range field: its ranges, byte by byte of its text. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http/range.h"
#include "tests/unit/net/http/fields.h"

/* The ranges as text, "0+5 7+1"; "all", "none". */
static const char *ranges_of(const char *fields, uint64_t size)
{
	static char text[400];
	struct http_range ranges[CONFIG_HTTP_RANGES];
	struct http_request r;
	char *memory = fields_parse(&r, fields);
	int count = http_ranges(&r, size, ranges);
	size_t at = 0;

	free(memory);
	cr_assert(count >= -ERANGE && count <= CONFIG_HTTP_RANGES);
	strcpy(text, count < 0 ? "none" : count ? "" : "all");
	for (int i = 0; i < count; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu+%llu", i ? " " : "",
		                       (unsigned long long)ranges[i].start, (unsigned long long)ranges[i].len);
	return text;
}

static const struct range_case {
	const char *value, *expected; /* of 100 bytes */
} cases[] = {
	{ "bytes=0-0", "0+1" },
	{ "bytes=0-99", "0+100" },
	{ "bytes=10-19", "10+10" },
	{ "bytes=10-", "10+90" },
	{ "bytes=-10", "90+10" },
	{ "bytes=-100", "0+100" },
	{ "bytes=-1000", "0+100" },
	{ "bytes=99-", "99+1" },
	{ "bytes=50-1000", "50+50" },
	{ "bytes=0-18446744073709551615", "0+100" },
	{ "bytes=0-99999999999999999999999999", "0+100" },
	{ "bytes=-99999999999999999999999999", "0+100" },
	{ "BYTES=1-2", "1+2" },
	{ "bytes= 1-2", "1+2" },
	{ "bytes=,, 1-2 ,,", "1+2" },
	{ "bytes=0-0,2-2", "0+1 2+1" },
	{ "bytes=2-2 ,\t0-0", "2+1 0+1" },
	{ "bytes=0-0,-1", "0+1 99+1" },
	/* those that touch are one */
	{ "bytes=0-9,10-19", "0+20" },
	{ "bytes=0-,0-,0-,0-", "0+100" },
	{ "bytes=10-19,0-50", "0+51" },
	{ "bytes=0-9,20-29,5-24", "0+30" },
	{ "bytes=0-1,10-11,20-21,1-20", "0+22" },
	{ "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14", "0+1 2+1 4+1 6+1 8+1 10+1 12+1 14+1" },
	/* too many */
	{ "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16", "all" },
	/* not in the value */
	{ "bytes=100-", "none" },
	{ "bytes=100-200", "none" },
	{ "bytes=-0", "none" },
	{ "bytes=99999999999999999999999999-", "none" },
	{ "bytes=100-200,-0", "none" },
	{ "bytes=100-200,5-6", "5+2" },
	/* not well-formed, or not ours */
	{ "", "all" },
	{ "bytes", "all" },
	{ "bytes=", "all" },
	{ "bytes=,", "all" },
	{ "bytes=-", "all" },
	{ "bytes=5", "all" },
	{ "bytes=5-4", "all" },
	{ "bytes=a-5", "all" },
	{ "bytes=1-a", "all" },
	{ "bytes=1-2x", "all" },
	{ "bytes=1 - 2", "all" },
	{ "bytes=--5", "all" },
	{ "bytes=+1-2", "all" },
	{ "bytes=1-2,x", "all" },
	{ "bytes=0x1-2", "all" },
	{ "bytes:1-2", "all" },
	{ "bytes =1-2", "all" },
	{ "lines=1-2", "all" },
	{ "1-2", "all" },
};

Test(http_range, reads_what_is_asked_for)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char field[200];

		snprintf(field, sizeof(field), "Range: %s\r\n", cases[i].value);
		cr_expect_str_eq(ranges_of(field, 100), cases[i].expected, "%s: %s", cases[i].value,
		                 ranges_of(field, 100));
	}
}

Test(http_range, knows_the_field)
{
	cr_expect_str_eq(ranges_of("", 100), "all");
	cr_expect_str_eq(ranges_of("rANGE:bytes=1-1\r\n", 100), "1+1");
	cr_expect_str_eq(ranges_of("Range: bytes=1-1\r\nRange: bytes=3-3\r\n", 100), "all", "two are none");
	cr_expect_str_eq(ranges_of("Rang: bytes=1-1\r\nXange: bytes=1-1\r\n", 100), "all");
}

Test(http_range, knows_values_of_any_size)
{
	cr_expect_str_eq(ranges_of("Range: bytes=0-\r\n", 0), "none");
	cr_expect_str_eq(ranges_of("Range: bytes=-5\r\n", 0), "none");
	cr_expect_str_eq(ranges_of("Range: bytes=-1\r\n", UINT64_MAX), "18446744073709551614+1");
	cr_expect_str_eq(ranges_of("Range: bytes=4294967296-4294967297\r\n", UINT64_C(1) << 40), "4294967296+2");
}
