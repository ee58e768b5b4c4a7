/* SPDX-License-Identifier: ISC */
/* Fuzzes the HTTP server from the bytes of a connection on: two clients send the input at the same
 * time, with pools so small that they get into each other's way. The first byte of the input says how
 * it is cut into packets, whether the first client is slow and whether there is a third; the second
 * byte whether the time is known and how it ends. Checked besides what the sanitizers see: slices lie
 * inside the request, keys cannot climb, what comes out is a row of well-formed answers, and all
 * memory comes back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/kv.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "net/http/conditional.h"
#include "net/http/path.h"
#include "net/http/server.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/fake_flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES "Content-Type: text/plain\r\nContent-Length: 5\r\n"
#define HTTP_LINES_TOO_LONG 600
#define HEADER LINES "ETag: \"t\"\r\n"

/* Files: "f" and every index; everything that begins with d is a folder. */
static void store_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	static const char value[] = HEADER "\r\nhello";
	bool index = key_len >= 10 && !memcmp(key + key_len - 10, "index.html", 10);

	(void)kv;
	if (!index && !(key_len == 1 && *key == 'f')) {
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

/* An application's own answers: "h" and a digit say which. */
static int handle(void *arg, const struct http_request *request, struct http_reply *reply)
{
	static const uint16_t statuses[] = { 0, 204, 404, 777 };
	static char lines[HTTP_LINES_TOO_LONG + 1];

	const char *key = request->key.at;
	size_t key_len = request->key.len;

	(void)arg;
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
		CHECK(i > start || i == len); /* no empty segment but the last */
		CHECK(!(i - start == 1 && key[start] == '.'));
		CHECK(!(i - start == 2 && key[start] == '.' && key[start + 1] == '.'));
		start = i + 1;
	}
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
	}
	free(exact);
}

/* Answers follow one another without a byte between them. */
static void check_answers(const char *at, const char *end, bool may_be_cut)
{
	while (at < end) {
		const char *body = strstr(at, "\r\n\r\n"), *length = strstr(at, "Content-Length: ");
		unsigned status;

		if (!body || body >= end) {
			CHECK(may_be_cut);
			return;
		}
		CHECK(sscanf(at, "HTTP/1.1 %u ", &status) == 1 && status >= 200 && status < 600);
		body += 4;
		if (status == 304 || status == 204) {
			at = body;
			continue;
		}
		CHECK(length && length < body);
		/* A HEAD's answer has none. */
		at = !strncmp(body, "HTTP/1.1 ", 9) ? body : body + atoi(length + 16);
		CHECK(at <= end || may_be_cut || body == end);
	}
}

static void run(void)
{
	while (loop_turn())
		;
}

/* Until every time limit has passed, or all at once. */
static void end_all(struct fake_flow *flows, size_t count, struct http_server *server, bool at_once)
{
	if (at_once)
		http_server_close(server);
	run();
	clock_advance_ns(5 * NS_PER_S);
	run();
	for (size_t i = 0; i < count; i++)
		if (!flows[i].closed && i % 2)
			fake_flow_end(&flows[i]);
	for (int i = 0; i < 8; i++) {
		clock_advance_ns(40 * NS_PER_S);
		run();
	}
}

static void fuzz_server(const uint8_t *data, size_t size, struct http_server *server, uint8_t how,
                        bool at_once)
{
	size_t piece = how & 0x3f ? (size_t)(how & 0x3f) : size;
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
}

static struct http_server *make_server(struct http_config *config)
{
	static char memory[4 << 20] __attribute__((aligned(PAGE_BYTES)));
	struct http_server *server;

	page_add_region((uintptr_t)memory, (uintptr_t)memory + sizeof(memory));
	CHECK(buf_init(64, 4096) == 0);
	config->blocks = 1 << 28;
	CHECK(http_server_create(&server, config) == -ENOMEM);
	config->blocks = 8;
	CHECK(http_server_create(&server, config) == 0);
	http_server_destroy(server);
	CHECK(http_server_create(&server, config) == 0);
	return server;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kv_ops ops = { .get = store_get };
	static struct kv store = { &ops };
	static struct http_server *server;
	struct http_config config = HTTP_CONFIG_DEFAULTS;

	/* Small limits are reached by small inputs. */
	config.limits = (struct http_limits){ .head_bytes = 600, .target_bytes = 200, .fields = 10 };
	config.connections = 2;
	config.answers = config.heads = 1;
	config.body_bytes = 20;
	config.kv = &store;
	config.handler = handle;
	if (!server)
		server = make_server(&config);
	if (size < 2 || size > 2000)
		return 0;
	clock_set_wall_ns(data[1] & 1 ? 784111777 * NS_PER_S + data[1] * NS_PER_S : 0);
	fuzz_parser(data + 2, size - 2, &config.limits);
	fuzz_server(data + 2, size - 2, server, data[0], data[1] & 2);
	return 0;
}
