/* SPDX-License-Identifier: ISC */
/* The server over fake flows: its answers, byte by byte; every way in which requests arrive and answers
 * leave; each limit of size, number and time. After each test all pools must be full again. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/kv.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "net/http/server.h"
#include "tests/lib/clock.h"
#include "tests/lib/fake_flow.h"

/* -- a store -- */

#define TEXT_LINES "Content-Type: text/plain\r\nContent-Length: 5\r\n"
#define TEXT_TAGS "ETag: \"t\"\r\nCache-Control: no-cache\r\n"
#define TEXT_HEADER TEXT_LINES TEXT_TAGS
#define BIG_BYTES 100000

static char big[BIG_BYTES];

static const struct value {
	const char *key;
	struct kv_entry entry;
} values[] = {
	/* the body follows the header */
	{ "text", { .size = 5, .etag = "\"t\"", .header = TEXT_HEADER "\r\nhello",
	            .header_len = sizeof(TEXT_HEADER) - 1, .validators = sizeof(TEXT_LINES) - 1 } },
	{ "docs/index.html", { 4, .header = "Content-Length: 4\r\n\r\n", .header_len = 19, .data = "docs" } },
	{ "index.html", { 4, .header = "Content-Length: 4\r\n\r\n", .header_len = 19, .data = "root" } },
	{ "empty", { 0, .header = "Content-Length: 0\r\n\r\n", .header_len = 19, .data = "" } },
	{ "big", { BIG_BYTES, .header = "Content-Length: 100000\r\n\r\n", .header_len = 24, .data = big } },
};

static void store_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	(void)kv;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (strlen(values[i].key) != key_len || memcmp(values[i].key, key, key_len))
			continue;
		op->entry = values[i].entry;
		if (!op->entry.data)
			op->entry.data = op->entry.header + op->entry.header_len + 2;
		promise_return(&op->promise, 0);
		return;
	}
	if (key_len >= 4 && !memcmp(key, "docs", 4))
		promise_throw(&op->promise, -EISDIR);
	else
		promise_throw(&op->promise, key_len == 2 && !memcmp(key, "io", 2) ? -EIO : -ENOENT);
}

/* -- the rig -- */

static const struct kv_ops store_ops = { .get = store_get };
static struct kv store = { &store_ops };
static struct http_config config = HTTP_CONFIG_DEFAULTS;
static struct http_server *server;
static struct fake_flow flows[20];
static size_t opened;

static void set_up(void)
{
	static char memory[16 << 20] __attribute__((aligned(PAGE_BYTES)));

	page_add_region((uintptr_t)memory, (uintptr_t)memory + sizeof(memory));
	cr_assert(buf_init(64, 1024) == 0);
	memset(big, 'b', sizeof(big));
	config.kv = &store;
}

static void run(void)
{
	while (loop_turn())
		;
}

static void start(void)
{
	cr_assert(http_server_create(&server, &config) == 0);
}

/* A new connection, served. */
static struct fake_flow *connect_client(void)
{
	struct fake_flow *f = &flows[opened++];

	if (!server)
		start();
	fake_flow_init(f);
	cr_assert(http_server_accept(server, &f->flow, NULL) == 0);
	run();
	return f;
}

static void say(struct fake_flow *f, const char *text)
{
	fake_flow_feed_text(f, text);
	run();
}

static void advance(uint64_t ns)
{
	clock_advance_ns(ns);
	run();
}

static struct http_stats stats(void)
{
	struct http_stats s;

	http_server_stats(server, &s);
	return s;
}

static void expect_output(struct fake_flow *f, const char *expected)
{
	cr_expect_str_eq(f->output, expected, "not what was expected, but:\n%s", f->output);
	fake_flow_clear(f);
}

/* The next answer has this status; the rest of the output does not matter. */
static void expect_status(struct fake_flow *f, unsigned status)
{
	char line[16];

	snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
	cr_expect(!strncmp(f->output, line, strlen(line)), "%u expected, but:\n%s", status, f->output);
	fake_flow_clear(f);
}

static void expect_statuses(struct fake_flow *f, const char *expected)
{
	char found[256] = "";

	for (const char *at = f->output; (at = strstr(at, "HTTP/1.1 ")); at += 9)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%.3s ", at + 9);
	cr_expect_str_eq(found, expected, "%s", found);
	fake_flow_clear(f);
}

static void tear_down(void)
{
	struct http_stats s;

	if (!server)
		return;
	http_server_close(server);
	run();
	while (opened)
		fake_flow_destroy(&flows[--opened]);
	s = stats();
	cr_expect(s.connections == 0 && s.answers == 0 && s.heads == 0 && s.blocks <= 1, "%zu %zu %zu %zu",
	          s.connections, s.answers, s.heads, s.blocks);
	http_server_destroy(server);
	struct buf_stats b;

	buf_stats(&b);
	cr_expect(b.slices_used == 0 && b.headers_used == 0, "packets leak: %zu", b.slices_used);
}

TestSuite(http_server, .init = set_up, .fini = tear_down);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define TEXT_ANSWER "HTTP/1.1 200 OK\r\n" TEXT_HEADER "\r\nhello"

/* -- answers -- */

Test(http_server, answers_in_one_write_of_two_slices)
{
	struct fake_flow *f = connect_client();

	say(f, GET("/text"));
	expect_output(f, TEXT_ANSWER);
	cr_expect(f->writes == 1 && f->slices == 2, "%zu writes, %zu slices", f->writes, f->slices);
	cr_expect(!f->shut_down && !f->closed && f->reading);
	cr_expect_eq(stats().requests, 1);
	cr_expect_eq(stats().blocks_peak, 0);
}

Test(http_server, dates_its_answers_when_it_knows_the_time)
{
	struct fake_flow *f = connect_client();

	clock_set_wall_ns(UINT64_C(784111777) * NS_PER_S + 999);
	say(f, GET("/text") GET("/text"));
	expect_output(f, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n" TEXT_HEADER "\r\nhello"
	              "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n" TEXT_HEADER "\r\nhello");
	cr_expect(f->slices == 4 && stats().blocks == 1, "the same second's date is generated once");
	clock_set_wall_ns(UINT64_C(784111778) * NS_PER_S);
	say(f, GET("/none"));
	expect_output(f, "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
	              "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\n404 Not Found");
	cr_expect_eq(stats().blocks, 3, "unacknowledged lines stay as they were: %zu", stats().blocks);
	fake_flow_acknowledge(f);
	cr_expect_eq(stats().blocks, 1);
	say(f, "GET /text HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n");
	expect_output(f, "HTTP/1.1 304 Not Modified\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n" TEXT_TAGS "\r\n");
}

Test(http_server, answers_each_method)
{
	struct fake_flow *f = connect_client();

	say(f, "HEAD /text HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(f, "HTTP/1.1 200 OK\r\n" TEXT_HEADER "\r\n");
	say(f, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(f, "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS\r\n\r\n");
	say(f, "DELETE /text HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(f, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\n"
	              "Content-Type: text/plain\r\nContent-Length: 22\r\n\r\n405 Method Not Allowed");
	say(f, "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(f, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n");
	say(f, "BREW /text HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_status(f, 501);
	cr_expect(f->shut_down);
}

Test(http_server, finds_what_is_asked_for)
{
	struct fake_flow *f = connect_client();

	say(f, GET("/"));
	expect_output(f, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nroot");
	say(f, GET("/docs/"));
	expect_output(f, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndocs");
	say(f, GET("/x/%2e%2e/./%74ext?query"));
	expect_output(f, TEXT_ANSWER);
	say(f, GET("http://a/empty"));
	expect_output(f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	say(f, GET("/none/"));
	expect_status(f, 404);
	say(f, GET("/../text"));
	expect_status(f, 400);
	say(f, GET("/io"));
	expect_status(f, 500);
	cr_expect(!f->shut_down, "a well-formed request does not end the connection");
}

Test(http_server, redirects_to_the_folder)
{
	struct fake_flow *f = connect_client();
	char target[1200] = "GET /docs?", tail[] = " HTTP/1.1\r\nHost: a\r\n\r\n";

	say(f, GET("/docs"));
	expect_output(f, "HTTP/1.1 301 Moved Permanently\r\nLocation: /docs/\r\nContent-Type: text/plain\r\n"
	              "Content-Length: 0\r\n\r\n");
	say(f, GET("/docs%20%C3%A9?a=b%26"));
	expect_output(f, "HTTP/1.1 301 Moved Permanently\r\nLocation: /docs%20%C3%A9/?a=b%26\r\n"
	              "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
	/* never another host's address */
	say(f, GET("//docs"));
	cr_expect(strstr(f->output, "Location: /docs/\r\n"), "%s", f->output);
	fake_flow_clear(f);
	memset(target + 10, 'q', 1000);
	strcpy(target + 1010, tail);
	say(f, target);
	expect_status(f, 414);
	memset(target + 9, 'd', 1000);
	say(f, target);
	expect_status(f, 414);
}

Test(http_server, keeps_to_conditions)
{
	struct fake_flow *f = connect_client();

	say(f, "GET /text HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"t\"\r\n\r\n");
	expect_output(f, "HTTP/1.1 304 Not Modified\r\n" TEXT_TAGS "\r\n");
	say(f, "HEAD /text HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"t\"\r\n\r\n");
	expect_output(f, "HTTP/1.1 304 Not Modified\r\n" TEXT_TAGS "\r\n");
	say(f, "GET /text HTTP/1.1\r\nHost: a\r\nIf-Match: \"u\"\r\n\r\n");
	expect_status(f, 412);
	say(f, "GET /text HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"u\"\r\nConnection: close\r\n\r\n");
	expect_output(f, "HTTP/1.1 200 OK\r\n" TEXT_HEADER "Connection: close\r\n\r\nhello");
	cr_expect(f->closed && !f->aborted);
}

/* -- a handler -- */

static int handler(void *arg, const struct http_request *request, struct http_reply *reply)
{
	const char *key = request->key.at;
	size_t key_len = request->key.len;
	static char long_line[1000];

	cr_expect_eq(arg, &config);
	if (key_len == 3 && !memcmp(key, "hot", 3)) {
		reply->status = request->verb == HTTP_POST ? 201 : 200;
		reply->type = "text/html";
		reply->header = "X: y\r\n";
		reply->body = (struct slice){ "<p>", 3, NULL };
		return 0;
	}
	memset(long_line, 'a', sizeof(long_line) - 1);
	reply->header = long_line;
	if (key_len == 4 && !memcmp(key, "long", 4))
		return 0;
	reply->header = NULL;
	reply->status = 422; /* one that we have no words for */
	if (key_len == 3 && !memcmp(key, "odd", 3))
		return 0;
	reply->status = 777; /* none at all */
	if (key_len == 3 && !memcmp(key, "bad", 3))
		return 0;
	return key_len == 4 && !memcmp(key, "fail", 4) ? -EIO : -ENOENT;
}

Test(http_server, asks_the_handler_first)
{
	struct fake_flow *f;

	config.handler = handler;
	config.arg = &config;
	f = connect_client();
	say(f, GET("/hot"));
	expect_output(f, "HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>");
	cr_expect_eq(f->slices, 2);
	say(f, "HEAD /hot HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(f, "HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n");
	say(f, "POST /hot HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
	expect_status(f, 201);
	say(f, GET("/text"));
	expect_output(f, TEXT_ANSWER);
	say(f, GET("/fail"));
	expect_status(f, 500);
	say(f, GET("/bad"));
	expect_status(f, 500);
	say(f, GET("/odd"));
	expect_output(f, "HTTP/1.1 422 \r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
	say(f, GET("/long"));
	expect_output(f, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	cr_expect(f->closed);
}

Test(http_server, serves_without_a_store)
{
	config.kv = NULL;
	struct fake_flow *f = connect_client();

	say(f, GET("/text"));
	expect_status(f, 404);
}

/* -- arrival -- */

Test(http_server, takes_a_request_byte_by_byte)
{
	const char *text = "GET /text HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
	struct fake_flow *f = connect_client();

	for (int round = 0; round < 3; round++) {
		for (const char *at = text; *at; at++) {
			cr_expect_eq(f->output_len, 0);
			fake_flow_feed(f, at, 1);
			run();
		}
		expect_output(f, TEXT_ANSWER);
		cr_expect_eq(stats().heads, 0);
	}
}

/* Every way to cut three pipelined requests into two packets, then three, read at once or in turn. */
Test(http_server, takes_requests_cut_anywhere)
{
	const char *text = GET("/text") "HEAD /text HTTP/1.1\r\nHost: a\r\n\r\n" "PUT / HTTP/1.1\r\nHost: a\r\n"
		"Content-Length: 3\r\n\r\nabc" GET("/none");
	size_t len = strlen(text);
	struct fake_flow *f = connect_client();

	for (size_t cut = 0; cut < len; cut++) {
		for (size_t second = cut; second < len; second += 7) {
			bool at_once = (cut + second) % 2;

			fake_flow_feed(f, text, cut);
			if (!at_once)
				run();
			fake_flow_feed(f, text + cut, second - cut);
			if (!at_once)
				run();
			fake_flow_feed(f, text + second, len - second);
			run();
			expect_statuses(f, "200 200 405 404 ");
			fake_flow_acknowledge(f);
		}
	}
	cr_expect_eq(stats().heads, 0);
}

Test(http_server, answers_a_pipeline_in_order)
{
	struct fake_flow *f = connect_client();
	char text[40 * 40] = "";

	for (int i = 0; i < 40; i++)
		strcat(text, i % 2 ? GET("/text") : GET("/empty"));
	say(f, text);
	cr_expect_eq(stats().requests, 40);
	cr_expect_eq(stats().answers_peak, 1);
}

Test(http_server, drops_bodies)
{
	struct fake_flow *f = connect_client();

	config.body_bytes = 10;
	say(f, "GET /text HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345" GET("/empty"));
	expect_statuses(f, "200 200 ");
	say(f, "POST /text HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n12");
	expect_status(f, 405);
	say(f, "34");
	say(f, "56" GET("/text"));
	expect_output(f, TEXT_ANSWER);
}

Test(http_server, refuses_bodies_that_it_cannot_drop)
{
	static const struct {
		const char *text;
		unsigned status;
	} cases[] = {
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", 405 },
	};

	config.body_bytes = 10;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_flow *f = connect_client();

		say(f, cases[i].text);
		cr_expect(strstr(f->output, "\r\nConnection: close\r\n"), "%s", f->output);
		expect_status(f, cases[i].status);
		/* The rest of the request must be read, or a reset destroys the answer. */
		cr_expect(f->shut_down && !f->closed && f->reading, "%s", cases[i].text);
		say(f, "more of the body" GET("/text"));
		cr_expect_eq(f->output_len, 0);
		fake_flow_end(f);
		run();
		cr_expect(f->closed && !f->aborted);
	}
}

/* -- the connection's end -- */

Test(http_server, keeps_or_closes_as_asked)
{
	struct fake_flow *f = connect_client();

	say(f, "GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	expect_output(f, "HTTP/1.1 200 OK\r\n" TEXT_HEADER "Connection: keep-alive\r\n\r\nhello");
	cr_expect(!f->closed);
	say(f, "GET /text HTTP/1.0\r\n\r\n");
	expect_output(f, "HTTP/1.1 200 OK\r\n" TEXT_HEADER "Connection: close\r\n\r\nhello");
	cr_expect(f->closed && !f->aborted);
	f = connect_client();
	say(f, "GET /text HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/text"));
	expect_statuses(f, "200 ");
	cr_expect(f->shut_down && !f->closed, "there is unread input");
	fake_flow_end(f);
	run();
	cr_expect(f->closed);
}

Test(http_server, ends_with_the_client)
{
	struct fake_flow *f = connect_client();

	fake_flow_end(f);
	run();
	cr_expect(f->closed && !f->aborted);
	f = connect_client();
	say(f, "GET /te");
	fake_flow_end(f);
	run();
	cr_expect(f->closed && f->output_len == 0);
	/* A client that shuts down right after asking gets its answer. */
	f = connect_client();
	fake_flow_feed_text(f, GET("/text"));
	fake_flow_end(f);
	run();
	expect_output(f, TEXT_ANSWER);
	cr_expect(f->closed);
	f = connect_client();
	fake_flow_break(f, -ECONNRESET);
	run();
	cr_expect(f->aborted);
	f = connect_client();
	f->window = 3;
	say(f, GET("/text"));
	fake_flow_break(f, -ECONNRESET);
	run();
	cr_expect(f->aborted);
}

Test(http_server, answers_bad_requests_and_hangs_up)
{
	static const struct {
		const char *text;
		unsigned status;
	} cases[] = {
		{ "nonsense\r\n", 400 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/2.0\r\n\r\n", 505 },
		{ "\x16\x03\x01", 400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_flow *f = connect_client();

		say(f, cases[i].text);
		cr_expect(strstr(f->output, "\r\nConnection: close\r\n"), "%s", f->output);
		expect_status(f, cases[i].status);
		cr_expect(f->shut_down);
	}
}

/* A client that has sent HEAD expects no body, even if the request has other faults. */
Test(http_server, answers_no_head_with_a_body)
{
	static const char *const cases[] = {
		"HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/2.0\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nX y\r\n",
		"HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"HEAD /io HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /docs HTTP/1.1\r\nHost: a\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HEAD /text HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_flow *f = connect_client();

		say(f, cases[i]);
		cr_expect(f->output_len > 4 && !strcmp(f->output + f->output_len - 4, "\r\n\r\n"), "%s", f->output);
	}
}

/* -- leaving -- */

Test(http_server, goes_on_when_the_flow_accepts)
{
	struct fake_flow *f = connect_client();

	f->window = 0;
	say(f, GET("/text") GET("/none"));
	say(f, GET("/empty"));
	cr_expect(f->output_len == 0 && f->writes == 1 && !f->reading, "reading goes on while a write waits");
	for (int i = 0; i < 1000 && stats().requests < 3; i++) {
		fake_flow_accept(f, 1);
		run();
	}
	fake_flow_accept(f, 1000);
	run();
	expect_statuses(f, "200 404 200 ");
	cr_expect(f->reading);
}

Test(http_server, sends_large_values_in_parts)
{
	struct fake_flow *f = connect_client();
	const char *body;

	f->window = 1000;
	say(f, GET("/big"));
	while (f->output_len < BIG_BYTES) {
		advance(config.write_ns - 1);
		cr_expect(!f->closed, "as long as it goes on");
		fake_flow_accept(f, 7777);
		run();
	}
	body = strstr(f->output, "\r\n\r\n") + 4;
	cr_expect_eq(f->output_len - (size_t)(body - f->output), BIG_BYTES);
	cr_expect(strspn(body, "b") == BIG_BYTES && !f->closed);
}

/* -- time -- */

Test(http_server, closes_idle_connections)
{
	struct fake_flow *f = connect_client(), *g;

	advance(config.idle_ns / 2);
	g = connect_client();
	say(g, GET("/text"));
	advance(config.idle_ns / 2 - 1);
	cr_expect(!f->closed);
	advance(1);
	cr_expect(f->closed && !f->aborted && f->output_len == 0 && !g->closed);
	say(g, GET("/text"));
	advance(config.idle_ns - 1);
	cr_expect(!g->closed);
	advance(1);
	cr_expect(g->closed);
	cr_expect_eq(stats().expired, 0);
}

Test(http_server, limits_the_time_for_a_request)
{
	struct fake_flow *f = connect_client();

	advance(config.head_ns * 2);
	for (int i = 0; i < 10; i++) {
		cr_expect_eq(f->output_len, 0);
		say(f, "G"); /* each byte does not buy more time */
		advance(config.head_ns / 10);
	}
	expect_status(f, 408);
	cr_expect(f->shut_down && !f->closed);
	advance(3 * NS_PER_S);
	cr_expect(f->closed);
	cr_expect_eq(stats().expired, 1);
	/* A body that does not come: its request has its answer already. */
	f = connect_client();
	say(f, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12");
	expect_status(f, 405);
	advance(config.head_ns);
	cr_expect(f->aborted && f->output_len == 0);
	/* Once it has come the connection is idle. */
	f = connect_client();
	say(f, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12");
	advance(config.head_ns - 1);
	say(f, "345");
	advance(config.head_ns);
	cr_expect(!f->closed);
}

Test(http_server, limits_the_time_for_a_write)
{
	struct fake_flow *f = connect_client();

	f->window = 10;
	say(f, GET("/text"));
	advance(config.write_ns - 1);
	cr_expect(!f->closed);
	advance(1);
	cr_expect(f->aborted);
	cr_expect_eq(stats().expired, 1);
	/* The same for the answer to a request that came too late. */
	f = connect_client();
	f->window = 0;
	say(f, "GET");
	advance(config.head_ns);
	advance(config.write_ns);
	cr_expect(f->aborted);
}

Test(http_server, limits_the_time_to_linger)
{
	struct fake_flow *f = connect_client();

	say(f, "nonsense\r\n");
	for (int i = 0; i < 19; i++) {
		advance(NS_PER_S / 10);
		say(f, "more nonsense");
	}
	cr_expect(!f->closed);
	advance(NS_PER_S / 10);
	cr_expect(f->closed);
}

/* -- numbers -- */

Test(http_server, refuses_connections_beyond_the_limit)
{
	struct fake_flow *f;

	config.connections = 2;
	connect_client();
	connect_client();
	for (int i = 2; i < 14; i++) {
		f = connect_client();
		expect_status(f, 503);
		cr_expect(f->shut_down && !f->closed);
		/* A refused client makes room for refusing the next. */
		cr_expect_eq(flows[i - 1].closed, i > 2);
	}
	cr_expect_eq(stats().refused, 12);
	/* There is room again when one leaves. */
	fake_flow_end(&flows[0]);
	fake_flow_end(&flows[13]);
	run();
	f = connect_client();
	say(f, GET("/text"));
	expect_output(f, TEXT_ANSWER);
}

Test(http_server, declines_connections_that_it_cannot_even_refuse)
{
	struct fake_flow extra;

	config.connections = 2;
	config.answers = 1;
	connect_client()->window = 0;
	connect_client();
	say(&flows[0], GET("/text"));
	for (int i = 0; i < 8; i++)
		cr_expect_eq(connect_client()->output_len, 0, "there is no answer to say it with");
	fake_flow_init(&extra);
	cr_expect_eq(http_server_serve(server, &extra.flow), -ENOBUFS);
	cr_expect(!extra.closed, "a declined flow stays the caller's");
	fake_flow_destroy(&extra);
	fake_flow_accept(&flows[0], 1000);
	run();
	for (int i = 2; i < 10; i++)
		expect_status(&flows[i], 503);
}

Test(http_server, ends_idle_connections_for_new_ones)
{
	struct fake_flow *f, *g, *h;

	config.connections = 2;
	f = connect_client();
	advance(NS_PER_S);
	g = connect_client();
	say(f, GET("/text"));
	expect_output(f, TEXT_ANSWER);
	/* f is the older one, but g has been idle for longer, if not for a second */
	advance(NS_PER_S - 1);
	expect_status(connect_client(), 503);
	fake_flow_end(&flows[2]);
	advance(1);
	h = connect_client();
	cr_expect(g->closed && !g->aborted && !f->closed);
	say(h, GET("/text"));
	expect_output(h, TEXT_ANSWER);
	/* Clients that are being served stay. */
	f->window = h->window = 0;
	say(f, GET("/text"));
	say(h, GET("/text"));
	advance(NS_PER_S);
	expect_status(connect_client(), 503);
	cr_expect(!f->closed && !h->closed);
	cr_expect_eq(stats().refused, 2);
}

Test(http_server, keeps_places_for_newcomers)
{
	config.connections = 16;
	for (int i = 0; i < 15; i++) {
		connect_client();
		advance(NS_PER_S / 10);
	}
	advance(NS_PER_S);
	cr_expect_eq(stats().connections, 15, "there is one place left, so nobody is in anybody's way");
	/* The client that takes the last place has the longest idle one closed. */
	connect_client();
	cr_expect(flows[0].closed && !flows[0].aborted && !flows[1].closed);
	cr_expect_eq(stats().connections, 15);
	/* If none has been idle for a second yet, the first to become so. */
	for (int i = 1; i < 16; i++)
		say(&flows[i], GET("/text"));
	connect_client();
	cr_expect_eq(stats().connections, 16);
	say(&flows[1], GET("/text"));
	advance(NS_PER_S - 1);
	cr_expect_eq(stats().connections, 16);
	advance(1);
	cr_expect(!flows[1].closed && flows[2].closed && !flows[3].closed);
	cr_expect_eq(stats().connections, 15);
	cr_expect_eq(stats().refused, 0);
}

Test(http_server, lets_requests_wait_for_an_answer)
{
	struct fake_flow *f, *g, *h;

	config.answers = 1;
	f = connect_client();
	g = connect_client();
	h = connect_client();
	f->window = 0;
	say(f, GET("/text"));
	say(g, GET("/text"));
	say(h, "HEAD /text HTTP/1.1\r\nHost: a\r\n\r\n" GET("/empty"));
	cr_expect(!g->output_len && !h->output_len);
	fake_flow_accept(f, 1000);
	run();
	expect_output(f, TEXT_ANSWER);
	expect_output(g, TEXT_ANSWER);
	expect_statuses(h, "200 200 ");
	/* A client that waits too long is closed; so is one whose server closes. */
	f->window = 0;
	say(f, GET("/text"));
	say(g, GET("/text"));
	say(h, "GET");
	advance(config.head_ns);
	cr_expect(h->aborted, "not even an error can be told");
	advance(config.write_ns);
	cr_expect(f->aborted && g->closed);
}

Test(http_server, lets_a_request_in_pieces_wait_for_an_answer)
{
	struct fake_flow *f, *g;

	config.answers = 1;
	f = connect_client();
	g = connect_client();
	f->window = 0;
	say(f, GET("/text"));
	say(g, "GET /text HTTP/1.1\r\nHo");
	say(g, "st: a\r\n\r\n" GET("/empty"));
	cr_expect_eq(g->output_len, 0);
	fake_flow_accept(f, 1000);
	run();
	expect_statuses(g, "200 200 ");
}

/* A client waiting to be told 503 may not need that any more when its turn comes. */
Test(http_server, passes_on_an_answer_that_is_not_needed)
{
	struct fake_flow *slow, *partial, *late, *whole;

	config.heads = config.answers = 1;
	slow = connect_client();
	slow->window = 0;
	say(slow, GET("/text"));
	partial = connect_client();
	say(partial, "GET /te");
	late = connect_client();
	say(late, "GET /te");
	whole = connect_client();
	say(whole, GET("/text"));
	advance(config.head_ns);
	cr_expect(partial->aborted && whole->output_len == 0);
	fake_flow_accept(slow, 1000);
	run();
	expect_output(whole, TEXT_ANSWER);
	say(late, "xt HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(late, TEXT_ANSWER);
}

static size_t slices_used(void)
{
	struct buf_stats stats;

	buf_stats(&stats);
	return stats.slices_used;
}

/* Clients that pipeline and do not read must not keep the packets that they sent: the device needs them. */
Test(http_server, holds_no_packets_while_an_answer_waits)
{
	struct fake_flow *first;

	config.heads = 2;
	for (int i = 0; i < 10; i++) {
		struct fake_flow *f = connect_client();

		f->window = 0;
		say(f, GET("/text") GET("/text"));
		for (int n = 0; n < 20; n++)
			fake_flow_feed_text(f, GET("/text")); /* unread bytes stay with the flow */
	}
	cr_expect_eq(slices_used(), 200, "%zu", slices_used());
	first = &flows[0];
	fake_flow_accept(first, 100000); /* one that has had room is answered in full and in order */
	run();
	cr_expect_eq(first->output_len, 22 * strlen(TEXT_ANSWER));
	cr_expect_not(first->shut_down || first->closed);
	fake_flow_accept(&flows[9], 100000); /* one without room, to the end of the begun answer */
	run();
	expect_output(&flows[9], TEXT_ANSWER);
	cr_expect(flows[9].shut_down && !flows[9].aborted);
	for (int i = 0; i < 10; i++)
		fake_flow_break(&flows[i], -ECONNRESET);
	run();
}

/* Nor the room for requests in pieces. */
Test(http_server, takes_heads_from_those_who_do_not_read)
{
	struct fake_flow *slow, *honest;

	config.heads = 1;
	slow = connect_client();
	slow->window = 0;
	say(slow, GET("/text") GET("/empty"));
	advance(1100 * NS_PER_MS);
	honest = connect_client();
	say(honest, "GET /te");
	say(honest, "xt HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(honest, TEXT_ANSWER);
	fake_flow_accept(slow, 100000);
	run();
	expect_output(slow, TEXT_ANSWER);
	cr_expect(slow->shut_down && !slow->aborted);
	fake_flow_end(slow);
	run();
	cr_expect(slow->closed);
}

Test(http_server, lets_a_waiting_client_leave)
{
	struct fake_flow *f, *g;

	config.answers = 1;
	f = connect_client();
	g = connect_client();
	f->window = 0;
	say(f, GET("/text"));
	say(g, GET("/text"));
	/* The answer becomes free, and before the loop turns everything is closed. */
	fake_flow_accept(f, 1000);
	loop_turn();
	http_server_close(server);
	run();
	cr_expect(f->aborted && g->aborted);
}

Test(http_server, limits_requests_in_pieces)
{
	struct fake_flow *f, *g, *h;

	config.heads = 2;
	f = connect_client();
	g = connect_client();
	h = connect_client();
	say(f, "GET /text");
	say(g, "GET");
	say(h, "GET");
	expect_status(h, 503);
	say(f, " HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(f, TEXT_ANSWER);
	h = connect_client();
	say(h, "GET");
	say(h, " /text HTTP/1.0\r\n\r\n");
	expect_status(h, 200);
}

/* A few clients that trickle must not keep all others out. */
Test(http_server, makes_room_for_requests_in_pieces)
{
	struct fake_flow *f, *g, *h;

	config.heads = 2;
	f = connect_client();
	say(f, "GET /text");
	advance(NS_PER_S / 2);
	g = connect_client();
	say(g, "GET /text");
	advance(NS_PER_S);
	h = connect_client();
	say(h, "GET");
	cr_expect(f->aborted && !g->aborted && h->output_len == 0);
	say(h, " /text HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(h, TEXT_ANSWER);
	say(g, " HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_output(g, TEXT_ANSWER);
	cr_expect_eq(stats().expired, 1);
}

Test(http_server, says_so_when_no_lines_can_be_generated)
{
	struct fake_flow *f;

	config.blocks = 2;
	f = connect_client();
	say(f, GET("/none"));
	say(f, GET("/none"));
	expect_statuses(f, "404 404 ");
	say(f, GET("/text"));
	expect_output(f, TEXT_ANSWER);
	say(f, GET("/none"));
	expect_status(f, 503);
	cr_expect(f->closed);
	/* Nor a date: answers from the store continue without one. */
	clock_set_wall_ns(UINT64_C(784111777) * NS_PER_S);
	f = connect_client();
	say(f, GET("/text"));
	expect_output(f, TEXT_ANSWER);
}

Test(http_server, keeps_an_old_date_when_no_new_one_can_be_made)
{
	struct fake_flow *f;

	config.blocks = 2;
	clock_set_wall_ns(UINT64_C(784111777) * NS_PER_S);
	f = connect_client();
	say(f, GET("/text") GET("/none"));
	fake_flow_clear(f);
	clock_set_wall_ns(UINT64_C(784111778) * NS_PER_S);
	say(f, GET("/text"));
	cr_expect(strstr(f->output, "08:49:37"), "%s", f->output);
	fake_flow_clear(f);
	fake_flow_acknowledge(f);
	say(f, GET("/text"));
	cr_expect(strstr(f->output, "08:49:38"), "%s", f->output);
}

Test(http_server, limits_sizes)
{
	static char text[20000];
	struct fake_flow *f = connect_client();

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	say(f, text);
	expect_status(f, 414);
	f = connect_client();
	memcpy(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
	say(f, text);
	expect_status(f, 431);
	/* The same in small pieces, through the bounded buffer. */
	f = connect_client();
	for (size_t at = 0; at < sizeof(text) - 1 && !f->shut_down; at += 100) {
		fake_flow_feed(f, text + at, MIN(sizeof(text) - 1 - at, (size_t)100));
		run();
	}
	expect_status(f, 431);
}

/* -- memory -- */

Test(http_server, is_not_created_without_memory)
{
	struct page_stats before, after;

	page_stats(&before);
	for (uint32_t *count = &config.connections; count <= &config.blocks; count++) {
		uint32_t was = *count;

		*count = 1u << 28;
		cr_expect_eq(http_server_create(&server, &config), -ENOMEM);
		*count = was;
		page_stats(&after);
		cr_expect_eq(after.used, before.used, "pages leak");
	}
	server = NULL;
}
