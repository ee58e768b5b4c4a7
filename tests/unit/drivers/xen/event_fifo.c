/* SPDX-License-Identifier: ISC */
/* FIFO event channels: no event is lost or comes twice, also in another domain and on a Xen without queues;
 * and impossible queues. */
#include "drivers/xen/event.h"
#include "drivers/xen/event_fifo.h"
#include "drivers/xen/xen.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <criterion/parameterized.h>
#include <string.h>

enum { PORTS = 12 };

static struct channel {
	struct poller poller;
	uint32_t port;
	unsigned polled, at; /* at: how many had been polled before */
} channels[PORTS];
static unsigned polled;

static void poll(struct poller *p)
{
	struct channel *c = container_of(p, struct channel, poller);

	c->polled++;
	c->at = polled++;
}

static void offer_all(void)
{
	for (size_t i = 0; i < PORTS; i++)
		cr_assert_eq(event_offer(0, &channels[i].poller, &channels[i].port), 0);
}

static void begin(void)
{
	fake_has_queues = true;
	fake_begin();
	cr_assert(fake.words && fake.control);
	for (size_t i = 0; i < PORTS; i++)
		poller_add(&channels[i].poller, poll);
	offer_all();
}

TestSuite(xen_event_fifo, .init = begin, .timeout = 60);

static bool has_bit(uint32_t port, unsigned bit)
{
	return fake.words[port] >> bit & 1;
}

Test(xen_event_fifo, an_event_marks_its_poller_once_until_it_listens_again)
{
	uint32_t port = channels[0].port;

	fake_raise(port);
	test_settle();
	cr_assert_eq(channels[0].polled, 1);
	cr_assert(has_bit(port, EVTCHN_FIFO_MASKED) && !has_bit(port, EVTCHN_FIFO_LINKED));
	for (int i = 0; i < 100; i++)
		fake_raise(port);
	test_settle();
	cr_assert_eq(channels[0].polled, 1);
	event_again(port);
	test_settle();
	cr_assert_eq(channels[0].polled, 2, "what came while the port was masked is lost");
	fake_raise(port);
	test_settle();
	cr_assert_eq(channels[0].polled, 3);
	event_again(port);
	event_again(port);
	test_settle();
	cr_assert_eq(channels[0].polled, 3);
}

/* A queue that has grown meanwhile is emptied at once, in its order. */
Test(xen_event_fifo, many_at_a_time)
{
	for (unsigned round = 0; round < 100; round++) {
		polled = 0;
		for (size_t i = 0; i < PORTS; i++) {
			uint32_t port = channels[i * 5 % PORTS].port;

			fake.words[port] |= UINT32_C(1) << EVTCHN_FIFO_PENDING | UINT32_C(1) << EVTCHN_FIFO_LINKED;
			if (!i)
				fake.control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = port;
			else
				fake.words[channels[(i - 1) * 5 % PORTS].port] |= port;
		}
		fake.control->ready = 1 << EVTCHN_FIFO_PRIORITY_DEFAULT;
		event_upcall();
		test_settle();
		cr_assert_eq(polled, PORTS);
		for (size_t i = 0; i < PORTS; i++) {
			cr_assert_eq(channels[i].polled, round + 1);
			cr_assert_eq(fake.words[channels[i].port], UINT32_C(1) << EVTCHN_FIFO_MASKED);
			event_again(channels[i].port);
		}
		fake.tail = 0;
	}
}

Test(xen_event_fifo, a_closed_channel_says_nothing)
{
	event_close(channels[1].port);
	fake_raise(channels[1].port);
	fake_raise(channels[2].port);
	test_settle();
	cr_assert(channels[1].polled == 0 && channels[2].polled == 1);
}

Test(xen_event_fifo, pending_and_forgotten)
{
	uint32_t port = channels[3].port;

	fake_raise(port);
	test_settle();
	cr_assert(!event_is_pending(port));
	fake_raise(port);
	cr_assert(event_is_pending(port));
	event_forget(port);
	cr_assert(!event_is_pending(port));
	event_again(port);
	test_settle();
	cr_assert_eq(channels[3].polled, 1);
}

/* A channel whose poller is NULL is not masked, and leaves the queue all the same. */
Test(xen_event_fifo, a_channel_that_nobody_polls)
{
	uint32_t port;

	cr_assert_eq(event_offer(0, NULL, &port), 0);
	for (int i = 0; i < 10; i++) {
		fake_raise(port);
		cr_assert_eq(fake.words[port], 0, "%x", fake.words[port]);
	}
}

static void saved(void)
{
	fake_raise(channels[0].port); /* never to be told */
	fake_restore();
}

static void saved_for_an_older_xen(void)
{
	fake_restore();
	fake_has_queues = false;
}

/* Asserts how often a broken queue was reported. */
static void assert_reported(unsigned times)
{
	const char *at = test_console_text();
	unsigned found = 0;

	for (; (at = strstr(at, " broken=\"a queue that cannot be\"")); at++)
		found++;
	cr_assert_eq(found, times, "%s", test_console_text());
}

static void assert_works(size_t i)
{
	unsigned before = channels[i].polled;

	fake_raise(channels[i].port);
	test_settle();
	cr_assert_eq(channels[i].polled, before + 1);
	event_again(channels[i].port);
}

Test(xen_event_fifo, in_another_domain)
{
	for (unsigned round = 0; round < 3; round++) {
		fake.saved = saved;
		xen_suspend();
		cr_assert(fake.words && fake.control->ready == 0);
		offer_all();
		for (size_t i = 0; i < PORTS; i++)
			assert_works(i);
	}
	fake.saved = saved_for_an_older_xen;
	xen_suspend();
	cr_assert_null(fake.words);
	offer_all();
	for (size_t i = 0; i < PORTS; i++)
		assert_works(i);
	fake_has_queues = true;
	fake.saved = saved;
	xen_suspend();
	offer_all();
	assert_works(0);
}

Test(xen_event_fifo, a_queue_that_goes_round)
{
	uint32_t first = channels[0].port, second = channels[1].port;

	fake.words[first] |= UINT32_C(1) << EVTCHN_FIFO_PENDING | UINT32_C(1) << EVTCHN_FIFO_LINKED | second;
	fake.words[second] |= UINT32_C(1) << EVTCHN_FIFO_PENDING | UINT32_C(1) << EVTCHN_FIFO_LINKED | first;
	fake.control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = first;
	fake.control->ready = UINT32_MAX;
	event_upcall();
	test_settle();
	cr_assert(channels[0].polled == 1 && channels[1].polled == 1);
	assert_reported(1);
}

static unsigned taken;

/* Appends the port anew as soon as it is out. */
static void append_again(uint32_t port)
{
	taken++;
	fake.words[port] |= UINT32_C(1) << EVTCHN_FIFO_PENDING | UINT32_C(1) << EVTCHN_FIFO_LINKED;
	fake.control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = port;
	fake.control->ready = 1 << EVTCHN_FIFO_PRIORITY_DEFAULT;
}

Test(xen_event_fifo, a_queue_without_end)
{
	append_again(channels[0].port);
	event_fifo_upcall(append_again);
	cr_assert_eq(taken, 1 + 1024);
	test_settle();
	assert_reported(1);
}

/* An impossible port behind sane ones, at the head, and alone; a restored domain reports it anew. */
Test(xen_event_fifo, a_port_that_cannot_be_ends_its_queue)
{
	uint32_t port = channels[0].port, at = 1024;

	assert_works(0);
	assert_reported(0);
	fake.words[port] |= UINT32_C(1) << EVTCHN_FIFO_PENDING | UINT32_C(1) << EVTCHN_FIFO_LINKED | at;
	fake.control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = port;
	fake.control->ready = 1 << EVTCHN_FIFO_PRIORITY_DEFAULT;
	event_upcall();
	test_settle();
	cr_assert_eq(channels[0].polled, 2);
	cr_assert_not_null(strstr(test_console_text(), "port=1024 broken="), "%s", test_console_text());
	fake.control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = UINT32_MAX;
	fake.control->ready = 1 << EVTCHN_FIFO_PRIORITY_DEFAULT;
	event_upcall();
	test_settle();
	assert_reported(1);
	fake.tail = 0;
	event_again(port);
	assert_works(0);
	fake.saved = saved;
	xen_suspend();
	offer_all();
	assert_works(0);
	fake.control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = 0;
	fake.control->ready = 1 << EVTCHN_FIFO_PRIORITY_DEFAULT;
	event_upcall();
	test_settle();
	assert_reported(2);
}

ParameterizedTestParameters(xen_event_fifo, queues_that_cannot_be)
{
	static uint64_t seeds[60];

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		seeds[i] = i + 1;
	return cr_make_param_array(uint64_t, seeds, ARRAY_SIZE(seeds));
}

/* For any content of the pages, each upcall ends, reads stay within them, and a channel works once they are
 * sane. */
ParameterizedTest(uint64_t *seed, xen_event_fifo, queues_that_cannot_be)
{
	for (unsigned step = 0; step < 200; step++) {
		for (size_t i = 0; i < 40; i++)
			fake.words[test_random(seed) % 1024] = (uint32_t)test_random(seed);
		if (test_random(seed) % 2)
			fake.words[test_random(seed) % 16] = (uint32_t)(test_random(seed) % 16) | UINT32_C(1) << 31;
		fake.control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] =
			(uint32_t)(test_random(seed) % 2 ? test_random(seed) : test_random(seed) % 16);
		fake.control->ready = (uint32_t)test_random(seed);
		event_upcall();
		test_settle();
		event_again(channels[test_random(seed) % PORTS].port);
	}
	for (size_t i = 0; i < 1024; i++)
		fake.words[i] = UINT32_C(1) << EVTCHN_FIFO_MASKED;
	fake.control->ready = 0;
	event_upcall();
	test_settle();
	fake.tail = 0;
	event_again(channels[0].port);
	assert_works(0);
	assert_reported(1);
}
