/* SPDX-License-Identifier: ISC */
/* Requests of the toolstack, and the seed that it may leave. */
#include <errno.h>
#include <string.h>

#include "drivers/xen/xen.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <xen/sched.h>

static unsigned saves;

TestSuite(xen_control, .init = fake_begin, .timeout = 60);
TestSuite(xen_seed, .init = fake_begin, .timeout = 60);

static void assert_ends(const char *word, uint32_t reason)
{
	struct promise *end = xen_control_start();

	test_settle();
	test_assert_pending(end);
	fake_set("control/shutdown", word);
	test_settle();
	test_assert_value(end, 0);
	cr_assert_eq(xen_control_reason(), reason);
	cr_assert_str_eq(fake_get("control/shutdown"), "", "not acknowledged");
}

Test(xen_control, poweroff)
{
	assert_ends("poweroff", SHUTDOWN_poweroff);
}

Test(xen_control, halt)
{
	assert_ends("halt", SHUTDOWN_poweroff);
}

Test(xen_control, reboot)
{
	assert_ends("reboot", SHUTDOWN_reboot);
}

Test(xen_control, a_conflict_is_tried_again)
{
	fake.conflict = true;
	assert_ends("poweroff", SHUTDOWN_poweroff);
	cr_assert(!fake.conflict);
}

static void save(void)
{
	cr_assert_str_eq(fake_get("control/shutdown"), "", "not acknowledged");
	saves++;
}

static void save_and_restore(void)
{
	save();
	fake_restore();
}

static void assert_suspends(void (*saved)(void))
{
	struct promise *end = xen_control_start();

	test_settle();
	fake.saved = saved;
	for (unsigned i = 1; i <= 3; i++) {
		fake_set("control/shutdown", "suspend");
		test_settle();
		cr_assert_eq(saves, i);
		test_assert_pending(end);
	}
	fake_set("control/shutdown", "poweroff");
	test_settle();
	test_assert_value(end, 0);
	cr_assert_eq(saves, 3);
}

Test(xen_control, suspend_and_go_on)
{
	assert_suspends(save);
}

Test(xen_control, suspend_and_restore)
{
	assert_suspends(save_and_restore);
}

Test(xen_control, a_conflict_suspends_once)
{
	fake.conflict = true;
	assert_suspends(save_and_restore);
}

/* -- a store that fails -- */

static struct promise *ask_refused(const char *word, uint32_t type)
{
	struct promise *end = xen_control_start();

	test_settle();
	fake.saved = save;
	fake.refused = type;
	fake_set("control/shutdown", word);
	test_settle();
	return end;
}

static void assert_obeyed_later(uint32_t type)
{
	struct promise *end = ask_refused("suspend", type);

	test_run_for_ns(3 * NS_PER_S);
	test_assert_pending(end);
	cr_assert_eq(saves, 0);
	cr_assert_str_eq(fake_get("control/shutdown"), "suspend", "neither acknowledged nor left");
	fake.refused = 0;
	test_run_for_ns(2 * NS_PER_S);
	cr_assert_eq(saves, 1);
	test_assert_pending(end);
}

Test(xen_control, a_transaction_that_is_refused_is_tried_again)
{
	assert_obeyed_later(XS_TRANSACTION_START);
}

Test(xen_control, a_word_that_cannot_be_read_is_tried_again)
{
	assert_obeyed_later(XS_READ);
}

/* The toolstack could not tell its suspension from one that it has given up. */
Test(xen_control, a_word_that_cannot_be_acknowledged_is_not_obeyed_but_tried_again)
{
	assert_obeyed_later(XS_WRITE);
}

Test(xen_control, who_cannot_acknowledge_ends_all_the_same)
{
	struct promise *end = ask_refused("reboot", XS_WRITE);

	test_assert_value(end, 0);
	cr_assert_eq(xen_control_reason(), SHUTDOWN_reboot);
}

Test(xen_control, it_is_not_tried_for_ever)
{
	struct promise *end = ask_refused("poweroff", XS_TRANSACTION_START);
	unsigned calls;

	test_run_for_ns(20 * NS_PER_S);
	calls = fake.calls;
	test_run_for_ns(100 * NS_PER_S);
	cr_assert_eq(fake.calls, calls);
	/* The next word triggers another attempt. */
	fake_set("control/shutdown", "poweroff");
	test_run_for_ns(3 * NS_PER_S);
	fake.refused = 0;
	test_run_for_ns(2 * NS_PER_S);
	test_assert_value(end, 0);
}

/* The request is carried out, without an answer. */
static struct promise *ask_without_an_answer(const char *word)
{
	struct promise *end = xen_control_start();

	test_settle();
	fake.saved = save;
	fake_set("control/shutdown", word);
	while (fake.store_type != XS_WRITE)
		loop_turn();
	fake.store_is_mute = true;
	test_run_for_ns((CONFIG_XEN_STORE_TIMEOUT_SECONDS + 2) * NS_PER_S);
	fake.store_is_mute = false;
	cr_assert_str_eq(fake_get("control/shutdown"), "");
	test_run_for_ns((CONFIG_XEN_STORE_TIMEOUT_SECONDS + 2) * NS_PER_S);
	return end;
}

Test(xen_control, ends_when_it_is_unknown_whether_that_was_acknowledged)
{
	test_assert_value(ask_without_an_answer("poweroff"), 0);
}

Test(xen_control, suspends_only_when_that_was_acknowledged)
{
	struct promise *end = ask_without_an_answer("suspend");

	test_assert_pending(end);
	cr_assert_eq(saves, 0);
	fake_set("control/shutdown", "suspend");
	test_settle();
	cr_assert_eq(saves, 1);
}

/* -- other requests -- */

Test(xen_control, other_words_are_left)
{
	struct promise *end = xen_control_start();

	fake_set("control/shutdown", "suspended");
	test_settle();
	fake_set("control/shutdown", "poweroffs and more than fits");
	test_settle();
	test_assert_pending(end);
	cr_assert_str_eq(fake_get("control/shutdown"), "poweroffs and more than fits");
	fake_set("control/shutdown", "poweroff");
	test_settle();
	test_assert_value(end, 0);
}

Test(xen_control, keys_are_acknowledged_and_told)
{
	struct promise *end = xen_control_start();

	fake_set("control/sysrq", "m");
	test_settle();
	cr_assert_str_eq(fake_get("control/sysrq"), "", "not acknowledged");
	cr_assert(strstr(test_console_text(), "key=m mem_kib="), "%s", test_console_text());
	fake_set("control/sysrq", "h");
	test_settle();
	cr_assert(strstr(test_console_text(), "key=h mem_kib="));
	test_assert_pending(end);
	fake_set("control/shutdown", "poweroff");
	test_settle();
	test_assert_value(end, 0);
}

Test(xen_control, what_is_no_key_is_left)
{
	static const char *const wrong[] = { " ", "\x1b", "\x7f", "\xff", "mm", "longer than there is room" };

	xen_control_start();
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		fake_set("control/sysrq", wrong[i]);
		test_settle();
		cr_assert_str_eq(fake_get("control/sysrq"), wrong[i]);
	}
	cr_assert_null(strstr(test_console_text(), "key="), "%s", test_console_text());
}

/* Two requests at once, of which one takes the other's transaction away. */
Test(xen_control, a_key_on_the_way_to_another_domain)
{
	xen_control_start();
	test_settle();
	fake.saved = save_and_restore;
	for (unsigned turns = 0; turns < 12; turns++) {
		fake_set("control/shutdown", "suspend");
		for (unsigned i = 0; i < turns; i++)
			loop_turn();
		fake_set("control/sysrq", "m");
		test_settle();
		cr_assert_eq(saves, turns + 1);
		cr_assert_str_eq(fake_get("control/sysrq"), "", "the key was lost after %u turns", turns);
	}
}

Test(xen_seed, is_read_once)
{
	static const uint8_t expected[] = { 0x00, 0x12, 0xab, 0xCD };
	uint8_t seed[4];

	fake_set("data/seed", "0012abCDff");
	cr_assert_eq(xen_seed_read(seed, sizeof(seed)), 0);
	cr_assert(!memcmp(seed, expected, sizeof(seed)));
	cr_assert_null(fake_get("data/seed"), "the next one would find it");
	cr_assert_eq(xen_seed_read(seed, sizeof(seed)), -ENODEV);
}

Test(xen_seed, too_short_or_no_digits)
{
	static const char *const wrong[] = { "", "0", "0011223", "0011223g", "001122 3", "0x112233" };
	uint8_t seed[4];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		fake_set("data/seed", wrong[i]);
		cr_assert_eq(xen_seed_read(seed, sizeof(seed)), -ENODEV, "%s", wrong[i]);
	}
}
