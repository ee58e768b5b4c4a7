/* SPDX-License-Identifier: ISC */
/* The console's two rings (Xen's public/io/console.h), which the toolstack's daemon empties and fills. Output
 * waits for room, but for a bounded time: if the daemon stops reading, waiting is given up, and later output
 * gets through only while there is room. Input stays in its ring until it is read, so that the daemon holds
 * back the rest. Impossible indices of the other side are taken for an empty ring. */
#include "drivers/xen/event.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/console.h"

#include <errno.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>

#define PATIENCE 500 /* waits of WAIT_NS each */
#define WAIT_NS (10 * NS_PER_MS)

static volatile struct xencons_interface *ring;
static uint32_t port;
static struct poller poller;
static struct console_read *reader;
static bool given_up;

/* -- output -- */

static uint32_t unread(void)
{
	uint32_t bytes = ring->out_prod - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);

	return bytes > sizeof(ring->out) ? 0 : bytes;
}

/* Waits while more than most bytes are unread. false: it has been given up. */
static bool wait_for(uint32_t most)
{
	unsigned looks = given_up ? 1 : PATIENCE;

	event_forget(port);
	while (unread() > most && --looks) {
		event_send(port);
		xen_poll(port, WAIT_NS);
		event_forget(port);
	}
	poller_mark(&poller); /* the forgotten event may have been for input */
	given_up = !looks;
	return !given_up;
}

static bool put(char c)
{
	uint32_t at = ring->out_prod;

	if (unread() >= sizeof(ring->out) && !wait_for(sizeof(ring->out) - 1))
		return false;
	ring->out[MASK_XENCONS_IDX(at, ring->out)] = c;
	__atomic_store_n(&ring->out_prod, at + 1, __ATOMIC_RELEASE);
	return true;
}

void console_write(const char *text, size_t len)
{
	if (!ring)
		return;
	for (size_t i = 0; i < len; i++)
		if ((text[i] == '\n' && !put('\r')) || !put(text[i]))
			break;
	event_send(port);
}

void xen_console_drain(void)
{
	if (ring)
		wait_for(0);
}

/* -- input -- */

static size_t take(char *to, size_t max)
{
	uint32_t at = ring->in_cons, end = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
	size_t got = 0;

	if (end - at > sizeof(ring->in))
		at = end;
	while (got < max && at != end)
		to[got++] = ring->in[MASK_XENCONS_IDX(at++, ring->in)];
	__atomic_store_n(&ring->in_cons, at, __ATOMIC_RELEASE);
	return got;
}

/* After a read the daemon is sent an event: its ring has room again. */
static void poll(struct poller *p)
{
	struct console_read *op = reader;
	size_t got;

	(void)p;
	if (!ring) /* without a ring there may be no port either */
		return;
	event_again(port);
	if (!op)
		return;
	got = take(op->to, op->max);
	if (!got)
		return;
	event_send(port);
	reader = NULL;
	promise_fulfil(&op->promise, (intptr_t)got);
}

static void cancel(struct promise *p)
{
	reader = NULL;
	promise_fail(p, -ECANCELED);
}

void console_read(struct console_read *op, char *to, size_t max)
{
	if (reader || !ring) {
		promise_throw(&op->promise, ring ? -EBUSY : -ENODEV);
		return;
	}
	promise_init(&op->promise, cancel);
	op->to = to;
	op->max = max;
	reader = op;
	poller_mark(&poller); /* for input that came before */
}

void xen_console_resume(void)
{
	ring = xen_parameter_ring(HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, &port);
	if (ring && event_attach(port, &poller) < 0)
		ring = NULL;
	given_up = false;
}

void xen_console_init(void)
{
	poller_add(&poller, poll);
	xen_console_resume();
}
