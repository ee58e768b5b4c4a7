/* SPDX-License-Identifier: ISC */
/* The client: follows the server from state to state, in a fiber, through one test. */
#include <errno.h>
#include <string.h>

#include "apps/iperf/iperf_priv.h"
#include "kernel/dev/clock.h"
#include "kernel/fiber.h"
#include "kernel/random.h"

static struct measurement test;
static struct stack *stack;
static struct endpoint server;
static uint64_t their_bytes;

static void make_cookie(char cookie[COOKIE_BYTES])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

	random_bytes(cookie, COOKIE_BYTES);
	for (int i = 0; i < COOKIE_BYTES; i++)
		cookie[i] = letters[(uint8_t)cookie[i] % 32];
	cookie[COOKIE_BYTES - 1] = '\0';
}

/* Opens a connection of the test, and sends the test's cookie on it. */
static int join(struct flow **out)
{
	struct stack_connect op;
	int result;

	stack_tcp_connect(stack, &op, &server);
	result = (int)fiber_await(&op.promise, control_deadline(0));
	if (result < 0)
		return result;
	*out = op.flow;
	return control_write(op.flow, test.cookie, COOKIE_BYTES);
}

static int create_streams(void)
{
	uint32_t count;
	int result = measurement_stream_count(&test.parameters, &count);

	while (result == 0 && test.flow_count < count) {
		result = join(&test.flows[test.flow_count]);
		test.flow_count += test.flows[test.flow_count] != NULL;
	}
	return result;
}

static int run(void)
{
	int result;

	measurement_start(&test, false);
	result = (int)fiber_sleep_until(test.start_ns + test.parameters.seconds * NS_PER_S);
	measurement_stop(&test, false);
	return result ?: control_send_state(&test, TEST_END);
}

/* Performs a state of the server's. 1 when the test is over. */
static int follow(int state)
{
	switch (state) {
	case PARAM_EXCHANGE:
		return control_send_message(&test, iperf_write_parameters(test.message, MESSAGE_BYTES,
		                                                          &test.parameters));
	case CREATE_STREAMS:
		return create_streams();
	case TEST_START:
		return 0;
	case TEST_RUNNING:
		return run();
	case EXCHANGE_RESULTS:
		return measurement_send_results(&test) ?: measurement_read_results(&test, &their_bytes);
	case DISPLAY_RESULTS:
		return control_send_state(&test, IPERF_DONE) ?: 1;
	case ACCESS_DENIED:
		return -EBUSY;
	case SERVER_ERROR:
		return -EPROTO;
	default:
		return -EBADMSG;
	}
}

static intptr_t run_client(void *arg)
{
	int state = 0, result;

	(void)arg;
	make_cookie(test.cookie);
	result = join(&test.control);
	while (result == 0)
		result = control_read_state(&test, &state, control_deadline(0)) ?: follow(state);
	measurement_end(&test, "client", MIN(result, 0), their_bytes);
	return MIN(result, 0);
}

int client_start(struct stack *of, const struct client_config *config, struct promise *done)
{
	stack = of;
	server = config->server;
	memset(&test, 0, sizeof(test));
	test.parameters = config->parameters;
	return fiber_start(run_client, NULL, done);
}
