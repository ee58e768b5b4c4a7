/* SPDX-License-Identifier: ISC */
/* The site's own pages for errors: from a store with everything in constant memory, as crunch, and from
 * stores that give pieces, at once and later. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/http/exchange.h"
#include "tests/unit/net/http/rig.h"

enum { PAGE_BYTES = 30 }; /* of a value in pieces; constants are of 5 */

static const struct fake_value values[] = {
	{ "small", 100, "\"s\"", 1 },       { "400.html", PAGE_BYTES, "\"a\"", 1 },
	{ "401.html", PAGE_BYTES, "\"b\"", 1 }, { "404.html", PAGE_BYTES, "\"c\"", 1 },
	{ "405.html", PAGE_BYTES, "\"d\"", 1 }, { "408.html", PAGE_BYTES, "\"e\"", 1 },
	{ "411.html", PAGE_BYTES, "\"f\"", 1 }, { "412.html", PAGE_BYTES, "\"g\"", 1 },
	{ "413.html", PAGE_BYTES, "\"h\"", 1 }, { "414.html", PAGE_BYTES, "\"i\"", 1 },
	{ "416.html", PAGE_BYTES, "\"j\"", 1 }, { "417.html", PAGE_BYTES, "\"k\"", 1 },
	{ "431.html", PAGE_BYTES, "\"l\"", 1 }, { "500.html", PAGE_BYTES, "\"m\"", 1 },
	{ "501.html", PAGE_BYTES, "\"n\"", 1 }, { "503.html", PAGE_BYTES, "\"o\"", 1 },
	{ "505.html", PAGE_BYTES, "\"p\"", 1 }, { 0 },
};
static const struct fake_value without_pages[] = {
	{ "small", 100, "\"s\"", 1 }, { "404.html/x", 1, NULL, 0 }, { 0 },
};

static struct kv_ops constant_ops;

static void set_up(void)
{
	rig_set_up();
	rig_store.values = values;
	rig_config.limits.target_bytes = 100;
	rig_config.limits.fields = 8;
	rig_config.body_bytes = 10;
	constant_ops = *rig_store.kv.ops;
	constant_ops.read = NULL;
}

TestSuite(http_pages, .init = set_up, .fini = rig_tear_down);

/* 0: constant memory, 1: pieces at once, 2: pieces later. The last goes first: the server is made for it. */
static void choose(int store)
{
	static const struct kv_ops *pieces_ops;

	pieces_ops = pieces_ops ? pieces_ops : rig_store.kv.ops;
	rig_store.kv.ops = store == 0 ? &constant_ops : pieces_ops;
	rig_store.gives_data = store == 0;
	rig_store.waits = store == 2;
}

static void finish(struct fake_flow *f)
{
	do {
		while (fake_kv_settle(&rig_store))
			rig_run();
		rig_acknowledge(f);
	} while (!list_is_empty(&rig_store.pending));
}

static struct fake_flow *ask(const char *text)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, text);
	finish(f);
	return f;
}

/* Asserts that f has received the page of that status, with this line unless it is NULL. */
static void expect_page(struct fake_flow *f, unsigned status, const char *line, bool has_body)
{
	size_t len = rig_store.gives_data ? 5 : PAGE_BYTES;
	const char *type =
		rig_store.gives_data ? "Content-Type: x/y\r\n" : "Content-Type: text/html; charset=utf-8\r\n";
	const char *length = rig_store.gives_data ? "Content-Length: 5\r\n" : "Content-Length: 30\r\n";
	const char *body = rig_expect_head(f, status, type, length, line, NULL);

	cr_expect_not(strstr(f->output, "ETag"), "it would be taken for the target's:\n%s", f->output);
	cr_expect_not(strstr(f->output, "Last-Modified"), "%s", f->output);
	if (!has_body)
		cr_expect_eq(*body, '\0');
	else if (rig_store.gives_data)
		cr_expect_str_eq(body, "hello");
	else
		rig_expect_bytes(f, body, 0, len, true);
}

static const struct {
	const char *request;
	unsigned status;
	const char *line;
} cases[] = {
	{ GET("/%0"), 400, NULL },
	{ GET("/../x"), 400, NULL },
	{ "GET /small\r\n\r\n", 400, "Connection: close\r\n" },
	{ "GET /small HTTP/1.1\r\nHost : a\r\n\r\n", 400, "Connection: close\r\n" },
	{ GET("/none"), 404, NULL },
	{ GET_WITH("/none", "If-None-Match: *\r\nRange: bytes=0-0\r\n"), 404, NULL },
	{ GET_WITH("/none", "Connection: close\r\n"), 404, "Connection: close\r\n" },
	{ "GET /none HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 404, "Connection: keep-alive\r\n" },
	{ "DELETE /small HTTP/1.1\r\nHost: a\r\n\r\n", 405, "Allow: GET, HEAD, OPTIONS\r\n" },
	{ "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, NULL },
	{ GET_WITH("/small", "If-Match: \"x\"\r\n"), 412, NULL },
	{ GET_WITH("/small", "If-Match: \"x\"\r\nRange: bytes=0-0\r\n"), 412, NULL },
	{ "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413, "Connection: close\r\n" },
	{ GET("/01234567890123456789012345678901234567890123456789"
	      "01234567890123456789012345678901234567890123456789"), 414, "Connection: close\r\n" },
	{ GET_WITH("/small", "Expect: more\r\n"), 417, "Connection: close\r\n" },
	{ GET_WITH("/small", "A:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n"), 431, "Connection: close\r\n" },
	{ "BREW /small HTTP/1.1\r\nHost: a\r\n\r\n", 501, "Connection: close\r\n" },
	{ "GET /small HTTP/2.0\r\nHost: a\r\n\r\n", 505, "Connection: close\r\n" },
};

Test(http_pages, are_the_bodies_of_errors)
{
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		choose(i % 2 + 1);
		expect_page(ask(cases[i / 2].request), cases[i / 2].status, cases[i / 2].line, true);
	}
}

Test(http_pages, are_the_bodies_of_errors_of_constants)
{
	choose(0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_page(ask(cases[i].request), cases[i].status, cases[i].line, true);
}

Test(http_pages, are_not_looked_for_otherwise)
{
	for (int store = 2; store >= 0; store--) {
		struct fake_flow *f;
		size_t gets;

		choose(store);
		gets = rig_store.gets;
		f = ask(GET("/small"));
		rig_expect_head(f, 200, NULL);
		cr_expect_eq(rig_store.gets, gets + 1);
		fake_flow_clear(f);
		rig_say(f, GET("/404.html"));
		finish(f);
		rig_expect_head(f, 200, "ETag: ", NULL);
	}
}

Test(http_pages, come_with_what_the_error_says)
{
	struct fake_flow *f;

	for (int store = 2; store >= 0; store--) {
		choose(store);
		f = ask(GET_WITH("/small", "Range: bytes=1000-\r\n"));
		expect_page(f, 416, store ? "Content-Range: bytes */100\r\n" : "Content-Range: bytes */5\r\n", true);
		fake_flow_clear(f);
		/* and the connection stays open */
		rig_say(f, "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n");
		finish(f);
		expect_page(f, 404, NULL, false);
		fake_flow_clear(f);
		rig_say(f, "PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		        GET("/none") GET("/small"));
		finish(f);
		rig_expect_statuses(f, "405 404 200 ");
		rig_say(f, "HEAD /small HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n");
		finish(f);
		expect_page(f, 417, "Connection: close\r\n", false);
		cr_expect(f->shut_down);
	}
}

Test(http_pages, are_for_who_is_late_too)
{
	for (int store = 2; store >= 0; store--) {
		struct fake_flow *f;

		choose(store);
		f = ask("GET /sm");
		rig_advance(rig_config.head_ns);
		finish(f);
		expect_page(f, 408, "Connection: close\r\n", true);
	}
}

Test(http_pages, are_missing)
{
	for (int store = 2; store >= 0; store--) {
		choose(store);
		rig_store.values = without_pages;
		for (size_t i = 0; i < ARRAY_SIZE(cases); i += 2) {
			struct fake_flow *f = ask(cases[i].request);
			char text[4];

			snprintf(text, sizeof(text), "%u", cases[i].status);
			cr_expect(!strncmp(rig_expect_head(f, cases[i].status, "Content-Type: text/plain\r\n",
			                                   cases[i].line, NULL),
			                   text, 3));
		}
	}
}

Test(http_pages, are_of_what_fails_in_the_store)
{
	static const struct {
		int get_error, read_error;
		unsigned status;
	} failures[] = {
		{ -EIO, 0, 500 }, { -ENOMEM, 0, 503 }, { -EINVAL, 0, 404 }, { 0, -EIO, 500 }, { 0, -ESTALE, 503 },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(failures); i++) {
		choose(i % 2 + 1);
		rig_store.get_error = failures[i / 2].get_error;
		rig_store.read_error = failures[i / 2].read_error;
		expect_page(ask(GET("/small")), failures[i / 2].status, NULL, true);
	}
	/* of a part of several */
	rig_store.read_error = -EIO;
	expect_page(ask(GET_WITH("/small", "Range: bytes=0-0,2-2\r\n")), 500, NULL, true);
	choose(0);
	rig_store.get_error = -EIO;
	expect_page(ask(GET("/small")), 500, NULL, true);
}

Test(http_pages, may_fail_themselves)
{
	static const char request[] = "DELETE /small HTTP/1.1\r\nHost: a\r\n\r\n";

	for (int store = 2; store >= 0; store--) {
		choose(store);
		rig_store.get_error = -EIO;
		rig_expect_head(ask(request), 405, "Allow: GET, HEAD, OPTIONS\r\n", "Content-Type: text/plain\r\n",
		                "Content-Length: 22\r\n", NULL);
		if (!store)
			continue;
		rig_store.read_error = -EIO;
		rig_expect_head(ask(request), 405, "Allow: GET, HEAD, OPTIONS\r\n", "Content-Type: text/plain\r\n",
		                "Content-Length: 22\r\n", NULL);
	}
}

Test(http_pages, are_nobodys_loss)
{
	struct fake_flow *f, *g;

	choose(2);
	rig_config.transfers = 1;
	f = rig_connect();
	rig_say(f, GET("/small"));
	rig_advance(rig_config.idle_ns - 1);
	g = rig_connect();
	rig_say(g, "DELETE /small HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_expect_head(g, 405, "Content-Type: text/plain\r\n", NULL);
	finish(f);
	rig_expect_head(f, 200, NULL);
	expect_page(ask(GET("/none")), 404, NULL, true);
}

Test(http_pages, without_blocks_are_not_made)
{
	for (int store = 1; store >= 0; store--) {
		choose(store);
		rig_config.blocks = 2;
		struct fake_flow *f = rig_connect(), *g = rig_connect(), *h = rig_connect();

		rig_say(f, GET("/%0"));
		rig_say(g, GET("/%0"));
		rig_say(h, GET("/%0"));
		rig_expect_head(h, 503, "Content-Length: 0\r\n", NULL);
		rig_acknowledge(f);
		rig_acknowledge(g);
	}
}

/* -- applications -- */

static char long_line[400] = "X: ";
static struct http_exchange exchange;
static bool replies_later;

static int handler(void *arg, const struct http_request *request, struct http_reply *reply)
{
	(void)arg;
	if (request->key.len == 5)
		return -ENOENT;
	if (replies_later)
		return http_later(request, reply, &exchange);
	reply->status = request->key.len == 3 ? 400 : 401;
	reply->header = request->key.len == 4 ? long_line : "WWW-Authenticate: Basic\r\n";
	if (request->key.len == 2)
		reply->body = (struct slice){ "own", 3, NULL };
	return 0;
}

Test(http_pages, are_for_applications_that_say_nothing)
{
	rig_config.handler = handler;
	memset(long_line + 3, 'x', 380);
	strcpy(long_line + 383, "\r\n");
	for (int store = 2; store >= 0; store--) {
		struct fake_flow *f;

		choose(store);
		expect_page(ask(GET("/a")), 401, "WWW-Authenticate: Basic\r\n", true);
		expect_page(ask(GET("/aaa")), 400, "WWW-Authenticate: Basic\r\n", true);
		f = ask(GET("/aa"));
		cr_expect_str_eq(rig_expect_head(f, 401, "Content-Type: text/plain\r\n", NULL), "own");
		f = ask(GET("/aaaa")); /* no room for these lines and those of a page in pieces, but for a text */
		cr_expect(!strncmp(rig_expect_head(f, 401, NULL), store ? "401" : "hello", 3), "%s", f->output);
	}
}

Test(http_pages, are_for_applications_that_answer_later)
{
	rig_config.handler = handler;
	replies_later = true;
	for (int store = 2; store >= 0; store--) {
		struct http_reply reply = { .status = 401, .header = "WWW-Authenticate: Basic\r\n" };
		struct fake_flow *f;

		choose(store);
		f = ask(GET("/a"));
		http_reply(&exchange, &reply);
		rig_run();
		finish(f);
		if (store == 0)
			expect_page(f, 401, reply.header, true);
		else
			rig_expect_head(f, 401, reply.header, "Content-Type: text/plain\r\n", NULL);
	}
}

/* -- closing, and the log -- */

Test(http_pages, do_not_hold_who_goes)
{
	for (int steps = 0; steps < 2; steps++) {
		struct fake_flow *f;

		choose(2);
		f = rig_connect();
		f->window = 0;
		rig_say(f, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n");
		for (int i = 0; i < steps; i++) {
			fake_kv_settle(&rig_store);
			rig_run();
		}
		fake_flow_break(f, -ECONNRESET);
		http_server_close(rig_server);
		rig_run();
		while (fake_kv_settle(&rig_store))
			rig_run();
		cr_expect(f->closed && rig_stats().transfers == 0, "%d", steps);
	}
}

static char logged[400];

static void take_note(void *arg, struct flow *flow, const struct http_request *request, uint16_t status,
                      uint64_t bytes)
{
	(void)arg, (void)flow;
	snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), "%.*s?%.*s %u %llu\n",
	         request ? (int)request->path.len : 0, request ? request->path.at : "",
	         request ? (int)request->query.len : 0, request ? request->query.at : "", status,
	         (unsigned long long)bytes);
}

Test(http_pages, are_logged_once)
{
	rig_config.log = take_note;
	for (int store = 2; store >= 0; store--) {
		char expected[100];

		choose(store);
		*logged = '\0';
		ask("DELETE /small?a=b HTTP/1.1\r\nHost: a\r\n\r\n");
		ask("GET /\r\n\r\n");
		rig_say(ask("GET /sm"), "");
		rig_advance(rig_config.head_ns);
		finish(rig_connect());
		snprintf(expected, sizeof(expected), "/small?a=b 405 %d\n? 400 %d\n? 408 %d\n", store ? 30 : 5,
		         store ? 30 : 5, store ? 30 : 5);
		cr_expect_str_eq(logged, expected, "%d:\n%s", store, logged);
	}
}

/* The key of a request may have spaces, and an index at its end; the log has the target. */
Test(http_pages, requests_are_logged_as_they_were_spelt)
{
	char path[301] = "/", text[400];

	memset(path + 1, 'a', sizeof(path) - 2);
	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
	rig_config.limits.target_bytes = 400;
	rig_config.log = take_note;
	for (int store = 2; store >= 0; store--) {
		char expected[400];

		choose(store);
		*logged = '\0';
		ask(GET("/.//sm%61ll?a"));
		ask(GET("/no%20ne/"));
		ask(text);
		snprintf(expected, sizeof(expected), "/.//sm%%61ll?a 200 %d\n/no%%20ne/? 404 %d\n%.*s? 404 %d\n",
		         store ? 100 : 5, store ? 30 : 5, store ? HTTP_LOGGED_BYTES : 300, path, store ? 30 : 5);
		cr_expect_str_eq(logged, expected, "%d:\n%s", store, logged);
	}
}
