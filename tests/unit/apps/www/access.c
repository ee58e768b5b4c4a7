/* SPDX-License-Identifier: ISC */
/* Lines of the access log. */
#include "apps/www/access.h"

#include <criterion/criterion.h>
#include <string.h>

#define TIME_NS (UINT64_C(784111777) * NS_PER_S)

static void expect_line(const char *text, int parsed, uint64_t wall_ns, uint16_t status, uint64_t bytes,
                        const char *expected)
{
	struct http_limits limits = { .head_bytes = 4096, .target_bytes = 1000, .fields = 20 };
	struct ip_addr client = ip_v4(10, 0, 0, 1);
	char line[ACCESS_LINE_BYTES];
	struct http_request r;
	size_t len;

	if (text)
		cr_assert_eq(http_parse_request(text, strlen(text), &limits, &r) > 0, parsed, "%s", text);
	memset(line, 'x', sizeof(line));
	len = access_format(line, &client, wall_ns, text ? &r : NULL, status, bytes);
	cr_assert_lt(len, sizeof(line));
	cr_expect_eq(len, strlen(line));
	cr_expect_str_eq(line, expected);
}

Test(access, writes_the_common_log_format)
{
	expect_line("GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n", 1, TIME_NS, 200, 2326,
	            "10.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=c HTTP/1.1\" 200 2326\n");
	expect_line("HEAD / HTTP/1.0\r\n\r\n", 1, 0, 304, 0, "10.0.0.1 - - [-] \"HEAD / HTTP/1.0\" 304 0\n");
	expect_line("BREW /x HTTP/1.1\r\nHost: a\r\n\r\n", 1, 0, 501, 0,
	            "10.0.0.1 - - [-] \"? /x HTTP/1.1\" 501 0\n");
	expect_line("nonsense\r\n", 0, 0, 400, 15, "10.0.0.1 - - [-] \"-\" 400 15\n");
	expect_line("GET /x HTTP/1.1\r\n\r\n", 0, 0, 400, 15, "10.0.0.1 - - [-] \"GET /x HTTP/1.1\" 400 15\n");
	expect_line(NULL, 0, 0, 408, 19, "10.0.0.1 - - [-] \"-\" 408 19\n");
}

Test(access, a_client_that_has_no_address)
{
	char line[ACCESS_LINE_BYTES];

	access_format(line, NULL, 0, NULL, 200, 5);
	cr_expect_str_eq(line, "- - - [-] \"-\" 200 5\n");
}

Test(access, cannot_be_forged)
{
	char text[900] = "GET /", expected[ACCESS_LINE_BYTES] = "10.0.0.1 - - [-] \"GET /",
		 line[ACCESS_LINE_BYTES];
	struct http_request r = { .path = { "/\x1b[2J\xc3\n", 7 } };
	struct ip_addr client = ip_v4(10, 0, 0, 1);

	expect_line("GET /\"\\ HTTP/1.1\r\nHost: a\r\n\r\n", 1, 0, 404, 9,
	            "10.0.0.1 - - [-] \"GET /\\x22\\x5c HTTP/1.1\" 404 9\n");
	access_format(line, &client, 0, &r, 404, 9);
	cr_expect_str_eq(line, "10.0.0.1 - - [-] \"GET /\\x1b[2J\\xc3\\x0a HTTP/1.0\" 404 9\n");
	memset(text + 5, 'a', 500);
	strcpy(text + 505, " HTTP/1.1\r\nHost: a\r\n\r\n");
	memset(expected + strlen(expected), 'a', 220 - strlen(expected));
	strcat(expected, "... HTTP/1.1\" 404 9\n");
	expect_line(text, 1, 0, 404, 9, expected);
}
