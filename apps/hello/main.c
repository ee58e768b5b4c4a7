/* SPDX-License-Identifier: ISC */
/* hello: greets, sleeps for a second, then says back each line of the console until "quit" or the
 * end of input. It is plain sequential C in a fiber: while it waits, the rest of the image runs. */
#include <string.h>

#include "kernel/app.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/fiber.h"

#define LINE_BYTES 128 /* longer lines are said back in parts */

static const char *name = "world";

const struct option app_options[] = {
	{ "name", "whom to greet", option_string, &name },
	{ 0 },
};

struct line {
	char text[LINE_BYTES], input[LINE_BYTES];
	size_t len, read, input_len; /* bytes of text; of input: taken, and in all */
};

static void say(const char *what, const char *whom, size_t len, const char *end)
{
	console_write(what, strlen(what));
	console_write(whom, len);
	console_write(end, strlen(end));
}

/* The next line without its end; false when there is no more. A terminal ends lines with a carriage
 * return, a pipe with a line feed. */
static bool read_line(struct line *line)
{
	struct console_read op;
	intptr_t n;

	for (line->len = 0; line->len < sizeof(line->text);) {
		if (line->read == line->input_len) {
			console_read(&op, line->input, sizeof(line->input));
			n = fiber_await(&op.promise, DEADLINE_NEVER);
			if (n <= 0)
				return line->len > 0;
			line->read = 0;
			line->input_len = (size_t)n;
		}
		line->text[line->len] = line->input[line->read++];
		if (line->text[line->len] == '\r' || line->text[line->len] == '\n')
			return true;
		line->len++;
	}
	return true;
}

static intptr_t hello(void *done)
{
	struct line line = { .len = 0 };

	say("Hello, ", name, strlen(name), "!\n");
	fiber_sleep_until(clock_now_ns() + NS_PER_S);
	say("It is a second later.", "", 0, "\n");
	while (read_line(&line)) {
		if (line.len == 4 && !memcmp(line.text, "quit", 4))
			break;
		if (line.len)
			say("You said: ", line.text, line.len, "\n");
	}
	say("Goodbye.", "", 0, "\n");
	promise_fulfil(done, 0);
	return 0;
}

int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	return fiber_start(hello, done, NULL);
}
