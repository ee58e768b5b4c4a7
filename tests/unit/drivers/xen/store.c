/* SPDX-License-Identifier: ISC */
/* The client of xenstore: values, transactions, watches, requests larger than the ring, silence, and a ring
 * with invalid content. */
#include <errno.h>
#include <string.h>

#include "drivers/xen/store.h"
#include "drivers/xen/xen.h"
#include "kernel/format.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

static struct store_op op, other;
static char text[64];

TestSuite(xen_store, .init = fake_begin, .timeout = 60);

static void assert_read(const char *expected)
{
	test_settle();
	test_assert_value(&op.promise, strlen(expected));
	cr_assert_str_eq(text, expected);
}

Test(xen_store, values_are_read_written_and_removed)
{
	fake_set("a/b", "hello");
	store_read(&op, 0, "a", "b", text, sizeof(text));
	test_assert_pending(&op.promise);
	assert_read("hello");
	store_write(&op, 0, "a", "b", "other");
	test_settle();
	test_assert_value(&op.promise, 0);
	store_read(&op, 0, "a/b", NULL, text, sizeof(text));
	assert_read("other");
	store_write(&op, 0, "a", "b", "");
	test_settle();
	store_read(&op, 0, "a/b", NULL, text, sizeof(text));
	assert_read("");
	store_remove(&op, 0, "a", "b");
	test_settle();
	store_read(&op, 0, "a", "b", text, sizeof(text));
	test_settle();
	test_assert_error(&op.promise, -ENOENT);
}

Test(xen_store, permissions_are_strings_one_after_the_other)
{
	fake_set("a/b", "hello");
	store_permit(&op, "a", "b", "n7\0r5", 6);
	test_settle();
	test_assert_value(&op.promise, 0);
	cr_assert_str_eq(fake.permissions, "n7 r5");
	cr_assert_str_eq(fake_get("a/b"), "hello");
}

Test(xen_store, a_list_is_strings_one_after_the_other)
{
	fake_set("d/0", "");
	fake_set("d/17", "");
	fake_set("d/0/deeper", "");
	store_list(&op, "d", text, sizeof(text));
	test_settle();
	test_assert_value(&op.promise, 5);
	cr_assert(!memcmp(text, "0\00017\0", 6));
}

Test(xen_store, an_answer_must_fit_with_its_end)
{
	char small[6] = "xxxxx";

	fake_set("a", "12345");
	store_read(&op, 0, "a", NULL, small, 6);
	test_settle();
	test_assert_value(&op.promise, 5);
	memset(small, 'x', sizeof(small));
	store_read(&op, 0, "a", NULL, small, 5);
	test_settle();
	test_assert_error(&op.promise, -E2BIG);
	cr_assert_eq(small[5], 'x', "written behind the end");
}

Test(xen_store, many_at_once_are_answered_each_by_its_own)
{
	static struct store_op ops[50];
	static char texts[50][8];

	for (int i = 0; i < 50; i++) {
		char path[8];

		format(path, sizeof(path), "k%d", i);
		fake_set(path, path);
		store_read(&ops[i], 0, path, NULL, texts[i], sizeof(texts[i]));
	}
	test_settle();
	for (int i = 0; i < 50; i++) {
		char path[8];

		format(path, sizeof(path), "k%d", i);
		cr_assert_str_eq(texts[i], path);
	}
}

Test(xen_store, a_request_larger_than_the_ring_goes_piece_by_piece)
{
	static char large[3000];

	memset(large, 'v', sizeof(large) - 1);
	fake.store_is_deaf = true;
	store_write(&op, 0, "large", NULL, large);
	test_settle();
	cr_assert_eq(fake.store->req_prod - fake.store->req_cons, XENSTORE_RING_SIZE, "the ring is not used up");
	test_assert_pending(&op.promise);
	fake.store_is_deaf = false;
	fake.store->req_cons = fake.store->req_prod; /* read, thrown away */
	fake_raise(FAKE_STORE_PORT);
	test_settle();
	cr_assert_gt(fake.store->req_prod, XENSTORE_RING_SIZE);
}

Test(xen_store, what_cannot_be_asked_is_refused)
{
	static char path[STORE_PATH_MAX + 1], large[XENSTORE_PAYLOAD_MAX];

	memset(path, 'p', STORE_PATH_MAX);
	store_read(&op, 0, path, NULL, text, sizeof(text));
	test_assert_error(&op.promise, -ENAMETOOLONG);
	path[STORE_PATH_MAX - 1] = '\0';
	store_read(&op, 0, path, NULL, text, sizeof(text));
	test_assert_pending(&op.promise);
	store_read(&other, 0, path, "k", text, sizeof(text));
	test_assert_error(&other.promise, -ENAMETOOLONG);
	memset(large, 'v', sizeof(large) - 1);
	store_write(&other, 0, "k", NULL, large);
	test_assert_error(&other.promise, -ENAMETOOLONG);
	test_settle();
}

Test(xen_store, transactions)
{
	store_begin(&op);
	test_settle();
	test_assert_value(&op.promise, 7);
	store_end(&op, 7, true);
	test_settle();
	test_assert_value(&op.promise, 0);
	fake.conflict = true;
	store_end(&op, 7, true);
	test_settle();
	test_assert_error(&op.promise, -EAGAIN);
}

static unsigned changes;

static void changed(struct store_watch *w)
{
	(void)w;
	changes++;
}

Test(xen_store, watches_say_when_until_they_are_taken_away)
{
	struct store_watch w, second;

	fake_set("w", "1");
	store_watch(&w, "w", NULL, changed);
	store_watch(&second, "elsewhere", NULL, changed);
	test_settle();
	test_assert_value(&w.op.promise, 0);
	cr_assert_eq(changes, 2, "a watch fires at once: %u", changes);
	fake_set("w", "2");
	fake_set("w/below", "2");
	fake_set("v", "2");
	test_settle();
	cr_assert_eq(changes, 4);
	store_unwatch(&w);
	test_settle();
	test_assert_value(&w.op.promise, 0);
	fake_set("w", "3");
	test_settle();
	cr_assert_eq(changes, 4);
}

Test(xen_store, silence_ends_an_operation_and_its_late_answer_is_nobodys)
{
	uint32_t id;

	fake.store_is_mute = true;
	store_read(&op, 0, "a", NULL, text, sizeof(text));
	id = op.header.req_id;
	test_run_for_ns((CONFIG_XEN_STORE_TIMEOUT_SECONDS + 1) * NS_PER_S);
	test_assert_error(&op.promise, -ETIMEDOUT);
	memset(text, 'x', sizeof(text));
	fake_message(XS_READ, id, "late", 4);
	fake.store_is_mute = false;
	fake_set("b", "fine");
	store_read(&other, 0, "b", NULL, text, 5);
	test_settle();
	test_assert_value(&other.promise, 4);
}

Test(xen_store, an_event_that_is_lost_either_way_costs_a_second)
{
	fake_set("a", "here");
	fake.store_is_deaf = true;
	store_read(&op, 0, "a", NULL, text, sizeof(text));
	test_settle();
	fake.store_is_deaf = false;
	test_run_for_ns(NS_PER_S + NS_PER_MS);
	test_assert_value(&op.promise, 4);
	fake.loses_events = true;
	store_read(&op, 0, "a", NULL, text, sizeof(text));
	test_settle();
	cr_assert_not(promise_is_settled(&op.promise));
	test_run_for_ns(NS_PER_S + NS_PER_MS);
	test_assert_value(&op.promise, 4);
}

/* The guest has not run for a while, as in a domain that xl has paused. */
Test(xen_store, an_answer_that_waited_as_long_as_the_guest_is_no_silence)
{
	fake_set("a", "here");
	fake.loses_events = true;
	store_read(&op, 0, "a", NULL, text, sizeof(text));
	test_settle();
	clock_advance_ns(10 * CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S);
	test_settle();
	test_assert_value(&op.promise, 4);
}

Test(xen_store, a_half_sent_request_that_nobody_takes_is_the_end)
{
	static char large[3000];

	memset(large, 'v', sizeof(large) - 1);
	fake.store_is_deaf = true;
	store_write(&op, 0, "large", NULL, large);
	test_run_for_ns(2 * NS_PER_S);
	store_read(&other, 0, "b", NULL, text, sizeof(text));
	test_run_for_ns((CONFIG_XEN_STORE_TIMEOUT_SECONDS - 1) * NS_PER_S);
	test_assert_error(&op.promise, -EIO);
	test_assert_error(&other.promise, -EIO);
	store_read(&other, 0, "b", NULL, text, sizeof(text));
	test_assert_error(&other.promise, -EIO);
}

Test(xen_store, cancelling)
{
	store_read(&op, 0, "a", NULL, text, sizeof(text));
	promise_cancel(&op.promise);
	test_assert_error(&op.promise, -ECANCELED);
	fake.store_is_mute = true;
	store_read(&op, 0, "a", NULL, text, sizeof(text));
	test_settle();
	promise_cancel(&op.promise);
	test_assert_error(&op.promise, -ECANCELED);
}

static void assert_broken(void)
{
	test_settle();
	test_assert_error(&op.promise, -EIO);
	store_read(&other, 0, "a", NULL, text, sizeof(text));
	test_assert_error(&other.promise, -EIO);
}

static void ask_the_mute(void)
{
	fake.store_is_mute = true;
	store_read(&op, 0, "a", NULL, text, sizeof(text));
	test_settle();
}

Test(xen_store, an_index_beyond_the_ring)
{
	ask_the_mute();
	fake.store->rsp_prod = fake.store->rsp_cons + XENSTORE_RING_SIZE + 1;
	fake_raise(FAKE_STORE_PORT);
	assert_broken();
}

Test(xen_store, a_message_longer_than_any)
{
	const struct xsd_sockmsg header = { XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1 };

	ask_the_mute();
	fake_answer(&header, sizeof(header));
	assert_broken();
}

Test(xen_store, an_answer_of_another_kind)
{
	ask_the_mute();
	fake_message(XS_WRITE, op.header.req_id, "OK", 3);
	assert_broken();
}

Test(xen_store, events_with_tokens_that_are_none)
{
	static const char long_token[] = "w\0000000000000000000000000000000000000000000000000000001";
	struct store_watch w;

	store_watch(&w, "w", NULL, changed);
	test_settle();
	changes = 0;
	fake_message(XS_WATCH_EVENT, 0, "w", 2);
	fake_message(XS_WATCH_EVENT, 0, "w\000999999", 9);
	fake_message(XS_WATCH_EVENT, 0, "w\000x", 4);
	fake_message(XS_WATCH_EVENT, 0, long_token, sizeof(long_token));
	fake_message(XS_WATCH_EVENT, 0, "", 0);
	test_settle();
	cr_assert_eq(changes, 0);
	fake_message(XS_WATCH_EVENT, 0, "w\0001", 4);
	test_settle();
	cr_assert_eq(changes, 1);
}

Test(xen_store, errors_have_names)
{
	static const struct {
		const char *name;
		int error;
	} cases[] = { { "EACCES", -EACCES }, { "EEXIST", -EEXIST }, { "ENOTKNOWN", -EIO }, { "", -EIO } };

	fake.store_is_mute = true;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		store_read(&op, 0, "a", NULL, text, sizeof(text));
		test_settle();
		fake_message(XS_ERROR, op.header.req_id, cases[i].name, (uint32_t)strlen(cases[i].name) + 1);
		test_settle();
		test_assert_error(&op.promise, cases[i].error);
	}
}

/* Each event costs a switch to the store's domain: it is sent only if the store may have waited for room. */
Test(xen_store, only_a_full_ring_is_told_of_room)
{
	static const char event[4] = "a\0b"; /* of an unknown watch */
	unsigned sent = fake.sent[FAKE_STORE_PORT];
	const struct xsd_sockmsg part = { .type = XS_WATCH_EVENT };
	const uint32_t bytes = sizeof(part) + sizeof(event);

	fake_message(XS_WATCH_EVENT, 0, event, sizeof(event));
	test_settle();
	cr_assert_eq(fake.store->rsp_cons, fake.store->rsp_prod);
	cr_assert_eq(fake.sent[FAKE_STORE_PORT], sent);
	fake.loses_events = true; /* until the ring is full, the last message in part */
	for (uint32_t i = 0; i < XENSTORE_RING_SIZE / bytes; i++)
		fake_message(XS_WATCH_EVENT, 0, event, sizeof(event));
	fake_answer(&part, XENSTORE_RING_SIZE % bytes);
	cr_assert_eq(fake.store->rsp_prod - fake.store->rsp_cons, XENSTORE_RING_SIZE);
	fake.loses_events = false;
	fake_raise(FAKE_STORE_PORT);
	test_settle();
	cr_assert_eq(fake.sent[FAKE_STORE_PORT], sent + 1);
}

/* For any bytes, in any pieces, memory stays intact, and the client answers or breaks off. */
Test(xen_store, noise)
{
	uint64_t seed = 1;

	for (unsigned round = 0; round < 2000; round++) {
		uint8_t noise[64];
		uint32_t count = (uint32_t)(test_random(&seed) % sizeof(noise));

		for (uint32_t i = 0; i < count; i++)
			noise[i] = (uint8_t)(test_random(&seed) % 3 ? 0 : test_random(&seed));
		if (fake.store->rsp_prod - fake.store->rsp_cons > XENSTORE_RING_SIZE - sizeof(noise))
			break; /* it is broken and reads no more */
		store_read(&op, 0, "a", NULL, text, 4);
		fake_answer(noise, count);
		test_settle();
		promise_cancel(&op.promise);
		cr_assert(promise_is_settled(&op.promise));
	}
}

Test(xen_store, numbers)
{
	static const char *const not_numbers[] = {
		"6", "", "-1", "1 ", "0x1", "/", ":", "18446744073709551616", "99999999999999999999999",
	};

	cr_assert_eq(store_number("0", 5), 0);
	cr_assert_eq(store_number("5", 5), 5);
	for (size_t i = 0; i < ARRAY_SIZE(not_numbers); i++)
		cr_assert_eq(store_number(not_numbers[i], 5), -1, "%s", not_numbers[i]);
	cr_assert_eq(store_number("36028797018963967", STORE_NUMBER_LAST), STORE_NUMBER_LAST);
	cr_assert_eq(store_number("36028797018963968", STORE_NUMBER_LAST), -1);
	cr_assert_eq(store_number("99999999999999999999999", STORE_NUMBER_LAST), -1);
}
