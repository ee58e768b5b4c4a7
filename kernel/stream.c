/* SPDX-License-Identifier: ISC */
/* Stream. Invariant: readers wait only while it is empty and open, writers only while it is full
 * and open; so a push to a waiting reader goes past the circle, and a value taken from a full
 * stream lets the oldest writer's in behind the others. */
#include <errno.h>

#include "kernel/kernel_priv.h"
#include "kernel/stream.h"

ASSERT_FOLLOWER(struct stream_each);

void stream_init(struct stream *s, intptr_t *values, size_t capacity)
{
	assert(capacity);
	*s = (struct stream){ .values = values, .capacity = capacity };
}

static void put_last(struct stream *s, intptr_t value)
{
	size_t at = s->first + s->count++;

	s->values[at < s->capacity ? at : at - s->capacity] = value;
}

int stream_try_next(struct stream *s, intptr_t *value)
{
	struct list *oldest;

	if (!s->count)
		return s->closed ? -ENODATA : -EAGAIN;
	*value = s->values[s->first];
	s->first = s->first + 1 == s->capacity ? 0 : s->first + 1;
	s->count--;
	oldest = ring_pop(&s->writers);
	if (oldest) {
		struct stream_push *push = list_entry(oldest, struct stream_push, link);

		put_last(s, push->value);
		promise_fulfil(&push->promise, 0);
	}
	return 0;
}

int stream_try_push(struct stream *s, intptr_t value)
{
	struct list *oldest;

	if (s->closed)
		return -EPIPE;
	if (s->count == s->capacity)
		return -EAGAIN;
	oldest = ring_pop(&s->readers);
	if (oldest)
		promise_fulfil(&list_entry(oldest, struct stream_next, link)->promise, value);
	else
		put_last(s, value);
	return 0;
}

static void next_cancel(struct promise *p)
{
	struct stream_next *op = container_of(p, struct stream_next, promise);

	ring_remove(&op->stream->readers, &op->link);
	promise_fail(p, -ECANCELED);
}

static void push_cancel(struct promise *p)
{
	struct stream_push *op = container_of(p, struct stream_push, promise);

	ring_remove(&op->stream->writers, &op->link);
	promise_fail(p, -ECANCELED);
}

void stream_next(struct stream *s, struct stream_next *op)
{
	intptr_t value = 0;
	int error = stream_try_next(s, &value);

	op->stream = s;
	if (error == -EAGAIN) {
		promise_init(&op->promise, next_cancel);
		ring_push(&s->readers, &op->link);
	} else if (error) {
		promise_throw(&op->promise, error);
	} else {
		promise_return(&op->promise, value);
	}
}

void stream_push(struct stream *s, struct stream_push *op, intptr_t value)
{
	int error = stream_try_push(s, value);

	op->stream = s;
	op->value = value;
	if (error == -EAGAIN) {
		promise_init(&op->promise, push_cancel);
		ring_push(&s->writers, &op->link);
	} else if (error) {
		promise_throw(&op->promise, error);
	} else {
		promise_return(&op->promise, 0);
	}
}

void stream_close(struct stream *s)
{
	struct list *item;

	s->closed = true;
	while ((item = ring_pop(&s->readers)))
		promise_fail(&list_entry(item, struct stream_next, link)->promise, -ENODATA);
	while ((item = ring_pop(&s->writers)))
		promise_fail(&list_entry(item, struct stream_push, link)->promise, -EPIPE);
}

/* each follows by turns the next value and the promise that fn gave for it. */
static void each_value(struct waiter *w);

static void each_done(struct waiter *w)
{
	struct stream_each *e = container_of(w, struct stream_each, waiter);

	if (w->promise->state == PROMISE_FAILED) {
		promise_fail(&e->promise, w->promise->error);
		return;
	}
	if (e->promise.flags & PROMISE_CANCEL_ASKED) { /* a stream that never runs dry never waits */
		promise_fail(&e->promise, -ECANCELED);
		return;
	}
	stream_next(e->next.stream, &e->next);
	promise_wait(&e->next.promise, &e->waiter, each_value);
}

static void each_value(struct waiter *w)
{
	struct stream_each *e = container_of(w, struct stream_each, waiter);
	struct promise *step;

	if (w->promise->state == PROMISE_FAILED) {
		if (w->promise->error == -ENODATA)
			promise_fulfil(&e->promise, 0);
		else
			promise_fail(&e->promise, w->promise->error);
		return;
	}
	step = e->fn(e->arg, w->promise->value);
	promise_wait(step ? step : w->promise, &e->waiter, each_done);
	if (step && e->promise.flags & PROMISE_CANCEL_ASKED)
		promise_cancel(step);
}

void stream_each(struct stream_each *e, struct stream *s,
                 struct promise *(*fn)(void *arg, intptr_t value), void *arg)
{
	e->fn = fn;
	e->arg = arg;
	stream_next(s, &e->next);
	promise_follow((struct follower *)e, &e->next.promise, each_value);
}
