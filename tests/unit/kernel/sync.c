/* SPDX-License-Identifier: ISC */
/* Mvar, mutex and condition: first come, first served, and cancelling at every moment. */
#include <errno.h>
#include <signal.h>

#include "kernel/condition.h"
#include "kernel/loop.h"
#include "kernel/mvar.h"
#include "tests/lib/test.h"

TestSuite(mvar, .init = test_begin, .fini = test_end);
TestSuite(mutex, .init = test_begin, .fini = test_end);
TestSuite(condition, .init = test_begin, .fini = test_end);

enum { N = 5 };

/* -- mvar -- */

Test(mvar, full_and_empty)
{
	struct mvar m = MVAR_INIT;
	intptr_t value = 0;

	cr_assert(!mvar_try_take(&m, &value));
	cr_assert(mvar_try_put(&m, 3));
	cr_assert(!mvar_try_put(&m, 4));
	cr_assert(mvar_try_take(&m, &value));
	cr_assert_eq(value, 3);
	cr_assert(!mvar_try_take(&m, &value));
}

Test(mvar, takers_are_served_in_order)
{
	struct mvar m = MVAR_INIT;
	struct mvar_take take[N];
	struct mvar_put put[N];

	for (int i = 0; i < N; i++)
		mvar_take(&m, &take[i]);
	for (int i = 0; i < N; i++) {
		test_assert_pending(&take[i].promise);
		mvar_put(&m, &put[i], 100 + i);
		test_assert_value(&put[i].promise, 0);
		test_assert_value(&take[i].promise, 100 + i);
	}
	cr_assert(!m.full);
}

Test(mvar, putters_are_served_in_order)
{
	struct mvar m = MVAR_INIT;
	struct mvar_take take[N + 1];
	struct mvar_put put[N];

	for (int i = 0; i < N; i++)
		mvar_put(&m, &put[i], 100 + i);
	test_assert_value(&put[0].promise, 0);
	for (int i = 0; i < N; i++) {
		if (i + 1 < N)
			test_assert_pending(&put[i + 1].promise);
		mvar_take(&m, &take[i]);
		test_assert_value(&take[i].promise, 100 + i);
		if (i + 1 < N)
			test_assert_value(&put[i + 1].promise, 0);
	}
	mvar_take(&m, &take[N]);
	test_assert_pending(&take[N].promise);
}

Test(mvar, who_is_cancelled_gives_up_the_place)
{
	for (int gone = 0; gone < N; gone++) {
		struct mvar m = MVAR_INIT;
		struct mvar_take take[N];
		struct mvar_put put[N + 1];
		int next = 0;

		for (int i = 0; i < N; i++)
			mvar_take(&m, &take[i]);
		promise_cancel(&take[gone].promise);
		test_assert_error(&take[gone].promise, -ECANCELED);
		for (int i = 0; i < N; i++)
			if (i != gone) {
				cr_assert(mvar_try_put(&m, ++next));
				test_assert_value(&take[i].promise, next);
			}
		mvar_put(&m, &put[N], 50);
		for (int i = 0; i < N; i++)
			mvar_put(&m, &put[i], i);
		promise_cancel(&put[gone].promise);
		test_assert_error(&put[gone].promise, -ECANCELED);
		mvar_take(&m, &take[0]);
		test_assert_value(&take[0].promise, 50);
		for (int i = 0; i < N; i++)
			if (i != gone) {
				mvar_take(&m, &take[i]);
				test_assert_value(&take[i].promise, i);
			}
		cr_assert(!m.full);
	}
}

Test(mvar, cancelling_what_is_done_changes_nothing)
{
	struct mvar m = MVAR_INIT;
	struct mvar_take take;

	mvar_take(&m, &take);
	cr_assert(mvar_try_put(&m, 1));
	promise_cancel(&take.promise);
	test_assert_value(&take.promise, 1);
}

/* -- mutex -- */

Test(mutex, hands_over_in_order_and_nobody_overtakes)
{
	struct mutex m = MUTEX_INIT;
	struct mutex_lock lock[N];

	for (int i = 0; i < N; i++)
		mutex_lock(&m, &lock[i]);
	for (int i = 0; i < N; i++) {
		test_assert_value(&lock[i].promise, 0);
		if (i + 1 < N)
			test_assert_pending(&lock[i + 1].promise);
		cr_assert(!mutex_try_lock(&m));
		mutex_unlock(&m);
	}
	cr_assert(mutex_try_lock(&m));
	mutex_unlock(&m);
}

Test(mutex, who_is_cancelled_gives_up_the_place)
{
	for (int gone = 1; gone < N; gone++) {
		struct mutex m = MUTEX_INIT;
		struct mutex_lock lock[N];

		for (int i = 0; i < N; i++)
			mutex_lock(&m, &lock[i]);
		promise_cancel(&lock[gone].promise);
		test_assert_error(&lock[gone].promise, -ECANCELED);
		for (int i = 0; i < N; i++) {
			if (i == gone)
				continue;
			test_assert_value(&lock[i].promise, 0);
			mutex_unlock(&m);
		}
		cr_assert(!m.locked);
	}
}

/* Granted, then cancelled in the same turn, before the waiter has run: the lock is held. */
Test(mutex, a_granted_lock_cannot_be_cancelled)
{
	struct mutex m = MUTEX_INIT;
	struct mutex_lock first, second;

	mutex_lock(&m, &first);
	mutex_lock(&m, &second);
	mutex_unlock(&m);
	promise_cancel(&second.promise);
	test_assert_value(&second.promise, 0);
	cr_assert(m.locked);
	mutex_unlock(&m);
	cr_assert(!m.locked);
}

Test(mutex, unlocking_what_is_open_is_caught, .signal = SIGABRT)
{
	struct mutex m = MUTEX_INIT;

	mutex_unlock(&m);
}

/* -- condition -- */

Test(condition, signals_wake_one_broadcasts_all)
{
	struct condition c = CONDITION_INIT;
	struct condition_wait wait[N];

	condition_signal(&c, 1);
	for (int i = 0; i < N; i++)
		condition_wait(&c, &wait[i], NULL);
	test_assert_pending(&wait[0].promise);
	condition_signal(&c, 2);
	test_assert_value(&wait[0].promise, 2);
	test_assert_pending(&wait[1].promise);
	condition_broadcast(&c, 3);
	for (int i = 1; i < N; i++)
		test_assert_value(&wait[i].promise, 3);
	condition_wait(&c, &wait[0], NULL);
	condition_wait(&c, &wait[1], NULL);
	condition_broadcast_fail(&c, -EIO);
	test_assert_error(&wait[0].promise, -EIO);
	test_assert_error(&wait[1].promise, -EIO);
}

Test(condition, who_is_cancelled_takes_no_signal)
{
	for (int gone = 0; gone < N; gone++) {
		struct condition c = CONDITION_INIT;
		struct condition_wait wait[N];

		for (int i = 0; i < N; i++)
			condition_wait(&c, &wait[i], NULL);
		promise_cancel(&wait[gone].promise);
		test_assert_error(&wait[gone].promise, -ECANCELED);
		for (int i = 0; i < N - 1; i++)
			condition_signal(&c, 7);
		for (int i = 0; i < N; i++)
			cr_assert(i == gone || promise_result(&wait[i].promise) == 7);
	}
}

Test(condition, the_mutex_is_let_go_and_held_again)
{
	struct condition c = CONDITION_INIT;
	struct mutex m = MUTEX_INIT;
	struct condition_wait wait[2];
	struct mutex_lock other;

	for (int i = 0; i < 2; i++) {
		cr_assert(mutex_try_lock(&m));
		condition_wait(&c, &wait[i], &m);
		cr_assert(!m.locked);
	}
	mutex_lock(&m, &other);
	condition_broadcast(&c, 4);
	test_settle();
	/* Both are woken, and neither may continue before it holds the mutex. */
	test_assert_pending(&wait[0].promise);
	mutex_unlock(&m);
	test_settle();
	test_assert_value(&wait[0].promise, 4);
	test_assert_pending(&wait[1].promise);
	mutex_unlock(&m);
	test_settle();
	test_assert_value(&wait[1].promise, 4);
	cr_assert(m.locked);
	mutex_unlock(&m);
	cr_assert(!m.locked);
}

Test(condition, cancelled_with_a_mutex_it_holds_that_again_too)
{
	struct condition c = CONDITION_INIT;
	struct mutex m = MUTEX_INIT;
	struct condition_wait wait;
	struct mutex_lock other;

	cr_assert(mutex_try_lock(&m));
	condition_wait(&c, &wait, &m);
	mutex_lock(&m, &other);
	promise_cancel(&wait.promise);
	test_settle();
	test_assert_pending(&wait.promise);
	promise_cancel(&wait.promise);
	mutex_unlock(&m);
	test_settle();
	test_assert_error(&wait.promise, -ECANCELED);
	cr_assert(m.locked);
	condition_signal(&c, 1);
	mutex_unlock(&m);
}

/* Signalled first and cancelled while it takes its turn for the mutex: the signal is not lost. */
Test(condition, cancelling_after_the_signal_comes_too_late)
{
	struct condition c = CONDITION_INIT;
	struct mutex m = MUTEX_INIT;
	struct condition_wait wait;
	struct mutex_lock other;

	cr_assert(mutex_try_lock(&m));
	condition_wait(&c, &wait, &m);
	mutex_lock(&m, &other);
	condition_signal(&c, 8);
	promise_cancel(&wait.promise);
	mutex_unlock(&m);
	test_settle();
	test_assert_value(&wait.promise, 8);
	mutex_unlock(&m);
}
