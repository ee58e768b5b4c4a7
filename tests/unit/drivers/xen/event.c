/* SPDX-License-Identifier: ISC */
/* Event channels: which pollers are marked, how often, and events without a listener. */
#include <errno.h>

#include "drivers/xen/event.h"
#include "drivers/xen/xen.h"
#include "kernel/timer.h"
#include "tests/lib/clock.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <xen/hvm/params.h>

static struct poller poller;
static unsigned polled;
static uint32_t port;

static void poll(struct poller *p)
{
	(void)p;
	polled++;
}

static void begin(void)
{
	fake_begin();
	poller_add(&poller, poll);
	cr_assert_eq(event_offer(0, &poller, &port), 0);
}

TestSuite(xen_event, .init = begin, .timeout = 60);

Test(xen_event, an_event_marks_its_poller_once_until_it_listens_again)
{
	fake_raise(port);
	test_settle();
	cr_assert_eq(polled, 1);
	for (int i = 0; i < 100; i++)
		fake_raise(port);
	test_settle();
	cr_assert_eq(polled, 1, "a storm of events made %u polls", polled);
	event_again(port);
	test_settle();
	cr_assert_eq(polled, 2, "what came while the port was masked is lost");
	event_again(port);
	test_settle();
	cr_assert_eq(polled, 2);
	fake_raise(port);
	test_settle();
	cr_assert_eq(polled, 3);
}

static unsigned ran;

static void storm(struct poller *p)
{
	(void)p;
	polled++;
	event_again(port);
	fake_raise(port);
}

static void run(struct poller *p)
{
	ran++;
	poller_mark(p);
}

static void expire(struct timer *t)
{
	ran += 1000;
	(void)t;
}

/* Each poll of one port finds another event; other ports get their turn in between. */
Test(xen_event, a_storm_starves_nobody)
{
	struct poller stormy, other;
	struct timer timer;
	uint32_t quiet = port;

	poller_add(&stormy, storm);
	poller_add(&other, run);
	cr_assert_eq(event_offer(0, &stormy, &port), 0);
	cr_assert_neq(port, quiet);
	timer_init(&timer, expire);
	timer_start_in(&timer, NS_PER_MS);
	poller_mark(&other);
	fake_raise(port);
	for (unsigned i = 0; i < 100; i++) {
		clock_advance_ns(NS_PER_MS / 10);
		loop_turn();
	}
	cr_assert_geq(polled, 10);
	cr_assert_geq(ran, 1000 + 90, "a timer and a poller had %u turns", ran);
}

Test(xen_event, events_of_others_mark_nobody)
{
	uint32_t other;

	cr_assert_eq(event_offer(0, NULL, &other), 0);
	fake_raise(other);
	fake_raise(other);
	test_settle();
	cr_assert_eq(polled, 0);
	cr_assert(!(fake.shared->evtchn_pending[0] & UINT64_C(1) << other));
}

/* Waits for ports with a listener; a port whose event was delivered waits for its poller, not for more. */
Test(xen_event, waits)
{
	const uint64_t store = 1 << FAKE_STORE_PORT, ours = UINT64_C(1) << port;
	uint32_t closed;

	cr_assert_eq(event_offer(0, &poller, &closed), 0);
	event_close(closed);
	event_wait(77);
	cr_assert(fake.until_ns == 77 && fake.waited_for == (store | ours));
	fake_raise(port);
	test_settle();
	fake_raise(port);
	event_wait(0);
	cr_assert(fake.until_ns == 0 && fake.waited_for == store);
	event_again(port);
	event_wait(0);
	cr_assert_eq(fake.waited_for, store | ours);
}

/* An event between the last look and the wait, without an upcall. */
Test(xen_event, what_comes_before_the_wait_ends_it)
{
	uint64_t now_ns = clock_now_ns();

	fake.loses_events = true; /* the upcall, that is */
	fake.shared->evtchn_pending[port / 64] |= UINT64_C(1) << port % 64;
	event_wait(0);
	cr_assert_eq(clock_now_ns(), now_ns, "it has slept");
}

Test(xen_event, a_closed_channel_says_nothing)
{
	event_close(port);
	cr_assert(!fake.open[port]);
	fake_raise(port);
	test_settle();
	cr_assert_eq(polled, 0);
}

Test(xen_event, a_channel_that_another_domain_offers)
{
	uint32_t ours;

	cr_assert_eq(event_connect(5, 77, &poller, &ours), -ENOENT);
	fake.offered = 77;
	cr_assert_eq(event_connect(5, 77, &poller, &ours), 0);
	cr_assert(event_is_connected(ours) && !event_is_connected(port));
	fake_raise(ours);
	test_settle();
	cr_assert_eq(polled, 1);
	fake.connected[ours] = false;
	cr_assert(!event_is_connected(ours));
}

Test(xen_event, a_domain_that_nothing_may_be_shared_with)
{
	uint32_t none;

	fake.offer_error = -EPERM;
	cr_assert_eq(event_offer(3, &poller, &none), -EPERM);
	fake.offer_error = 0;
	cr_assert_eq(event_offer(0, &poller, &none), 0);
}

Test(xen_event, a_port_beyond_the_table_is_given_back)
{
	uint32_t beyond;

	fake.next_port = CONFIG_XEN_EVENTS;
	cr_assert_eq(event_offer(0, &poller, &beyond), -ENOSPC);
	cr_assert(!fake.open[CONFIG_XEN_EVENTS]);
	cr_assert_eq(event_attach(CONFIG_XEN_EVENTS, &poller), -ENOSPC);
	/* For any bits that Xen sets, nothing beyond the table is touched. */
	fake.shared->evtchn_mask[63] = 0;
	fake_raise(4095);
	test_settle();
	cr_assert_eq(polled, 0);
}

Test(xen_event, parameters_and_the_vector)
{
	uint32_t found;

	xen_set_vector(32);
	cr_assert_eq(fake.parameters[HVM_PARAM_CALLBACK_IRQ], UINT64_C(2) << 56 | 32);
	cr_assert_null(xen_parameter_ring(HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, &found));
	cr_assert_not_null(xen_parameter_ring(HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN, &found));
	cr_assert_eq(found, FAKE_STORE_PORT);
}
