/* SPDX-License-Identifier: ISC */
/* Event channels in a queue (public/event_channel.h, "FIFO"): each port has a word with its bits and the next
 * port in the queue. Xen appends a port that gets an event and is neither masked nor queued, and writes the
 * queue's head into the control block only if the queue was empty: in between, our side has to remember the
 * position. Xen has queues of several priorities; all our ports are in the default one. Xen's words are
 * checked before they are followed: an impossible port ends a queue, and no queue is longer than there are
 * ports.
 *
 * Once it has queues Xen no longer uses the two levels of bits; a restored domain begins with the bits
 * again. */
#define LOG_TAG "event"
#include "drivers/xen/event_fifo.h"
#include "drivers/xen/hypercall.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/panic.h"

#include <string.h>
#include <xen/event_channel.h>

#define QUEUE EVTCHN_FIFO_PRIORITY_DEFAULT
#define PAGE_WORDS (PAGE_BYTES / sizeof(event_word_t))
#define PAGES ((CONFIG_XEN_EVENTS + PAGE_WORDS - 1) / PAGE_WORDS)
#define BIT(n) (UINT32_C(1) << (n))

bool event_fifo_is_used;

static _Alignas(PAGE_BYTES) volatile event_word_t words[PAGES * PAGE_WORDS];
/* Aligned so that it lies in one page. */
static _Alignas(128) volatile struct evtchn_fifo_control_block control;
static_assert(sizeof(control) <= 128, "public/event_channel.h");
static uint32_t head; /* port to be looked at next; 0: the control block says which */

/* Logs that a queue was broken: the upcall may be an interrupt, which must not log. */
static struct poller reporter;
static uint32_t broken_at; /* port */
static bool is_broken;

static long event_op(unsigned op, void *argument)
{
	return xen_call(__HYPERVISOR_event_channel_op, op, (uintptr_t)argument, 0);
}

static void report(struct poller *p)
{
	(void)p;
	log_error("port=%u broken=\"a queue that cannot be\"", broken_at);
}

/* Reported once per domain, however often it happens. */
static void break_at(uint32_t port)
{
	if (is_broken)
		return;
	is_broken = true;
	broken_at = port;
	poller_mark(&reporter);
}

/* A port without a word would get no events: Xen would record them, and never deliver them. */
static void lend_words(void)
{
	for (size_t i = 0; i < PAGES; i++) {
		struct evtchn_expand_array op = {
			.array_gfn = xen_frame((const void *)&words[i * PAGE_WORDS]),
		};

		if (event_op(EVTCHNOP_expand_array, &op) < 0)
			panic("Xen takes no page of event channels");
	}
}

void event_fifo_init(void)
{
	struct evtchn_init_control op = {
		.control_gfn = xen_frame((const void *)&control), .offset = (uintptr_t)&control % PAGE_BYTES,
	};

	memset((void *)&control, 0, sizeof(control));
	head = 0;
	is_broken = false;
	if (!reporter.poll)
		poller_add(&reporter, report);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = BIT(EVTCHN_FIFO_MASKED);
	event_fifo_is_used = event_op(EVTCHNOP_init_control, &op) >= 0;
	if (event_fifo_is_used)
		lend_words();
}

bool event_fifo_set(uint32_t port, unsigned bit)
{
	return __atomic_fetch_or(&words[port], BIT(bit), __ATOMIC_SEQ_CST) & BIT(bit);
}

bool event_fifo_clear(uint32_t port, unsigned bit)
{
	return __atomic_fetch_and(&words[port], ~BIT(bit), __ATOMIC_SEQ_CST) & BIT(bit);
}

bool event_fifo_has(uint32_t port, unsigned bit)
{
	return words[port] & BIT(bit);
}

/* Takes port out of the queue, so that Xen may append it again. Gives the port behind it, or 0. A port that
 * was not linked has been taken out before, or was never queued: the queue is broken. */
static uint32_t unlink(uint32_t port)
{
	uint32_t keep = ~(BIT(EVTCHN_FIFO_LINKED) | EVTCHN_FIFO_LINK_MASK);
	uint32_t word = __atomic_fetch_and(&words[port], keep, __ATOMIC_SEQ_CST);

	if (word & BIT(EVTCHN_FIFO_LINKED))
		return word & EVTCHN_FIFO_LINK_MASK;
	break_at(port);
	return 0;
}

/* Takes at most as many ports as there are: the rest of an endless queue is left for the next upcall. */
void event_fifo_upcall(void (*take)(uint32_t port))
{
	for (size_t left = ARRAY_SIZE(words); left; left--) {
		uint32_t port = head;

		if (!port && !(__atomic_exchange_n(&control.ready, 0, __ATOMIC_SEQ_CST) & BIT(QUEUE)))
			return;
		if (!port)
			port = control.head[QUEUE];
		head = 0;
		if (!port || port >= ARRAY_SIZE(words)) {
			break_at(port);
			continue;
		}
		head = unlink(port);
		if ((words[port] & (BIT(EVTCHN_FIFO_PENDING) | BIT(EVTCHN_FIFO_MASKED))) == BIT(EVTCHN_FIFO_PENDING))
			take(port);
	}
	break_at(head);
}
