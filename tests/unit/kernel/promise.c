/* SPDX-License-Identifier: ISC */
/* Settling, waiting and cancelling a single promise, and errors that debug builds catch. */
#include <errno.h>
#include <signal.h>

#include "kernel/loop.h"
#include "tests/lib/test.h"

TestSuite(promise, .init = test_begin, .fini = test_end);

#define MANY 1000

struct noted {
	struct waiter waiter;
	int id;
};

static int order[MANY * 2], ran;

static void note(struct waiter *w)
{
	order[ran++] = container_of(w, struct noted, waiter)->id;
}

Test(promise, settles_once_with_a_value)
{
	struct promise p;

	promise_init(&p, NULL);
	test_assert_pending(&p);
	cr_assert_eq(promise_result(&p), -EAGAIN);
	promise_fulfil(&p, 7);
	test_assert_value(&p, 7);
	cr_assert_eq(promise_result(&p), 7);
}

Test(promise, settles_once_with_an_error)
{
	struct promise p;

	promise_init(&p, NULL);
	promise_fail(&p, -EIO);
	test_assert_error(&p, -EIO);
	promise_cancel(&p);
	test_assert_error(&p, -EIO);
}

Test(promise, can_be_settled_from_the_start)
{
	struct promise p;

	promise_return(&p, -5);
	test_assert_value(&p, -5);
	promise_throw(&p, -ENOENT);
	test_assert_error(&p, -ENOENT);
}

Test(promise, settling_calls_nobody_and_waiters_run_in_order)
{
	struct noted w[MANY];
	struct promise p;

	promise_init(&p, NULL);
	for (int i = 0; i < MANY; i++) {
		w[i].id = i;
		promise_wait(&p, &w[i].waiter, note);
	}
	test_settle();
	cr_assert_eq(ran, 0);
	promise_fulfil(&p, 0);
	cr_assert_eq(ran, 0);
	test_settle();
	cr_assert_eq(ran, MANY);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(order[i], i);
}

Test(promise, ready_queue_is_first_in_first_out_over_promises)
{
	struct promise p[3];
	struct noted w[6];

	for (int i = 0; i < 3; i++)
		promise_init(&p[i], NULL);
	for (int i = 0; i < 6; i++) {
		w[i].id = i;
		promise_wait(&p[i % 3], &w[i].waiter, note);
	}
	promise_fulfil(&p[2], 0);
	promise_fail(&p[0], -EIO);
	promise_fulfil(&p[1], 0);
	test_settle();
	static const int expected[] = { 2, 5, 0, 3, 1, 4 };
	for (int i = 0; i < 6; i++)
		cr_assert_eq(order[i], expected[i]);
}

Test(promise, waiting_for_a_settled_promise_is_not_synchronous_either)
{
	struct promise p;
	struct noted w = { .id = 1 };

	promise_return(&p, 0);
	promise_wait(&p, &w.waiter, note);
	cr_assert_eq(ran, 0);
	test_settle();
	cr_assert_eq(ran, 1);
}

/* Every subset of five waiters taken back, before settling and after, in both directions. */
Test(promise, waiters_can_be_taken_back)
{
	for (unsigned taken = 0; taken < 32; taken++) {
		for (int late = 0; late < 2; late++) {
			struct noted w[5] = { 0 };
			struct promise p;
			int expected = 0;

			ran = 0;
			promise_init(&p, NULL);
			for (int i = 0; i < 5; i++) {
				w[i].id = i;
				promise_unwait(&w[i].waiter);
				promise_wait(&p, &w[i].waiter, note);
			}
			if (late)
				promise_fulfil(&p, 0);
			for (int i = 4; i >= 0; i--) {
				if (taken & 1u << i)
					promise_unwait(&w[i].waiter);
			}
			if (!late)
				promise_fulfil(&p, 0);
			test_settle();
			for (int i = 0; i < 5; i++) {
				if (!(taken & 1u << i))
					cr_assert_eq(order[expected++], i);
				promise_unwait(&w[i].waiter);
			}
			cr_assert_eq(ran, expected);
		}
	}
}

static struct noted *victim;

static void take_back(struct waiter *w)
{
	note(w);
	promise_unwait(&victim->waiter);
}

Test(promise, a_waiter_may_take_back_the_next_one_in_the_same_turn)
{
	struct noted first = { .id = 1 }, second = { .id = 2 };
	struct promise p;

	victim = &second;
	promise_init(&p, NULL);
	promise_wait(&p, &first.waiter, take_back);
	promise_wait(&p, &second.waiter, note);
	promise_fulfil(&p, 0);
	test_settle();
	cr_assert_eq(ran, 1);
}

static void wait_again(struct waiter *w)
{
	if (++ran < 10)
		promise_wait(w->promise, w, wait_again);
}

Test(promise, a_waiter_may_wait_again)
{
	struct promise p;
	struct waiter w;

	promise_return(&p, 0);
	promise_wait(&p, &w, wait_again);
	test_settle();
	cr_assert_eq(ran, 10);
}

Test(promise, cancelling_without_a_hook_fails_at_once)
{
	struct promise p;

	promise_init(&p, NULL);
	promise_cancel(&p);
	test_assert_error(&p, -ECANCELED);
	promise_cancel(&p);
}

static int asked;

static void count_requests(struct promise *p)
{
	(void)p;
	asked++;
}

Test(promise, a_hook_may_answer_later_and_otherwise)
{
	struct promise p;

	promise_init(&p, count_requests);
	promise_cancel(&p);
	promise_cancel(&p);
	cr_assert_eq(asked, 2);
	test_assert_pending(&p);
	promise_fulfil(&p, 3);
	promise_cancel(&p);
	cr_assert_eq(asked, 2);
	test_assert_value(&p, 3);
}

Test(promise, result_of_run_is_the_promises)
{
	struct promise p;

	promise_return(&p, 42);
	cr_assert_eq(loop_run(&p), 42);
	promise_throw(&p, -EPIPE);
	cr_assert_eq(loop_run(&p), -EPIPE);
}

/* -- bugs of ours, which must be caught -- */

Test(promise, settling_twice_is_caught, .signal = SIGABRT)
{
	struct promise p;

	promise_init(&p, NULL);
	promise_fulfil(&p, 0);
	promise_fulfil(&p, 0);
}

Test(promise, settling_after_cancelling_is_caught, .signal = SIGABRT)
{
	struct promise p;

	promise_init(&p, NULL);
	promise_cancel(&p);
	promise_fulfil(&p, 0);
}

Test(promise, failing_with_no_error_is_caught, .signal = SIGABRT)
{
	struct promise p;

	promise_init(&p, NULL);
	promise_fail(&p, 0);
}

Test(promise, making_a_promise_anew_that_is_pending_is_caught, .signal = SIGABRT)
{
	struct promise p;

	promise_init(&p, NULL);
	promise_init(&p, NULL);
}

Test(promise, using_storage_again_before_its_waiters_ran_is_caught, .signal = SIGABRT)
{
	struct promise p;
	struct waiter w;

	promise_init(&p, NULL);
	promise_wait(&p, &w, note);
	promise_fulfil(&p, 0);
	promise_init(&p, NULL);
	test_settle();
}

Test(promise, settling_what_was_never_made_is_caught, .signal = SIGABRT)
{
	struct promise p = { 0 };

	promise_fulfil(&p, 0);
}
