/* SPDX-License-Identifier: ISC */
/* The server: one test at a time, in a fiber. Every connection begins with its test's cookie, which tells
 * whether it is a new test's, or a stream of the running one; another test is refused as long as one runs. */
#include <errno.h>
#include <string.h>

#include "apps/iperf/iperf_priv.h"
#include "kernel/dev/clock.h"
#include "kernel/fiber.h"
#include "kernel/timer.h"

#define LOG_TAG "iperf"
#include "kernel/log.h"

enum { NEWCOMERS = 8, GREETING_SECONDS = 10 };

/* A connection whose cookie is not yet complete. */
struct newcomer {
	struct flow *flow; /* NULL: free */
	struct flow_read read;
	struct waiter waiter;
	struct timer timer;
	char cookie[COOKIE_BYTES];
	uint32_t len;
};

static struct newcomer newcomers[NEWCOMERS];
static struct measurement test;
static bool is_busy;
static uint32_t wanted;              /* streams still to be opened */
static struct promise all_there;
static struct timer omit;

/* -- one test -- */

static int refuse_kind(void)
{
	static const uint8_t errors[8] = { 0, 0, 0, SERVER_ERROR_UNIMPLEMENTED };

	return control_send_state(&test, SERVER_ERROR) ?: control_write(test.control, errors, sizeof(errors)) ?:
		-EPROTONOSUPPORT;
}

static int agree(void)
{
	struct iperf_parameters *p = &test.parameters;
	uint32_t streams;
	int result = control_send_state(&test, PARAM_EXCHANGE) ?: control_read_message(&test);

	if (result >= 0)
		result = iperf_parse_parameters(test.message, (size_t)result, p);
	if (result < 0)
		return result;
	if (p->is_udp || p->is_sctp || measurement_stream_count(p, &streams) < 0)
		return refuse_kind();
	promise_init(&all_there, NULL);
	wanted = streams;
	result = control_send_state(&test, CREATE_STREAMS) ?: (int)fiber_await(&all_there, control_deadline(0));
	wanted = 0;
	return result;
}

static void warmed_up(struct timer *t)
{
	(void)t;
	measurement_omit(&test);
}

/* Runs the test until the client ends it. Bytes during the client's warm-up are not counted. */
static int run(void)
{
	const struct iperf_parameters *p = &test.parameters;
	uint64_t end_ns = p->seconds ? control_deadline(p->seconds + p->omit_seconds) : DEADLINE_NEVER;
	int state, result = control_send_state(&test, TEST_START) ?: control_send_state(&test, TEST_RUNNING);

	if (result < 0)
		return result;
	measurement_start(&test, true);
	if (p->omit_seconds)
		timer_start(&omit, test.start_ns + p->omit_seconds * NS_PER_S);
	result = control_read_state(&test, &state, end_ns);
	timer_stop(&omit);
	measurement_stop(&test, true);
	return result < 0 ? result : state == TEST_END ? 0 : -ECANCELED;
}

static int tell(uint64_t *their_bytes)
{
	int state;

	return control_send_state(&test, EXCHANGE_RESULTS) ?: measurement_read_results(&test, their_bytes) ?:
		measurement_send_results(&test) ?: control_send_state(&test, DISPLAY_RESULTS) ?:
		control_read_state(&test, &state, control_deadline(0));
}

static intptr_t serve(void *arg)
{
	uint64_t their_bytes = 0;

	(void)arg;
	measurement_end(&test, "server", agree() ?: run() ?: tell(&their_bytes), their_bytes);
	is_busy = false;
	return 0;
}

/* -- newcomers -- */

static void turn_away(struct flow *flow)
{
	static const int8_t denied = ACCESS_DENIED;
	struct slice slice = { &denied, 1, NULL };
	struct flow_write op;

	flow_write(flow, &op, &slice, 1);
	flow_close(flow); /* settles op, if it has not */
}

static void begin_test(struct newcomer *n)
{
	memset(&test, 0, sizeof(test));
	test.control = n->flow;
	memcpy(test.cookie, n->cookie, COOKIE_BYTES);
	is_busy = fiber_start(serve, NULL, NULL) == 0;
	if (!is_busy)
		turn_away(n->flow);
}

static void cookie_is_there(struct newcomer *n)
{
	if (!is_busy) {
		begin_test(n);
	} else if (wanted > 0 && !memcmp(n->cookie, test.cookie, COOKIE_BYTES)) {
		test.flows[test.flow_count++] = n->flow;
		if (--wanted == 0)
			promise_fulfil(&all_there, 0);
	} else {
		turn_away(n->flow);
	}
}

static void read_cookie(struct newcomer *n);

static void have_read(struct waiter *w)
{
	struct newcomer *n = container_of(w, struct newcomer, waiter);
	intptr_t got = promise_result(&n->read.promise);

	if (got > 0) {
		buf_copy_out(n->read.bufs, 0, n->cookie + n->len, (uint32_t)got);
		buf_free(n->read.bufs);
		n->len += (uint32_t)got;
		if (n->len < COOKIE_BYTES) {
			read_cookie(n);
			return;
		}
		cookie_is_there(n);
	} else {
		flow_close(n->flow);
	}
	timer_stop(&n->timer);
	n->flow = NULL;
}

static void read_cookie(struct newcomer *n)
{
	flow_read(n->flow, &n->read, COOKIE_BYTES - n->len);
	promise_wait(&n->read.promise, &n->waiter, have_read);
}

static void too_late(struct timer *t)
{
	promise_cancel(&container_of(t, struct newcomer, timer)->read.promise);
}

static int accept_newcomer(void *arg, struct flow *flow, const struct endpoint *peer)
{
	struct newcomer *n = newcomers;

	(void)arg;
	(void)peer;
	while (n < newcomers + NEWCOMERS && n->flow)
		n++;
	if (n == newcomers + NEWCOMERS)
		return -ENOBUFS;
	*n = (struct newcomer){ .flow = flow };
	timer_init(&n->timer, too_late);
	timer_start_in(&n->timer, GREETING_SECONDS * NS_PER_S);
	read_cookie(n);
	return 0;
}

int server_start(struct stack *stack, uint16_t port)
{
	int result;

	timer_init(&omit, warmed_up);
	result = stack_tcp_listen(stack, port, accept_newcomer, NULL);

	if (result == 0)
		log_info("listening port=%u", port);
	return result;
}
