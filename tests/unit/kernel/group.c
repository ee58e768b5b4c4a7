/* SPDX-License-Identifier: ISC */
/* join, choose and pick, in every order of settling, and cancelled at every moment. */
#include <errno.h>
#include <signal.h>

#include "kernel/loop.h"
#include "kernel/timer.h"
#include "tests/lib/test.h"

TestSuite(group, .init = test_begin, .fini = test_end);

enum { N = 4 };

static struct promise p[N];
static struct source sources[N];
static struct group g;
static int asked[N];

static void count(struct promise *which)
{
	asked[which - p]++;
}

static void count_and_fail(struct promise *which)
{
	count(which);
	promise_fail(which, -ECANCELED);
}

static void make(void (*cancel)(struct promise *p))
{
	for (int i = 0; i < N; i++) {
		promise_init(&p[i], cancel);
		sources[i] = (struct source){ .promise = &p[i] };
		asked[i] = 0;
	}
}

/* The nth permutation of 0 to 3. */
static void permute(int n, int *order)
{
	int left[N] = { 0, 1, 2, 3 };

	for (int i = 0; i < N; i++) {
		int at = n % (N - i);

		n /= N - i;
		order[i] = left[at];
		for (int k = at; k < N - 1; k++)
			left[k] = left[k + 1];
	}
}

Test(group, join_waits_for_all_and_keeps_the_first_error)
{
	for (int n = 0; n < 24; n++) {
		for (unsigned failing = 0; failing < 16; failing++) {
			int order[N], expected = 0;

			permute(n, order);
			make(NULL);
			promise_join(&g, sources, N);
			for (int i = 0; i < N; i++) {
				test_settle();
				test_assert_pending(&g.promise);
				if (failing & 1u << order[i]) {
					promise_fail(&p[order[i]], -10 - order[i]);
					expected = expected ? expected : -10 - order[i];
				} else {
					promise_fulfil(&p[order[i]], 99);
				}
			}
			test_settle();
			cr_assert_eq(promise_result(&g.promise), expected);
			cr_assert_eq((int)g.first, order[0]);
		}
	}
}

Test(group, join_of_settled_sources_and_of_none)
{
	make(NULL);
	for (int i = 0; i < N; i++)
		promise_fulfil(&p[i], i);
	promise_join(&g, sources, N);
	test_assert_pending(&g.promise);
	test_settle();
	test_assert_value(&g.promise, 0);
	promise_join(&g, NULL, 0);
	test_assert_value(&g.promise, 0);
}

Test(group, join_passes_cancelling_to_all)
{
	make(count_and_fail);
	promise_join(&g, sources, N);
	promise_fulfil(&p[1], 0);
	promise_cancel(&g.promise);
	test_settle();
	test_assert_error(&g.promise, -ECANCELED);
	for (int i = 0; i < N; i++)
		cr_assert_eq(asked[i], i != 1);
}

Test(group, choose_takes_the_first_and_leaves_the_others_alone)
{
	for (int n = 0; n < 24; n++) {
		int order[N];

		permute(n, order);
		make(count);
		promise_choose(&g, sources, N);
		for (int i = 0; i < N; i++) {
			if (i % 2 == n % 2)
				promise_fulfil(&p[order[i]], 50 + order[i]);
			else
				promise_fail(&p[order[i]], -50 - order[i]);
		}
		test_settle();
		cr_assert_eq(promise_result(&g.promise), n % 2 == 0 ? 50 + order[0] : -50 - order[0]);
		cr_assert_eq((int)g.first, order[0]);
		for (int i = 0; i < N; i++)
			cr_assert_eq(asked[i], 0);
	}
}

Test(group, choose_no_longer_watches_the_losers)
{
	make(count);
	promise_choose(&g, sources, N);
	promise_fulfil(&p[2], 1);
	test_settle();
	/* Storage of the group and its sources may be used for something else now. */
	for (int i = 0; i < N; i++) {
		cr_assert_null(sources[i].waiter.link.next);
		sources[i] = (struct source){ 0 };
	}
	g = (struct group){ 0 };
	promise_fulfil(&p[0], 0);
	promise_fail(&p[1], -EIO);
	test_settle();
}

Test(group, among_the_settled_the_first_in_the_array_counts)
{
	make(NULL);
	promise_fulfil(&p[3], 3);
	promise_fulfil(&p[1], 1);
	promise_choose(&g, sources, N);
	test_settle();
	test_assert_value(&g.promise, 1);
}

Test(group, pick_cancels_the_losers_and_waits_for_them)
{
	make(count);
	promise_pick(&g, sources, N);
	promise_fulfil(&p[1], 11);
	test_settle();
	test_assert_pending(&g.promise);
	for (int i = 0; i < N; i++)
		cr_assert_eq(asked[i], i != 1);
	promise_fail(&p[0], -ECANCELED);
	promise_fulfil(&p[2], 5);
	test_settle();
	test_assert_pending(&g.promise);
	promise_fail(&p[3], -EIO);
	test_settle();
	test_assert_value(&g.promise, 11);
	cr_assert_eq(g.first, 1);
}

Test(group, pick_in_every_order)
{
	for (int n = 0; n < 24; n++) {
		int order[N];

		permute(n, order);
		make(n % 2 ? count : count_and_fail);
		promise_pick(&g, sources, N);
		promise_fail(&p[order[0]], -7);
		test_settle();
		for (int i = 1; i < N && n % 2; i++) {
			test_assert_pending(&g.promise);
			promise_fulfil(&p[order[i]], 1);
			test_settle();
		}
		test_assert_error(&g.promise, -7);
		cr_assert_eq((int)g.first, order[0]);
	}
}

Test(group, pick_of_two_settled_in_the_same_turn)
{
	make(count_and_fail);
	promise_pick(&g, sources, 2);
	promise_fulfil(&p[1], 1);
	promise_fulfil(&p[0], 0);
	test_settle();
	test_assert_value(&g.promise, 1);
	cr_assert_eq(asked[0] + asked[1], 0);
}

Test(group, pick_cancelled_before_during_and_after)
{
	make(count);
	promise_pick(&g, sources, 2);
	promise_cancel(&g.promise);
	cr_assert_eq(asked[0] + asked[1], 2);
	test_assert_pending(&g.promise);
	promise_fail(&p[0], -ECANCELED);
	test_settle();
	test_assert_pending(&g.promise);
	promise_cancel(&g.promise);
	promise_fulfil(&p[1], 4);
	promise_cancel(&g.promise);
	test_settle();
	test_assert_error(&g.promise, -ECANCELED);
	promise_cancel(&g.promise);
	test_assert_error(&g.promise, -ECANCELED);
}

Test(group, choose_cancelled_settles_with_the_first_answer)
{
	make(count_and_fail);
	promise_choose(&g, sources, N);
	promise_cancel(&g.promise);
	test_settle();
	test_assert_error(&g.promise, -ECANCELED);
	for (int i = 0; i < N; i++)
		cr_assert_eq(asked[i], 1);
}

Test(group, choose_and_pick_of_none_stay_pending_until_cancelled)
{
	void (*const makers[])(struct group *g, struct source *sources, size_t count) = {
		promise_choose, promise_pick,
	};

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		makers[i](&g, NULL, 0);
		test_settle();
		test_assert_pending(&g.promise);
		promise_cancel(&g.promise);
		test_assert_error(&g.promise, -ECANCELED);
	}
}

/* The losers of a choose continue, so their storage may not be reused until they have settled. */
Test(group, using_a_losers_storage_again_is_caught, .signal = SIGABRT)
{
	struct sleep sleepers[2];
	struct source both[2] = { { .promise = &sleepers[0].promise }, { .promise = &sleepers[1].promise } };

	sleep_until(&sleepers[0], clock_now_ns() + 1);
	sleep_until(&sleepers[1], clock_now_ns() + 1000);
	promise_choose(&g, both, 2);
	test_run_for_ns(1);
	test_assert_value(&g.promise, 0);
	sleep_until(&sleepers[1], clock_now_ns() + 2000);
}

Test(group, groups_of_groups)
{
	struct group inner[2], outer;
	struct source pair[2] = { { .promise = &inner[0].promise }, { .promise = &inner[1].promise } };

	make(NULL);
	promise_join(&inner[0], sources, 2);
	promise_join(&inner[1], sources + 2, 2);
	promise_pick(&outer, pair, 2);
	promise_fulfil(&p[2], 0);
	promise_fulfil(&p[3], 0);
	test_settle();
	test_assert_value(&outer.promise, 0);
	cr_assert_eq(outer.first, 1);
	test_assert_error(&p[0], -ECANCELED);
	test_assert_error(&p[1], -ECANCELED);
}
