/* SPDX-License-Identifier: ISC */
/* Fibers: sequential code over promises, deadlines, cancelling, the bounded pool of stacks, and the
 * page below each that faults. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "arch/arch.h"
#include "kernel/fiber.h"
#include "kernel/loop.h"
#include "kernel/mutex.h"
#include "kernel/page.h"
#include "kernel/timer.h"
#include "tests/lib/test.h"

/* Stacks are kept for the next fiber, so the balance of memory is not that of a test. */
TestSuite(fiber);

static struct promise awaited, done;

static intptr_t add_one(void *arg)
{
	return (intptr_t)arg + 1;
}

Test(fiber, runs_at_the_next_turn_and_gives_its_result)
{
	cr_assert_eq(fiber_start(add_one, (void *)41, &done), 0);
	test_assert_pending(&done);
	cr_assert_eq(loop_run(&done), 42);
	cr_assert(!fiber_is_running());
}

static intptr_t await_it(void *arg)
{
	cr_assert(fiber_is_running());
	return fiber_await(&awaited, arg ? *(uint64_t *)arg : DEADLINE_NEVER);
}

Test(fiber, awaits_a_result_or_an_error)
{
	promise_init(&awaited, NULL);
	fiber_start(await_it, NULL, &done);
	test_settle();
	test_assert_pending(&done);
	promise_fulfil(&awaited, 7);
	test_assert_pending(&done);
	test_settle();
	test_assert_value(&done, 7);
	promise_throw(&awaited, -EIO);
	fiber_start(await_it, NULL, &done);
	test_settle();
	test_assert_value(&done, -EIO);
}

Test(fiber, outside_a_fiber_nothing_can_be_awaited)
{
	promise_init(&awaited, NULL);
	cr_assert_eq(fiber_await(&awaited, DEADLINE_NEVER), -EDEADLK);
	cr_assert_eq(fiber_sleep_until(0), -EDEADLK);
}

static int asked;

static void count(struct promise *p)
{
	(void)p;
	asked++;
}

Test(fiber, at_the_deadline_it_cancels_and_waits_for_the_answer)
{
	uint64_t deadline_ns = clock_now_ns() + 100;

	promise_init(&awaited, count);
	fiber_start(await_it, &deadline_ns, &done);
	test_run_for_ns(99);
	cr_assert_eq(asked, 0);
	test_run_for_ns(1);
	cr_assert_eq(asked, 1);
	test_assert_pending(&done);
	promise_fail(&awaited, -ECANCELED);
	test_settle();
	test_assert_value(&done, -ETIMEDOUT);
}

Test(fiber, what_settles_in_the_deadlines_turn_was_in_time)
{
	uint64_t deadline_ns = clock_now_ns() + 100;

	promise_init(&awaited, count);
	fiber_start(await_it, &deadline_ns, &done);
	test_settle();
	clock_advance_ns(100);
	promise_fulfil(&awaited, 4);
	test_settle();
	test_assert_value(&done, 4);
	cr_assert_eq(asked, 0);
}

static intptr_t sleep_thrice(void *arg)
{
	uint64_t *log = arg;

	for (int i = 0; i < 3; i++) {
		intptr_t result = fiber_sleep_until(clock_now_ns() + 1000);

		if (result)
			return result;
		*log++ = clock_now_ns();
	}
	return 0;
}

Test(fiber, many_sleep_side_by_side)
{
	struct promise each[CONFIG_FIBERS];
	uint64_t log[CONFIG_FIBERS][3], begun_ns = clock_now_ns();

	for (int i = 0; i < CONFIG_FIBERS; i++)
		cr_assert_eq(fiber_start(sleep_thrice, log[i], &each[i]), 0);
	test_run_for_ns(5000);
	for (int i = 0; i < CONFIG_FIBERS; i++) {
		test_assert_value(&each[i], 0);
		for (int k = 0; k < 3; k++)
			cr_assert_eq(log[i][k], begun_ns + 1000 * (k + 1));
	}
}

Test(fiber, their_number_is_bounded_and_stacks_come_back)
{
	struct promise each[CONFIG_FIBERS];

	for (int round = 0; round < 3; round++) {
		uint64_t before = test_alloc_count();

		promise_init(&awaited, NULL);
		for (int i = 0; i < CONFIG_FIBERS; i++)
			cr_assert_eq(fiber_start(await_it, NULL, &each[i]), 0);
		cr_assert_eq(fiber_start(await_it, NULL, &done), -EAGAIN);
		test_settle();
		promise_fulfil(&awaited, round);
		test_settle();
		for (int i = 0; i < CONFIG_FIBERS; i++)
			test_assert_value(&each[i], round);
		cr_assert(round == 0 || test_alloc_count() == before, "stacks are allocated anew");
	}
}

Test(fiber, without_memory_for_a_stack_it_is_refused)
{
	test_alloc_fail_at(1);
	cr_assert_eq(fiber_start(add_one, NULL, NULL), -ENOMEM);
	test_alloc_fail_at(0);
	cr_assert_eq(fiber_start(add_one, NULL, NULL), 0);
	test_settle();
}

/* -- cancelling -- */

Test(fiber, cancelling_it_cancels_what_it_awaits)
{
	promise_init(&awaited, NULL);
	fiber_start(await_it, NULL, &done);
	test_settle();
	promise_cancel(&done);
	test_assert_error(&awaited, -ECANCELED);
	test_settle();
	test_assert_value(&done, -ECANCELED);
}

Test(fiber, cancelling_before_it_began_is_not_lost)
{
	promise_init(&awaited, NULL);
	fiber_start(await_it, NULL, &done);
	promise_cancel(&done);
	test_settle();
	test_assert_error(&awaited, -ECANCELED);
	test_assert_value(&done, -ECANCELED);
}

static struct promise second;

static intptr_t await_two(void *arg)
{
	intptr_t first = fiber_await(&awaited, DEADLINE_NEVER);

	(void)arg;
	return fiber_await(&second, DEADLINE_NEVER) * 1000 + first;
}

/* Cancelled in the turn in which the first result is on its way: the second await hears of it. */
Test(fiber, cancelling_between_two_awaits_is_not_lost)
{
	promise_init(&awaited, NULL);
	promise_init(&second, NULL);
	fiber_start(await_two, NULL, &done);
	test_settle();
	promise_fulfil(&awaited, 5);
	promise_cancel(&done);
	test_settle();
	test_assert_error(&second, -ECANCELED);
	test_assert_value(&done, -ECANCELED * 1000 + 5);
}

Test(fiber, after_an_answered_request_it_may_clean_up)
{
	promise_init(&awaited, NULL);
	promise_init(&second, NULL);
	fiber_start(await_two, NULL, &done);
	test_settle();
	promise_cancel(&done);
	test_settle();
	test_assert_pending(&second);
	promise_fulfil(&second, 1);
	test_settle();
	test_assert_value(&done, 1000 - ECANCELED);
}

/* -- with the other primitives -- */

static struct mutex mutex = MUTEX_INIT;
static int inside, entered;

static intptr_t enter(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++) {
		struct mutex_lock lock;

		mutex_lock(&mutex, &lock);
		fiber_await(&lock.promise, DEADLINE_NEVER);
		cr_assert_eq(inside++, 0);
		fiber_sleep_until(clock_now_ns() + 10);
		inside--;
		entered++;
		mutex_unlock(&mutex);
	}
	return 0;
}

Test(fiber, a_mutex_keeps_them_apart)
{
	for (int i = 0; i < CONFIG_FIBERS; i++)
		cr_assert_eq(fiber_start(enter, NULL, NULL), 0);
	test_run_for_ns(CONFIG_FIBERS * 100 * 10 + 1000);
	cr_assert_eq(entered, CONFIG_FIBERS * 100);
}

static intptr_t start_another(void *arg)
{
	intptr_t depth = (intptr_t)arg;
	struct promise inner;

	if (depth == 0)
		return 0;
	cr_assert_eq(fiber_start(start_another, (void *)(depth - 1), &inner), 0);
	return 1 + fiber_await(&inner, DEADLINE_NEVER);
}

Test(fiber, fibers_start_and_await_fibers)
{
	fiber_start(start_another, (void *)(CONFIG_FIBERS - 1), &done);
	cr_assert_eq(loop_run(&done), CONFIG_FIBERS - 1);
}

/* -- the guard page -- */

static char *stack_low;
static char handler_stack[65536];

static void faulted(int signal, siginfo_t *info, void *context)
{
	char *at = info->si_addr;

	(void)signal, (void)context;
	_exit(at < stack_low && at >= stack_low - PAGE_BYTES ? 42 : 43);
}

__attribute__((noinline)) static intptr_t recurse(volatile char *above)
{
	volatile char here[512];

	here[0] = *above;
	if (here[0])
		return 0;
	return recurse(here) + here[0];
}

static intptr_t overflow(void *arg)
{
	volatile char here = 0;

	(void)arg;
	/* Stacks are aligned to pages here. Above are the context that tests/lib/cpu.c begins with, which on
	 * some CPUs is more than a page, and frames that fit into one. */
	stack_low = (char *)ALIGN_UP((uintptr_t)&here + sizeof(ucontext_t), PAGE_BYTES);
	stack_low -= CONFIG_FIBER_STACK_BYTES;
	return recurse(&here);
}

Test(fiber, overflowing_the_stack_faults_in_the_guard_page)
{
	stack_t alternative = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };
	struct sigaction action = { .sa_sigaction = faulted, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	pid_t child = fork();
	int status;

	if (child == 0) {
		sigaltstack(&alternative, NULL);
		sigaction(SIGSEGV, &action, NULL);
		fiber_start(overflow, NULL, &done);
		loop_run(&done);
		_exit(1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %x", (unsigned)status);
}
