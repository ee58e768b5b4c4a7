/* SPDX-License-Identifier: ISC */
/* The run loop: its order, its fairness, when it blocks and until when. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "arch/arch.h"
#include "kernel/loop.h"
#include "kernel/timer.h"
#include "tests/lib/test.h"

TestSuite(loop, .init = test_begin, .fini = test_end);

static char trace[64];
static struct poller poller, other;
static struct promise done;

static void note(char c)
{
	trace[strlen(trace)] = c;
}

static void note_ready(struct waiter *w)
{
	(void)w;
	note('r');
}

static void note_timer(struct timer *t)
{
	(void)t;
	note('t');
}

static void note_poll(struct poller *p)
{
	note(p == &poller ? 'p' : 'o');
}

Test(loop, devices_then_ready_then_timers)
{
	struct promise p;
	struct waiter w;
	struct timer t;

	poller_add(&poller, note_poll);
	poller_mark(&poller);
	timer_init(&t, note_timer);
	timer_start(&t, clock_now_ns());
	promise_return(&p, 0);
	promise_wait(&p, &w, note_ready);
	cr_assert(loop_turn());
	cr_assert_str_eq(trace, "prt");
	cr_assert(!loop_turn());
}

Test(loop, polls_only_what_is_pending)
{
	poller_add(&poller, note_poll);
	poller_add(&other, note_poll);
	cr_assert(!loop_turn());
	poller_mark(&other);
	cr_assert(loop_attention);
	cr_assert(loop_turn());
	cr_assert(!loop_attention);
	cr_assert_str_eq(trace, "o");
}

static void poll_again(struct poller *p)
{
	note_poll(p);
	if (strlen(trace) < 5)
		poller_mark(p);
	else
		promise_fulfil(&done, 1);
}

Test(loop, a_poller_that_has_more_is_polled_in_the_next_turn_without_blocking)
{
	promise_init(&done, NULL);
	poller_add(&poller, poll_again);
	poller_add(&other, note_poll);
	poller_mark(&poller);
	poller_mark(&other);
	cr_assert_eq(loop_run(&done), 1);
	cr_assert_str_eq(trace, "poppp");
	cr_assert_eq(clock_blocks, 0);
}

static void remove_other(struct poller *p)
{
	note_poll(p);
	poller_remove(&other);
}

static void remove_itself(struct poller *p)
{
	note_poll(p);
	poller_remove(p);
}

Test(loop, pollers_may_be_removed_while_polling)
{
	static struct poller last;

	poller_add(&poller, remove_other);
	poller_add(&other, note_poll);
	poller_add(&last, remove_itself);
	poller_mark(&poller);
	poller_mark(&other);
	poller_mark(&last);
	loop_turn();
	cr_assert_str_eq(trace, "po");
	poller_mark(&poller);
	poller_mark(&last);
	loop_turn();
	cr_assert_str_eq(trace, "pop");
}

static uint64_t storms;

static void storm(struct waiter *w)
{
	storms++;
	promise_wait(w->promise, w, storm);
}

/* A promise-thread that is always ready: devices and timers still get their turn. */
Test(loop, a_storm_starves_neither_devices_nor_timers)
{
	struct promise now;
	struct waiter w;
	struct timer t;

	promise_return(&now, 0);
	promise_wait(&now, &w, storm);
	poller_add(&poller, note_poll);
	timer_init(&t, note_timer);
	for (int i = 0; i < 10; i++) {
		poller_mark(&poller);
		timer_start(&t, 0);
		loop_turn();
	}
	cr_assert_str_eq(trace, "ptptptptptptptptptpt");
	cr_assert_eq(storms, 10 * CONFIG_LOOP_BATCH);
	promise_unwait(&w);
}

static void event(uint64_t deadline_ns)
{
	cr_assert_eq(deadline_ns, 0, "a loop with work must only look");
	promise_fulfil(&done, 5);
}

/* Machines that learn of events only in arch_block must hear of them in a storm too. */
Test(loop, a_storm_still_looks_for_events)
{
	struct promise now;
	struct waiter w;

	promise_return(&now, 0);
	promise_wait(&now, &w, storm);
	promise_init(&done, NULL);
	clock_on_block = event;
	cr_assert_eq(loop_run(&done), 5);
	cr_assert_leq(storms, 100 * CONFIG_LOOP_BATCH);
	promise_unwait(&w);
}

Test(loop, blocks_until_the_next_deadline)
{
	struct sleep s, later;
	uint64_t begun_ns = clock_now_ns();

	sleep_until(&later, begun_ns + 900);
	sleep_until(&s, begun_ns + 500);
	cr_assert_eq(loop_run(&s.promise), 0);
	cr_assert_eq(clock_now_ns(), begun_ns + 500);
	cr_assert_eq(clock_blocks, 1);
	cr_assert_eq(clock_block_deadline_ns, begun_ns + 500);
	promise_cancel(&later.promise);
}

/* An interrupt that comes while the loop goes to block. */
static void interrupt(uint64_t deadline_ns)
{
	cr_assert_eq(deadline_ns, DEADLINE_NEVER);
	poller_mark(&poller);
}

static void poll_done(struct poller *p)
{
	(void)p;
	promise_fulfil(&done, 3);
}

Test(loop, an_interrupt_wakes_it)
{
	promise_init(&done, NULL);
	poller_add(&poller, poll_done);
	clock_on_block = interrupt;
	cr_assert_eq(loop_run(&done), 3);
	cr_assert_eq(clock_blocks, 1);
}

static void send_and_end(struct waiter *w)
{
	(void)w;
	poller_mark(&poller);
	promise_fulfil(&done, 0);
}

/* A last goodbye waits in a ring until the driver's poller has told the device of it. */
Test(loop, devices_are_told_of_what_was_sent_last)
{
	struct promise now;
	struct waiter w;

	promise_init(&done, NULL);
	promise_return(&now, 0);
	promise_wait(&now, &w, send_and_end);
	poller_add(&poller, note_poll);
	cr_assert_eq(loop_run(&done), 0);
	cr_assert_str_eq(trace, "p");
}

/* The work after the machine was asked to end may run the loop again. */
Test(loop, the_machines_end_is_the_loops_end)
{
	struct sleep asked, later;
	uint64_t begun_ns = clock_now_ns();

	promise_init(&done, NULL);
	sleep_until(&asked, begun_ns + 500);
	cr_assert_eq(loop_run_or_end(&done, &asked.promise), 0);
	cr_assert(!promise_is_settled(&done));
	cr_assert_eq(loop_run_or_end(&done, &asked.promise), 0);
	sleep_until(&later, begun_ns + 900);
	cr_assert_eq(loop_run(&later.promise), 0);
	cr_assert_eq(clock_now_ns(), begun_ns + 900);
}

Test(loop, what_settles_before_the_machines_end_is_the_result)
{
	struct promise asked;

	promise_init(&asked, NULL);
	promise_init(&done, NULL);
	poller_add(&poller, poll_done);
	poller_mark(&poller);
	cr_assert_eq(loop_run_or_end(&done, &asked), 3);
	promise_fulfil(&asked, 0);
	cr_assert_eq(loop_run_or_end(&done, &asked), 3);
}

Test(loop, the_clock_is_not_read_without_timers)
{
	struct promise now;
	struct waiter w;

	promise_return(&now, 0);
	promise_wait(&now, &w, note_ready);
	test_settle();
	cr_assert_eq(clock_reads, 0);
}

Test(loop, the_clock_is_read_once_per_turn)
{
	struct sleep s[10];
	uint64_t reads, turns = 0;

	for (int i = 0; i < 10; i++)
		sleep_until(&s[i], NS_PER_S);
	reads = clock_reads;
	while (loop_turn())
		turns++;
	cr_assert_leq(clock_reads - reads, turns + 1);
}

Test(loop, nothing_to_wait_for_is_the_tests_end, .signal = SIGABRT)
{
	promise_init(&done, NULL);
	loop_run(&done);
}

static void run_within(struct waiter *w)
{
	(void)w;
	test_run_for_ns(1);
	promise_fulfil(&done, 0);
}

Test(loop, running_it_within_itself_is_caught, .signal = SIGABRT)
{
	struct promise p;
	struct waiter w;

	promise_init(&done, NULL);
	promise_return(&p, 0);
	promise_wait(&p, &w, run_within);
	loop_run(&done);
}
