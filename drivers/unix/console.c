/* SPDX-License-Identifier: ISC */
/* The console on standard input and output. The first read turns a terminal's line editing and echo off, so
 * that an application sees keys as on a serial line; an application that never reads leaves the terminal
 * alone. Input is read only when the host says that it is there: fd 0 is shared with other processes, so it
 * must not be made non-blocking. */
#include "kernel/dev/console.h"

#include <errno.h>

#include "arch/unix/host.h"
#include "drivers/unix/console.h"
#include "kernel/loop.h"

#define INPUT 0
#define OUTPUT 1

static struct host_watch watch;
static struct poller poller;
static struct console_read *reader; /* the pending one */
static bool is_started;
static bool is_watched;

void console_write(const char *text, size_t len)
{
	host_write_all(OUTPUT, text, len); /* without a reader an error could not be reported anyway */
}

void unix_console_init(void)
{
	console_is_terminal = host_is_terminal(OUTPUT);
}

static void unwatch(void)
{
	if (is_watched)
		host_watch_remove(&watch);
	is_watched = false;
}

static void on_ready(struct host_watch *w, unsigned events)
{
	(void)w;
	(void)events;
	poller_mark(&poller);
}

static void console_poll(struct poller *p)
{
	struct console_read *op = reader;
	intptr_t n;

	(void)p;
	if (!op)
		return;
	n = host_read(INPUT, op->to, op->max);
	if (n == -EAGAIN || n == -EINTR) {
		if (!is_watched)
			poller_mark(&poller);
		return;
	}
	unwatch();
	reader = NULL;
	/* A terminal that is gone (EIO) and a closed fd (EBADF) are ends of input too. */
	promise_fulfil(&op->promise, n < 0 ? 0 : n);
}

static void cancel_read(struct promise *p)
{
	unwatch();
	reader = NULL;
	promise_fail(p, -ECANCELED);
}

void console_read(struct console_read *op, char *to, size_t max)
{
	if (reader) {
		promise_throw(&op->promise, -EBUSY);
		return;
	}
	if (!is_started) {
		is_started = true;
		poller_add(&poller, console_poll);
		host_terminal_raw(INPUT, true);
	}
	promise_init(&op->promise, cancel_read);
	op->to = to;
	op->max = max;
	reader = op;
	if (host_watch_add(&watch, INPUT, HOST_READABLE, on_ready) == 0)
		is_watched = true;
	else
		poller_mark(&poller); /* a file, which is always ready, or closed, which the read will tell */
}
