/* SPDX-License-Identifier: ISC */
/* agent: performs calls on the stack for a conformance suite, which sends commands line by line on the
 * console (README.md). At the end of the console's input it resets every connection and ends. */
#include <errno.h>

#include "apps/agent/agent_priv.h"
#include "apps/agent/line.h"
#include "kernel/app.h"
#include "kernel/dev/console.h"
#include "net/direct.h"

#define LOG_TAG "agent"
#include "kernel/log.h"

/* The longest command without its data: id, verb, handle, address, port, blanks. */
enum { OTHER_WORDS = COMMAND_ID_MAX + 64 + IP_TEXT_MAX, INPUT_BYTES = 512 };

struct stack *agent_stack;

static char text[2 * CONFIG_AGENT_DATA_BYTES + OTHER_WORDS];
static char input[INPUT_BYTES];
static struct line line = { .text = text, .size = sizeof(text) };
static struct console_read reading;
static struct waiter reader;
static struct promise *done;

const struct option app_options[] = { { 0 } };

static void read_on(void);

static void have_input(struct waiter *w)
{
	intptr_t result = promise_result(&reading.promise);
	size_t left = (size_t)MAX(result, 0);
	const char *at = input;

	(void)w;
	if (result <= 0) {
		handle_destroy_all();
		if (result < 0)
			promise_fail(done, (int)result);
		else
			promise_fulfil(done, 0);
		return;
	}
	while (line_feed(&line, &at, &left)) {
		agent_execute(line.text, line.len, line.is_too_long);
		line_clear(&line);
	}
	read_on();
}

static void read_on(void)
{
	console_read(&reading, input, sizeof(input));
	promise_wait(&reading.promise, &reader, have_input);
}

int app_start(const struct app *app, struct promise *end)
{
	agent_stack = app->stack;
	done = end;
	if (IS_ENABLED(CONFIG_NET_DIRECT))
		udp_listen_errors(direct_udp((struct direct *)agent_stack), agent_udp_failed, NULL);
	log_info("ready");
	read_on();
	return 0;
}
