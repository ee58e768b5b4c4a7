/* SPDX-License-Identifier: ISC */
/* The application's calls and their results: "read 100", "write 10 = 10", "connect = pending". */
#include "tests/tcp/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tcp/world.h"

#define PENDING 1000000000 /* no result is as large */

/* -- results: "= 5", "= ok", "= pending", "= ECONNRESET" -- */

static intptr_t parse_result(const struct line *l, const char *word)
{
	static const struct { const char *name; int value; } all[] = {
		{ "ok", 0 }, { "pending", PENDING }, { "ECONNRESET", -ECONNRESET }, { "ECONNREFUSED", -ECONNREFUSED },
		{ "ETIMEDOUT", -ETIMEDOUT }, { "EHOSTUNREACH", -EHOSTUNREACH }, { "ECANCELED", -ECANCELED },
		{ "EPIPE", -EPIPE }, { "ENOBUFS", -ENOBUFS }, { "EBUSY", -EBUSY }, { "EINVAL", -EINVAL },
		{ "ENOPROTOOPT", -ENOPROTOOPT }, { "ENOTCONN", -ENOTCONN },
		{ "EADDRINUSE", -EADDRINUSE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(all[i].name, word) == 0)
			return all[i].value;
	return (intptr_t)line_number(l, word);
}

/* "= RESULT", and the end of the line. */
static void expect_result(const struct line *l, unsigned at, intptr_t got)
{
	intptr_t want = parse_result(l, line_take(l, &at, "a result"));

	line_ends(l, at);
	if (got == PENDING && want != PENDING)
		fail(l, "it is still pending");
	if (got != want)
		fail(l, "the result is %ld%s%s", (long)got, got < 0 ? ", " : "", got < 0 ? strerror((int)-got) : "");
	report_held();
}

/* The rest of a call's line. */
static void take_result(const struct line *l, unsigned at, intptr_t got)
{
	if (line_takes(l, &at, "="))
		expect_result(l, at, got);
	else
		line_ends(l, at);
}

static intptr_t result_of(const struct promise *p)
{
	return promise_is_settled(p) ? promise_result(p) : PENDING;
}

/* A read must give the bytes that the peer has sent. */
static void check_read(const struct line *l)
{
	struct buf *bufs = talk->reading.bufs;
	uint32_t len = bufs ? buf_length(bufs) : 0;
	uint8_t *bytes = malloc(len + 1);

	if (!promise_is_settled(&talk->reading.promise) || !bufs || !bytes) {
		free(bytes);
		return;
	}
	buf_copy_out(bufs, 0, bytes, len);
	buf_free(bufs);
	talk->reading.bufs = NULL;
	if (memcmp(bytes, pattern_at(FROM_PEER, talk->read_bytes), len) != 0)
		fail(l, "what was read is not what the peer has sent");
	talk->read_bytes += len;
	free(bytes);
}

static struct promise *promise_named(const struct line *l, const char *word)
{
	if (strcmp(word, "connect") == 0)
		return &talk->connecting.promise;
	if (strcmp(word, "read") == 0)
		return &talk->reading.promise;
	if (strcmp(word, "write") == 0)
		return &talk->writing.promise;
	fail(l, "no call that may be pending: %s", word);
}

void calls_expect(const struct line *l, unsigned at, const char *call)
{
	const struct promise *p = promise_named(l, call);

	check_read(l);
	if (!line_takes(l, &at, "="))
		fail(l, "no result: = pending, if that it is");
	expect_result(l, at, result_of(p));
}

/* -- calls -- */

static struct flow *flow_of(const struct line *l)
{
	if (!talk_flow(talk))
		fail(l, "there is no connection that the application holds");
	return talk->flow;
}

void call_listen(const struct line *l, unsigned at)
{
	uint16_t port = (uint16_t)line_number(l, line_take(l, &at, "a port"));
	bool declines = line_takes(l, &at, "declining");

	talk->stack_port = port;
	take_result(l, at, tcp_listen(world_tcp(), port, declines ? world_decline : world_accept, NULL));
}

void call_unlisten(const struct line *l, unsigned at)
{
	tcp_unlisten(world_tcp(), (uint16_t)line_number(l, line_take(l, &at, "a port")));
	take_result(l, at, 0);
}

void call_accept(const struct line *l, unsigned at)
{
	bool accepted = talk->accepted;

	talk->accepted = false;
	if (at == l->count && !accepted)
		fail(l, "no connection was accepted");
	report_held();
	take_result(l, at, accepted ? 0 : PENDING);
}

void calls_begin_connecting(const struct line *l)
{
	struct endpoint to = { ip_v4(10, 0, 0, 9), talk->peer_port };

	if (talk_flow(talk) || !promise_is_settled(&talk->connecting.promise))
		fail(l, "there is a connection already");
	talk->bases.stack_known = false;
	talk->read_bytes = talk->written_bytes = 0;
	tcp_connect(world_tcp(), &talk->connecting, &to);
	world_run();
}

void call_connect(const struct line *l, unsigned at)
{
	calls_begin_connecting(l);
	take_result(l, at, result_of(&talk->connecting.promise));
}

void call_read(const struct line *l, unsigned at)
{
	uint32_t max = line_number(l, line_take(l, &at, "how many bytes at most"));

	if (!promise_is_settled(&talk->reading.promise))
		fail(l, "a read is pending");
	flow_read(flow_of(l), &talk->reading, max);
	world_run();
	check_read(l);
	take_result(l, at, result_of(&talk->reading.promise));
}

void call_write(const struct line *l, unsigned at)
{
	uint32_t len = line_number(l, line_take(l, &at, "how many bytes"));

	if (!promise_is_settled(&talk->writing.promise))
		fail(l, "a write is pending");
	talk->slice = (struct slice){ pattern_at(FROM_STACK, talk->written_bytes), len, NULL };
	talk->written_bytes += len;
	flow_write(flow_of(l), &talk->writing, &talk->slice, 1);
	world_run();
	take_result(l, at, result_of(&talk->writing.promise));
}

void call_shutdown(const struct line *l, unsigned at)
{
	int result = flow_shutdown(flow_of(l));

	world_run();
	take_result(l, at, result);
}

void call_close(const struct line *l, unsigned at)
{
	flow_close(flow_of(l));
	talk->flow = NULL;
	world_run();
	take_result(l, at, 0);
}

void call_abort(const struct line *l, unsigned at)
{
	flow_abort(flow_of(l));
	talk->flow = NULL;
	world_run();
	take_result(l, at, 0);
}

static enum stack_option option_named(const struct line *l, const char *word)
{
	static const char *const all[STACK_OPTIONS] = {
		[STACK_NODELAY] = "nodelay", [STACK_CORK] = "cork", [STACK_KEEPALIVE] = "keepalive",
		[STACK_KEEPIDLE] = "keepidle", [STACK_KEEPINTVL] = "keepintvl", [STACK_KEEPCNT] = "keepcnt",
		[STACK_LINGER] = "linger", [STACK_RCVBUF] = "rcvbuf", [STACK_SNDBUF] = "sndbuf",
		[STACK_USERTIMEOUT] = "usertimeout", [STACK_MSS] = "mss",
		[STACK_TTL] = "ttl", [STACK_DSCP] = "dscp", [STACK_ERROR] = "error",
	};

	for (unsigned i = 0; i < STACK_OPTIONS; i++)
		if (all[i] && strcmp(all[i], word) == 0)
			return i;
	fail(l, "unknown option: %s", word);
}

void call_set(const struct line *l, unsigned at)
{
	enum stack_option option = option_named(l, line_take(l, &at, "an option"));
	int32_t value = (int32_t)line_number(l, line_take(l, &at, "a number"));
	int result = tcp_set(flow_of(l), option, value);

	world_run();
	if (at == l->count && result < 0)
		fail(l, "it cannot be set: %s", strerror(-result));
	take_result(l, at, result);
}

void call_preset(const struct line *l, unsigned at)
{
	uint16_t port = (uint16_t)line_number(l, line_take(l, &at, "a port, or 0"));
	enum stack_option option = option_named(l, line_take(l, &at, "an option"));
	int32_t value = (int32_t)line_number(l, line_take(l, &at, "a number"));

	take_result(l, at, tcp_preset(world_tcp(), port, option, value));
}

void call_get(const struct line *l, unsigned at)
{
	enum stack_option option = option_named(l, line_take(l, &at, "an option"));
	int32_t value = 0;
	int result = tcp_get(flow_of(l), option, &value);

	take_result(l, at, result < 0 ? result : value);
}

void call_cancel(const struct line *l, unsigned at)
{
	promise_cancel(promise_named(l, line_take(l, &at, "a call")));
	world_run();
	take_result(l, at, 0);
}
