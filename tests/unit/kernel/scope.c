/* SPDX-License-Identifier: ISC */
/* Resource scopes: everything is released, newest first, in spite of failures and cancelling. */
#include <errno.h>
#include <string.h>

#include "kernel/loop.h"
#include "kernel/scope.h"
#include "tests/lib/test.h"

TestSuite(scope, .init = test_begin, .fini = test_end);

enum { N = 4 };

struct resource {
	struct scope_hook hook;
	char name;
	struct promise *done;
};

static char trace[32];
static struct scope scope;
static struct resource resources[N];
static struct promise slow;

static struct promise *release(struct scope_hook *h)
{
	struct resource *r = container_of(h, struct resource, hook);

	trace[strlen(trace)] = r->name;
	return r->done;
}

static void open_all(void)
{
	scope_init(&scope);
	for (int i = 0; i < N; i++) {
		resources[i] = (struct resource){ .name = (char)('a' + i) };
		cr_assert_eq(scope_add(&scope, &resources[i].hook, release), 0);
	}
}

Test(scope, lets_go_newest_first_and_once, .init = open_all)
{
	test_assert_pending(&scope.promise);
	scope_end(&scope);
	cr_assert_str_eq(trace, "dcba");
	test_assert_value(&scope.promise, 0);
	scope_end(&scope);
	cr_assert_str_eq(trace, "dcba");
}

Test(scope, waits_for_each, .init = open_all)
{
	promise_init(&slow, NULL);
	resources[2].done = &slow;
	scope_end(&scope);
	test_settle();
	cr_assert_str_eq(trace, "dc");
	test_assert_pending(&scope.promise);
	promise_fulfil(&slow, 0);
	test_settle();
	cr_assert_str_eq(trace, "dcba");
	test_assert_value(&scope.promise, 0);
}

Test(scope, an_error_stops_nothing_and_the_first_is_kept, .init = open_all)
{
	struct promise other;

	promise_throw(&slow, -EIO);
	promise_throw(&other, -EPIPE);
	resources[2].done = &slow;
	resources[1].done = &other;
	scope_end(&scope);
	test_settle();
	cr_assert_str_eq(trace, "dcba");
	test_assert_error(&scope.promise, -EIO);
}

Test(scope, what_was_taken_back_is_not_let_go, .init = open_all)
{
	scope_remove(&resources[1].hook);
	scope_remove(&resources[1].hook);
	scope_end(&scope);
	cr_assert_str_eq(trace, "dca");
	scope_remove(&resources[0].hook);
}

static struct promise *release_and_remove_oldest(struct scope_hook *h)
{
	scope_remove(&resources[0].hook);
	return release(h);
}

Test(scope, a_hook_may_take_another_back, .init = open_all)
{
	resources[3].hook.release = release_and_remove_oldest;
	scope_end(&scope);
	cr_assert_str_eq(trace, "dcb");
}

Test(scope, nothing_can_be_added_after_the_end, .init = open_all)
{
	struct resource late = { .name = 'z' };

	scope_end(&scope);
	cr_assert_eq(scope_add(&scope, &late.hook, release), -ECANCELED);
	scope_remove(&late.hook);
	cr_assert_str_eq(trace, "dcba");
}

Test(scope, cancelling_ends_it_and_cannot_stop_it, .init = open_all)
{
	promise_init(&slow, NULL);
	resources[3].done = &slow;
	promise_cancel(&scope.promise);
	promise_cancel(&scope.promise);
	test_settle();
	test_assert_pending(&scope.promise);
	promise_fulfil(&slow, 0);
	test_settle();
	test_assert_value(&scope.promise, 0);
	cr_assert_str_eq(trace, "dcba");
}

Test(scope, an_empty_one_ends_at_once)
{
	scope_init(&scope);
	scope_end(&scope);
	test_assert_value(&scope.promise, 0);
}
