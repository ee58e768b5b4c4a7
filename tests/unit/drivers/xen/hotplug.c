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

#define DOMAINS "/local/domain/"
#define OWN_BACK DOMAINS "0/backend/vif/1/0"
#define READY "2"
#define CLOSED "6"

static int accept(struct frontend *f)
{
	(void)f;
	return 0;
}

static unsigned disconnected;

static bool disconnect(struct frontend *f)
{
	(void)f;
	disconnected++;
	return true;
}

static int offer(struct frontend *f)
{
	frontend_key(f, "ring-ref", 8);
	return 0;
}

static const char *const names[] = { "state", "feature", NULL };
static const struct frontend_kind kind = {
	.folder = "device/vif", .names = names, .offered = 3, .offer = offer, .connect = accept,
	.disconnect = disconnect,
};
static const struct frontend_kind disk_kind = {
	.folder = "device/vbd", .names = names, .offered = 3, .offer = offer, .connect = accept,
	.disconnect = disconnect, .has_number = true,
};
static struct frontend used, disk;

static void set_at(const char *dir, const char *key, const char *value)
{
	char path[128];

	format(path, sizeof(path), "%s/%s", dir, key);
	fake_set(path, value);
}

/* The toolstack describes a device, whose backend is in that state. */
static void plug(const char *dir, const char *back, const char *state)
{
	char domain[2] = { strlen(back) > strlen(DOMAINS) ? back[strlen(DOMAINS)] : '0', '\0' };

	set_at(back, "state", state);
	set_at(dir, "backend-id", domain);
	set_at(dir, "backend", back);
	set_at(dir, "state", "1");
	fake_set(dir, "");
	test_settle();
}

static void unplug(const char *dir, const char *back)
{
	set_at(back, "state", NULL);
	set_at(dir, "backend-id", NULL);
	set_at(dir, "backend", NULL);
	set_at(dir, "state", NULL);
	fake_set(dir, NULL);
	test_settle();
}

/* The backend accepts the offer. */
static void assert_connects(const char *dir, const char *back)
{
	char path[64];

	format(path, sizeof(path), "%s/state", dir);
	cr_assert_str_eq(fake_get(path), "3", "%s: %s", dir, fake_get(path));
	set_at(back, "state", "4");
	test_settle();
	cr_assert_str_eq(fake_get(path), "4", "%s: %s", dir, fake_get(path));
}

/* One is used. */
static void begin(void)
{
	fake_begin();
	plug("device/vif/0", OWN_BACK, READY);
	frontend_start(&used, &kind);
	test_settle();
	assert_connects("device/vif/0", OWN_BACK);
	xen_hotplug_start();
	test_settle();
	disconnected = 0;
}

/* Asserts that polling ends after this many seconds: the guest sleeps on. */
static void assert_sleeps_after(unsigned seconds)
{
	unsigned calls;

	for (unsigned i = 0; i < seconds; i++) {
		clock_advance_ns(NS_PER_S);
		test_settle();
	}
	calls = fake.calls;
	clock_advance_ns(100 * NS_PER_S);
	test_settle();
	cr_assert_eq(fake.calls, calls);
}

/* As long as xl takes, at most, to see that a backend is ready. */
static void wait(void)
{
	for (unsigned i = 0; i < 3; i++) {
		clock_advance_ns(NS_PER_S);
		test_settle();
	}
}

TestSuite(xen_hotplug, .init = begin, .timeout = 60);

Test(xen_hotplug, what_is_used_stays)
{
	cr_assert_str_eq(fake_get("device/vif/0/state"), "4");
	cr_assert_null(strstr(test_console_text(), "refused"));
}

Test(xen_hotplug, each_other_is_refused)
{
	plug("device/vif/1", "/local/domain/0/backend/vif/1/1", READY);
	plug("device/vbd/51712", "/local/domain/0/backend/vbd/1/51712", READY);
	plug("device/vbd/51728", "/local/domain/0/backend/vbd/1/51728", READY);
	clock_advance_ns(NS_PER_S);
	test_settle();
	cr_assert_str_eq(fake_get("device/vif/1/state"), "1", "before xl has seen its backend ready");
	wait();
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
	cr_assert_str_eq(fake_get("device/vbd/51712/state"), CLOSED);
	cr_assert_str_eq(fake_get("device/vbd/51728/state"), CLOSED);
	cr_assert_not_null(strstr(test_console_text(), "device=device/vif/1 refused="));
	cr_assert_str_eq(fake_get("device/vif/0/state"), "4");
}

/* xl waits for the backend, and takes a frontend that closes first for a failure. */
Test(xen_hotplug, a_backend_may_take_its_time)
{
	plug("device/vif/1", "/local/domain/0/backend/vif/1/1", "1");
	cr_assert_str_eq(fake_get("device/vif/1/state"), "1");
	fake_set("/local/domain/0/backend/vif/1/1/state", READY);
	wait();
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
}

/* Polling ends, and the guest sleeps on. */
Test(xen_hotplug, a_backend_that_never_comes_is_forgotten)
{
	plug("device/vif/1", "/local/domain/0/backend/vif/1/1", "1");
	assert_sleeps_after(100);
	fake_set("/local/domain/0/backend/vif/1/1/state", READY);
	fake_set("device/vif/1/state", "1"); /* something has changed */
	test_settle();
	wait();
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
	wait();
	cr_assert_null(strstr(test_console_text(), "refused"));
	plug("device/vif/5", "/local/domain/0/backend/vif/1/5", READY);
	wait();
	cr_assert_str_eq(fake_get("device/vif/5/state"), CLOSED);
}

#define NEXT_BACK "/local/domain/0/backend/vif/1/1"

/* It may be of use. */
Test(xen_hotplug, while_the_first_is_away_others_wait)
{
	fake_set(OWN_BACK "/state", CLOSED);
	test_settle();
	plug("device/vif/1", NEXT_BACK, READY);
	wait();
	cr_assert_str_eq(fake_get("device/vif/1/state"), "1");
	fake_set(OWN_BACK "/state", READY);
	test_settle();
	assert_connects("device/vif/0", OWN_BACK);
	wait();
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
	cr_assert_str_eq(fake_get("device/vif/0/state"), "4");
}

Test(xen_hotplug, who_was_refused_takes_the_place_of_one_that_goes)
{
	plug("device/vif/1", NEXT_BACK, READY);
	wait();
	fake_set(NEXT_BACK "/state", CLOSED);
	test_settle();
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
	unplug("device/vif/0", OWN_BACK);
	cr_assert_geq(disconnected, 1);
	cr_assert_str_eq(fake_get("device/vif/1/state"), "1");
	fake_set(NEXT_BACK "/state", READY);
	test_settle();
	assert_connects("device/vif/1", NEXT_BACK);
	plug("device/vif/0", OWN_BACK, READY);
	wait();
	cr_assert_str_eq(fake_get("device/vif/0/state"), CLOSED);
	cr_assert_str_eq(fake_get("device/vif/1/state"), "4");
}

/* While no device is there, the store is not asked. */
Test(xen_hotplug, who_comes_long_after_takes_the_place)
{
	unplug("device/vif/0", OWN_BACK);
	assert_sleeps_after(200);
	plug("device/vif/2", "/local/domain/0/backend/vif/1/2", READY);
	assert_connects("device/vif/2", "/local/domain/0/backend/vif/1/2");
	cr_assert_null(strstr(test_console_text(), "refused"));
}

/* A device of the same number. */
Test(xen_hotplug, a_device_comes_again_with_a_backend_elsewhere)
{
	for (unsigned domain = 5; domain < 8; domain++) {
		char back[64];

		unplug("device/vif/0", domain == 5 ? OWN_BACK : back);
		format(back, sizeof(back), "/local/domain/%u/backend/vif/1/0", domain);
		plug("device/vif/0", back, READY);
		assert_connects("device/vif/0", back);
		cr_assert_eq(used.backend_id, domain);
	}
}

/* The other backend comes while the first is awaited. */
Test(xen_hotplug, a_backend_that_is_replaced_before_it_was_ready)
{
	fake_set(OWN_BACK "/state", CLOSED);
	test_settle();
	cr_assert_str_eq(fake_get("device/vif/0/state"), "1");
	fake_set(NEXT_BACK "/state", READY);
	fake_set("device/vif/0/backend", NEXT_BACK);
	test_settle();
	assert_connects("device/vif/0", NEXT_BACK);
}

/* The replacement comes while an answer about the old backend is pending. */
Test(xen_hotplug, a_backend_that_is_replaced_while_something_is_asked)
{
	char text[8];
	struct store_op op;

	fake_set(OWN_BACK "/state", CLOSED);
	test_settle();
	fake.store_is_deaf = true;
	fake_set(OWN_BACK "/state", "1");
	test_settle();
	fake_set(NEXT_BACK "/state", READY);
	fake_set("device/vif/0/backend", NEXT_BACK);
	test_settle();
	fake.store_is_deaf = false;
	store_read(&op, 0, "name", NULL, text, sizeof(text)); /* the store looks again */
	test_settle();
	assert_connects("device/vif/0", NEXT_BACK);
}

/* The old offer is withdrawn first. */
Test(xen_hotplug, a_backend_that_is_replaced_before_it_was_connected)
{
	fake_set(OWN_BACK "/state", CLOSED);
	test_settle();
	fake_set(OWN_BACK "/state", READY);
	test_settle();
	cr_assert_str_eq(fake_get("device/vif/0/state"), "3");
	disconnected = 0;
	fake_set(NEXT_BACK "/state", READY);
	fake_set("device/vif/0/backend", NEXT_BACK);
	test_settle();
	cr_assert_geq(disconnected, 1);
	assert_connects("device/vif/0", NEXT_BACK);
}

/* It holds something else. */
Test(xen_hotplug, another_disk_is_none)
{
	plug("device/vbd/51712", "/local/domain/0/backend/vbd/1/51712", READY);
	fake_set("device/vbd/51712/state", "1"); /* it was refused before any use */
	frontend_start(&disk, &disk_kind);
	test_settle();
	assert_connects("device/vbd/51712", "/local/domain/0/backend/vbd/1/51712");
	unplug("device/vbd/51712", "/local/domain/0/backend/vbd/1/51712");
	plug("device/vbd/51728", "/local/domain/0/backend/vbd/1/51728", READY);
	cr_assert_str_eq(fake_get("device/vbd/51728/state"), "1");
	plug("device/vbd/51712", "/local/domain/0/backend/vbd/1/51712", READY);
	assert_connects("device/vbd/51712", "/local/domain/0/backend/vbd/1/51712");
	unplug("device/vbd/51712", "/local/domain/0/backend/vbd/1/51712");
	plug("device/vbd/51712", "/local/domain/0/backend/qdisk/1/51712", READY);
	assert_connects("device/vbd/51712", "/local/domain/0/backend/qdisk/1/51712");
	wait();
	cr_assert_str_eq(fake_get("device/vbd/51728/state"), CLOSED);
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
	fake_set(OWN_BACK "/state", READY);
	xen_suspend();
	test_settle();
	assert_connects("device/vif/0", OWN_BACK);
	wait();
	cr_assert_str_eq(fake_get("device/vif/1/state"), CLOSED);
}
