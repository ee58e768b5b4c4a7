/* SPDX-License-Identifier: ISC */
/* Answers from a store that waits: its operations settle late, with any result, and clients are slow, leave
 * or do not read. At most two pieces of an answer are ever held. */
#include "tests/unit/net/http/rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_BYTES (UINT64_C(300) << 20) /* more than the allocators of a test have */
#define LARGE_BYTES 100000

static const struct fake_value values[] = {
	{ "index.html", 10, "\"i\"", 0 },        { "small", 100, "\"s\"", 0 },
	{ "large", LARGE_BYTES, "\"l\"", 0 },    { "huge", HUGE_BYTES, "\"h\"", 0 },
	{ "docs/index.html", 20, "\"d\"", 0 },   { "empty", 0, "\"e\"", 0 },
	{ "a.SVG", 5, "\"v\"", 0 },             { "a.png", 5, "\"p\"", 0 },
	{ "a.json", 5, "\"j\"", 0 },            { "a.txt", 5, "\"t\"", 0 },
	{ 0 },
};

static void set_up(void)
{
	rig_set_up();
	rig_store.values = values;
}

TestSuite(http_transfer, .init = set_up, .fini = rig_tear_down);

/* Runs until the store is idle and the client has all that it may take. */
static void settle(void)
{
	do
		rig_run();
	while (fake_kv_settle(&rig_store));
}

static void finish(struct fake_flow *f)
{
	do {
		settle();
		rig_acknowledge(f);
	} while (!list_is_empty(&rig_store.pending));
}

static void expect_whole(struct fake_flow *f, size_t len)
{
	rig_expect_bytes(f, rig_expect_head(f, 200, NULL), 0, len, true);
	fake_flow_clear(f);
}

/* -- waiting -- */

Test(http_transfer, waits_for_the_store)
{
	struct fake_flow *f;

	rig_store.waits = true;
	f = rig_connect();
	rig_say(f, GET("/small"));
	cr_expect(f->output_len == 0 && !f->reading && rig_stats().transfers == 1);
	rig_advance(1000 * NS_PER_S);
	cr_expect_not(f->closed, "the store's time is not the client's");
	cr_expect_eq(fake_kv_settle(&rig_store), 1); /* get */
	rig_run();
	cr_expect_eq(f->output_len, 0, "the head goes with the first piece");
	cr_expect_eq(fake_kv_settle(&rig_store), 1); /* read */
	rig_run();
	cr_expect_eq(f->writes, 1);
	expect_whole(f, 100);
	cr_expect_eq(rig_stats().transfers, 1);
	rig_acknowledge(f);
	cr_expect_eq(rig_stats().transfers, 0);
	cr_expect(f->reading);
	rig_say(f, GET("/"));
	finish(f);
	expect_whole(f, 10);
}

Test(http_transfer, answers_at_once_what_is_there)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET("/small"));
	cr_expect_eq(f->writes, 1);
	expect_whole(f, 100);
	rig_forget(f);
	rig_say(f, GET("/docs"));
	rig_expect_head(f, 301, "Location: /docs/\r\n", NULL);
	rig_forget(f);
	rig_say(f, GET("/docs?a=b"));
	rig_expect_head(f, 301, "Location: /docs/?a=b\r\n", NULL);
	rig_forget(f);
	rig_say(f, GET("/docs/"));
	expect_whole(f, 20);
	rig_forget(f);
	rig_say(f, GET("/none"));
	rig_expect_head(f, 404, NULL);
	rig_forget(f);
	rig_say(f, GET("/empty"));
	rig_expect_head(f, 200, "Content-Length: 0\r\n", NULL);
	rig_forget(f);
	rig_say(f, "HEAD /huge HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_expect_head(f, 200, "Content-Length: 314572800\r\n", NULL);
	cr_expect_eq(rig_store.reads, 2, "%zu", rig_store.reads);
}

Test(http_transfer, types_follow_from_the_suffix)
{
	static const struct {
		const char *request, *line;
	} cases[] = {
		{ GET("/a.SVG"), "Content-Type: image/svg+xml; charset=utf-8\r\n" },
		{ GET("/a.png"), "Content-Type: image/png\r\n" },
		{ GET("/a.json"), "Content-Type: application/json\r\n" },
		{ GET("/a.txt"), "Content-Type: text/plain; charset=utf-8\r\n" },
		{ GET("/small"), "Content-Type: application/octet-stream\r\n" },
	};
	struct fake_flow *f = rig_connect();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_say(f, cases[i].request);
		rig_expect_head(f, 200, cases[i].line, NULL);
		rig_forget(f);
	}
}

Test(http_transfer, answers_a_pipeline_in_order)
{
	struct fake_flow *f;

	rig_store.waits = true;
	f = rig_connect();
	rig_say(f, GET("/small") GET("/none") "HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n" GET(
				   "/empty") "PUT / HTTP/1.1\r\n"
	                         "Host: a\r\nContent-Length: 3\r\n\r\nabc" GET("/"));
	finish(f);
	rig_expect_statuses(f, "200 404 200 200 405 200 ");
	cr_expect(f->reading);
}

/* Answers do not wait for a round trip each, but leave half of the transfers to other connections. */
Test(http_transfer, answers_a_pipeline_before_it_is_acknowledged)
{
	struct fake_flow *f, *g;

	rig_config.transfers = 8;
	f = rig_connect();
	g = rig_connect();
	rig_say(f, GET("/small") GET("/small") GET("/small") GET("/small") GET("/small") GET("/small") GET("/"));
	cr_expect_eq(rig_store.gets, 5);
	cr_expect_eq(rig_stats().transfers, 5);
	cr_expect_eq(rig_stats().answers, 1);
	rig_say(g, GET("/small"));
	expect_whole(g, 100);
	rig_acknowledge(g);
	rig_acknowledge(f);
	rig_expect_statuses(f, "200 200 200 200 200 200 200 ");
	cr_expect_eq(rig_stats().transfers, 0);
	/* The last is waited for, as one that nothing follows. */
	rig_say(f, GET("/small"));
	cr_expect_not(f->reading);
	rig_acknowledge(f);
	cr_expect(f->reading);
}

/* In every state of the connection. */
Test(http_transfer, what_is_not_acknowledged_has_a_time_limit)
{
	static const char *const rest[] = { "GET /sm", "\r\n", GET("/none"), GET("/none") "\r\nPUT " };

	for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
		struct fake_flow *f = rig_connect();

		rig_say(f, GET("/small"));
		rig_acknowledge(f);
		fake_flow_feed_text(f, GET("/small"));
		rig_say(f, rest[i]);
		cr_expect_eq(rig_stats().transfers, 1, "%zu", i);
		rig_advance(rig_config.idle_ns + rig_config.head_ns + rig_config.write_ns);
		cr_expect(f->aborted, "%zu", i);
		fake_flow_acknowledge(f);
		rig_run();
		cr_expect_eq(rig_stats().transfers, 0);
	}
}

/* A connection that needs a transfer does not wait that long. */
Test(http_transfer, takes_from_who_pipelines_and_does_not_acknowledge)
{
	struct fake_flow *f, *g;

	rig_config.transfers = 2;
	f = rig_connect();
	g = rig_connect();
	rig_say(f, GET("/small") "GET /sm");
	rig_say(f, "all HTTP/1.1\r\nHost: a\r\n\r\nGET /");
	cr_expect_eq(rig_stats().transfers, 2);
	rig_say(g, GET("/small"));
	cr_expect_eq(g->output_len, 0);
	rig_advance(NS_PER_S);
	rig_say(rig_connect(), GET("/none"));
	cr_expect(f->aborted);
	fake_flow_acknowledge(f);
	rig_run();
	expect_whole(g, 100);
}

Test(http_transfer, a_client_that_has_gone_acknowledges_nothing)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET("/small") GET("/none"));
	fake_flow_end(f);
	rig_run();
	cr_expect(f->closed && rig_stats().connections == 0 && rig_stats().transfers == 1);
	rig_expect_statuses(f, "200 404 ");
	fake_flow_acknowledge(f);
	rig_run();
	cr_expect_eq(rig_stats().transfers, 0);
}

/* -- pieces -- */

Test(http_transfer, sends_pieces_of_any_size)
{
	static const uint32_t pieces[] = { 1, 999, 4095, 4096, 100000 }, slices[] = { 0, 1, 700 };

	for (size_t i = 0; i < ARRAY_SIZE(pieces) * ARRAY_SIZE(slices); i++) {
		size_t start = LARGE_BYTES - 3000;
		struct fake_flow *f;

		rig_store.waits = i % 2;
		rig_store.piece_bytes = pieces[i % ARRAY_SIZE(pieces)];
		rig_store.slice_bytes = slices[i / ARRAY_SIZE(pieces)];
		f = rig_connect();
		f->window = i % 3 ? SIZE_MAX : 0;
		rig_say(f, GET_WITH("/large", "Range: bytes=97000-\r\n"));
		while (rig_stats().transfers) {
			finish(f);
			if (f->window != SIZE_MAX)
				fake_flow_accept(f, 777);
		}
		rig_expect_bytes(f, rig_expect_head(f, 206, "Content-Length: 3000\r\n", NULL), start, 3000, true);
	}
}

/* Memory stays flat: the value is longer than the memory of a test. The client looks at it and forgets. */
Test(http_transfer, holds_two_pieces_of_what_is_huge)
{
	struct fake_flow *f = rig_connect();
	uint64_t start = HUGE_BYTES - (4 << 20), got = 0;
	const char *body;

	rig_store.slice_bytes = 1024;
	rig_say(f, GET_WITH("/huge", "Range: bytes=310378496-\r\n"));
	body = rig_expect_head(f, 206, "Content-Length: 4194304\r\n", NULL);
	while (rig_stats().transfers) {
		size_t n = (size_t)(f->output + f->output_len - body);

		rig_expect_bytes(f, body, start + got, n, true);
		got += n;
		cr_expect_leq(rig_store.slices_out, 8);
		fake_flow_clear(f);
		fake_flow_acknowledge(f);
		rig_run();
		body = f->output;
	}
	cr_expect_eq(got, 4 << 20);
	cr_expect_eq(rig_store.slices_peak, 8, "two pieces of 4096 bytes: %zu", rig_store.slices_peak);
}

Test(http_transfer, reads_no_further_for_who_does_not_acknowledge)
{
	struct fake_flow *f = rig_connect();

	rig_say(f, GET("/huge"));
	cr_expect_eq(rig_store.reads, 2);
	rig_run();
	cr_expect_eq(rig_store.reads, 2);
	rig_advance(rig_config.write_ns - 1);
	cr_expect_not(f->closed);
	fake_flow_acknowledge(f);
	rig_run();
	cr_expect_eq(rig_store.reads, 4);
	rig_advance(rig_config.write_ns - 1);
	cr_expect_not(f->closed, "as long as it goes on");
	rig_advance(1);
	cr_expect(f->aborted);
	cr_expect_eq(rig_stats().expired, 1);
}

Test(http_transfer, reads_ahead_while_the_client_takes)
{
	struct fake_flow *f = rig_connect();

	f->window = 0;
	rig_say(f, GET("/huge"));
	cr_expect(rig_store.reads == 2 && f->writes == 1, "%zu %zu", rig_store.reads, f->writes);
	fake_flow_accept(f, 5000); /* the first piece and its head */
	rig_run();
	cr_expect(rig_store.reads == 2 && f->writes == 2, "%zu %zu", rig_store.reads, f->writes);
	rig_advance(rig_config.write_ns - 1);
	fake_flow_accept(f, 1);
	rig_run();
	rig_advance(rig_config.write_ns - 1);
	cr_expect_not(f->closed);
}

/* -- failures -- */

Test(http_transfer, tells_errors_of_the_store)
{
	static const struct {
		int error;
		unsigned status;
	} cases[] = {
		{ -EIO, 500 },      { -ENXIO, 500 },        { -EUCLEAN, 500 }, { -ENOMEM, 503 },
		{ -ENOTDIR, 404 },  { -ENAMETOOLONG, 404 }, { -EINVAL, 404 },  { -ENOENT, 404 },
	};
	struct fake_flow *f = rig_connect();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_store.get_error = cases[i].error;
		rig_say(f, GET("/small"));
		rig_expect_head(f, cases[i].status, NULL);
		rig_forget(f);
	}
	/* The first piece */
	for (size_t i = 0; i < 4; i++) {
		rig_store.read_error = cases[i].error;
		rig_say(f, GET("/small"));
		rig_expect_head(f, cases[i].status, NULL);
		cr_expect_not(strstr(f->output, "200 OK"));
		rig_forget(f);
	}
	/* Of several ranges */
	rig_store.read_error = -EIO;
	rig_say(f, GET_WITH("/small", "Range: bytes=0-0,2-2\r\n") GET("/none"));
	rig_expect_statuses(f, "500 404 ");
	rig_acknowledge(f);
	rig_store.read_error = -ESTALE;
	rig_say(f, GET("/small"));
	rig_expect_head(f, 503, NULL);
	rig_forget(f);
	rig_say(f, GET("/small"));
	expect_whole(f, 100);
}

Test(http_transfer, ends_the_connection_when_a_later_piece_fails)
{
	for (int waits = 0; waits < 2; waits++) {
		struct fake_flow *f;

		rig_store.waits = waits;
		rig_store.read_error = -ESTALE;
		rig_store.read_error_at = 50000;
		f = rig_connect();
		rig_say(f, GET("/large"));
		while (!f->closed)
			finish(f);
		cr_expect(f->aborted, "a client must not take what it has for all of it");
		cr_expect(f->output_len > 49000 && f->output_len < 54000, "%zu", f->output_len);
	}
}

Test(http_transfer, ends_the_connection_when_the_value_is_shorter)
{
	static struct fake_value shrinks[] = { { "x", 10000, "\"x\"", 0 }, { 0 } };
	struct fake_flow *f;

	rig_store.values = shrinks;
	f = rig_connect();
	f->window = 0;
	rig_say(f, GET("/x"));
	shrinks[0].size = 9000;
	fake_flow_accept(f, SIZE_MAX / 2);
	while (!f->closed)
		rig_acknowledge(f);
	cr_expect(f->aborted && f->output_len < 10000);
}

Test(http_transfer, lets_go_when_the_client_goes)
{
	for (int how = 0; how < 8; how++) {
		struct fake_flow *f;

		rig_store.waits = true;
		f = rig_connect();
		f->window = 5000;
		rig_say(f, GET("/large"));
		for (int i = 0; i < how / 2; i++) { /* not asked, head, one piece, two */
			fake_kv_settle(&rig_store);
			rig_run();
		}
		if (how % 2) {
			http_server_close(rig_server);
		} else {
			fake_flow_break(f, -ECONNRESET);
			rig_advance(rig_config.write_ns);
			rig_advance(rig_config.write_ns);
		}
		rig_run();
		cr_expect(f->closed || !list_is_empty(&rig_store.pending), "%d", how);
		fake_kv_settle(&rig_store);
		rig_run();
		fake_flow_acknowledge(f);
		rig_run();
		cr_expect_eq(rig_stats().transfers, f->closed ? 0 : 1, "%d", how);
		if (!f->closed) {
			finish(f);
			rig_advance(rig_config.write_ns);
		}
	}
}

/* -- too little of something -- */

Test(http_transfer, lets_requests_wait_for_a_transfer)
{
	struct fake_flow *f, *g, *h;

	rig_config.transfers = 1;
	rig_store.waits = true;
	f = rig_connect();
	g = rig_connect();
	h = rig_connect();
	rig_say(f, GET("/small"));
	rig_say(g, GET("/small"));
	rig_say(h, GET("/small"));
	cr_expect_eq(rig_store.gets, 1);
	finish(f);
	finish(g);
	finish(h);
	expect_whole(f, 100);
	expect_whole(g, 100);
	expect_whole(h, 100);
	cr_expect_eq(rig_stats().expired, 0);
}

/* The end of one connection makes room for another, which has to end as well. */
Test(http_transfer, leaves_nobody_when_the_server_closes)
{
	struct fake_flow *f, *g;

	rig_config.answers = 1;
	f = rig_connect();
	g = rig_connect();
	rig_say(f, GET("/large"));
	rig_say(g, GET("/small"));
	cr_expect_eq(g->output_len, 0);
	http_server_close(rig_server);
	rig_run();
	cr_expect(f->aborted && g->aborted && g->output_len == 0);
}

Test(http_transfer, takes_from_who_does_not_read)
{
	struct fake_flow *f, *g;

	rig_config.transfers = 1;
	f = rig_connect();
	g = rig_connect();
	rig_say(f, GET("/large"));
	rig_say(g, GET("/small"));
	cr_expect(g->output_len == 0 && !f->closed, "it may just be slow");
	rig_advance(NS_PER_S);
	rig_say(rig_connect(), GET("/small"));
	cr_expect(f->aborted);
	fake_flow_acknowledge(f); /* which a flow does that has been aborted */
	rig_run();
	expect_whole(g, 100);
}

Test(http_transfer, waits_for_the_stores_memory)
{
	struct fake_flow *f, *g;

	rig_store.pieces_max = 1;
	f = rig_connect();
	g = rig_connect();
	rig_say(f, GET("/large"));
	rig_say(g, GET("/small"));
	cr_expect_eq(g->output_len, 0);
	for (int i = 0; i < 3; i++) {
		fake_flow_acknowledge(f); /* one piece each: they take turns */
		rig_run();
		fake_flow_acknowledge(g);
		rig_run();
	}
	cr_expect_not(f->closed);
	expect_whole(g, 100);
	/* A client that does not read gives way. */
	rig_acknowledge(g);
	rig_advance(NS_PER_S);
	rig_say(g, GET("/small"));
	cr_expect(f->aborted);
	fake_flow_acknowledge(f);
	rig_run();
	expect_whole(g, 100);
	/* If no client holds any, waiting is useless. */
	rig_forget(g);
	rig_store.read_error = -ENOMEM;
	rig_say(g, GET("/small"));
	rig_expect_head(g, 503, NULL);
}

Test(http_transfer, takes_conditions_of_bounded_length)
{
	static char text[4000] = "GET /small HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0\r\nIf-None-Match: \"";
	struct fake_flow *f = rig_connect();
	size_t len = strlen(text);

	memset(text + len, 'x', 3000);
	strcpy(text + len + 3000, "\"\r\n\r\n");
	rig_say(f, text);
	rig_expect_head(f, 431, NULL);
	f = rig_connect(); /* any other line may be as long as a head */
	snprintf(text, sizeof(text), "GET /small HTTP/1.1\r\nHost: a\r\nX: %03000d\r\nRange: bytes=0-0\r\n\r\n",
	         0);
	rig_say(f, text);
	rig_expect_head(f, 206, NULL);
	f = rig_connect();
	snprintf(text, sizeof(text),
	         "GET /small HTTP/1.1\r\nHost: a\r\nReferer: %02540d\r\nRange: bytes=0-0\r\n"
	         "If-Match: \"s\"\r\n\r\n", 0);
	rig_say(f, text);
	rig_expect_head(f, 206, NULL);
	f = rig_connect();
	snprintf(text, sizeof(text), "GET /small HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0,%03000d-\r\n\r\n", 1);
	rig_say(f, text);
	rig_expect_head(f, 200, NULL); /* a range may be ignored */
}
