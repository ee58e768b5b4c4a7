/* SPDX-License-Identifier: ISC */
/* Our client against our server, each on its own stack; and other clients that connect meanwhile. */
#include <errno.h>
#include <string.h>

#include "apps/iperf/iperf_priv.h"
#include "kernel/fiber.h"
#include "kernel/loop.h"
#include "net/direct.h"
#include "tests/lib/cable.h"
#include "tests/lib/lan.h"
#include "tests/lib/test.h"

static struct cable *cable;
static struct direct *stacks[2]; /* the server's, the client's */

static void run_ms(uint32_t ms)
{
	for (; ms > 0; ms--) {
		test_settle();
		clock_advance_ns(NS_PER_MS);
	}
	test_settle();
}

static struct promise warm[2];

static intptr_t warm_up(void *arg)
{
	(void)arg;
	return fiber_sleep_until(clock_now_ns() + 1);
}

static void begin(void)
{
	struct cable_config wire = {
		.seed = 1, .faults = { .delay_ns = NS_PER_MS, .bits_per_second = 20000000, .queue_frames = 100 },
	};
	struct stack_config configs[2] = {
		{ .ip = { ip_v4(10, 0, 0, 2), 24 } }, { .ip = { ip_v4(10, 0, 0, 1), 24 } },
	};

	lan_prepare();
	cr_assert_eq(cable_create(&cable, &wire), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(direct_create(&stacks[i], cable_end(cable, i), &configs[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(warm); i++) /* stacks of fibers are kept */
		cr_assert_eq(fiber_start(warm_up, NULL, &warm[i]), 0);
	run_ms(100);
	test_begin();
	cr_assert_eq(server_start((struct stack *)stacks[0], 5201), 0);
	run_ms(1);
}

static void end(void)
{
	run_ms(130000);
	test_end();
	for (int i = 0; i < 2; i++)
		direct_destroy(stacks[i]);
	cable_destroy(cable);
}

TestSuite(iperf, .init = begin, .fini = end);

static struct client_config config = {
	.server = { .port = 5201 }, .parameters = { .streams = 1, .seconds = 1 },
};

static intptr_t measure(void)
{
	static struct promise done;

	config.server.addr = ip_v4(10, 0, 0, 2);
	cr_assert_eq(client_start((struct stack *)stacks[1], &config, &done), 0);
	for (int i = 0; i < 40000 && !promise_is_settled(&done); i++)
		run_ms(1);
	return promise_result(&done);
}

/* The number after a word in the client's log line. */
static unsigned long long said(const char *word)
{
	const char *line = strstr(test_console_text(), "client done"), *at = line ? strstr(line, word) : NULL;
	unsigned long long n = 0;

	cr_assert(at, "%s", test_console_text());
	for (at += strlen(word); *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (unsigned)(*at - '0');
	return n;
}

Test(iperf, the_client_sends)
{
	cr_assert_eq(measure(), 0, "%s", test_console_text());
	cr_expect_gt(said(" sent="), 100000);
	cr_expect_eq(said(" received="), 0);
	cr_expect_gt(said(" peer="), 100000);
	cr_expect_geq(said(" sent="), said(" peer="), "%s", test_console_text());
	run_ms(10);
	cr_expect(strstr(test_console_text(), "server done streams=1"));
}

Test(iperf, the_server_sends_on_several_streams)
{
	config.parameters.reverse = true;
	config.parameters.streams = 4;
	cr_assert_eq(measure(), 0, "%s", test_console_text());
	cr_expect_eq(said(" streams="), 4);
	cr_expect_eq(said(" sent="), 0);
	cr_expect_gt(said(" received="), 100000);
	test_console_clear();
	cr_assert_eq(measure(), 0, "%s", test_console_text());
}

Test(iperf, more_streams_than_there_are_is_said)
{
	config.parameters.streams = 5;
	cr_assert_eq(measure(), -EPROTO, "%s", test_console_text());
	config.parameters.streams = 1;
	run_ms(10);
	cr_assert_eq(measure(), 0, "%s", test_console_text());
}

Test(iperf, nobody_there)
{
	config.server.port = 9;
	cr_assert_eq(measure(), -ECONNREFUSED, "%s", test_console_text());
}

/* -- a client that is not ours, and not well-behaved -- */

static struct stack_connect op;

static struct flow *join(const char *cookie, size_t len)
{
	struct endpoint to = { ip_v4(10, 0, 0, 2), 5201 };
	struct slice slice = { cookie, len, NULL };
	struct flow_write write;

	direct_tcp_connect(stacks[1], &op, &to);
	run_ms(20);
	test_assert_value(&op.promise, 0);
	flow_write(op.flow, &write, &slice, 1);
	run_ms(20);
	return op.flow;
}

/* Reads up to four received bytes; -1: the end or an error, 0: none have come. */
static int read_some(struct flow *flow, uint8_t to[4])
{
	struct flow_read read;
	int n;

	flow_read(flow, &read, 4);
	run_ms(20);
	promise_cancel(&read.promise);
	n = (int)promise_result(&read.promise);
	if (n > 0) {
		buf_copy_out(read.bufs, 0, to, (uint32_t)n);
		buf_free(read.bufs);
	}
	run_ms(1);
	return n > 0 ? n : n == -ECANCELED ? 0 : -1;
}

static const char cookie[COOKIE_BYTES] = "abcdefghijklmnopqrstuvwxyz2345671234";
static const char other[COOKIE_BYTES] = "bbcdefghijklmnopqrstuvwxyz2345671234";

Test(iperf, one_at_a_time)
{
	struct flow *first = join(cookie, COOKIE_BYTES), *second = join(other, COOKIE_BYTES);
	uint8_t bytes[4];

	cr_assert_eq(read_some(first, bytes), 1);
	cr_expect_eq(bytes[0], PARAM_EXCHANGE);
	cr_assert_eq(read_some(second, bytes), 1);
	cr_expect_eq((int8_t)bytes[0], ACCESS_DENIED);
	cr_expect_eq(read_some(second, bytes), -1);
	flow_close(second);
	flow_close(first);
	run_ms(100);
	cr_assert_eq(measure(), 0, "%s", test_console_text());
}

Test(iperf, who_says_nothing_is_not_waited_for)
{
	struct flow *silent = join(cookie, 10), *half = join(other, COOKIE_BYTES);
	uint8_t bytes[4];

	run_ms(10100);
	cr_expect_eq(read_some(silent, bytes), -1);
	flow_close(silent);
	run_ms(31000);
	cr_expect(strstr(test_console_text(), "server failed errno=110"), "%s", test_console_text());
	flow_abort(half);
	cr_assert_eq(measure(), 0, "%s", test_console_text());
}

static void expect_failure(const char *message, size_t len)
{
	struct flow *flow = join(cookie, COOKIE_BYTES);
	struct slice slice = { message, len, NULL };
	struct flow_write write;

	flow_write(flow, &write, &slice, 1);
	run_ms(100);
	cr_expect(strstr(test_console_text(), "server failed"), "%s", test_console_text());
	test_console_clear();
	flow_abort(flow);
	run_ms(10);
}

Test(iperf, a_wrong_message_ends_the_test_and_not_the_server)
{
	expect_failure("\xff\xff\xff\xff", 4);
	expect_failure("\x00\x00\x40\x01", 4);
	expect_failure("\x00\x00\x00\x0e{\"parallel\":0}", 18);
	expect_failure("\x00\x00\x00\x0c{\"udp\":true}", 16);
	cr_assert_eq(measure(), 0, "%s", test_console_text());
}
