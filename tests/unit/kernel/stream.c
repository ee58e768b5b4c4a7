/* SPDX-License-Identifier: ISC */
/* Streams: order, back-pressure, ends, cancelling; and against a plain queue under random use. */
#include <errno.h>
#include <string.h>

#include "kernel/loop.h"
#include "kernel/stream.h"
#include "tests/lib/test.h"

TestSuite(stream, .init = test_begin, .fini = test_end);

enum { CAPACITY = 3, N = 6 };

static struct stream s;
static intptr_t places[CAPACITY];
static struct stream_push push[N];
static struct stream_next next[N];

static void create(void)
{
	stream_init(&s, places, CAPACITY);
}

Test(stream, holds_writers_back_when_full, .init = create)
{
	for (int i = 0; i < N; i++) {
		stream_push(&s, &push[i], i);
		cr_assert_eq(promise_is_settled(&push[i].promise), i < CAPACITY);
	}
	cr_assert_eq(stream_try_push(&s, 9), -EAGAIN);
	for (int i = 0; i < N; i++) {
		stream_next(&s, &next[i]);
		test_assert_value(&next[i].promise, i);
		if (i + CAPACITY < N)
			test_assert_value(&push[i + CAPACITY].promise, 0);
	}
	cr_assert_eq(stream_try_next(&s, &(intptr_t){ 0 }), -EAGAIN);
}

Test(stream, readers_are_served_in_order, .init = create)
{
	for (int i = 0; i < N; i++)
		stream_next(&s, &next[i]);
	for (int i = 0; i < N; i++) {
		test_assert_pending(&next[i].promise);
		cr_assert_eq(stream_try_push(&s, 10 + i), 0);
		test_assert_value(&next[i].promise, 10 + i);
	}
	cr_assert_eq(s.count, 0);
}

Test(stream, cancelled_readers_take_nothing_cancelled_writers_leave_nothing, .init = create)
{
	for (int gone = 0; gone < N; gone++) {
		int value = 0;
		intptr_t got;

		for (int i = 0; i < N; i++)
			stream_next(&s, &next[i]);
		promise_cancel(&next[gone].promise);
		test_assert_error(&next[gone].promise, -ECANCELED);
		for (int i = 0; i < N; i++) {
			if (i == gone)
				continue;
			stream_try_push(&s, ++value);
			test_assert_value(&next[i].promise, value);
		}
		for (int i = 0; i < N; i++)
			stream_push(&s, &push[i], i);
		promise_cancel(&push[gone].promise);
		for (int i = 0; i < N; i++) {
			/* The first ones were in the stream already. */
			if (i == gone && i >= CAPACITY)
				continue;
			cr_assert_eq(stream_try_next(&s, &got), 0);
			cr_assert_eq(got, i);
		}
		cr_assert_eq(stream_try_next(&s, &got), -EAGAIN);
	}
}

Test(stream, closing_ends_readers_fails_writers_and_keeps_values, .init = create)
{
	intptr_t got = 0;

	for (int i = 0; i <= CAPACITY; i++)
		stream_push(&s, &push[i], i);
	stream_close(&s);
	test_assert_error(&push[CAPACITY].promise, -EPIPE);
	stream_push(&s, &push[4], 4);
	test_assert_error(&push[4].promise, -EPIPE);
	for (int i = 0; i < CAPACITY; i++) {
		cr_assert_eq(stream_try_next(&s, &got), 0);
		cr_assert_eq(got, i);
	}
	stream_next(&s, &next[0]);
	test_assert_error(&next[0].promise, -ENODATA);
}

Test(stream, closing_wakes_waiting_readers, .init = create)
{
	stream_next(&s, &next[0]);
	stream_next(&s, &next[1]);
	stream_close(&s);
	test_assert_error(&next[0].promise, -ENODATA);
	test_assert_error(&next[1].promise, -ENODATA);
	stream_close(&s);
}

/* -- each -- */

static intptr_t got[16];
static size_t got_count;
static struct promise step;

static struct promise *take(void *arg, intptr_t value)
{
	got[got_count++] = value;
	return arg;
}

Test(stream, each_goes_on_to_the_end, .init = create)
{
	struct stream_each e;

	stream_each(&e, &s, take, NULL);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(stream_try_push(&s, i), 0);
		if (i == 2)
			test_settle();
	}
	test_settle();
	test_assert_pending(&e.promise);
	stream_close(&s);
	test_settle();
	test_assert_value(&e.promise, 0);
	cr_assert_eq(got_count, 5);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(got[i], i);
}

Test(stream, each_waits_for_what_it_started, .init = create)
{
	struct stream_each e;

	promise_init(&step, NULL);
	stream_each(&e, &s, take, &step);
	stream_try_push(&s, 1);
	stream_try_push(&s, 2);
	test_settle();
	cr_assert_eq(got_count, 1);
	promise_fulfil(&step, 0);
	test_settle();
	cr_assert_eq(got_count, 2);
	promise_throw(&step, -EIO);
	stream_try_push(&s, 3);
	test_settle();
	test_assert_error(&e.promise, -EIO);
	cr_assert_eq(got_count, 3);
}

Test(stream, each_can_be_cancelled_in_both_of_its_waits, .init = create)
{
	struct stream_each e;

	stream_each(&e, &s, take, &step);
	test_settle();
	promise_cancel(&e.promise);
	test_settle();
	test_assert_error(&e.promise, -ECANCELED);
	cr_assert_null(s.readers);
	promise_init(&step, NULL);
	stream_each(&e, &s, take, &step);
	stream_try_push(&s, 1);
	test_settle();
	promise_cancel(&e.promise);
	test_settle();
	test_assert_error(&step, -ECANCELED);
	test_assert_error(&e.promise, -ECANCELED);
}

/* The request comes when the next value has arrived but was not heard of. */
Test(stream, each_cancelled_between_two_waits, .init = create)
{
	struct stream_each e;

	promise_init(&step, NULL);
	stream_each(&e, &s, take, &step);
	stream_try_push(&s, 1);
	promise_cancel(&e.promise);
	test_settle();
	cr_assert_eq(got_count, 1);
	test_assert_error(&step, -ECANCELED);
	test_assert_error(&e.promise, -ECANCELED);
}

/* The request to cancel is answered though the stream is full; values not taken stay for other readers. */
Test(stream, each_cancelled_while_values_are_ready, .init = create)
{
	struct stream_each e;

	stream_each(&e, &s, take, NULL);
	for (int i = 0; i < CAPACITY; i++)
		stream_push(&s, &push[i], i);
	promise_cancel(&e.promise);
	test_settle();
	test_assert_error(&e.promise, -ECANCELED);
	cr_assert_eq(got_count, 1, "the value that was on its way, and no other");
	cr_assert_eq(s.count, CAPACITY - 1);
}

/* -- random use -- */

enum { OPERATIONS = 64, ROUNDS = 200000 };

static struct stream_push pushes[OPERATIONS];
static struct stream_next nexts[OPERATIONS];
static bool push_used[OPERATIONS], next_used[OPERATIONS];
static intptr_t expected, sent;

static void reap(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		if (push_used[i] && promise_is_settled(&pushes[i].promise))
			push_used[i] = false;
	}
}

/* Every pushed value comes out once, in order, and no more than the capacity is accepted ahead. */
Test(stream, random_use_keeps_order, .init = create)
{
	uint64_t seed = 7;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t r = test_random(&seed);
		int i = (int)(r >> 8 & (OPERATIONS - 1));
		intptr_t value;

		if (r % 8 < 3 && !s.readers && !push_used[i]) {
			stream_push(&s, &pushes[i], sent++);
			push_used[i] = true;
		} else if (r % 8 < 6) {
			int error = stream_try_next(&s, &value);

			if (!error)
				cr_assert_eq(value, expected++);
			else
				cr_assert_eq(sent, expected);
		} else if (!next_used[i] && sent == expected) {
			stream_next(&s, &nexts[i]);
			next_used[i] = true;
			cr_assert_eq(stream_try_push(&s, sent++), 0);
			for (int k = 0; k < OPERATIONS; k++) {
				if (next_used[k] && promise_is_settled(&nexts[k].promise)) {
					test_assert_value(&nexts[k].promise, expected++);
					next_used[k] = false;
				}
			}
		}
		reap();
		cr_assert_leq(s.count, CAPACITY);
	}
	cr_assert_gt(expected, ROUNDS / 10);
}
