/* SPDX-License-Identifier: ISC */
/* Handlers that take time: bodies as they come in, answers later and in pieces, and ends of client, server
 * and application at the wrong moment. The application here makes one call at a time, on the test's
 * orders. */
#include "net/http/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http/route.h"
#include "tests/lib/memory.h"
#include "tests/unit/net/http/rig.h"

/* The handler's last exchange. In memory of exactly its size, to be freed once it has ended. */
static struct app {
	struct http_exchange exchange;
	struct http_read read;
	struct http_write write;
} *app;
static int begun;
static bool reads_at_once, replies_at_once, aborts_at_once, writes_at_once, echoes;
static struct waiter waiter;

static void reply_with(struct app *one, uint16_t status, const char *body)
{
	struct http_reply reply = { .status = status, .body = { body, strlen(body), NULL } };

	http_reply(&one->exchange, &reply);
	free(one);
}

/* -- an application that echoes bodies -- */

static void echo_next(struct waiter *w);

static void echo_written(struct waiter *w)
{
	cr_assert(promise_is_settled(&app->write.promise));
	http_read(&app->exchange, &app->read);
	promise_wait(&app->read.promise, w, echo_next);
}

static void echo_next(struct waiter *w)
{
	static struct slice slice;

	if (promise_result(&app->read.promise) < 0) {
		http_abort(&app->exchange);
		free(app);
		return;
	}
	if (app->read.len == 0) {
		http_end(&app->exchange);
		free(app);
		return;
	}
	slice = (struct slice){ app->read.data, app->read.len, NULL };
	http_write(&app->exchange, &app->write, &slice, 1);
	promise_wait(&app->write.promise, w, echo_written);
}

static int handle(void *arg, const struct http_request *request, struct http_reply *reply)
{
	(void)arg;
	app = calloc(1, sizeof(*app));
	begun++;
	http_later(request, reply, &app->exchange);
	if (reads_at_once)
		http_read(&app->exchange, &app->read);
	if (echoes) {
		cr_assert(http_start(&app->exchange, reply) == 0);
		http_read(&app->exchange, &app->read);
		promise_wait(&app->read.promise, &waiter, echo_next);
	}
	if (replies_at_once)
		reply_with(app, 200, "at once");
	if (aborts_at_once) {
		http_abort(&app->exchange);
		free(app);
	}
	if (writes_at_once) {
		static const struct slice hello = { "hello", 5, NULL };

		cr_assert(http_start(&app->exchange, reply) == 0);
		http_write(&app->exchange, &app->write, &hello, 1);
		promise_cancel(&app->write.promise); /* too early to be heeded */
	}
	return HTTP_LATER;
}

static const struct http_route routes[] = { { "app*", 0x3ff, handle }, { 0 } };
static struct http_routes table = { .routes = routes };

static void set_up(void)
{
	rig_set_up();
	rig_config.handler = http_route;
	rig_config.arg = &table;
}

TestSuite(http_exchange, .init = set_up, .fini = rig_tear_down);

static void expect_piece(const char *expected)
{
	cr_assert(promise_is_settled(&app->read.promise), "%s expected", expected);
	cr_expect_eq(promise_result(&app->read.promise), (intptr_t)strlen(expected));
	cr_expect(app->read.len == strlen(expected) && !memcmp(app->read.data, expected, app->read.len));
}

static void read_on(void)
{
	http_read(&app->exchange, &app->read);
	rig_run();
}

static void write_text(const char *text)
{
	static struct slice slice;

	slice = (struct slice){ text, strlen(text), NULL };
	http_write(&app->exchange, &app->write, &slice, 1);
	rig_run();
}

static void start(void)
{
	struct http_reply reply = { .status = 200, .type = "text/x", .header = "X: y\r\n" };

	cr_assert(http_start(&app->exchange, &reply) == 0);
}

static void end(void)
{
	http_end(&app->exchange);
	free(app);
	rig_run();
}

/* Lines of the log, one behind the other. */
static char logged[1000];

static void take_note(void *arg, struct flow *flow, const struct http_request *request, uint16_t status,
                      uint64_t body_bytes)
{
	size_t len = strlen(logged);

	cr_assert(!arg && !((struct fake_flow *)flow)->closed && !((struct fake_flow *)flow)->aborted);
	snprintf(logged + len, sizeof(logged) - len, "%.*s?%.*s %u %llu\n", (int)request->path.len,
	         request->path.at ?: "", (int)request->query.len, request->query.at ?: "", status,
	         (unsigned long long)body_bytes);
}

static void expect_log(const char *expected)
{
	cr_expect_str_eq(logged, expected);
	*logged = '\0';
}

#define POST "POST /app HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED_HEAD "HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n"

/* -- answers -- */

Test(http_exchange, answers_later)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET("/app") GET("/none"));
	cr_expect(begun == 1 && f->output_len == 0);
	rig_advance(1000 * NS_PER_S);
	cr_expect_not(f->closed, "the application's time is not the client's");
	reply_with(app, 200, "hello");
	rig_run();
	rig_expect_statuses(f, "200 404 ");
	cr_expect(f->reading);
	rig_say(f, "HEAD /app HTTP/1.0\r\n\r\n");
	reply_with(app, 200, "hello");
	rig_run();
	rig_expect(
		f, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
	cr_expect(f->closed);
}

Test(http_exchange, answers_inside_the_handler_however_many_ask)
{
	struct fake_flow *f = rig_connect();
	char text[8000] = "";

	replies_at_once = true;
	for (int i = 0; i < 200; i++)
		strcat(text, GET("/app"));
	rig_say(f, text);
	cr_expect_eq(begun, 200);
	cr_expect_eq(rig_stats().requests, 200);
	cr_expect_eq(rig_stats().answers_peak, 1);
}

Test(http_exchange, streams_in_chunks)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET("/app") GET("/none"));
	start();
	write_text("hello");
	cr_expect_eq(promise_result(&app->write.promise), 5);
	write_text("");
	write_text(" to you and you");
	cr_expect_eq(f->writes, 4);
	end();
	cr_expect(strstr(f->output, CHUNKED_HEAD
	                 "5\r\nhello\r\nf\r\n to you and you\r\n0\r\n\r\nHTTP/1.1 404 ") == f->output,
	          "%s", f->output);
	cr_expect(f->reading);
	fake_flow_clear(f);
	rig_say(f, GET("/app"));
	start();
	end();
	rig_expect(f, CHUNKED_HEAD "0\r\n\r\n");
}

Test(http_exchange, streams_to_the_connections_end_for_1_0)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, "GET /app HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	start();
	write_text("hello");
	cr_expect_not(f->closed);
	write_text(" you");
	end();
	rig_expect(f, "HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: text/x\r\nConnection: close\r\n\r\nhello you");
	cr_expect(f->closed && !f->aborted);
}

Test(http_exchange, streams_nothing_where_there_is_no_body)
{
	struct http_reply reply = { .status = 204 };
	struct fake_flow *f = rig_connect();

	rig_say(f, "HEAD /app HTTP/1.1\r\nHost: a\r\n\r\n");
	start();
	write_text("hello");
	cr_expect_eq(promise_result(&app->write.promise), 5);
	end();
	rig_expect(f, CHUNKED_HEAD);
	rig_say(f, GET("/app"));
	cr_assert(http_start(&app->exchange, &reply) == 0);
	write_text("hello");
	end();
	rig_expect(f, "HTTP/1.1 204 No Content\r\n\r\n");
	cr_expect(f->reading);
}

Test(http_exchange, holds_the_application_back)
{
	struct fake_flow *f = rig_connect();

	f->window = 0;
	rig_say(f, GET("/app"));
	start();
	write_text("hello");
	cr_expect_not(promise_is_settled(&app->write.promise));
	for (int i = 0; i < 300 && !promise_is_settled(&app->write.promise); i++) {
		rig_advance(rig_config.write_ns - 1);
		cr_expect_not(f->closed, "as long as it goes on");
		fake_flow_accept(f, 1);
		rig_run();
	}
	cr_expect(promise_is_settled(&app->write.promise) && f->output_len == strlen(CHUNKED_HEAD) + 8);
	rig_advance(1000 * NS_PER_S);
	cr_expect_not(f->closed, "now it is the application's turn");
	f->window = SIZE_MAX;
	end();
	rig_expect(f, CHUNKED_HEAD "5\r\nhello\r\n0\r\n\r\n");
}

Test(http_exchange, limits_the_time_for_a_write)
{
	struct fake_flow *f = rig_connect();

	f->window = strlen(CHUNKED_HEAD) + 4;
	rig_say(f, GET("/app"));
	start();
	write_text("hello");
	rig_advance(rig_config.write_ns);
	cr_expect(f->aborted);
	cr_expect_eq(promise_result(&app->write.promise), -ECONNRESET);
	cr_expect_eq(rig_stats().expired, 1);
	write_text("more");
	cr_expect_eq(promise_result(&app->write.promise), -ECONNRESET);
	end();
}

/* -- bodies -- */

Test(http_exchange, reads_a_body_as_it_comes)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, POST "Content-Length: 10\r\n\r\n123");
	read_on();
	expect_piece("123");
	read_on();
	cr_expect(!promise_is_settled(&app->read.promise) && f->reading);
	rig_say(f, "4567");
	expect_piece("4567");
	cr_expect_not(f->reading, "nothing is read that nobody wants");
	fake_flow_feed_text(f, "890" GET("/none"));
	read_on();
	expect_piece("890");
	read_on();
	expect_piece("");
	read_on();
	expect_piece("");
	reply_with(app, 201, "done");
	rig_run();
	rig_expect_statuses(f, "201 404 ");
}

Test(http_exchange, reads_a_body_in_chunks)
{
	struct fake_flow *f = rig_connect();

	reads_at_once = true;
	rig_say(f, POST "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2");
	expect_piece("abc");
	read_on();
	rig_say(f, "\r\nde");
	expect_piece("de");
	read_on();
	rig_say(f, "\r\n0\r\nTrailer: dropped\r\n");
	cr_expect_not(promise_is_settled(&app->read.promise));
	rig_say(f, "\r\n" GET("/none"));
	expect_piece("");
	reply_with(app, 200, "done");
	rig_run();
	rig_expect_statuses(f, "200 404 ");
}

Test(http_exchange, gives_back_what_it_gets)
{
	struct fake_flow *f = rig_connect();

	echoes = true;
	rig_say(f, POST
	        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n" GET("/none"));
	cr_expect(
		strstr(f->output, "chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\nHTTP/1.1 404 "),
		"%s", f->output);
}

/* Byte by byte, through the room for requests in pieces. */
Test(http_exchange, reads_what_trickles)
{
	const char *text = POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
	struct fake_flow *f = rig_connect();

	echoes = true;
	for (int round = 0; round < 2; round++) {
		for (const char *at = text; *at; at++) {
			fake_flow_feed(f, at, 1);
			rig_run();
		}
		cr_expect(strstr(f->output, "\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n1\r\ne\r\n0\r\n\r\n"),
		          "%s", f->output);
		rig_forget(f);
	}
}

Test(http_exchange, drops_what_is_not_read)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, POST "Content-Length: 10\r\n\r\n123");
	read_on();
	expect_piece("123");
	reply_with(app, 200, "enough");
	rig_run();
	rig_expect_statuses(f, "200 ");
	rig_say(f, "4567890" GET("/none"));
	rig_expect_statuses(f, "404 ");
	rig_say(f, POST "Content-Length: 3\r\n\r\n123" GET("/none"));
	reply_with(app, 200, "not any");
	rig_run();
	rig_expect_statuses(f, "200 404 ");
	/* The end of a chunked one cannot be told without looking. */
	rig_say(f, POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET("/none"));
	reply_with(app, 200, "not that");
	rig_run();
	cr_expect(strstr(f->output, "Connection: close\r\n"));
	rig_expect_statuses(f, "200 ");
	cr_expect(f->shut_down && !f->closed && f->reading, "a reset would destroy the answer");
}

Test(http_exchange, refuses_bad_bodies)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "3\r\nabcd\r\n", -EBADMSG },
		{ "3\r\nabc\r\n-1\r\n", -EBADMSG },
		{ "b\r\nhello, all!\r\n", -EFBIG },
		{ "5\r\nhello\r\n5\r\nhello\r\n1\r\n!\r\n", -EFBIG },
		{ "ffffffffffffffff\r\nhello hello hello", -EFBIG },
	};

	rig_config.body_bytes = 10;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_flow *f = rig_connect();

		rig_say(f, POST "Transfer-Encoding: chunked\r\n\r\n");
		rig_say(f, cases[i].text);
		do
			read_on();
		while (promise_is_settled(&app->read.promise) && promise_result(&app->read.promise) > 0);
		cr_expect_eq(promise_result(&app->read.promise), cases[i].error, "%zu", i);
		reply_with(app, cases[i].error == -EFBIG ? 413 : 400, "no");
		rig_run();
		cr_expect(strstr(f->output, "Connection: close\r\n") && f->shut_down);
	}
	rig_say(rig_connect(), POST "Content-Length: 11\r\n\r\n");
	cr_expect_eq(begun, (int)ARRAY_SIZE(cases), "a length is refused before a handler is asked");
}

Test(http_exchange, says_continue_to_who_waits_for_it)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	cr_expect_eq(f->output_len, 0, "only when somebody wants the body");
	read_on();
	rig_expect(f, "HTTP/1.1 100 Continue\r\n\r\n");
	rig_say(f, "hello" GET("/none"));
	expect_piece("hello");
	read_on();
	expect_piece("");
	rig_expect(f, "");
	reply_with(app, 200, "done");
	rig_run();
	rig_expect_statuses(f, "200 404 ");
	/* A client that did not wait gets no 100. */
	rig_say(f, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhe");
	read_on();
	read_on();
	rig_say(f, "llo");
	reply_with(app, 200, "done");
	rig_run();
	rig_expect_statuses(f, "200 ");
	/* A client that gets a final answer instead may send the body or not. */
	rig_say(f, POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
	reply_with(app, 403, "no");
	rig_run();
	cr_expect(strstr(f->output, "403 Forbidden") && strstr(f->output, "Connection: close\r\n") &&
	          f->shut_down);
}

Test(http_exchange, does_not_wait_for_who_has_no_room_for_continue)
{
	struct fake_flow *f = rig_connect();

	f->window = 5;
	rig_say(f, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	read_on();
	fake_flow_feed_text(f, "hello");
	rig_run();
	expect_piece("hello");
	reply_with(app, 200, "done");
	rig_run();
	cr_expect(f->aborted);
}

Test(http_exchange, limits_the_time_for_a_body)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, POST "Content-Length: 5\r\n\r\nhe");
	read_on();
	read_on();
	rig_advance(rig_config.head_ns - 1);
	rig_say(f, "l");
	expect_piece("l");
	rig_advance(1000 * NS_PER_S);
	read_on();
	rig_advance(rig_config.head_ns - 1);
	cr_expect_not(f->closed, "each piece has that time, and it begins when it is wanted");
	rig_advance(1);
	cr_expect(!f->closed && promise_result(&app->read.promise) == -ETIMEDOUT);
	cr_expect_eq(rig_stats().expired, 1);
	reply_with(app, 503, "too late");
	rig_run();
	rig_expect_head(f, 503, "Connection: close\r\n", NULL);
	cr_expect(f->shut_down);
	rig_say(f, "o");
	rig_advance(rig_config.linger_ns);
	cr_expect(f->closed);
}

/* The server chooses the status, not the application. */
Test(http_exchange, says_that_a_body_is_late)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhe");
	read_on();
	read_on();
	rig_advance(rig_config.head_ns);
	cr_assert_eq(promise_result(&app->read.promise), -ETIMEDOUT);
	read_on();
	cr_assert_eq(promise_result(&app->read.promise), -ETIMEDOUT, "what comes then does not count");
	http_abort(&app->exchange);
	free(app);
	rig_run();
	rig_expect_head(f, 408, "Connection: close\r\n", NULL);
	cr_expect(f->shut_down && !f->aborted);
}

/* -- the wrong moment -- */

Test(http_exchange, outlives_its_client)
{
	for (int how = 0; how < 12; how++) {
		struct fake_flow *f = rig_connect();

		f->window = how >= 6 ? 3 : SIZE_MAX;
		rig_say(f, POST "Content-Length: 5\r\n\r\nhe");
		read_on();
		if (how % 3 == 1)
			read_on(); /* pending */
		if (how % 3 == 2) {
			start();
			write_text("hello"); /* pending, when there is no room */
		}
		http_server_close(rig_server);
		rig_run();
		cr_expect(f->closed);
		if (how % 3 == 1)
			cr_expect_eq(promise_result(&app->read.promise), -ECONNRESET);
		if (how % 3 == 2 && how >= 6)
			cr_expect_eq(promise_result(&app->write.promise), -ECONNRESET);
		cr_expect_eq(rig_stats().connections, 1, "it lasts until the application ends it");
		if (how % 3 == 2) {
			write_text("hello");
			cr_expect_eq(promise_result(&app->write.promise), -ECONNRESET);
			end();
		} else if (how % 2) {
			http_abort(&app->exchange);
			free(app);
		} else {
			reply_with(app, 200, "hello");
		}
		rig_run();
		cr_expect_eq(rig_stats().connections, 0);
		fake_flow_acknowledge(f);
	}
}

Test(http_exchange, hears_of_a_client_that_goes_in_the_middle)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, POST "Content-Length: 5\r\n\r\nhe");
	read_on();
	read_on();
	fake_flow_end(f);
	rig_run();
	cr_expect_eq(promise_result(&app->read.promise), -ECONNRESET);
	http_abort(&app->exchange);
	free(app);
	rig_run();
	cr_expect(f->closed);
}

Test(http_exchange, logs_what_was_sent_when_it_has_ended)
{
	struct fake_flow *f;
	char text[400] = "GET /app", expected[300] = "/app";

	rig_config.log = take_note;
	f = rig_connect();
	rig_say(f, GET("/app?x=y"));
	reply_with(app, 200, "hello");
	rig_run();
	expect_log("/app?x=y 200 5\n");
	rig_say(f, GET("/app?x=y"));
	start();
	write_text("hello");
	write_text(" to you");
	expect_log("");
	end();
	expect_log("/app?x=y 200 12\n");
	rig_say(f, "HEAD /app HTTP/1.1\r\nHost: a\r\n\r\n");
	start();
	write_text("hello");
	end();
	expect_log("/app? 200 0\n");
	rig_say(f, GET("/app"));
	start();
	write_text("hel");
	http_abort(&app->exchange);
	free(app);
	rig_run();
	expect_log("/app? 200 3\n");
	/* The client goes when it has taken a part. */
	f = rig_connect();
	f->window = strlen(CHUNKED_HEAD) + 3 + 4;
	memset(text + strlen(text), 'a', 300);
	strcpy(text + 308, " HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_say(f, text);
	start();
	write_text("hello");
	expect_log("");
	memset(expected + 4, 'a', HTTP_LOGGED_BYTES - 4);
	strcat(expected, "? 200 4\n");
	fake_flow_break(f, -ECONNRESET);
	rig_run();
	cr_expect_eq(promise_result(&app->write.promise), -ECONNRESET);
	http_abort(&app->exchange);
	free(app);
	rig_run();
	expect_log(expected);
	/* Or takes nothing any more, until it is given up. */
	f = rig_connect();
	f->window = strlen(CHUNKED_HEAD) + 3 + 2;
	rig_say(f, GET("/app"));
	start();
	write_text("hello");
	rig_advance(rig_config.write_ns);
	cr_expect(f->aborted);
	expect_log("/app? 200 2\n");
	http_abort(&app->exchange);
	free(app);
	rig_run();
	expect_log("");
}

Test(http_exchange, can_be_given_up)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET("/app"));
	start();
	write_text("hello");
	http_abort(&app->exchange);
	free(app);
	rig_run();
	cr_expect(f->aborted);
	/* Operations, too. */
	f = rig_connect();
	rig_say(f, POST "Content-Length: 5\r\n\r\n");
	read_on();
	promise_cancel(&app->read.promise);
	cr_expect_eq(promise_result(&app->read.promise), -ECANCELED);
	rig_advance(1000 * NS_PER_S);
	cr_expect_not(f->closed, "nobody waits for it any more");
	rig_say(f, "hello");
	read_on();
	expect_piece("hello");
	f->window = 0;
	start();
	write_text("hello");
	promise_cancel(&app->write.promise);
	rig_run();
	cr_expect(f->aborted && promise_result(&app->write.promise) == -ECONNRESET, "half a chunk is of no use");
	end();
}

Test(http_exchange, tells_when_there_are_no_blocks)
{
	struct http_reply reply = { .status = 200 };
	struct fake_flow *f, *g;

	rig_config.blocks = 3;
	f = rig_connect();
	g = rig_connect();
	rig_say(f, GET("/app"));
	start();
	write_text("hello");
	rig_say(g, GET("/none"));
	write_text("hello");
	cr_expect_eq(promise_result(&app->write.promise), -ENOBUFS);
	end();
	cr_expect(f->aborted);
	rig_say(g, GET("/app"));
	rig_say(rig_connect(), GET("/none"));
	fake_flow_acknowledge(f);
	rig_say(rig_connect(), GET("/none"));
	rig_say(rig_connect(), GET("/none"));
	cr_expect_eq(http_start(&app->exchange, &reply), -ENOBUFS);
	rig_acknowledge(g);
	reply_with(app, 503, "then so");
	rig_run();
	rig_expect_statuses(g, "404 503 ");
}

/* The room for requests in pieces is taken from clients that do not read, but not from under the
 * application. */
Test(http_exchange, keeps_what_is_lent)
{
	struct fake_flow *f, *g;

	rig_config.heads = 1;
	f = rig_connect();
	rig_say(f, POST "Content-Len");
	rig_say(f, "gth: 10\r\n\r\nhello");
	read_on();
	expect_piece("hello");
	f->window = 0;
	start();
	write_text("x");
	rig_advance(2 * NS_PER_S);
	g = rig_connect();
	rig_say(g, "GET /no");
	rig_expect_head(g, 503, NULL);
	expect_piece("hello");
	f->window = SIZE_MAX;
	fake_flow_accept(f, 0);
	rig_run();
	read_on();
	rig_say(f, "again");
	expect_piece("again");
	end();
	rig_expect(f, CHUNKED_HEAD "1\r\nx\r\n0\r\n\r\n");
}

Test(http_exchange, may_be_given_up_inside_the_handler)
{
	struct fake_flow *f = rig_connect();

	aborts_at_once = true;
	rig_say(f, POST "Content-Length: 5\r\n\r\nhello" GET("/none"));
	cr_expect(f->aborted && f->output_len == 0);
	cr_expect_eq(rig_stats().connections, 0);
}

Test(http_exchange, limits_the_time_for_a_write_begun_inside_the_handler)
{
	struct fake_flow *f = rig_connect();

	f->window = 0;
	writes_at_once = true;
	rig_say(f, GET("/app"));
	cr_expect_not(promise_is_settled(&app->write.promise));
	rig_advance(rig_config.write_ns);
	cr_expect(f->aborted && promise_result(&app->write.promise) == -ECONNRESET);
	end();
}

Test(http_exchange, says_continue_before_an_answer_only)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	start();
	read_on();
	rig_expect(f, "HTTP/1.1 100 Continue\r\n\r\n");
	rig_say(f, "hello");
	end();
	rig_forget(f);
	rig_say(f, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	start();
	write_text("x");
	read_on();
	cr_expect_not(strstr(f->output, "100 Continue"));
	rig_say(f, "hello");
	end();
}

/* -- routes -- */

Test(http_exchange, goes_by_path_and_method)
{
	static const struct http_route some[] = {
		{ "app", HTTP_METHOD(GET) | HTTP_METHOD(PUT), handle },
		{ "app/*", HTTP_METHOD(POST), handle },
		{ 0 },
	};
	static struct http_routes own = { .routes = some };
	struct fake_flow *f;

	rig_config.arg = &own;
	replies_at_once = true;
	f = rig_connect();
	rig_say(f, GET("/app"));
	rig_say(f, "HEAD /app HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_say(f, "PUT /app HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_say(f, "POST /app/x HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_expect_eq(begun, 4);
	rig_forget(f);
	rig_say(f, "DELETE /app HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_expect_head(f, 405, "Allow: OPTIONS, GET, HEAD, PUT\r\n", NULL);
	rig_forget(f);
	rig_say(f, GET("/app/x"));
	rig_expect_head(f, 405, "Allow: OPTIONS, POST\r\n", NULL);
	rig_forget(f);
	rig_say(f, "OPTIONS /app HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_expect_head(f, 204, "Allow: OPTIONS, GET, HEAD, PUT\r\n", NULL);
	rig_forget(f);
	rig_say(f, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" GET("/ap") GET("/appx") GET("/app%2fx"));
	rig_expect_statuses(f, "204 404 404 405 ");
	cr_expect_eq(begun, 4);
}
