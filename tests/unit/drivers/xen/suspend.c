/* SPDX-License-Identifier: ISC */
/* Suspension of a guest without devices, which continues in the same domain or in another one. Guests with
 * devices are in net.c and blk.c. */
#include <errno.h>
#include <string.h>

#include "drivers/xen/event.h"
#include "drivers/xen/store.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/clock.h"
#include "kernel/format.h"
#include "kernel/random.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <xen/hvm/params.h>

static struct store_op op, others[3];
static struct store_watch watch, second;
static char text[16];
static unsigned changes;

TestSuite(xen_suspend, .init = fake_begin, .timeout = 60);

static void changed(struct store_watch *w)
{
	changes += w == &watch;
}

static void nothing(void)
{
}

static void assert_watches_fire(void)
{
	changes = 0;
	fake_set("w", "new");
	fake_set("v", "new");
	test_settle();
	cr_assert_eq(changes, 1);
}

Test(xen_suspend, in_the_same_domain_only_the_clock_is_told)
{
	uint64_t now_ns = clock_now_ns();
	unsigned calls;

	store_watch(&watch, "w", NULL, changed);
	test_settle();
	fake.saved = nothing;
	calls = fake.calls;
	xen_suspend();
	cr_assert_eq(fake.calls, calls + 2, "the parameter and the suspension");
	cr_assert_eq(fake.clock_ns, now_ns);
	test_settle();
	assert_watches_fire();
}

Test(xen_suspend, xen_refuses)
{
	xen_suspend();
	store_write(&op, 0, "a", NULL, "x");
	test_settle();
	test_assert_value(&op.promise, 0);
}

Test(xen_suspend, another_domain_has_its_own_of_everything)
{
	static struct poller poller;
	uint64_t callback = fake.parameters[HVM_PARAM_CALLBACK_IRQ];
	uint32_t port;

	cr_assert_eq(event_offer(0, &poller, &port), 0);
	fake.saved = fake_restore;
	xen_suspend();
	cr_assert_eq(fake.parameters[HVM_PARAM_CALLBACK_IRQ], callback);
	event_close(port); /* the number is free now */
	cr_assert_eq(fake.clock_ns, clock_now_ns());
	cr_assert(!(fake.shared->evtchn_mask[0] & 1 << FAKE_STORE_PORT) && fake.shared->evtchn_mask[1] + 1 == 0);
}

Test(xen_suspend, what_was_asked_of_the_store_is_answered_by_the_next)
{
	fake_set("k", "value");
	store_watch(&watch, "w", NULL, changed);
	store_watch(&second, "v", NULL, changed);
	test_settle();
	fake.store_is_mute = true;
	store_write(&others[0], 0, "a", NULL, "1");
	store_read(&op, 0, "k", NULL, text, sizeof(text));
	test_settle();
	fake.store_is_mute = false;
	store_write(&others[1], 0, "a", NULL, "2");
	store_write(&others[2], 7, "t", NULL, "x");
	fake.saved = fake_restore;
	xen_suspend();
	test_settle();
	test_assert_value(&op.promise, 5);
	cr_assert_str_eq(text, "value");
	test_assert_value(&others[0].promise, 0);
	test_assert_value(&others[1].promise, 0);
	cr_assert_str_eq(fake_get("a"), "2", "not in the order in which they were asked");
	test_assert_error(&others[2].promise, -EAGAIN);
	cr_assert_null(fake_get("t"));
	assert_watches_fire();
}

Test(xen_suspend, half_a_message_either_way_is_forgotten)
{
	static const struct xsd_sockmsg half = { XS_READ, 1, 0, 100 };
	static char large[3000];

	memset(large, 'v', sizeof(large) - 1);
	fake.store_is_deaf = true;
	store_write(&op, 0, "large", NULL, large);
	test_settle();
	fake_answer(&half, sizeof(half) - 3);
	test_settle();
	fake.store_is_deaf = false;
	fake.saved = fake_restore;
	xen_suspend();
	test_settle();
	for (unsigned i = 0; i < 4; i++) {
		fake_raise(FAKE_STORE_PORT); /* it has taken some */
		test_settle();
	}
	test_assert_value(&op.promise, 0);
}

Test(xen_suspend, a_store_that_has_broken_its_rules_is_another_then)
{
	fake.store->rsp_prod = XENSTORE_RING_SIZE + 1;
	fake_raise(FAKE_STORE_PORT);
	test_settle();
	fake.saved = fake_restore;
	xen_suspend();
	store_write(&op, 0, "a", NULL, "1");
	test_settle();
	test_assert_value(&op.promise, 0);
}

/* Only those that were set: one that the store refused has no path that could be asked for. */
Test(xen_suspend, watches_that_failed_are_left)
{
	static char path[STORE_PATH_MAX + 1];

	memset(path, 'p', STORE_PATH_MAX);
	store_watch(&second, path, NULL, changed);
	test_assert_error(&second.op.promise, -ENAMETOOLONG);
	store_watch(&watch, "w", NULL, changed);
	test_settle();
	fake.saved = fake_restore;
	for (unsigned i = 0; i < 3; i++) {
		xen_suspend();
		xen_suspend(); /* before the first one's watches are set */
		test_settle();
		assert_watches_fire();
	}
}

Test(xen_suspend, a_domain_without_a_store)
{
	store_read(&op, 0, "k", NULL, text, sizeof(text));
	fake.parameters[HVM_PARAM_STORE_EVTCHN] = CONFIG_XEN_EVENTS;
	fake.saved = fake_restore;
	xen_suspend();
	test_settle();
	test_assert_error(&op.promise, -EIO);
	store_read(&op, 0, "k", NULL, text, sizeof(text));
	test_assert_error(&op.promise, -EIO);
}

/* Two guests that resume from the same memory. */
Test(xen_suspend, secrets_are_others)
{
	uint32_t before;

	cr_assert_eq(random_init(), 0);
	fake.saved = nothing;
	before = random_u32();
	cr_assert_eq(random_init(), 0);
	test_entropy_seed = 1;
	xen_suspend();
	cr_assert_neq(random_u32(), before);
}
