/* SPDX-License-Identifier: ISC */
/* The console on a serial port. Output waits for the transmitter, but for a bounded time: if nothing moves
 * any more, waiting is given up, and later output gets through only while there is room. Input is interrupt
 * driven, and costs nothing before the first console_read. */
#include "drivers/serial/serial.h"
#include "drivers/serial/uart.h"
#include "kernel/dev/console.h"
#include "kernel/loop.h"
#include CONFIG_CPU_HEADER

#include <errno.h>

#define PATIENCE 200000 /* reads of the status: about a second on the slowest port */

static struct poller poller;
static struct console_read *reader;
static int no_line; /* why there is no interrupt, and so no input; otherwise 0 */
static bool given_up;

/* Waits for room in the transmitter, and gives its bytes. */
static unsigned wait_room(void)
{
	for (unsigned looks = given_up ? 1 : PATIENCE; looks; looks--) {
		unsigned room = uart_room();

		if (room) {
			given_up = false;
			return room;
		}
		cpu_pause();
	}
	given_up = true;
	return 0;
}

void console_write(const char *text, size_t len)
{
	unsigned room = 0;

	for (size_t i = 0; i < len; i++) {
		if (room < 2)
			room = wait_room();
		if (!room)
			return;
		if (text[i] == '\n') {
			uart_put('\r');
			room--;
		}
		uart_put((uint8_t)text[i]);
		room--;
	}
}

static void poll(struct poller *p)
{
	struct console_read *op = reader;
	size_t got = 0;

	(void)p;
	uart_acknowledge();
	if (!op)
		return;
	while (got < op->max && uart_has_input())
		op->to[got++] = (char)uart_get();
	if (got) {
		reader = NULL;
		promise_fulfil(&op->promise, (intptr_t)got);
	}
}

static void cancel(struct promise *p)
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
	if (!poller.poll) {
		poller_add(&poller, poll);
		no_line = uart_listen(&poller);
	}
	if (no_line < 0) {
		promise_throw(&op->promise, -ENODEV);
		return;
	}
	promise_init(&op->promise, cancel);
	op->to = to;
	op->max = max;
	reader = op;
	poller_mark(&poller); /* for input that came before */
}
