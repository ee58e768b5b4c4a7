/* SPDX-License-Identifier: ISC */
/* Devices beside the one that is used: when they are refused, and that nothing else is touched. */
#include "drivers/xen/frontend.h"
#include "drivers/xen/xen.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "tests/lib/clock.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <string.h>

#define OWN_BACK "/local/domain/0/backend/vif/1/0"
#define READY "2"
#define CLOSED "6"

static void nothing(struct frontend *f)
{
	(void)f;
}

static const char *const no_names[] = { NULL };
static const struct frontend_kind kind = { .folder = "device/vif", .names = no_names, .disconnect = nothing };
static struct frontend used;

/* The toolstack describes a device, whose backend is in that state. */
static void plug(const char *dir, const char *back, const char *state)
{
	char path[64];

	format(path, sizeof(path), "%s/state", back);
	fake_set(path, state);
	fake_set(dir, "");
	format(path, sizeof(path), "%s/backend", dir);
	fake_set(path, back);
	format(path, sizeof(path), "%s/state", dir);
	fake_set(path, "1");
	test_settle();
}

/* One is used, which waits for its backend. */
static void begin(void)
{
	fake_begin();
	plug("device/vif/0", OWN_BACK, "1");
	frontend_start(&used, &kind);
	test_settle();
	xen_hotplug_start();
	test_settle();
}

TestSuite(xen_hotplug, .init = begin, .timeout = 60);

Test(xen_hotplug, what_is_used_stays)
{
	cr_assert_str_eq(fake_get("device/vif/0/state"), "1");
	cr_assert_null(strstr(test_console_text(), "refused"));
}

Test(xen_hotplug, each_other_is_refused)
{
	plug("device/vif/1", "/local/domain/0/backend/vif/1/1", READY);
	plug("device/vbd/51712", "/local/domain/0/backend/vbd/1/51712", READY);
	plug("device/vbd/51728", "/local/domain/0/backend/vbd/1/51728", READY);
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
	cr_assert_str_eq(fake_get("device/vbd/51712/state"), CLOSED);
	cr_assert_str_eq(fake_get("device/vbd/51728/state"), CLOSED);
	cr_assert_not_null(strstr(test_console_text(), "device=device/vif/1 refused="));
	cr_assert_str_eq(fake_get("device/vif/0/state"), "1");
}

/* xl waits for the backend, and takes one that closes before for a failure. */
Test(xen_hotplug, a_backend_may_take_its_time)
{
	plug("device/vif/1", "/local/domain/0/backend/vif/1/1", "1");
	cr_assert_str_eq(fake_get("device/vif/1/state"), "1");
	fake_set("/local/domain/0/backend/vif/1/1/state", READY);
	clock_advance_ns(NS_PER_S);
	test_settle();
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
}

/* The guest sleeps on: nobody looks for ever. */
Test(xen_hotplug, a_backend_that_never_comes_is_forgotten)
{
	unsigned calls;

	plug("device/vif/1", "/local/domain/0/backend/vif/1/1", "1");
	for (unsigned i = 0; i < 100; i++) {
		clock_advance_ns(NS_PER_S);
		test_settle();
	}
	calls = fake.calls;
	clock_advance_ns(100 * NS_PER_S);
	test_settle();
	cr_assert_eq(fake.calls, calls);
	fake_set("/local/domain/0/backend/vif/1/1/state", READY);
	fake_set("device/vif/1/state", "1"); /* something has changed */
	test_settle();
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
}

Test(xen_hotplug, what_is_no_device_is_passed_over)
{
	fake_set("device/vif/1", "");
	fake_set("device/vif/2", "");
	fake_set("device/vif/2/state", "1");
	fake_set("device/vif/3", "");
	fake_set("device/vif/3/state", "one");
	plug("device/vif/4", "/a path that is longer than any that a backend of a device would have", READY);
	plug("device/vif/a_name_of_a_device_that_is_longer_than_any_would_be_in_fact", "/b", READY);
	cr_assert_null(strstr(test_console_text(), "refused"));
	plug("device/vif/5", "/local/domain/0/backend/vif/1/5", READY);
	cr_assert_str_eq(fake_get("device/vif/5/state"), CLOSED);
}

static void restore(void)
{
	fake_restore();
}

Test(xen_hotplug, is_asked_again_in_another_domain)
{
	fake.saved = restore;
	fake.store_is_deaf = true;
	fake_set("device/vif/1", "");
	fake_set("device/vif/1/backend", "/local/domain/0/backend/vif/1/1");
	fake_set("/local/domain/0/backend/vif/1/1/state", READY);
	fake_set("device/vif/1/state", "1");
	test_settle();
	fake.store_is_deaf = false;
	xen_suspend();
	test_settle();
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
}
