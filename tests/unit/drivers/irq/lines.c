/* SPDX-License-Identifier: ISC */
/* The pollers of interrupt lines. */
#include <errno.h>

#include "drivers/irq/lines.h"
#include "tests/lib/test.h"

enum { LINES = 48 };

static struct poller pollers[3];
static unsigned deactivated[LINES], count;

static void nothing(struct poller *p)
{
	(void)p;
}

static void deactivate(unsigned id)
{
	cr_assert_lt(count, LINES);
	deactivated[count++] = id;
}

static void begin(void)
{
	test_begin();
	for (unsigned i = 0; i < ARRAY_SIZE(pollers); i++)
		poller_add(&pollers[i], nothing);
}

TestSuite(lines, .init = begin, .fini = test_end);

Test(lines, an_interrupt_marks_those_who_wait_for_it_and_no_others)
{
	lines_add(7, &pollers[0]);
	lines_add(9, &pollers[1]);
	lines_add(7, &pollers[2]);
	lines_mark(7);
	cr_assert(pollers[0].pending && !pollers[1].pending && pollers[2].pending);
	cr_assert(loop_attention);
}

Test(lines, one_that_only_wakes_marks_nobody_and_ends_as_the_others_do)
{
	cr_assert_eq(lines_add(27, NULL), 0);
	lines_mark(27);
	cr_assert(!loop_attention);
	lines_rearm(deactivate);
	cr_assert_eq(count, 1);
	cr_assert_eq(deactivated[0], 27);
}

Test(lines, what_has_come_ends_once)
{
	lines_add(7, &pollers[0]);
	lines_add(9, &pollers[1]);
	lines_add(11, &pollers[2]);
	lines_rearm(deactivate);
	cr_assert_eq(count, 0, "none has come");
	lines_mark(11);
	lines_mark(7);
	lines_mark(7);
	lines_rearm(deactivate);
	cr_assert_eq(count, 2);
	cr_assert_eq(deactivated[0], 7);
	cr_assert_eq(deactivated[1], 11);
	lines_rearm(deactivate);
	cr_assert_eq(count, 2);
	lines_mark(9);
	lines_rearm(deactivate);
	cr_assert_eq(deactivated[2], 9, "and may come again");
}

Test(lines, one_that_nobody_waits_for_does_nothing)
{
	lines_add(7, &pollers[0]);
	lines_mark(0);
	lines_mark(8);
	lines_mark(0x10007); /* no id that a line can have */
	lines_rearm(deactivate);
	cr_assert_eq(count, 0);
	cr_assert(!loop_attention);
}

Test(lines, there_are_so_many)
{
	for (unsigned i = 0; i < LINES; i++)
		cr_assert_eq(lines_add(32 + i, &pollers[0]), 0);
	cr_assert_eq(lines_add(7, &pollers[1]), -ENOSPC);
	lines_mark(7);
	cr_assert(!pollers[1].pending);
}
