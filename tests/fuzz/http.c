/* SPDX-License-Identifier: ISC */
/* Fuzzes the HTTP server through the bytes of connections: two clients send the input at the same time, with
 * pools so small that they compete. The first byte of the input chooses its division into packets, whether
 * the first client is slow and whether there is a third; the second byte chooses whether the time is known,
 * how the connections end, and the kind of store. An input that begins with a slash is a site's header lines
 * by pattern in place of a request. "/e" sends a request's body back as it comes in, "/l" answers when it has
 * all of it, "/s" without reading it, "/a" and "/c" give up midway. Checks, besides the sanitizers, that
 * slices lie inside the request, that keys cannot climb, that the output is a row of well-formed answers with
 * correct lengths, and that all memory is freed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/kv.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/random.h"
#include "net/http/chunk.h"
#include "net/http/conditional.h"
#include "net/http/exchange.h"
#include "net/http/negotiate.h"
#include "net/http/path.h"
#include "net/http/range.h"
#include "net/http/rules.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/fake_flow.h"
#include "tests/lib/fake_kv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES "Content-Type: text/plain\r\nContent-Length: 5\r\n"
#define HTTP_LINES_TOO_LONG 600
#define PIECES 1000 /* at most, of one input: there are buffers for three connections that are not read */
#define HEADER LINES "ETag: \"t\"\r\n"

/* Files are "f", every index, and pages for errors; every key that begins with d is a folder. */
static void store_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	static const char value[] = HEADER "\r\nhello";
	bool index = key_len >= 10 && !memcmp(key + key_len - 10, "index.html", 10);

	(void)kv;
	if (!index && !(key_len == 1 && *key == 'f') && !(key_len == 8 && *key == '4' && key[2] >= '4')) {
		promise_throw(&op->promise, key_len && *key == 'd' ? -EISDIR : key_len == 3 ? -EIO : -ENOENT);
		return;
	}
	op->entry = (struct kv_entry){
		.size = 5, .modified_ns = index ? 784111777 * NS_PER_S : 0, .etag = "\"t\"", .header = value,
		.header_len = sizeof(HEADER) - 1, .validators = sizeof(LINES) - 1,
		.data = value + sizeof(HEADER) + 1,
	};
	promise_return(&op->promise, 0);
}

/* -- an application that answers later, and in pieces -- */

struct echo {
	struct http_exchange exchange;
	struct http_read read;
	struct http_write write;
	struct waiter waiter;
	struct slice slice;
	char mode;
};

static void echo_read(struct echo *e);

static void echo_end(struct echo *e, bool whole)
{
	if (whole)
		http_end(&e->exchange);
	else
		http_abort(&e->exchange);
	free(e);
}

static void echo_written(struct waiter *w)
{
	struct echo *e = container_of(w, struct echo, waiter);

	if (promise_result(&e->write.promise) < 0 || e->mode == 's')
		echo_end(e, true);
	else
		echo_read(e);
}

/* Answers with constant text of the same length, because written bytes must last until acknowledged. */
static void echo_next(struct waiter *w)
{
	static const char text[64] = "this is not what you have said, but it is as long as that was";
	struct echo *e = container_of(w, struct echo, waiter);
	char copy[2000];

	if (e->mode == 'l' && promise_result(&e->read.promise) > 0) {
		echo_read(e);
		return;
	}
	if (e->mode == 'l' || e->mode == 'c') {
		struct http_reply reply = { .body = { "late", 4, NULL } };

		http_reply(&e->exchange, &reply);
		free(e);
		return;
	}
	if (promise_result(&e->read.promise) < 0 || e->mode == 'a') {
		echo_end(e, e->mode != 'a' && e->read.promise.error == -EBADMSG);
		return;
	}
	if (e->read.len == 0) {
		echo_end(e, true);
		return;
	}
	CHECK(e->read.len <= sizeof(copy));
	memcpy(copy, e->read.data, e->read.len);
	e->slice = (struct slice){ text, MIN(e->read.len, sizeof(text)), NULL };
	http_write(&e->exchange, &e->write, &e->slice, 1);
	promise_wait(&e->write.promise, &e->waiter, echo_written);
}

static void echo_read(struct echo *e)
{
	http_read(&e->exchange, &e->read);
	promise_wait(&e->read.promise, &e->waiter, echo_next);
}

static int echo(const struct http_request *request, struct http_reply *reply)
{
	struct echo *e = calloc(1, sizeof(*e));

	http_later(request, reply, &e->exchange);
	e->mode = request->key.at[0];
	if (e->mode == 'l' || e->mode == 'c') {
		echo_read(e);
		if (e->mode == 'c')
			promise_cancel(&e->read.promise);
		return HTTP_LATER;
	}
	reply->status = request->query.len ? 204 : 200;
	if (http_start(&e->exchange, reply) < 0) {
		reply->status = 503;
		http_reply(&e->exchange, reply);
		free(e);
		return HTTP_LATER;
	}
	if (e->mode != 's') {
		echo_read(e);
		return HTTP_LATER;
	}
	e->slice = (struct slice){ "piece", 5, NULL };
	http_write(&e->exchange, &e->write, &e->slice, 1);
	if (!promise_is_settled(&e->write.promise) && request->query.len)
		promise_cancel(&e->write.promise);
	promise_wait(&e->write.promise, &e->waiter, echo_written);
	return HTTP_LATER;
}

/* An application's own answers: "h" and a digit say which. */
static int handle(void *arg, const struct http_request *request, struct http_reply *reply)
{
	static const uint16_t statuses[] = { 0, 204, 404, 777 };
	static char lines[HTTP_LINES_TOO_LONG + 1];

	const char *key = request->key.at;
	size_t key_len = request->key.len;

	(void)arg;
	if (key_len == 1 && strchr("elasc", key[0]))
		return echo(request, reply);
	if (key_len != 2 || key[0] != 'h')
		return -ENOENT;
	if (key[1] == '9')
		return -EIO;
	memset(lines, 'x', HTTP_LINES_TOO_LONG);
	reply->status = statuses[key[1] & 3] ?: reply->status;
	reply->header = key[1] == '8' ? lines : "X: y\r\n";
	reply->body = (struct slice){ "hello", key[1] & 4 ? 5 : 0, NULL };
	return 0;
}

static bool inside(struct http_text text, const char *data, size_t size)
{
	return (text.at >= data && text.len <= size && text.at + text.len <= data + size) || !text.at ||
		(text.len == 1 && *text.at == '/');
}

static void check_key(const char *key, int len)
{
	for (int i = 0, start = 0; i <= len; i++) {
		if (i < len && key[i] != '/')
			continue;
		CHECK(i > start || i == len); /* only the last segment may be empty */
		CHECK(!(i - start == 1 && key[start] == '.'));
		CHECK(!(i - start == 2 && key[start] == '.' && key[start + 1] == '.'));
		start = i + 1;
	}
}

/* Ranges must lie in the value and not touch. */
static void check_ranges(const struct http_request *r)
{
	static const uint64_t sizes[] = { 0, 1, 100, UINT64_MAX };
	bool identity;

	http_negotiate(r, &identity);
	for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
		struct http_range ranges[CONFIG_HTTP_RANGES];
		int count = http_ranges(r, sizes[n], ranges);

		CHECK(count >= 0 ? count <= CONFIG_HTTP_RANGES : count == -ERANGE);
		for (int i = 0; i < count; i++) {
			CHECK(ranges[i].len && ranges[i].start < sizes[n] && ranges[i].len <= sizes[n] - ranges[i].start);
			for (int j = 0; j < i; j++)
				CHECK(ranges[i].start + ranges[i].len < ranges[j].start ||
				      ranges[j].start + ranges[j].len < ranges[i].start);
		}
	}
}

/* Decoding must not depend on the division into packets. */
static void fuzz_chunks(const uint8_t *data, size_t size)
{
	uint64_t payload[2] = { 0 };
	int ended[2] = { 0 };

	for (int way = 0; way < 2; way++) {
		struct http_chunks c;
		size_t at = 0;

		http_chunks_init(&c, 40);
		while (at < size && !http_chunks_are_over(&c) && ended[way] >= 0) {
			size_t n = way ? 1 : size - at, taken;

			ended[way] = http_chunks_eat(&c, (const char *)data + at, n);
			if (ended[way] < 0)
				break;
			CHECK((size_t)ended[way] <= n);
			taken = (size_t)MIN((uint64_t)(n - (size_t)ended[way]), c.left);
			CHECK(ended[way] + taken > 0);
			c.left -= taken;
			payload[way] += taken;
			at += (size_t)ended[way] + taken;
		}
		ended[way] = ended[way] < 0 ? -1 : http_chunks_are_over(&c);
	}
	CHECK(payload[0] == payload[1] && ended[0] == ended[1]);
}

static void fuzz_parser(const uint8_t *data, size_t size, const struct http_limits *limits)
{
	char *exact = malloc(size), *key;
	struct http_request r;
	int used, len;

	memcpy(exact, data, size);
	used = http_parse_request(exact, size, limits, &r);
	if (used < 0) {
		CHECK(used == -EAGAIN || (used == -EBADMSG && r.status >= 400));
	} else {
		CHECK(used > 0 && (size_t)used <= size && (size_t)used <= limits->head_bytes);
		CHECK(inside(r.method, exact, size) && inside(r.path, exact, size) && inside(r.query, exact, size));
		CHECK(inside(r.fields, exact, size));
		key = malloc(r.path.len);
		len = http_path_to_key(r.path, key);
		CHECK(len < (int)r.path.len);
		if (len >= 0)
			check_key(key, len);
		free(key);
		http_check_conditions(&r, "\"t\"", 784111777 * NS_PER_S);
		http_range_applies(&r, "\"t\"", 784111777 * NS_PER_S);
		check_ranges(&r);
	}
	free(exact);
}

/* Gives the end of a chunked body; NULL: it is cut off. */
static const char *skip_chunks(const char *at, const char *end)
{
	for (;;) {
		char *after;
		unsigned long n = strtoul(at, &after, 16);

		if (after == at || end - after < 4)
			return NULL;
		CHECK(!strncmp(after, "\r\n", 2));
		at = after + 2 + n;
		if (at + 2 > end)
			return NULL;
		CHECK(!strncmp(at, "\r\n", 2));
		at += 2;
		if (!n)
			return at;
	}
}

/* Gives the end of the body that follows head. */
static const char *skip_body(const char *head, const char *body, const char *end)
{
	const char *length = strstr(head, "Content-Length: "),
			   *coding = strstr(head, "Transfer-Encoding: chunked");

	/* The answer to a HEAD has no body. */
	if (!strncmp(body, "HTTP/1.1 ", 9) || body == end)
		return body;
	if (coding && coding < body)
		return skip_chunks(body, end);
	if (strstr(head, "Connection: close") && (!length || length > body))
		return end; /* of the stream */
	CHECK(length && length < body);
	return body + atoi(length + 16);
}

/* Checks that answers follow one another without a byte between them. */
static void check_answers(const char *at, const char *end, bool may_be_cut)
{
	while (at && at < end) {
		const char *body = strstr(at, "\r\n\r\n");
		unsigned status;

		if (!body || body >= end) {
			CHECK(may_be_cut);
			return;
		}
		CHECK(sscanf(at, "HTTP/1.1 %u ", &status) == 1 && (status == 100 || (status >= 200 && status < 600)));
		body += 4;
		if (status == 304 || status == 204 || status == 100) {
			at = body;
			continue;
		}
		at = skip_body(at, body, end);
		CHECK((at && at <= end) || may_be_cut);
	}
}

static struct fake_kv pieces;

static void run(void)
{
	while (loop_turn())
		;
}

/* Settles the store's operations and acknowledges output, for a while. */
static void settle(struct fake_flow *flows, size_t count)
{
	for (int turns = 0; turns < 20; turns++) {
		run();
		fake_kv_settle(&pieces);
		run();
		for (size_t i = 0; i < count; i++)
			fake_flow_acknowledge(&flows[i]);
	}
	run();
}

/* Ends all connections: lets every time limit pass, or closes the server first. */
static void end_all(struct fake_flow *flows, size_t count, struct http_server *server, bool at_once)
{
	if (at_once)
		http_server_close(server);
	settle(flows, count);
	clock_advance_ns(5 * NS_PER_S);
	settle(flows, count);
	for (size_t i = 0; i < count; i++)
		if (!flows[i].closed && i % 2)
			fake_flow_end(&flows[i]);
	for (int i = 0; i < 8; i++) {
		clock_advance_ns(40 * NS_PER_S);
		settle(flows, count);
	}
}

static void fuzz_server(const uint8_t *data, size_t size, struct http_server *server, uint8_t how,
                        bool at_once)
{
	size_t piece = MAX(how & 0x3f ? (size_t)(how & 0x3f) : size, size / PIECES + 1);
	size_t count = how & 0x40 ? 3 : 2;
	struct fake_flow flows[3];
	struct http_stats stats;

	for (size_t i = 0; i < count; i++) {
		fake_flow_init(&flows[i]);
		CHECK(http_server_accept(server, &flows[i].flow, NULL) == 0);
	}
	if (how & 0x80)
		flows[0].window = 0;
	for (size_t at = 0; at < size; at += piece) {
		for (size_t i = 0; i < count; i++)
			fake_flow_feed(&flows[i], data + at, MIN(piece, size - at));
		if (how & 1)
			run();
		if (how & 0x80 && !flows[0].closed)
			fake_flow_accept(&flows[0], piece * 2);
		if (how & 2)
			fake_kv_settle(&pieces);
	}
	end_all(flows, count, server, at_once);
	for (size_t i = 0; i < count; i++) {
		CHECK(flows[i].closed);
		check_answers(flows[i].output, flows[i].output + flows[i].output_len, flows[i].aborted);
		fake_flow_destroy(&flows[i]);
	}
	run();
	http_server_stats(server, &stats);
	CHECK(stats.connections == 0 && stats.answers == 0 && stats.heads == 0 && stats.blocks <= 1);
	CHECK(stats.transfers == 0 && pieces.slices_out == 0);
}

static struct http_server *make_server(struct http_config *config)
{
	struct http_server *server;

	config->blocks = 1 << 28;
	CHECK(http_server_create(&server, config) == -ENOMEM);
	config->blocks = 8;
	CHECK(http_server_create(&server, config) == 0);
	http_server_destroy(server);
	CHECK(http_server_create(&server, config) == 0);
	return server;
}

static struct http_server *server_of(struct kv *store)
{
	struct http_config config = HTTP_CONFIG_DEFAULTS;

	/* Small limits are reached by small inputs. */
	config.limits = (struct http_limits){ .head_bytes = 600, .target_bytes = 200, .fields = 10 };
	config.connections = 2;
	config.answers = config.heads = 1;
	config.transfers = 3;
	config.body_bytes = 20;
	config.kv = store;
	config.rules = NULL;
	config.handler = handle;
	return make_server(&config);
}

/* -- header lines by pattern -- */

/* Starts a server on a store with this file _headers, and checks its answer to a request. */
static void serve_by_rules(const char *file, size_t size, uint8_t how)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	const struct fake_value values[] = {
		{ "_headers", how & 1 ? CONFIG_HTTP_RULES_BYTES + 1 : size, NULL, 0 },
		{ "index.html", 5, "\"i\"", 0 },
		{ 0 },
	};
	struct http_config config = HTTP_CONFIG_DEFAULTS;
	struct http_server *server;
	struct fake_kv store;
	struct fake_flow f;

	config.connections = config.answers = config.heads = config.transfers = 2;
	config.spare = 0;
	config.blocks = 4;
	config.kv = &store.kv;
	fake_kv_init(&store, values);
	store.text = file;
	store.slice_bytes = how & 2 ? 7 : 0;
	store.read_error = how & 4 ? -EIO : 0;
	store.get_error = how & 8 ? -EIO : 0;
	CHECK(http_server_create(&server, &config) == 0);
	fake_flow_init(&f);
	fake_flow_feed_text(&f, get);
	CHECK(http_server_serve(server, &f.flow) == 0);
	do {
		fake_flow_acknowledge(&f);
		while (loop_turn())
			;
	} while (f.unacknowledged_count);
	/* The failing read may also be that of the index. */
	CHECK(!memcmp(f.output, "HTTP/1.1 200 ", 13) || !memcmp(f.output, "HTTP/1.1 503 ", 13) ||
	      (how & 4 && !memcmp(f.output, "HTTP/1.1 500 ", 13)));
	http_server_close(server);
	while (loop_turn())
		;
	fake_flow_destroy(&f);
	http_server_destroy(server);
}

static void fuzz_rules(const uint8_t *data, size_t size, uint8_t how)
{
	static const char *const keys[] = { "index.html", "d/index.html", "f" };
	char *exact = malloc(size);
	struct http_text line;

	memcpy(exact, data, size);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct http_rules_at at = { .rest = { exact, size } };

		if (http_rules_check(at.rest))
			break;

		while (http_rules_next(&at, (struct http_text){ keys[i], strlen(keys[i]) }, &line))
			CHECK(inside(line, exact, size) && memchr(line.at, ':', line.len) &&
			      !memchr(line.at, '\r', line.len) && !memchr(line.at, '\n', line.len));
	}
	if (size <= CONFIG_HTTP_RULES_BYTES)
		serve_by_rules(exact, size, how);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fake_value values[] = {
		{ "f", 5, "\"t\"", 0 },
		{ "400.html", 9000, "\"a\"", 0 },
		{ "405.html", 5, "\"b\"", 784111777 * NS_PER_S },
		{ "416.html", 0, NULL, 0 },
		{ "431.html/x", 5, NULL, 0 },
		{ "index.html", 9000, "\"i\"", 784111777 * NS_PER_S },
		{ "d/index.html", 0, NULL, 0 },
		{ 0 },
	};
	static char memory[4 << 20] __attribute__((aligned(PAGE_BYTES)));
	static const struct kv_ops ops = { .get = store_get };
	static struct kv store = { &ops };
	static struct http_server *constant, *waiting;
	struct http_limits limits = { .head_bytes = 600, .target_bytes = 200, .fields = 10 };

	if (!constant) {
		CHECK(random_init() == 0);
		page_add_region((uintptr_t)memory, (uintptr_t)memory + sizeof(memory));
		CHECK(buf_init(64, 4096) == 0);
		fake_kv_init(&pieces, values);
		constant = server_of(&store);
		waiting = server_of(&pieces.kv);
	}
	if (size < 2 || size > 2000)
		return 0;
	clock_set_wall_ns(data[1] & 1 ? 784111777 * NS_PER_S + data[1] * NS_PER_S : 0);
	pieces.waits = data[1] & 8;
	pieces.slice_bytes = data[1] & 16 ? 1000 : 0;
	pieces.pieces_max = data[1] & 32 ? 1 : 0;
	pieces.read_error = data[1] & 64 ? -ESTALE : 0;
	pieces.read_error_at = data[0] & 4 ? 0 : 4000;
	pieces.get_error = data[1] & 128 ? -ESTALE : 0;
	if (size > 2 && memchr("/# \n", data[2], 4)) { /* a request does not begin so */
		fuzz_rules(data + 2, size - 2, data[1]);
		return 0;
	}
	fuzz_parser(data + 2, size - 2, &limits);
	fuzz_chunks(data + 2, size - 2);
	fuzz_server(data + 2, size - 2, data[1] & 4 ? waiting : constant, data[0], data[1] & 2);
	return 0;
}
