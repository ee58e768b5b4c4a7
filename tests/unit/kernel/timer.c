/* SPDX-License-Identifier: ISC */
/* The sleep queue against a plain array, and sleeping and time limits on it. */
#include <errno.h>
#include <stdlib.h>

#include "kernel/kernel_priv.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"

TestSuite(timer, .init = test_begin, .fini = test_end, .timeout = 120);

enum { TIMERS = 700, MILLION = 1000000 };

struct checked {
	struct timer timer;
	bool running; /* the reference */
	uint64_t deadline_ns;
};

static struct checked timers[TIMERS];
static uint64_t now_ns, last_ns, seed = 1;
static unsigned fired;

static void fire(struct timer *t)
{
	struct checked *c = container_of(t, struct checked, timer);

	cr_assert(c->running && c->deadline_ns <= now_ns, "fired though stopped, or early");
	cr_assert(!timer_is_running(t));
	cr_assert_geq(c->deadline_ns, last_ns, "out of order");
	last_ns = c->deadline_ns;
	c->running = false;
	fired++;
}

/* Deadlines of every distance: from none at all to centuries. */
static uint64_t random_deadline(void)
{
	uint64_t r = test_random(&seed), distance = test_random(&seed) >> (1 + r % 63);

	if (r >> 56 == 0)
		return DEADLINE_NEVER;
	return r >> 60 == 1 ? now_ns : now_ns + distance / 2;
}

static void start(struct checked *c)
{
	uint64_t deadline_ns = random_deadline();

	timer_start(&c->timer, deadline_ns);
	c->running = deadline_ns != DEADLINE_NEVER;
	cr_assert_eq(timer_is_running(&c->timer), c->running);
	if (!c->running)
		return;
	c->deadline_ns = c->timer.deadline_ns;
	cr_assert(c->deadline_ns == deadline_ns || (deadline_ns < c->deadline_ns && c->deadline_ns <= now_ns));
}

static uint64_t least(void)
{
	uint64_t at = DEADLINE_NEVER;

	for (int i = 0; i < TIMERS; i++)
		if (timers[i].running)
			at = MIN(at, timers[i].deadline_ns);
	return at;
}

static void advance(void)
{
	uint64_t next = least(), r = test_random(&seed);

	cr_assert_leq(timer_next_ns(), next, "the loop would oversleep");
	now_ns = r % 4 == 0 && next != DEADLINE_NEVER ? MAX(now_ns, next) : now_ns + (r >> (8 + r % 50));
}

static void check_that_all_run(void)
{
	unsigned due = 0, steps;

	for (int i = 0; i < TIMERS; i++)
		due += timers[i].running && timers[i].deadline_ns <= now_ns;
	fired = 0;
	while ((steps = timer_run_due(now_ns, 3)))
		cr_assert_leq(steps, 3);
	cr_assert_eq(fired, due);
	cr_assert_gt(least(), now_ns);
	cr_assert_gt(timer_next_ns(), now_ns);
	cr_assert_leq(timer_next_ns(), least());
}

Test(timer, agrees_with_a_sorted_reference)
{
	for (int i = 0; i < TIMERS; i++)
		timer_init(&timers[i].timer, fire);
	for (int round = 0; round < 200000; round++) {
		struct checked *c = &timers[test_random(&seed) % TIMERS];
		uint64_t what = test_random(&seed) % 100;

		if (what < 55) {
			start(c);
		} else if (what < 95) {
			timer_stop(&c->timer);
			c->running = false;
		} else if (what < 97) {
			timer_run_due(now_ns, 1 + what % 4); /* leaves a ring half dealt out for the next step */
		} else if (now_ns >> 62 == 0) {
			advance();
			if (what == 99)
				check_that_all_run();
		}
		cr_assert_eq(timer_is_running(&c->timer), c->running);
	}
	for (int i = 0; i < TIMERS; i++)
		timer_stop(&timers[i].timer);
	timer_run_due(now_ns, 1); /* a ring that was being dealt out */
	cr_assert_eq(timer_next_ns(), DEADLINE_NEVER);
}

/* Short timers that are always stopped in time must neither pile up nor lose sight of the far one. */
static void ignore(struct timer *t)
{
	(void)t;
}

Test(timer, stopped_timers_cost_nothing_later)
{
	struct timer far, near;

	timer_init(&far, fire);
	timer_init(&near, fire);
	timer_start(&far, NS_PER_S * 3600);
	for (int i = 0; i < 100000; i++) {
		now_ns += NS_PER_US;
		timer_start(&near, now_ns + NS_PER_MS);
		timer_stop(&near);
		timer_run_due(now_ns, 10);
	}
	cr_assert_eq(timer_next_ns(), NS_PER_S * 3600);
	timer_stop(&far);
}

static struct timer again;
static int rounds;

static void start_again(struct timer *t)
{
	rounds++;
	timer_start(t, 0);
}

/* A timer that is always due still lets the loop turn, and other timers run. */
/* Two timers of one ring are stopped one after the other, and the next deadline is asked for in between: the
 * ring's cached deadline must not outlive it. */
Test(timer, when_the_last_is_stopped_nothing_is_due)
{
	static struct timer first, second;

	for (uint64_t distance_ns = 1; distance_ns < 1000 * NS_PER_S; distance_ns *= 3) {
		uint64_t start_ns = clock_now_ns();

		timer_init(&first, ignore);
		timer_init(&second, ignore);
		timer_start(&first, start_ns + distance_ns);
		timer_start(&second, start_ns + distance_ns + 1);
		timer_stop(&first);
		cr_assert_leq(timer_next_ns(), start_ns + distance_ns + 1);
		timer_stop(&second);
		cr_expect_eq(timer_next_ns(), DEADLINE_NEVER, "%llu", (unsigned long long)distance_ns);
		clock_advance_ns(distance_ns + 2);
		cr_expect_eq(timer_run_due(clock_now_ns(), 10), 0);
	}
}

Test(timer, overdue_timers_hold_neither_the_loop_nor_each_other)
{
	struct sleep other;

	timer_init(&again, start_again);
	timer_start(&again, 0);
	sleep_until(&other, clock_now_ns() + 100);
	for (int i = 0; i < 10; i++)
		cr_assert(loop_turn());
	cr_assert(rounds <= 10 * CONFIG_LOOP_BATCH && rounds > 9 * CONFIG_LOOP_BATCH);
	clock_advance_ns(101);
	loop_turn();
	test_assert_value(&other.promise, 0);
	timer_stop(&again);
}

static struct poller device;
static unsigned polled;

static void poll(struct poller *p)
{
	polled++;
	poller_mark(p);
}

static void count_fired(struct timer *t)
{
	(void)t;
	fired++;
}

/* However many come near at once, devices are polled between a few hundred and the next. */
Test(timer, many_are_dealt_out_over_many_turns)
{
	enum { MANY = 100000, AT_ONCE = 16 };
	struct timer *many = calloc(MANY, sizeof(*many));
	uint64_t begun_ns = clock_now_ns();

	for (int i = 0; i < MANY; i++) {
		timer_init(&many[i], count_fired);
		timer_start(&many[i], begun_ns + NS_PER_S * 3600 + i % 50000);
	}
	poller_add(&device, poll);
	poller_mark(&device);
	clock_advance_ns(NS_PER_S * 3600 + 50000);
	while (!fired)
		loop_turn();
	cr_assert_geq(polled, MANY / (CONFIG_LOOP_BATCH * AT_ONCE), "all were dealt out in %u turns", polled);
	polled = 0;
	while (fired < MANY)
		loop_turn();
	cr_assert_geq(polled, MANY / CONFIG_LOOP_BATCH - 1);
	poller_remove(&device);
	free(many);
}

Test(timer, zero_is_a_stopped_timer)
{
	struct timer t = { .fn = fire };

	cr_assert(!timer_is_running(&t));
	timer_stop(&t);
	cr_assert_eq(timer_next_ns(), DEADLINE_NEVER);
}

static struct sleep *sleepers;
static struct waiter *waiters;
static uint64_t woken, woken_last_ns;

static void wake(struct waiter *w)
{
	struct sleep *s = container_of(w->promise, struct sleep, promise);

	cr_assert(s->timer.deadline_ns <= clock_now_ns(), "woken early");
	cr_assert_geq(s->timer.deadline_ns, woken_last_ns, "woken out of order");
	woken_last_ns = s->timer.deadline_ns;
	woken++;
}

Test(timer, a_million_sleepers)
{
	uint64_t begun_ns = clock_now_ns(), kept = 0;

	sleepers = malloc(MILLION * sizeof(*sleepers));
	waiters = calloc(MILLION, sizeof(*waiters));
	for (int i = 0; i < MILLION; i++) {
		sleep_until(&sleepers[i], begun_ns + NS_PER_S / 2 + test_random(&seed) % NS_PER_S);
		promise_wait(&sleepers[i].promise, &waiters[i], wake);
	}
	/* A third is cancelled, which must not wake the others. */
	for (int i = 0; i < MILLION; i++) {
		if (i % 3 == 0) {
			promise_unwait(&waiters[i]);
			promise_cancel(&sleepers[i].promise);
			test_assert_error(&sleepers[i].promise, -ECANCELED);
		} else {
			kept++;
		}
	}
	test_run_for_ns(NS_PER_S * 2);
	cr_assert_eq(woken, kept);
	for (int i = 0; i < MILLION; i++)
		cr_assert(promise_is_settled(&sleepers[i].promise));
	free(sleepers);
	free(waiters);
}

Test(timer, sleeping_ends_at_the_deadline)
{
	struct sleep s;

	sleep_until(&s, clock_now_ns() + 100);
	test_settle();
	test_assert_pending(&s.promise);
	clock_advance_ns(99);
	test_settle();
	test_assert_pending(&s.promise);
	clock_advance_ns(1);
	test_settle();
	test_assert_value(&s.promise, 0);
	promise_cancel(&s.promise);
	test_assert_value(&s.promise, 0);
}

Test(timer, a_deadline_in_the_past_is_due_at_once)
{
	struct sleep s;

	sleep_until(&s, 1);
	test_assert_pending(&s.promise);
	test_settle();
	test_assert_value(&s.promise, 0);
}

Test(timer, sleeping_for_ever_can_only_be_cancelled)
{
	struct sleep s;

	sleep_until(&s, DEADLINE_NEVER);
	clock_advance_ns(NS_PER_S * 1000000);
	test_settle();
	test_assert_pending(&s.promise);
	promise_cancel(&s.promise);
	test_assert_error(&s.promise, -ECANCELED);
	cr_assert_eq(timer_next_ns(), DEADLINE_NEVER);
}

Test(timer, one_that_is_started_for_never_is_stopped)
{
	struct timer t;

	timer_init(&t, NULL);
	timer_start(&t, 5);
	timer_start(&t, DEADLINE_NEVER);
	cr_assert_not(timer_is_running(&t));
	clock_advance_ns(NS_PER_S);
	test_settle();
	cr_assert_eq(timer_next_ns(), DEADLINE_NEVER);
}

/* -- with_timeout -- */

static int asked;

static void count(struct promise *p)
{
	(void)p;
	asked++;
}

Test(timer, timeout_passes_a_result_on)
{
	struct promise source;
	struct timeout t;

	promise_init(&source, count);
	with_timeout(&t, &source, clock_now_ns() + 100);
	promise_fulfil(&source, 6);
	test_settle();
	test_assert_value(&t.promise, 6);
	cr_assert(!timer_is_running(&t.timer));
	cr_assert_eq(asked, 0);
}

Test(timer, timeout_cancels_and_waits_for_the_answer)
{
	struct promise source;
	struct timeout t;

	promise_init(&source, count);
	with_timeout(&t, &source, clock_now_ns() + 100);
	clock_advance_ns(100);
	test_settle();
	cr_assert_eq(asked, 1);
	test_assert_pending(&t.promise);
	promise_fulfil(&source, 1);
	test_settle();
	test_assert_error(&t.promise, -ETIMEDOUT);
}

/* Settled at the last moment, in the very turn in which the timer is due. */
Test(timer, timeout_lets_what_was_in_time_through)
{
	struct promise source;
	struct timeout t;

	promise_init(&source, count);
	with_timeout(&t, &source, clock_now_ns() + 100);
	clock_advance_ns(100);
	promise_fail(&source, -EIO);
	test_settle();
	test_assert_error(&t.promise, -EIO);
	cr_assert_eq(asked, 0);
}

Test(timer, timeout_cancelled)
{
	struct promise source;
	struct timeout t;

	promise_init(&source, NULL);
	with_timeout(&t, &source, clock_now_ns() + 100);
	promise_cancel(&t.promise);
	test_settle();
	test_assert_error(&t.promise, -ECANCELED);
	cr_assert_eq(timer_next_ns(), DEADLINE_NEVER);
}

Test(timer, timeout_without_a_deadline_or_with_one_past)
{
	struct promise source;
	struct timeout t;

	promise_init(&source, NULL);
	with_timeout(&t, &source, DEADLINE_NEVER);
	cr_assert_eq(timer_next_ns(), DEADLINE_NEVER);
	promise_fulfil(&source, 2);
	test_settle();
	test_assert_value(&t.promise, 2);
	promise_init(&source, NULL);
	with_timeout(&t, &source, 0);
	test_settle();
	test_assert_error(&t.promise, -ETIMEDOUT);
}

Test(timer, timeouts_within_timeouts)
{
	struct timeout inner, outer;
	struct sleep s;

	sleep_until(&s, clock_now_ns() + 1000);
	with_timeout(&inner, &s.promise, clock_now_ns() + 500);
	with_timeout(&outer, &inner.promise, clock_now_ns() + 200);
	test_run_for_ns(200);
	test_assert_error(&outer.promise, -ETIMEDOUT);
	test_assert_error(&inner.promise, -ECANCELED);
	test_assert_error(&s.promise, -ECANCELED);
}
