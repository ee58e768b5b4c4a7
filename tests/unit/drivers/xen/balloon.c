/* SPDX-License-Identifier: ISC */
/* Memory that is given back and taken again: how much, which, and targets that cannot be reached. */
#include <string.h>

#include "drivers/xen/xen.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

static struct page_stats start;

static void begin(void)
{
	fake_begin();
	fake_set("memory/target", "40960");
	xen_balloon_start();
	test_settle();
	page_stats(&start);
	cr_assert_gt(start.total - start.used, 2000, "too few pages for what follows");
	cr_assert_eq(fake.given_back, 0, "what it began with is no wish");
}

TestSuite(xen_balloon, .init = begin, .timeout = 60);
TestSuite(xen_balloon_start, .timeout = 60);

static void assert_given(const char *target, unsigned pages)
{
	fake_set("memory/target", target);
	test_settle();
	cr_assert_eq(fake.given_back, pages, "%s: %u", target, fake.given_back);
}

static void assert_nothing_lost(void)
{
	struct page_stats now;

	page_stats(&now);
	cr_assert_eq(now.used, start.used);
}

Test(xen_balloon, gives_and_takes_as_much_as_is_asked)
{
	for (unsigned round = 0; round < 3; round++) {
		assert_given("40956", 1);
		assert_given("40900", 15);
		assert_given("36860", 1025); /* which are in three pages */
		assert_given("38920", 510);
		assert_given("38916", 511);
		assert_given("40960", 0);
		assert_nothing_lost();
	}
}

/* A domain may begin with less than its map has: made with maxmem, or again after a mem-set. */
Test(xen_balloon_start, what_was_never_given_to_it_is_given_back)
{
	fake_begin();
	fake_set("memory/static-max", "40960");
	fake_set("memory/target", "36864");
	xen_balloon_start();
	test_settle();
	cr_assert_eq(fake.given_back, 1024);
	assert_given("40960", 0);
	assert_given("40956", 1);
}

Test(xen_balloon_start, a_domain_with_all_of_its_memory_says_nothing)
{
	fake_begin();
	fake_set("memory/static-max", "40960");
	fake_set("memory/target", "40960");
	xen_balloon_start();
	test_settle();
	cr_assert(fake.given_back == 0 && !strstr(test_console_text(), "balloon"));
	assert_given("40956", 1);
}

Test(xen_balloon_start, a_target_that_changes_while_the_maximum_is_read)
{
	fake_begin();
	fake_set("memory/static-max", "40960");
	fake_set("memory/target", "40960");
	xen_balloon_start();
	for (unsigned i = 0; i < 50; i++) {
		fake_set("memory/target", "40956");
		loop_turn();
	}
	test_settle();
	cr_assert_eq(fake.given_back, 1);
}

Test(xen_balloon, less_than_a_page_is_nothing)
{
	assert_given("40957", 0);
	assert_given("40953", 1);
}

Test(xen_balloon, some_pages_stay_free)
{
	size_t used = start.total - start.used - 1000;
	void *rest = page_alloc(used, false);
	struct page_stats now;

	cr_assert_not_null(rest);
	fake_set("memory/target", "0");
	test_settle();
	page_stats(&now);
	cr_assert(now.total - now.used >= CONFIG_XEN_BALLOON_FREE_PAGES && now.total - now.used < 16);
	cr_assert_gt(fake.given_back, 980);
	assert_given("40960", 0);
	page_free(rest, used);
	assert_nothing_lost();
}

Test(xen_balloon, more_than_it_began_with_is_not_taken)
{
	assert_given("40900", 15);
	assert_given("99999999", 0);
	assert_nothing_lost();
}

Test(xen_balloon, what_is_no_number_is_no_wish)
{
	static const char *const wrong[] = { "", "-1", "0x100", "40900 ", "lots", "99999999999999999999999999",
		"1099511627777" };

	assert_given("40900", 15);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_given(wrong[i], 15);
	fake_set("memory/target", NULL);
	test_settle();
	cr_assert_eq(fake.given_back, 15);
}

Test(xen_balloon, xen_neither_takes_nor_gives)
{
	fake.keeps_memory = true;
	assert_given("40900", 0);
	assert_nothing_lost();
	fake.keeps_memory = false;
	assert_given("40896", 16);
	fake.keeps_memory = true;
	assert_given("40960", 16);
	fake.keeps_memory = false;
	assert_given("41000", 0);
	assert_nothing_lost();
}

static unsigned times_told(void)
{
	const char *at = test_console_text();
	unsigned times = 0;

	while ((at = strstr(at, "target_kib="))) {
		at++;
		times++;
	}
	return times;
}

/* The pages come late; once they have come no timer runs, and each event is logged once. */
Test(xen_balloon, tries_again_until_it_has_what_is_asked_for)
{
	size_t used = start.total - start.used - 100;
	void *rest = page_alloc(used, false);
	uint64_t blocks;

	fake_set("memory/target", "36960"); /* 1000 pages less */
	test_run_for_ns(10 * NS_PER_S);
	cr_assert(fake.given_back > 0 && fake.given_back < 100 && times_told() == 1);
	page_free(rest, used);
	test_run_for_ns(2 * NS_PER_S);
	cr_assert_eq(fake.given_back, 1000);
	cr_assert_eq(times_told(), 2);
	blocks = clock_blocks;
	test_run_for_ns(1000 * NS_PER_S);
	cr_assert_leq(clock_blocks, blocks + 1);
	assert_given("40960", 0);
	assert_nothing_lost();
}

Test(xen_balloon, tries_again_to_get_back_what_xen_has_not)
{
	assert_given("40900", 15);
	fake.keeps_memory = true;
	assert_given("40960", 15);
	fake.keeps_memory = false;
	test_run_for_ns(2 * NS_PER_S);
	cr_assert_eq(fake.given_back, 0);
	assert_nothing_lost();
}

/* A new target replaces the missed one. */
Test(xen_balloon, another_wish_is_not_tried_again)
{
	uint64_t blocks;

	fake.keeps_memory = true;
	assert_given("40900", 0);
	fake.keeps_memory = false;
	assert_given("40896", 16);
	blocks = clock_blocks;
	test_run_for_ns(1000 * NS_PER_S);
	cr_assert(clock_blocks <= blocks + 1 && times_told() == 2);
}

/* The loop runs between steps, in which the target may change. */
Test(xen_balloon, a_wish_that_changes_on_the_way)
{
	fake_set("memory/target", "0");
	for (unsigned i = 0; i < 20; i++)
		loop_turn();
	cr_assert(fake.given_back > 0 && fake.given_back < 2000, "%u in a few turns", fake.given_back);
	assert_given("40896", 16);
}

Test(xen_balloon, goes_on_in_another_domain)
{
	assert_given("40900", 15);
	fake.saved = fake_restore;
	xen_suspend();
	test_settle();
	assert_given("40956", 1);
	assert_given("40960", 0);
	assert_nothing_lost();
}
