/* SPDX-License-Identifier: ISC */
/* Request heads: good ones give their slices, hostile ones their status, every prefix asks for more,
 * and no byte behind the input is looked at (it lies against an unreadable page). */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "net/http/parse.h"

#define PAGE ((size_t)4096)
#define PAGES 4

static const struct http_limits limits = { .head_bytes = 8192, .target_bytes = 2048, .fields = 64 };

/* Copies text so that it ends where an unreadable page begins. */
static char *against_guard(const char *text, size_t len)
{
	static char *pages;

	if (!pages) {
		pages = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		cr_assert(pages != MAP_FAILED);
		cr_assert(mprotect(pages + PAGES * PAGE, PAGE, PROT_NONE) == 0);
	}
	cr_assert(len <= PAGES * PAGE);
	return memcpy(pages + PAGES * PAGE - len, text, len);
}

static int parse_bytes(const char *text, size_t len, struct http_request *out)
{
	return http_parse_request(against_guard(text, len), len, &limits, out);
}

static int parse(const char *text, struct http_request *out)
{
	return parse_bytes(text, strlen(text), out);
}

static void expect_text(struct http_text text, const char *expected)
{
	cr_expect(text.len == strlen(expected) && !memcmp(text.at, expected, text.len), "\"%.*s\" is not \"%s\"",
	          (int)text.len, text.at, expected);
}

Test(http_parse, gives_slices)
{
	const char *text = "GET /a/b%20c?x=1&y HTTP/1.1\r\nHost: example.org:80\r\nAccept: */*\r\n\r\nrest";
	struct http_request r;

	cr_assert_eq(parse(text, &r), (int)strlen(text) - 4);
	expect_text(r.method, "GET");
	expect_text(r.path, "/a/b%20c");
	expect_text(r.query, "x=1&y");
	expect_text(r.fields, "Host: example.org:80\r\nAccept: */*\r\n");
	cr_expect(r.verb == HTTP_GET && r.minor == 1 && r.flags == HTTP_HAS_HOST && r.content_length == 0);
}

Test(http_parse, knows_methods)
{
	static const struct {
		const char *name;
		enum http_method verb;
	} methods[] = {
		{ "GET", HTTP_GET }, { "HEAD", HTTP_HEAD }, { "OPTIONS", HTTP_OPTIONS }, { "POST", HTTP_POST },
		{ "PUT", HTTP_PUT }, { "DELETE", HTTP_DELETE }, { "PATCH", HTTP_PATCH }, { "TRACE", HTTP_TRACE },
		{ "CONNECT", HTTP_METHOD_UNKNOWN }, { "get", HTTP_METHOD_UNKNOWN }, { "GE", HTTP_METHOD_UNKNOWN },
		{ "GETS", HTTP_METHOD_UNKNOWN }, { "OPTIONSS", HTTP_METHOD_UNKNOWN },
		{ "VERSION-CONTROL", HTTP_METHOD_UNKNOWN }, { "M-SEARCH", HTTP_METHOD_UNKNOWN },
	};
	struct http_request r;
	char text[80];

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		snprintf(text, sizeof(text), "%s / HTTP/1.0\r\n\r\n", methods[i].name);
		cr_expect_eq(parse(text, &r), (int)strlen(text), "%s", text);
		cr_expect_eq(r.verb, methods[i].verb, "%s", text);
	}
}

static const struct {
	const char *text, *path, *query;
	uint16_t flags;
	uint64_t content_length;
} good[] = {
	{ "GET / HTTP/1.0\r\n\r\n", "/", NULL, 0, 0 },
	{ "\r\nGET / HTTP/1.0\r\n\r\n", "/", NULL, 0, 0 },
	{ "GET /? HTTP/1.0\r\n\r\n", "/", "", 0, 0 },
	{ "GET http://a/b?c HTTP/1.0\r\n\r\n", "/b", "c", 0, 0 },
	{ "GET HTTPS://a:8080 HTTP/1.0\r\n\r\n", "/", NULL, 0, 0 },
	{ "GET http://a?c/d HTTP/1.0\r\n\r\n", "/", "c/d", 0, 0 },
	{ "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "*", NULL, HTTP_HAS_HOST, 0 },
	{ "GET / HTTP/1.9\r\nHOST: [::1]:80\r\n\r\n", "/", NULL, HTTP_HAS_HOST, 0 },
	{ "GET / HTTP/1.0\r\nconnection: Close\r\n\r\n", "/", NULL, HTTP_CLOSE, 0 },
	{ "GET / HTTP/1.0\r\nConnection: te,, KEEP-alive ,\t\r\n\r\n", "/", NULL, HTTP_KEEP_ALIVE, 0 },
	{ "GET / HTTP/1.0\r\nConnection: closed\r\n\r\n", "/", NULL, 0, 0 },
	{ "GET / HTTP/1.0\r\nContent-Length: \t0012 \r\n\r\n", "/", NULL, HTTP_HAS_LENGTH, 12 },
	{ "GET / HTTP/1.0\r\nContent-Length: 99999999999999999999999999\r\n\r\n", "/", NULL, HTTP_HAS_LENGTH,
	  UINT64_MAX },
	{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "/", NULL,
	  HTTP_HAS_HOST | HTTP_CHUNKED, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "/", NULL,
	  HTTP_HAS_HOST | HTTP_CHUNKED | HTTP_OTHER_CODING, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x;a=b\r\nTransfer-Encoding: ,chunked,\r\n\r\n", "/",
	  NULL, HTTP_HAS_HOST | HTTP_CHUNKED | HTTP_OTHER_CODING, 0 },
	{ "GET / HTTP/1.0\r\nExpect: 100-Continue\r\n\r\n", "/", NULL, HTTP_CONTINUE, 0 },
	{ "GET / HTTP/1.0\r\nExpect: miracles\r\n\r\n", "/", NULL, HTTP_OTHER_EXPECT, 0 },
	{ "GET / HTTP/1.0\r\nIf-None-Match: *\r\n\r\n", "/", NULL, HTTP_CONDITIONAL, 0 },
	{ "GET / HTTP/1.0\r\nif-modified-since: x\r\n\r\n", "/", NULL, HTTP_CONDITIONAL, 0 },
	{ "GET / HTTP/1.0\r\nEmpty:\r\nSpaces: \t \r\nHigh: \xff\x80\tx\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", "/",
	  NULL, 0, 0 },
};

Test(http_parse, accepts_what_is_right)
{
	struct http_request r;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		cr_expect_eq(parse(good[i].text, &r), (int)strlen(good[i].text), "%s", good[i].text);
		expect_text(r.path, good[i].path);
		if (good[i].query)
			expect_text(r.query, good[i].query);
		else
			cr_expect_null(r.query.at, "%s", good[i].text);
		cr_expect_eq(r.flags, good[i].flags, "%s: flags %x", good[i].text, r.flags);
		cr_expect_eq(r.content_length, good[i].content_length, "%s", good[i].text);
	}
}

Test(http_parse, asks_for_more_at_every_prefix)
{
	struct http_request r;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		for (size_t len = 0; len < strlen(good[i].text); len++)
			cr_expect_eq(parse_bytes(good[i].text, len, &r), -EAGAIN, "%zu of %s", len, good[i].text);
}

#define H "GET / HTTP/1.1\r\nHost: a\r\n"

static const struct {
	const char *text;
	uint16_t status;
} wrong[] = {
	/* request lines */
	{ " GET / HTTP/1.1\r\n", 400 },
	{ "\r\n\r\nGET / HTTP/1.1\r\n", 400 },
	{ "\nGET / HTTP/1.1\r\n", 400 },
	{ "\rGET / HTTP/1.1\r\n", 400 },
	{ "GET\r\n", 400 },
	{ "GET\t/ HTTP/1.1\r\n", 400 },
	{ "GET  / HTTP/1.1\r\n", 400 },
	{ "GET /  HTTP/1.1\r\n", 400 },
	{ "GET /\r\n", 400 },
	{ "GET / HTTP/1.1 \r\n", 400 },
	{ "GET / HTTP/1.1\n", 400 },
	{ "GET / HTTP/1.1\rX", 400 },
	{ "GET / http/1.1\r\n", 400 },
	{ "GET / HTTP/11\r\n", 400 },
	{ "GET / HTTP/1.x\r\n", 400 },
	{ "GET / HTTP/1.10\r\n", 400 },
	{ "GET / HTTP/2.0\r\n", 505 },
	{ "GET / HTTP/0.9\r\n", 505 },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501 },
	{ "G\"T / HTTP/1.1\r\n", 400 },
	{ "G\x80T / HTTP/1.1\r\n", 400 },
	{ "\x16\x03\x01\x02", 400 }, /* TLS */
	{ "SSH-2.0-OpenSSH\r\n", 400 },
	{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n", 501 },
	/* targets */
	{ "GET a HTTP/1.1\r\n", 400 },
	{ "GET * HTTP/1.1\r\n", 400 },
	{ "GET /#top HTTP/1.1\r\n", 400 },
	{ "GET /\x01 HTTP/1.1\r\n", 400 },
	{ "GET /\x7f HTTP/1.1\r\n", 400 },
	{ "GET /\xc3\xa9 HTTP/1.1\r\n", 400 },
	{ "GET ftp://a/ HTTP/1.1\r\n", 400 },
	{ "GET http:/a HTTP/1.1\r\n", 400 },
	{ "GET http:///a HTTP/1.1\r\n", 400 },
	{ "GET http://?a HTTP/1.1\r\n", 400 },
	{ "GET http:// HTTP/1.1\r\n", 400 },
	{ "OPTIONS ** HTTP/1.1\r\n", 400 },
	{ "GET http://user@a/ HTTP/1.1\r\n", 400 },
	{ "GET http://a\\b/ HTTP/1.1\r\n", 400 },
	{ "CONNECT a:80 HTTP/1.1\r\n", 501 },
	{ "BREW pot HTTP/1.1\r\n", 501 },
	/* field lines */
	{ "GET / HTTP/1.1\r\n\r\n", 400 },
	{ H "Host: a\r\n", 400 },
	{ H "Host: b\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: u@b\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost : a\r\n", 400 },
	{ "GET / HTTP/1.1\r\n Host: a\r\n", 400 },
	{ "GET / HTTP/1.1\r\n: a\r\n", 400 },
	{ H "X\r\n", 400 },
	{ H "X y: z\r\n", 400 },
	{ H "X: a\r\n b\r\n", 400 },
	{ H "X: a\r\n\tb\r\n", 400 },
	{ H "X: a\n", 400 },
	{ H "X: a\rb\r\n", 400 },
	{ H "X: a\r\r\n", 400 },
	{ H "X: \x01\r\n", 400 },
	{ H "X: \x7f\r\n", 400 },
	{ H "X\x80: y\r\n", 400 },
	{ H "\rX", 400 },
	{ H "\n", 400 },
	/* lengths */
	{ H "Content-Length:\r\n", 400 },
	{ H "Content-Length: +1\r\n", 400 },
	{ H "Content-Length: -1\r\n", 400 },
	{ H "Content-Length: 1 2\r\n", 400 },
	{ H "Content-Length: 1,1\r\n", 400 },
	{ H "Content-Length: 0x1\r\n", 400 },
	{ H "Content-Length: 1\r\nContent-Length: 1\r\n", 400 },
	{ H "Content-Length: 1\r\ncontent-length: 2\r\n", 400 },
	{ H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	{ H "Transfer-Encoding: x\r\nContent-Length: 1\r\n\r\n", 400 },
	{ "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	{ H "Transfer-Encoding:\r\n", 400 },
	{ H "Transfer-Encoding: ,\r\n", 400 },
	{ H "Transfer-Encoding: gzip\r\n\r\n", 400 },
	{ H "Transfer-Encoding: identity\r\n\r\n", 400 },
	{ H "Transfer-Encoding: xchunked\r\n\r\n", 400 },
	{ H "Transfer-Encoding: \vchunked\r\n\r\n", 400 },
	{ H "Transfer-Encoding: chunked, gzip\r\n", 400 },
	{ H "Transfer-Encoding: chunked, chunked\r\n", 400 },
	{ H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400 },
};

Test(http_parse, refuses_what_is_wrong)
{
	struct http_request r;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		cr_expect_eq(parse(wrong[i].text, &r), -EBADMSG, "%s", wrong[i].text);
		cr_expect_eq(r.status, wrong[i].status, "%s: %u", wrong[i].text, r.status);
	}
}

Test(http_parse, refuses_nul_anywhere)
{
	char text[] = "GET /x HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
	struct http_request r;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char was = text[i];

		text[i] = '\0';
		cr_expect_eq(parse_bytes(text, sizeof(text) - 1, &r), -EBADMSG, "at %zu", i);
		text[i] = was;
	}
}

/* Values are checked word by word: tests each byte at each place of a word, and of the rest behind words. */
Test(http_parse, looks_at_every_byte_of_a_value)
{
	static const char head[] = "GET / HTTP/1.0\r\nX:";
	char text[80];
	struct http_request r;

	for (size_t len = 1; len < 24; len++)
		for (size_t place = 0; place < len; place++)
			for (int c = 0; c < 256; c++) {
				bool is_right = (c >= ' ' && c != 0x7f) || c == '\t';
				int size = sprintf(text, "%s%.*s\r\n\r\n", head, (int)len, "aaaaaaaaaaaaaaaaaaaaaaaa");
				int result;

				text[sizeof(head) - 1 + place] = (char)c;
				result = parse_bytes(text, (size_t)size, &r);
				cr_expect_eq(result, is_right ? size : -EBADMSG, "%02x at %zu of %zu", c, place, len);
			}
}

Test(http_parse, stays_wrong_once_it_is)
{
	struct http_request r;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		bool was_wrong = false;

		for (size_t len = 0; len <= strlen(wrong[i].text); len++) {
			int result = parse_bytes(wrong[i].text, len, &r);

			cr_expect(result == -EBADMSG || (result == -EAGAIN && !was_wrong), "%zu of %s", len,
			          wrong[i].text);
			was_wrong = result == -EBADMSG;
		}
	}
}

/* len bytes: head, then filler, then tail. */
static int parse_filled(const char *head, const char *tail, size_t len, struct http_request *out)
{
	static char text[PAGES * PAGE];

	memset(text, 'a', len);
	memcpy(text, head, strlen(head));
	memcpy(text + len - strlen(tail), tail, strlen(tail));
	return parse_bytes(text, len, out);
}

Test(http_parse, limits_sizes)
{
	struct http_request r;

	/* The longest that fits, then one byte more. */
	cr_expect_eq(parse_filled(H "X: ", "\r\n\r\n", limits.head_bytes, &r), (int)limits.head_bytes);
	cr_expect_eq(parse_filled(H "X: ", "\r\n\r\n", limits.head_bytes + 1, &r), -EBADMSG);
	cr_expect_eq(r.status, 431);
	cr_expect_eq(parse_filled(H "X: ", "a", limits.head_bytes - 1, &r), -EAGAIN);
	cr_expect_eq(parse_filled("GET /", " HTTP/1.0\r\n\r\n", limits.target_bytes + 17, &r),
	             (int)limits.target_bytes + 17);
	cr_expect_eq(parse_filled("GET /", " HTTP/1.0\r\n\r\n", limits.target_bytes + 18, &r), -EBADMSG);
	cr_expect_eq(r.status, 414);
	cr_expect_eq(parse_filled("GET /", "a", limits.target_bytes + 5, &r), -EBADMSG);
	cr_expect_eq(r.status, 414);
}

Test(http_parse, limits_the_number_of_fields)
{
	char text[1024] = "GET / HTTP/1.0\r\n";
	struct http_request r;

	for (uint32_t i = 0; i < limits.fields; i++)
		strcat(text, "a:b\r\n");
	strcat(text, "\r\n");
	cr_expect_eq(parse(text, &r), (int)strlen(text));
	strcpy(text + strlen(text) - 2, "a:b\r\n");
	cr_expect_eq(parse(text, &r), -EBADMSG);
	cr_expect_eq(r.status, 431);
}

Test(http_parse, finds_fields_again)
{
	struct http_request r;
	struct http_text rest, value;

	cr_assert(parse("GET / HTTP/1.0\r\nX-A: 1\r\nb:\r\nX-a:\t 2 \r\n\r\n", &r) > 0);
	rest = r.fields;
	cr_assert(http_next_field(&rest, "x-a", &value));
	expect_text(value, "1");
	cr_assert(http_next_field(&rest, "x-a", &value));
	expect_text(value, "2");
	cr_assert(!http_next_field(&rest, "x-a", &value));
	rest = r.fields;
	cr_assert(http_next_field(&rest, "b", &value));
	cr_expect_eq(value.len, 0);
	cr_assert(!http_next_field(&rest, "c", &value));
}

Test(http_parse, walks_lists)
{
	struct http_text list = { " a ,,\t, bc\t,", 12 }, item;

	cr_assert(http_next_item(&list, &item));
	expect_text(item, "a");
	cr_assert(http_next_item(&list, &item));
	expect_text(item, "bc");
	cr_assert(!http_next_item(&list, &item));
}
