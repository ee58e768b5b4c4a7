/* SPDX-License-Identifier: ISC */
/* Running the loop from a test, and the frame of a test. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernel/loop.h"
#include "kernel/timer.h"

static int64_t live_at_begin;

void test_settle(void)
{
	while (loop_turn())
		;
}

void test_run_for_ns(uint64_t ns)
{
	struct sleep s;

	sleep_until(&s, clock_now_ns() + ns);
	loop_run(&s.promise);
	test_settle();
}

void test_begin(void)
{
	live_at_begin = test_alloc_live();
}

void test_end(void)
{
	cr_assert(test_alloc_live() == live_at_begin, "%lld allocations were not let go",
	          (long long)(test_alloc_live() - live_at_begin));
}
