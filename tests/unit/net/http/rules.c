/* SPDX-License-Identifier: ISC */
/* Header lines by pattern: the file's form, which values they are of, and how they come into answers from a
 * store that waits. */
#include "tests/unit/net/http/rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/http/rules.h"
#include "tests/lib/test.h"

static struct http_text text_of(const char *text)
{
	return (struct http_text){ text, strlen(text) };
}

/* -- the file -- */

Test(http_rules, says_which_line_is_wrong)
{
	static const struct {
		const char *file;
		unsigned line;
	} cases[] = {
		{ "", 0 },
		{ "\n\n# only this\n", 0 },
		{ "/*\n  A: b\n\n\tC:d\r\n/x\n", 0 },
		{ "/*\n A:", 0 },
		{ "  A: b\n", 1 },
		{ "# a\n\nassets/*\n", 3 },
		{ "/*\n  A b\n", 2 },
		{ "/*\n  : b\n", 2 },
		{ "/*\n  A : b\n", 2 },
		{ "/*\n  A: b\x01\n", 2 },
		{ "/*\n  A: b\xc3\xa9\n", 2 },
		{ "/*\n  A: b\rC: d\n", 2 },
		{ "/*\n  A: b\n  ETAG: \"x\"\n", 3 },
		{ "/*\n  content-LENGTH: 1\n", 2 },
		{ "/*\n  Transfer-Encoding: chunked\n", 2 },
		{ "/*\n  vary: *\n", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *exact = strdup(cases[i].file);

		cr_expect_eq(http_rules_check((struct http_text){ exact, strlen(exact) }), cases[i].line, "%s",
		             cases[i].file);
		free(exact);
	}
}

/* Bytes behind the file must not be read. */
Test(http_rules, stays_in_the_file_wherever_it_is_cut)
{
	static const char file[] = "# a\n/a*\r\n  A: b\n/*\n\tContent-Type: text/x\n  C: d\n/b/*c";

	for (size_t len = 0; len < sizeof(file); len++) {
		char *cut = malloc(len + !len);
		struct http_rules_at at = { .rest = { cut, len } };
		struct http_text line;

		memcpy(cut, file, len);
		if (!http_rules_check(at.rest))
			while (http_rules_next(&at, text_of("b/c"), &line))
				cr_expect(line.at >= cut && line.at + line.len <= cut + len &&
				          memchr(line.at, ':', line.len));
		free(cut);
	}
}

Test(http_rules, a_star_stands_for_anything)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = {
		{ "", "", true },           { "", "a", false },         { "a", "", false },
		{ "*", "", true },          { "*", "a/b", true },       { "a*", "ab", true },
		{ "a*", "ba", false },      { "*.css", "a/b.css", true }, { "*.css", "css", false },
		{ "a*c*e", "abcde", true }, { "a*c*e", "abcd", false }, { "*ab", "aab", true },
		{ "**", "x", true },        { "a**b", "ab", true },     { "Docs/*", "dOCS/x", true },
		{ "a[", "a{", false },      { "a*b", "a*xb", true },    { "*a*a*a*", "aa", false },
		{ "x*", "y", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(http_rules_fit(text_of(cases[i].pattern), text_of(cases[i].text)), cases[i].fits,
		             "%s %s", cases[i].pattern, cases[i].text);
}

static void expect_lines(const char *file, const char *key, const char *expected)
{
	struct http_rules_at at = { .rest = text_of(file) };
	char found[200] = "";
	struct http_text line;

	while (http_rules_next(&at, text_of(key), &line))
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%.*s,", (int)line.len, line.at);
	cr_expect_str_eq(found, expected, "%s: %s", key, found);
}

Test(http_rules, finds_the_lines_of_a_key)
{
	static const char file[] =
		"/a/*\n  A: 1\n  B: 2\n# x\n/*\n  C: 3\n\n/\n  D: 4\n/a/\n  E: 5\n/index.html\n  F: 6\n";

	expect_lines(file, "b", "C: 3,");
	expect_lines(file, "a/b", "A: 1,B: 2,C: 3,");
	expect_lines(file, "index.html", "C: 3,D: 4,F: 6,");
	expect_lines(file, "a/index.html", "A: 1,B: 2,C: 3,E: 5,");
	expect_lines(file, "a/xindex.html", "A: 1,B: 2,C: 3,");
	expect_lines(file, "a", "C: 3,");
}

/* -- in answers -- */

#define RULES_BYTES CONFIG_HTTP_RULES_BYTES

static struct fake_value values[] = {
	{ "_headers", 0, "\"r\"", 0 },
	{ "index.html", 10, "\"i\"", 0 },
	{ "small", 100, "\"s\"", 0 },
	{ "docs/a.css", 20, "\"d\"", 0 },
	{ "404.html", 30, "\"p\"", 0 },
	{ 0 },
};

static void set_up(void)
{
	rig_set_up();
	rig_store.values = values;
	rig_config.rules = "_headers";
}

static void have_rules(const char *file)
{
	rig_store.text = file;
	values[0].size = strlen(file);
}

static const char *head_of(const char *request, unsigned status)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, request);
	rig_acknowledge(f);
	rig_expect_head(f, status, NULL);
	return f->output;
}

static void expect_head(const char *request, const char *head)
{
	const char *found = head_of(request, (unsigned)strtoul(head + 9, NULL, 10));

	cr_expect(!strncmp(found, head, strlen(head)), "%s\n%s", request, found);
}

TestSuite(http_rules_served, .init = set_up, .fini = rig_tear_down);

#define OK "HTTP/1.1 200 OK\r\n"
#define TYPE "Content-Type: application/octet-stream\r\n"
#define LENGTH(n) "Accept-Ranges: bytes\r\nContent-Length: " n "\r\n"

Test(http_rules_served, lines_come_behind_or_in_the_place_of_others)
{
	have_rules("/*\n  X-Frame-Options: DENY\n  Cache-Control: max-age=5\n/docs/*\n  cache-control: no-store\n"
	           "  x-frame-options: SAMEORIGIN\n/small\n  Content-Type: text/x-short\n");
	expect_head(GET("/"), OK "Content-Type: text/html; charset=utf-8\r\n" LENGTH("10")
	            "ETag: \"i\"\r\nCache-Control: max-age=5\r\nX-Frame-Options: DENY\r\n\r\n");
	expect_head(GET("/docs/a.css"), OK "Content-Type: text/css; charset=utf-8\r\n" LENGTH("20")
	            "ETag: \"d\"\r\ncache-control: no-store\r\nx-frame-options: SAMEORIGIN\r\n\r\n");
	expect_head(GET("/small"), OK "Content-Type: text/x-short\r\n" LENGTH("100")
	            "ETag: \"s\"\r\nCache-Control: max-age=5\r\nX-Frame-Options: DENY\r\n\r\n");
	/* The lines that a 304 repeats begin behind the type, however long that is (RFC 9110 §15.4.5). */
	expect_head(GET_WITH("/small", "If-None-Match: \"s\"\r\n"), "HTTP/1.1 304 Not Modified\r\n"
	            "ETag: \"s\"\r\nCache-Control: max-age=5\r\nX-Frame-Options: DENY\r\n\r\n");
	expect_head(GET_WITH("/small", "Range: bytes=1-2\r\n"),
	            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/100\r\nContent-Length: 2\r\n"
	            "Content-Type: text/x-short\r\nAccept-Ranges: bytes\r\nETag: \"s\"\r\n"
	            "Cache-Control: max-age=5\r\nX-Frame-Options: DENY\r\n\r\n");
	expect_head(GET("/none"), "HTTP/1.1 404 Not Found\r\n"
	            "Content-Type: text/html; charset=utf-8\r\n" LENGTH("30")
	            "Cache-Control: max-age=5\r\nX-Frame-Options: DENY\r\n\r\n");
}

Test(http_rules_served, the_file_itself_is_not_served)
{
	have_rules("/*\n  A: b\n");
	head_of(GET("/_headers"), 404);
	head_of(GET("/_HEADERS"), 404);
	head_of(GET("/%5fheaders"), 404);
}

Test(http_rules_served, requests_wait_until_it_has_been_read)
{
	struct fake_flow *f, *g;

	have_rules("/*\n  A: b\n/small\n  C: d\n");
	rig_store.waits = true;
	rig_store.slice_bytes = 2; /* eight slices in a read: two of them */
	f = rig_connect();
	g = rig_connect();
	rig_say(f, GET("/small"));
	rig_say(g, "PUT /small HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_say(g, GET("/"));
	rig_expect_statuses(g, "405 ");
	cr_expect_eq(rig_store.gets, 1, "nothing else is asked for");
	do
		rig_run();
	while (fake_kv_settle(&rig_store));
	rig_expect_head(f, 200, "A: b\r\n", "C: d\r\n", NULL);
	rig_expect_head(g, 200, "A: b\r\n", NULL);
}

/* A file of rules counts whole or not at all; the site is served in either case. */
Test(http_rules_served, what_is_wrong_does_not_count)
{
	static char longest[RULES_BYTES + 2];
	static const char *const files[] = {
		"/*\n  A: b\n  Date: now\n", longest, "/*\n  A: b\n", "/*\n  A: b\n",
	};

	memset(longest, '\n', RULES_BYTES + 1);
	memcpy(longest, "/*\n  A: b\n", 10);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		have_rules(files[i]);
		rig_store.read_error = i == 2 ? -EIO : 0;
		rig_store.get_error = i == 3 ? -EIO : 0;
		cr_expect_null(strstr(head_of(GET("/small"), 200), "A: b"), "%zu", i);
		rig_tear_down();
		rig_server = NULL;
	}
	longest[RULES_BYTES] = '\0';
	have_rules(longest);
	cr_expect_not_null(strstr(head_of(GET("/small"), 200), "A: b\r\n"), "as long as may be");
}

static void create(void *arg)
{
	struct http_server *server;
	int error = http_server_create(&server, &rig_config);

	(void)arg;
	cr_assert_eq(error, test_alloc_failed() ? -ENOMEM : 0);
	if (error)
		return;
	rig_run();
	http_server_destroy(server);
}

Test(http_rules_served, there_is_no_server_without_memory)
{
	rig_store.values = values + 1; /* none: the store's own memory must not be what fails */
	cr_assert_eq(test_alloc_fail_each(create, NULL), 7);
}

Test(http_rules_served, there_is_room_for_so_much)
{
	static char file[RULES_BYTES];

	snprintf(file, sizeof(file), "/small\n  A: %0195d\n/index.html\n  A: %0400d\n", 1, 2);
	have_rules(file);
	head_of(GET("/small"), 200);
	head_of(GET("/"), 503);
}
