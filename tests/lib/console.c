/* SPDX-License-Identifier: ISC */
/* The console, which keeps output for the test and gives the input that the test types. */
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#include "kernel/dev/console.h"

static char text[65536];
static size_t length;
static char typed[4096];
static size_t typed_length;
static bool at_end;
static struct console_read *reader;

void console_write(const char *from, size_t len)
{
	len = MIN(len, sizeof(text) - 1 - length);
	memcpy(text + length, from, len);
	length += len;
	text[length] = '\0';
}

const char *test_console_text(void)
{
	return text;
}

void test_console_clear(void)
{
	text[length = 0] = '\0';
}

static void serve(void)
{
	struct console_read *op = reader;
	size_t n;

	if (!op || (!typed_length && !at_end))
		return;
	n = MIN(op->max, typed_length);
	memcpy(op->to, typed, n);
	typed_length -= n;
	memmove(typed, typed + n, typed_length);
	reader = NULL;
	promise_fulfil(&op->promise, (intptr_t)n);
}

static void read_cancel(struct promise *p)
{
	reader = NULL;
	promise_fail(p, -ECANCELED);
}

void console_read(struct console_read *op, char *to, size_t max)
{
	if (reader) {
		promise_throw(&op->promise, -EBUSY);
		return;
	}
	promise_init(&op->promise, read_cancel);
	op->to = to;
	op->max = max;
	reader = op;
	serve();
}

void test_console_type(const char *input)
{
	if (input) {
		size_t n = strlen(input);

		assert(typed_length + n <= sizeof(typed));
		memcpy(typed + typed_length, input, n);
		typed_length += n;
	} else {
		at_end = true;
	}
	serve();
}
