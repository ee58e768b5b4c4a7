/* SPDX-License-Identifier: ISC */
/* Answers to conditions and ranges, whole: of constant memory, and of a store that gives pieces. */
#include "tests/unit/net/http/rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/clock.h"

#define MODIFIED_NS (UINT64_C(784111777) * NS_PER_S)
#define MODIFIED "Sun, 06 Nov 1994 08:49:37 GMT"

static const struct fake_value values[] = {
	{ "page.html", 1000, "\"tag\"", MODIFIED_NS }, { "none.bin", 0, "\"nil\"", 0 }, { 0 },
};

static void set_up(void)
{
	rig_set_up();
	rig_store.values = values;
}

TestSuite(http_value, .init = set_up, .fini = rig_tear_down);

Test(http_value, has_lines_that_are_made)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, "HEAD /page.html HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_expect(f, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nAccept-Ranges: bytes\r\n"
	              "Content-Length: 1000\r\nETag: \"tag\"\r\nLast-Modified: " MODIFIED
	              "\r\nCache-Control: no-cache\r\n\r\n");
	rig_say(f, GET("/none.bin"));
	rig_expect(f, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n"
	           "Content-Length: 0\r\nETag: \"nil\"\r\nCache-Control: no-cache\r\n\r\n");
	rig_say(f, GET_WITH("/page.html", "Connection: close\r\n"));
	rig_expect_bytes(f, rig_expect_head(f, 200, "Connection: close\r\n", NULL), 0, 1000, true);
	cr_expect(f->shut_down && !f->closed, "who goes by the end of the stream need not acknowledge it first");
	rig_acknowledge(f);
	cr_expect(f->closed && !f->aborted);
}

/* RFC 9110 §8.8.2.1 */
Test(http_value, was_not_modified_after_the_answer)
{
	struct fake_flow *f = rig_connect();

	clock_set_wall_ns(MODIFIED_NS - NS_PER_S);
	rig_say(f, GET("/page.html"));
	rig_expect_head(f, 200, "Date: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
	                "Last-Modified: Sun, 06 Nov 1994 08:49:36 GMT\r\n", NULL);
	rig_forget(f);
	clock_set_wall_ns(MODIFIED_NS + NS_PER_S);
	rig_say(f, GET("/page.html"));
	rig_expect_head(f, 200, "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n", "Last-Modified: " MODIFIED "\r\n",
	                NULL);
}

Test(http_value, follows_conditions)
{
	static const struct {
		const char *fields;
		unsigned status;
	} cases[] = {
		{ "If-None-Match: \"tag\"\r\n", 304 },
		{ "If-None-Match: \"x\"\r\nIf-Modified-Since: " MODIFIED "\r\n", 200 },
		{ "If-Modified-Since: " MODIFIED "\r\n", 304 },
		{ "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200 },
		{ "If-Unmodified-Since: " MODIFIED "\r\n", 200 },
		{ "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 412 },
		{ "If-Match: \"tag\"\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200 },
		{ "If-Match: \"x\"\r\n", 412 },
		/* a condition that fails goes before a range (RFC 9110 §13.2.2) */
		{ "If-None-Match: \"tag\"\r\nRange: bytes=0-0\r\n", 304 },
		{ "If-Match: \"x\"\r\nRange: bytes=0-0\r\n", 412 },
		{ "If-Match: \"tag\"\r\nRange: bytes=0-0\r\n", 206 },
		{ "If-Match: \"tag\"\r\nRange: bytes=1000-\r\n", 416 },
	};
	struct fake_flow *f = rig_connect();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[400];

		snprintf(text, sizeof(text), GET_WITH("/page.html", "%s"), cases[i].fields);
		rig_say(f, text);
		rig_expect_head(f, cases[i].status, NULL);
		cr_expect(cases[i].status != 304 || !strcmp(f->output + f->output_len - 4, "\r\n\r\n"));
		rig_forget(f);
	}
}

Test(http_value, gives_one_range)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET_WITH("/page.html", "Range: bytes=100-299\r\n"));
	rig_expect_bytes(f,
	                 rig_expect_head(f, 206, "Content-Type: text/html; charset=utf-8\r\n",
	                                 "ETag: \"tag\"\r\n", "Content-Range: bytes 100-299/1000\r\n",
	                                 "Content-Length: 200\r\n", "Cache-Control: no-cache\r\n",
	                                 "Last-Modified: " MODIFIED "\r\n", NULL),
	                 100, 200, true);
	rig_forget(f);
	rig_say(f, GET_WITH("/page.html", "Range: bytes=-1\r\nConnection: close\r\n"));
	rig_expect_bytes(
		f, rig_expect_head(f, 206, "Content-Range: bytes 999-999/1000\r\n", "Connection: close\r\n", NULL),
		999, 1, true);
}

Test(http_value, gives_a_range_of_constant_memory)
{
	struct fake_flow *f;

	rig_store.gives_data = true;
	f = rig_connect();
	rig_say(f, GET_WITH("/page.html", "Range: bytes=1-2\r\n"));
	rig_expect(f, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/5\r\nContent-Length: 2\r\n"
	           "Content-Type: x/y\r\nETag: \"d\"\r\n\r\nel");
	rig_say(f, GET_WITH("/page.html", "Range: bytes=1-2\r\nConnection: close\r\n"));
	rig_expect(f, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/5\r\nContent-Length: 2\r\n"
	           "Connection: close\r\nContent-Type: x/y\r\nETag: \"d\"\r\n\r\nel");
	cr_expect_eq(rig_store.reads, 0);
}

Test(http_value, refuses_a_range_beyond_the_end)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET_WITH("/page.html", "Range: bytes=1000-\r\n"));
	rig_expect(
		f, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */1000\r\nContent-Type: text/plain\r\n"
		   "Content-Length: 25\r\n\r\n416 Range Not Satisfiable");
	rig_say(f, GET_WITH("/none.bin", "Range: bytes=0-\r\n"));
	rig_expect_head(f, 416, "Content-Range: bytes */0\r\n", NULL);
}

Test(http_value, ignores_ranges_that_do_not_count)
{
	static const char *const requests[] = {
		"HEAD /page.html HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0\r\n\r\n", /* defined for GET alone, §14.2 */
		GET_WITH("/page.html", "Range: bytes=0-0\r\nIf-Range: \"other\"\r\n"),
		GET_WITH("/page.html", "Range: bytes=0-0\r\nIf-Range: W/\"tag\"\r\n"),
		GET_WITH("/page.html", "Range: bytes=0-0\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n"),
		GET_WITH("/page.html", "Range: bytes=0-0\r\nIf-Range: " MODIFIED "\r\n"), /* the time is not known */
		GET_WITH("/page.html", "Range: bytes=0-0\r\nIf-Range: \r\n"),
		GET_WITH("/page.html", "Range: lines=0-0\r\n"),
	};
	struct fake_flow *f = rig_connect();

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		rig_say(f, requests[i]);
		rig_expect_head(f, 200, "Content-Length: 1000\r\n", NULL);
		rig_forget(f);
	}
}

Test(http_value, compares_if_range_strongly)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0\r\nIf-Range: \"tag\"\r\n"));
	rig_expect_head(f, 206, NULL);
	rig_forget(f);
	clock_set_wall_ns(MODIFIED_NS + 59 * NS_PER_S); /* it may have been changed again in its second */
	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0\r\nIf-Range: " MODIFIED "\r\n"));
	rig_expect_head(f, 200, NULL);
	rig_forget(f);
	clock_set_wall_ns(MODIFIED_NS + 60 * NS_PER_S);
	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0\r\nIf-Range: " MODIFIED "\r\n"));
	rig_expect_head(f, 206, NULL);
}

/* -- several ranges -- */

/* Reads a multipart body as a client does: each part's place, and that its bytes are those. Gives the ranges
 * as text. */
static const char *read_parts(const struct fake_flow *f, const char *body, bool is_letters)
{
	static char found[400];
	char boundary[24];
	const char *mark = strstr(f->output, "multipart/byteranges; boundary="),
			   *length = strstr(f->output, "Content-Length: ");
	const char *at = body;

	cr_assert(mark && length && mark < body && length < body);
	cr_expect_eq((size_t)atoi(length + 16), f->output_len - (size_t)(body - f->output), "%s", f->output);
	snprintf(boundary, sizeof(boundary), "\r\n--%.16s", mark + 31);
	found[0] = '\0';
	while (!strncmp(at, boundary, 20) && strncmp(at + 20, "--\r\n", 4)) {
		unsigned long long first, last, size;
		const char *place = strstr(at, "\r\nContent-Range: bytes ");

		cr_assert(place && sscanf(place + 23, "%llu-%llu/%llu", &first, &last, &size) == 3, "%s", at);
		cr_expect(strstr(at, "\r\nContent-Type: ") == at + 20);
		at = strstr(place, "\r\n\r\n") + 4;
		for (uint64_t i = first; i <= last; i++, at++)
			cr_assert_eq(*at, is_letters ? fake_kv_byte(i) : "hello"[i], "byte %llu", (unsigned long long)i);
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%llu-%llu ", first, last);
	}
	cr_expect(!strncmp(at, boundary, 20) && !strcmp(at + 20, "--\r\n"), "%s", at);
	return found;
}

Test(http_value, gives_several_ranges)
{
	struct fake_flow *f = rig_connect();
	const char *body;

	rig_say(f, GET_WITH("/page.html", "Range: bytes=500-519,0-0,-1,900-901\r\n"));
	rig_acknowledge(f);
	body = rig_expect_head(f, 206, "ETag: \"tag\"\r\n", NULL);
	cr_expect_str_eq(read_parts(f, body, true), "500-519 0-0 999-999 900-901 ");
	cr_expect_not(strstr(f->output, "Content-Range") < body, "that is the parts' own");
	rig_forget(f);
	rig_say(f, GET("/none.bin"));
	rig_expect_head(f, 200, NULL);
}

Test(http_value, gives_several_ranges_of_constant_memory)
{
	struct fake_flow *f;

	rig_store.gives_data = true;
	f = rig_connect();
	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0,2-2,4-\r\n") GET("/none"));
	*strstr(f->output, "HTTP/1.1 404") = '\0';
	f->output_len = strlen(f->output);
	cr_expect_str_eq(read_parts(f, rig_expect_head(f, 206, NULL), false), "0-0 2-2 4-4 ");
}

Test(http_value, gives_several_ranges_to_a_slow_client)
{
	for (int data = 0; data < 2; data++) {
		struct fake_flow *f;

		rig_store.gives_data = data;
		f = rig_connect();
		f->window = 0;
		rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0,2-2,4-4\r\n"));
		for (int i = 0; i < 1000; i++) {
			fake_flow_accept(f, 1);
			fake_flow_acknowledge(f);
			rig_run();
		}
		cr_expect_str_eq(read_parts(f, rig_expect_head(f, 206, NULL), !data), "0-0 2-2 4-4 ");
	}
}

Test(http_value, boundaries_cannot_be_known)
{
	struct fake_flow *f = rig_connect();
	char first[17];

	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0,2-2\r\n"));
	snprintf(first, sizeof(first), "%.16s", strstr(f->output, "boundary=") + 9);
	rig_forget(f);
	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0,2-2\r\n"));
	cr_expect(strncmp(first, strstr(f->output, "boundary=") + 9, 16));
}

static unsigned logged;

static void take_note(void *arg, struct flow *flow, const struct http_request *request, uint16_t status,
                      uint64_t bytes)
{
	(void)arg, (void)flow, (void)request, (void)bytes;
	logged = logged * 1000 + status;
}

Test(http_value, gives_all_where_there_is_no_room_for_ranges)
{
	struct fake_flow *f;

	rig_store.gives_data = true;
	rig_config.blocks = 2;
	rig_config.log = take_note;
	f = rig_connect();
	rig_say(f, GET("/none")); /* holds one */
	fake_flow_clear(f);
	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0,2-2\r\n"));
	rig_expect_head(f, 200, "Content-Length: 5\r\n", NULL);
	fake_flow_clear(f);
	logged = 0;
	rig_say(f, GET("/none"));
	fake_flow_clear(f);
	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0\r\n"));
	rig_expect_head(f, 200, "Content-Length: 5\r\n", NULL);
	cr_expect_eq(logged, 404200, "%u", logged);
}

/* The length has been told, so there is nothing else left. */
Test(http_value, ends_where_there_is_no_room_for_a_part)
{
	struct fake_flow *f;

	rig_store.gives_data = true;
	rig_config.blocks = 3;
	f = rig_connect();
	rig_say(f, GET_WITH("/page.html", "Range: bytes=0-0,2-2\r\n"));
	cr_expect(f->aborted);
}

/* -- codings -- */

#define LINES(type, length, rest) "Content-Type: " type "\r\nContent-Length: " length "\r\n" rest

/* One value in both ways, one in one, and the page that says that there is no other. */
static void coded_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	static const struct coded_value {
		const char *key, *lines, *data;
		uint8_t coding;
	} coded[] = {
		{ "both", LINES("a/b", "2", "ETag: \"g\"\r\n\r\n"), "gz", KV_GZIP },
		{ "both", LINES("a/b", "5", "ETag: \"p\"\r\n\r\n"), "plain", 0 },
		{ "plain", LINES("a/b", "5", "ETag: \"o\"\r\n\r\n"), "plain", 0 },
		{ "404.html", LINES("a/c", "4", "ETag: \"n\"\r\n\r\n"), "none", 0 },
	};

	(void)kv;
	for (size_t i = 0; i < ARRAY_SIZE(coded); i++) {
		const struct coded_value *v = &coded[i];

		if (strlen(v->key) != key_len || memcmp(v->key, key, key_len) ||
		    (v->coding && !(op->codings & v->coding)))
			continue;
		op->entry = (struct kv_entry){
			.size = strlen(v->data), .data = v->data, .header = v->lines, .coding = v->coding,
			.etag = strchr(v->lines, '"') /* not ended: good enough, for nothing is compared with it */,
			.header_len = (uint16_t)(strlen(v->lines) - 2),
			.validators = (uint16_t)(strstr(v->lines, "ETag") - v->lines),
		};
		promise_return(&op->promise, 0);
		return;
	}
	promise_throw(&op->promise, -ENOENT);
}

Test(http_value, comes_in_a_coding_that_is_taken)
{
	static const struct kv_ops ops = { .get = coded_get };
	static struct kv kv = { &ops };
	struct fake_flow *f;

	rig_config.kv = &kv;
	f = rig_connect();
	rig_say(f, GET_WITH("/both", "Accept-Encoding: gzip\r\n"));
	rig_expect(f, "HTTP/1.1 200 OK\r\n" LINES("a/b", "2", "ETag: \"g\"\r\n\r\n") "gz");
	rig_say(f, GET("/both"));
	rig_expect(f, "HTTP/1.1 200 OK\r\n" LINES("a/b", "5", "ETag: \"p\"\r\n\r\n") "plain");
	rig_say(f, GET_WITH("/plain", "Accept-Encoding: gzip\r\n"));
	rig_expect(f, "HTTP/1.1 200 OK\r\n" LINES("a/b", "5", "ETag: \"o\"\r\n\r\n") "plain");
	rig_say(f, GET_WITH("/both", "Accept-Encoding: gzip, identity;q=0\r\n"));
	rig_expect_head(f, 200, NULL);
	fake_flow_clear(f);
	rig_say(f, GET_WITH("/plain", "Accept-Encoding: gzip, identity;q=0\r\n"));
	rig_expect_head(f, 406, NULL);
	fake_flow_clear(f);
	/* A 404 is sent all the same. */
	rig_say(f, GET_WITH("/none", "Accept-Encoding: identity;q=0\r\nRange: bytes=0-0\r\n"));
	rig_expect(f, "HTTP/1.1 404 Not Found\r\n" LINES("a/c", "4", "\r\n") "none");
	rig_say(f, GET_WITH("/none", "Connection: close\r\n"));
	rig_expect(
		f, "HTTP/1.1 404 Not Found\r\n" LINES("a/c", "4", "") "Connection: close\r\n\r\nnone");
}
