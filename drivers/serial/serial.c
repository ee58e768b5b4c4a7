/* SPDX-License-Identifier: ISC */
/* The console on COM1, a 16550 (National Semiconductor PC16550D). Output waits for the transmitter,
 * but never for ever: a port on which nothing moves any more is given up, and what is written from
 * then on goes out only when there happens to be room. Input is interrupt driven, and costs
 * nothing before the first console_read. */
#include "drivers/serial/serial.h"
#include "arch/x86_64/cpu.h"
#include "drivers/irq/irq.h"
#include "kernel/dev/console.h"
#include "kernel/loop.h"

#include <errno.h>

#define PORT 0x3f8
#define GSI 4
#define DATA (PORT + 0)
#define IER (PORT + 1)
#define FCR (PORT + 2)
#define LCR (PORT + 3)
#define MCR (PORT + 4)
#define LSR (PORT + 5)
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20
#define FIFO_BYTES 16
#define PATIENCE 200000 /* looks at the port: about a second at the port's slowest */

bool serial_is_terminal;

static struct poller poller;
static struct console_read *reader;
static int no_line; /* why there is no interrupt, and so no input; 0 otherwise */
static bool given_up;

void serial_init(void)
{
	out8(IER, 0);
	out8(LCR, 0x80); /* divisor: 115200 */
	out8(DATA, 1);
	out8(IER, 0);
	out8(LCR, 0x03); /* 8N1 */
	out8(FCR, 0x07); /* FIFOs on, empty */
	out8(MCR, 0x0b); /* DTR, RTS, and OUT2, which lets the interrupt through */
}

/* Gives how many bytes the transmitter takes now. */
static unsigned wait_room(void)
{
	for (unsigned looks = given_up ? 1 : PATIENCE; looks; looks--) {
		if (in8(LSR) & LSR_THR_EMPTY) {
			given_up = false;
			return FIFO_BYTES;
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
			out8(DATA, '\r');
			room--;
		}
		out8(DATA, (uint8_t)text[i]);
		room--;
	}
}

bool console_is_terminal(void)
{
	return serial_is_terminal;
}

static void poll(struct poller *p)
{
	struct console_read *op = reader;
	size_t got = 0;

	(void)p;
	if (!op)
		return;
	while (got < op->max && (in8(LSR) & LSR_DATA_READY))
		op->to[got++] = (char)in8(DATA);
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
		no_line = irq_attach_line(GSI, &poller);
		out8(IER, 1);
	}
	if (no_line < 0 || in8(LSR) == 0xff) {
		promise_throw(&op->promise, -ENODEV);
		return;
	}
	promise_init(&op->promise, cancel);
	op->to = to;
	op->max = max;
	reader = op;
	poller_mark(&poller); /* what has come before */
}
