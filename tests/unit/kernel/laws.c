/* SPDX-License-Identifier: ISC */
/* The monad laws, for promises of every kind and with a request to cancel at every moment:
 *
 *     left identity    return x >>= f        is  f x
 *     right identity   m >>= return          is  m
 *     associativity    (m >>= f) >>= g       is  m >>= (fun x -> f x >>= g)
 *
 * Two expressions are the same when, under the same outside events, they settle at the same event,
 * in the same way, and have called the same functions with the same values. An event settles the
 * oldest promise that still waits for the outside, or asks to cancel the whole. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/loop.h"
#include "tests/lib/test.h"

enum kind { READY, READY_FAILED, READY_CANCELLED, LATER, LATER_FAILED, STUBBORN, STUBBORN_FAILED, KINDS };
enum { EVENTS = 5, NEVER = EVENTS };

/* A promise made by m, f or g, and the way in which it will be settled. */
static struct step {
	struct promise promise;
	enum kind kind;
	intptr_t value;
} steps[8];
static size_t made;

struct outcome {
	int settled_at; /* event; EVENTS + 1: never */
	int state, error;
	intptr_t value;
	char calls[64];
};
static struct outcome seen;

static enum kind kind_m, kind_f, kind_g;

static void note_call(const char *name, intptr_t value)
{
	size_t at = strlen(seen.calls);

	snprintf(seen.calls + at, sizeof(seen.calls) - at, "%s%ld ", name, (long)value);
}

static void ignore_request(struct promise *p)
{
	(void)p;
}

static struct promise *make(enum kind kind, intptr_t value)
{
	struct step *s = &steps[made++];

	s->kind = kind;
	s->value = value;
	if (kind == READY)
		promise_return(&s->promise, value);
	else if (kind == READY_FAILED)
		promise_throw(&s->promise, -EIO);
	else if (kind == READY_CANCELLED)
		promise_throw(&s->promise, -ECANCELED);
	else
		promise_init(&s->promise, kind >= STUBBORN ? ignore_request : NULL);
	return &s->promise;
}

static void settle_oldest(void)
{
	for (size_t i = 0; i < made; i++) {
		struct step *s = &steps[i];

		if (promise_is_settled(&s->promise))
			continue;
		if (s->kind == LATER_FAILED || s->kind == STUBBORN_FAILED)
			promise_fail(&s->promise, -EPIPE);
		else
			promise_fulfil(&s->promise, s->value);
		return;
	}
}

static struct promise *f(void *arg, intptr_t x)
{
	(void)arg;
	note_call("f", x);
	return make(kind_f, x + 1);
}

static struct promise *g(void *arg, intptr_t x)
{
	(void)arg;
	note_call("g", x);
	return make(kind_g, x * 2);
}

static struct promise *give_back(void *arg, intptr_t x)
{
	promise_return(arg, x);
	return arg;
}

static struct bind outer, inner;
static struct promise plain;

static struct promise *f_then_g(void *arg, intptr_t x)
{
	promise_bind(&inner, f(arg, x), g, NULL);
	return &inner.promise;
}

/* -- the six sides -- */

static struct promise *return_bind_f(void)
{
	promise_return(&plain, 10);
	promise_bind(&outer, &plain, f, NULL);
	return &outer.promise;
}

static struct promise *f_alone(void)
{
	return f(NULL, 10);
}

static struct promise *m_bind_return(void)
{
	promise_bind(&outer, make(kind_m, 10), give_back, &plain);
	return &outer.promise;
}

static struct promise *m_alone(void)
{
	return make(kind_m, 10);
}

static struct promise *nested_left(void)
{
	promise_bind(&inner, make(kind_m, 10), f, NULL);
	promise_bind(&outer, &inner.promise, g, NULL);
	return &outer.promise;
}

static struct promise *nested_right(void)
{
	promise_bind(&outer, make(kind_m, 10), f_then_g, NULL);
	return &outer.promise;
}

static struct outcome run(struct promise *(*side)(void), int cancel_at)
{
	struct promise *p;

	made = 0;
	seen = (struct outcome){ .settled_at = EVENTS + 1 };
	p = side();
	for (int event = 0; event < EVENTS; event++) {
		if (event == cancel_at)
			promise_cancel(p);
		else if (event > 0)
			settle_oldest();
		test_settle();
		if (promise_is_settled(p)) {
			seen.settled_at = event;
			break;
		}
	}
	seen.state = p->state;
	seen.error = p->error;
	seen.value = p->state == PROMISE_FULFILLED ? p->value : 0;
	return seen;
}

static void assert_same(struct promise *(*left)(void), struct promise *(*right)(void), bool calls_too)
{
	for (int cancel_at = 0; cancel_at <= NEVER; cancel_at++) {
		struct outcome a = run(left, cancel_at), b = run(right, cancel_at);

		cr_assert(a.settled_at == b.settled_at && a.state == b.state && a.error == b.error &&
		          a.value == b.value && (!calls_too || !strcmp(a.calls, b.calls)),
		          "m %d f %d g %d, cancelled at %d: at %d state %d error %d value %ld %s, "
		          "and at %d state %d error %d value %ld %s",
		          kind_m, kind_f, kind_g, cancel_at, a.settled_at, a.state, a.error, (long)a.value,
		          a.calls, b.settled_at, b.state, b.error, (long)b.value, b.calls);
		cr_assert(a.settled_at <= EVENTS, "m %d f %d g %d, cancelled at %d: stays pending", kind_m,
		          kind_f, kind_g, cancel_at);
	}
}

Test(laws, left_identity)
{
	for (kind_f = 0; kind_f < KINDS; kind_f++)
		assert_same(return_bind_f, f_alone, true);
}

Test(laws, right_identity)
{
	for (kind_m = 0; kind_m < KINDS; kind_m++)
		assert_same(m_bind_return, m_alone, true);
}

Test(laws, associativity)
{
	for (kind_m = 0; kind_m < KINDS; kind_m++)
		for (kind_f = 0; kind_f < KINDS; kind_f++)
			for (kind_g = 0; kind_g < KINDS; kind_g++)
				assert_same(nested_left, nested_right, true);
}

/* A request to cancel that comes while the chain waits for something that can be cancelled ends it
 * with -ECANCELED; no later function is called. */
Test(laws, cancelling_reaches_what_is_waited_for)
{
	struct outcome o;

	kind_m = kind_f = kind_g = LATER;
	for (int at = 0; at < 3; at++) {
		o = run(nested_left, at);
		cr_assert_eq(o.error, -ECANCELED);
		cr_assert_eq(o.settled_at, at);
	}
	o = run(nested_left, 1);
	cr_assert_str_eq(o.calls, "");
}

/* map is bind with return. */
static intptr_t plus_one(void *arg, intptr_t x)
{
	(void)arg;
	return x + 1;
}

static struct promise *return_plus_one(void *arg, intptr_t x)
{
	promise_return(arg, x + 1);
	return arg;
}

static struct map mapped;

static struct promise *m_map(void)
{
	promise_map(&mapped, make(kind_m, 10), plus_one, NULL);
	return &mapped.promise;
}

static struct promise *m_bind_plus_one(void)
{
	promise_bind(&outer, make(kind_m, 10), return_plus_one, &plain);
	return &outer.promise;
}

Test(laws, map_is_bind_with_return)
{
	for (kind_m = 0; kind_m < KINDS; kind_m++)
		assert_same(m_map, m_bind_plus_one, true);
}

/* catch m throw is m. */
static struct catch caught;

static struct promise *throw_again(void *arg, int error)
{
	promise_throw(arg, error);
	return arg;
}

static struct promise *m_catch_throw(void)
{
	promise_catch(&caught, make(kind_m, 10), throw_again, &plain);
	return &caught.promise;
}

Test(laws, catching_only_to_throw_changes_nothing)
{
	for (kind_m = 0; kind_m < KINDS; kind_m++)
		assert_same(m_catch_throw, m_alone, true);
}
