/* SPDX-License-Identifier: ISC */
/* bind, map, catch and async beyond the laws: above all cancelling in every order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loop.h"
#include "tests/lib/test.h"

TestSuite(combinator, .init = test_begin, .fini = test_end);

static int calls;
static struct promise *to_give;

static struct promise *give(void *arg, intptr_t value)
{
	(void)value;
	calls++;
	if (arg)
		*(intptr_t *)arg = value;
	return to_give;
}

static struct promise *give_for_error(void *arg, int error)
{
	return give(arg, error);
}

static void ignore(struct promise *p)
{
	(void)p;
}

Test(combinator, bind_passes_a_failure_by_its_function)
{
	struct promise source;
	struct bind b;

	promise_init(&source, NULL);
	promise_bind(&b, &source, give, NULL);
	promise_fail(&source, -EIO);
	test_settle();
	test_assert_error(&b.promise, -EIO);
	cr_assert_eq(calls, 0);
}

Test(combinator, catch_passes_a_value_by_its_function)
{
	struct promise source;
	struct catch c;

	promise_init(&source, NULL);
	promise_catch(&c, &source, give_for_error, NULL);
	promise_fulfil(&source, 5);
	test_settle();
	test_assert_value(&c.promise, 5);
	cr_assert_eq(calls, 0);
}

Test(combinator, catch_gets_the_error_and_follows)
{
	struct promise source, inner;
	struct catch c;
	intptr_t error = 0;

	promise_init(&source, NULL);
	promise_init(&inner, NULL);
	to_give = &inner;
	promise_catch(&c, &source, give_for_error, &error);
	promise_fail(&source, -ENOENT);
	test_settle();
	cr_assert_eq(error, -ENOENT);
	test_assert_pending(&c.promise);
	promise_fulfil(&inner, 9);
	test_settle();
	test_assert_value(&c.promise, 9);
}

/* The request comes in the turn in which the source has settled, before bind's waiter ran. */
Test(combinator, cancelling_between_two_promises_is_not_lost)
{
	struct promise source, inner;
	struct bind b;

	promise_init(&source, NULL);
	promise_init(&inner, NULL);
	to_give = &inner;
	promise_bind(&b, &source, give, NULL);
	promise_fulfil(&source, 1);
	promise_cancel(&b.promise);
	test_assert_pending(&b.promise);
	test_settle();
	cr_assert_eq(calls, 1);
	test_assert_error(&inner, -ECANCELED);
	test_assert_error(&b.promise, -ECANCELED);
}

static struct bind *to_cancel;

static struct promise *cancel_and_give(void *arg, intptr_t value)
{
	promise_cancel(&to_cancel->promise);
	return give(arg, value);
}

Test(combinator, cancelling_from_within_its_own_function)
{
	struct promise source, inner;
	struct bind b;

	promise_return(&source, 0);
	promise_init(&inner, NULL);
	to_give = &inner;
	to_cancel = &b;
	promise_bind(&b, &source, cancel_and_give, NULL);
	test_settle();
	test_assert_error(&inner, -ECANCELED);
	test_assert_error(&b.promise, -ECANCELED);
}

Test(combinator, a_result_on_its_way_wins_over_cancelling)
{
	struct promise source, inner;
	struct bind b;

	promise_init(&source, ignore);
	promise_return(&inner, 3);
	to_give = &inner;
	promise_bind(&b, &source, give, NULL);
	promise_cancel(&b.promise);
	test_settle();
	test_assert_pending(&b.promise);
	promise_fulfil(&source, 1);
	test_settle();
	test_assert_value(&b.promise, 3);
}

Test(combinator, cancelling_in_the_turn_of_the_inner_result)
{
	struct promise source, inner;
	struct bind b;

	promise_return(&source, 0);
	promise_init(&inner, NULL);
	to_give = &inner;
	promise_bind(&b, &source, give, NULL);
	test_settle();
	promise_fulfil(&inner, 8);
	promise_cancel(&b.promise);
	test_settle();
	test_assert_value(&b.promise, 8);
}

/* -ECANCELED answers the request, so an operation that catch starts then goes on. Other errors do not answer
 * it. */
Test(combinator, catch_may_clean_up_after_being_cancelled)
{
	struct promise source, cleaning;
	struct catch c;

	promise_init(&source, NULL);
	promise_init(&cleaning, NULL);
	to_give = &cleaning;
	promise_catch(&c, &source, give_for_error, NULL);
	promise_cancel(&c.promise);
	test_settle();
	cr_assert_eq(calls, 1);
	test_assert_pending(&cleaning);
	promise_cancel(&c.promise);
	test_settle();
	test_assert_error(&c.promise, -ECANCELED);
}

Test(combinator, catch_does_not_retry_when_cancelled_meanwhile)
{
	struct promise source, retry;
	struct catch c;

	promise_init(&source, ignore);
	promise_init(&retry, NULL);
	to_give = &retry;
	promise_catch(&c, &source, give_for_error, NULL);
	promise_cancel(&c.promise);
	promise_fail(&source, -ECONNRESET);
	test_settle();
	test_assert_error(&retry, -ECANCELED);
	test_assert_error(&c.promise, -ECANCELED);
}

enum { DEEP = 300000 };

/* A chain as long as this would overflow any stack if cancelling or settling were recursive. */
Test(combinator, chains_are_not_recursive)
{
	struct bind *chain = malloc(DEEP * sizeof(*chain));
	struct promise source, given;

	promise_return(&given, 1);
	to_give = &given;
	for (int end = 0; end < 2; end++) {
		promise_init(&source, NULL);
		promise_bind(&chain[0], &source, give, NULL);
		for (int i = 1; i < DEEP; i++)
			promise_bind(&chain[i], &chain[i - 1].promise, give, NULL);
		calls = 0;
		if (end)
			promise_cancel(&chain[DEEP - 1].promise);
		else
			promise_fulfil(&source, 0);
		test_settle();
		cr_assert_eq(calls, end ? 0 : DEEP);
		cr_assert_eq(promise_result(&chain[DEEP - 1].promise), end ? -ECANCELED : 1);
	}
	free(chain);
}

Test(combinator, async_reports_failures_but_not_cancelling)
{
	struct promise p;
	struct async a;

	promise_return(&p, 0);
	promise_async(&a, &p, "worker");
	test_settle();
	promise_throw(&p, -ECANCELED);
	promise_async(&a, &p, "worker");
	test_settle();
	cr_assert_str_empty(test_console_text());
	promise_init(&p, NULL);
	promise_async(&a, &p, "worker");
	promise_fail(&p, -EIO);
	test_settle();
	cr_assert_not_null(strstr(test_console_text(), "warn  async:"));
	cr_assert_not_null(strstr(test_console_text(), "name=worker error=-5"));
}
