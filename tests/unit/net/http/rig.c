/* SPDX-License-Identifier: ISC */
/* The server's environment: a store, clients, a clock that stands still. */
#include "tests/unit/net/http/rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/loop.h"
#include "kernel/random.h"
#include "tests/lib/clock.h"

struct http_config rig_config = HTTP_CONFIG_DEFAULTS;
struct http_server *rig_server;
struct fake_kv rig_store;

static struct fake_flow flows[40];
static size_t opened;

void rig_set_up(void)
{
	static const struct fake_value none[] = { { 0 } };

	cr_assert(buf_init(64, 1024) == 0);
	cr_assert(random_init() == 0);
	fake_kv_init(&rig_store, none);
	rig_config.kv = &rig_store.kv;
	rig_config.rules = NULL;
}

void rig_run(void)
{
	while (loop_turn())
		;
}

struct fake_flow *rig_connect(void)
{
	struct fake_flow *f = &flows[opened++];

	cr_assert(opened <= ARRAY_SIZE(flows));
	if (!rig_server)
		cr_assert(http_server_create(&rig_server, &rig_config) == 0);
	fake_flow_init(f);
	cr_assert(http_server_accept(rig_server, &f->flow, NULL) == 0);
	rig_run();
	return f;
}

void rig_say(struct fake_flow *f, const char *text)
{
	fake_flow_feed_text(f, text);
	rig_run();
}

void rig_advance(uint64_t ns)
{
	clock_advance_ns(ns);
	rig_run();
}

void rig_acknowledge(struct fake_flow *f)
{
	do {
		fake_flow_acknowledge(f);
		rig_run();
	} while (f->unacknowledged_count);
}

void rig_forget(struct fake_flow *f)
{
	rig_acknowledge(f);
	fake_flow_clear(f);
}

struct http_stats rig_stats(void)
{
	struct http_stats s;

	http_server_stats(rig_server, &s);
	return s;
}

void rig_tear_down(void)
{
	struct buf_stats b;
	struct http_stats s;

	if (!rig_server)
		return;
	http_server_close(rig_server);
	rig_run();
	fake_kv_settle(&rig_store);
	rig_run();
	while (opened)
		fake_flow_destroy(&flows[--opened]);
	rig_run();
	s = rig_stats();
	cr_expect(s.connections == 0 && s.answers == 0 && s.heads == 0 && s.blocks <= 1 && s.transfers == 0,
	          "%zu %zu %zu %zu %zu", s.connections, s.answers, s.heads, s.blocks, s.transfers);
	cr_expect_eq(rig_store.slices_out, 0, "pieces leak: %zu", rig_store.slices_out);
	http_server_destroy(rig_server);
	buf_stats(&b);
	cr_expect(b.slices_used == 0 && b.headers_used == 0, "packets leak: %zu", b.slices_used);
}

void rig_expect(struct fake_flow *f, const char *expected)
{
	cr_expect_str_eq(f->output, expected, "not what was expected, but:\n%s", f->output);
	fake_flow_clear(f);
}

const char *rig_expect_head(struct fake_flow *f, unsigned status, ...)
{
	const char *end = strstr(f->output, "\r\n\r\n"), *line;
	char start[16];
	va_list lines;

	snprintf(start, sizeof(start), "HTTP/1.1 %u ", status);
	cr_assert(end && !strncmp(f->output, start, strlen(start)), "%u expected, but:\n%s", status, f->output);
	va_start(lines, status);
	while ((line = va_arg(lines, const char *))) {
		const char *found = strstr(f->output, line);

		cr_expect(found && found < end + 2 && (found == f->output || found[-1] == '\n'), "no %s in\n%s", line,
		          f->output);
	}
	va_end(lines);
	return end + 4;
}

void rig_expect_statuses(struct fake_flow *f, const char *expected)
{
	char found[256] = "";

	for (const char *at = f->output; (at = strstr(at, "HTTP/1.1 ")); at += 9)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%.3s ", at + 9);
	cr_expect_str_eq(found, expected, "%s", found);
	fake_flow_clear(f);
}

void rig_expect_bytes(struct fake_flow *f, const char *body, uint64_t start, size_t len, bool is_all)
{
	size_t there = (size_t)(f->output + f->output_len - body), i = 0;

	cr_assert(is_all ? there == len : there >= len, "%zu bytes, not %zu", there, len);
	while (i < len && body[i] == fake_kv_byte(start + i))
		i++;
	cr_expect_eq(i, len, "byte %zu is wrong", i);
}
