/* SPDX-License-Identifier: ISC */
/* bind, map and catch: promises that follow one other promise at a time.
 *
 * Each waits for its source and then settles, or (bind, catch) goes on to follow the promise that
 * its function gave. A request to cancel is remembered until a promise answers it with -ECANCELED,
 * so that a request between two promises is not lost. */
#include <errno.h>

#include "kernel/kernel_priv.h"

ASSERT_FOLLOWER(struct bind);
ASSERT_FOLLOWER(struct map);
ASSERT_FOLLOWER(struct catch);

void promise_follow(struct follower *f, struct promise *source, void (*fn)(struct waiter *w))
{
	promise_init(&f->promise, NULL);
	f->promise.flags = PROMISE_FORWARDS;
	promise_wait(source, &f->waiter, fn);
}

static void inner_settled(struct waiter *w)
{
	struct follower *f = container_of(w, struct follower, waiter);

	promise_settle_as(&f->promise, w->promise);
}

static void follow_inner(struct follower *f, struct promise *inner)
{
	if (promise_is_settled(inner)) {
		promise_settle_as(&f->promise, inner);
		return;
	}
	promise_wait(inner, &f->waiter, inner_settled);
	if (f->promise.flags & PROMISE_CANCEL_ASKED)
		promise_cancel(inner);
}

static void bind_source_settled(struct waiter *w)
{
	struct bind *b = container_of(w, struct bind, waiter);

	if (w->promise->state == PROMISE_FAILED)
		promise_fail(&b->promise, w->promise->error);
	else
		follow_inner((struct follower *)b, b->fn(b->arg, w->promise->value));
}

void promise_bind(struct bind *b, struct promise *source,
                  struct promise *(*fn)(void *arg, intptr_t value), void *arg)
{
	b->fn = fn;
	b->arg = arg;
	promise_follow((struct follower *)b, source, bind_source_settled);
}

static void map_source_settled(struct waiter *w)
{
	struct map *m = container_of(w, struct map, waiter);

	if (w->promise->state == PROMISE_FAILED)
		promise_fail(&m->promise, w->promise->error);
	else
		promise_fulfil(&m->promise, m->fn(m->arg, w->promise->value));
}

void promise_map(struct map *m, struct promise *source,
                 intptr_t (*fn)(void *arg, intptr_t value), void *arg)
{
	m->fn = fn;
	m->arg = arg;
	promise_follow((struct follower *)m, source, map_source_settled);
}

static void catch_source_settled(struct waiter *w)
{
	struct catch *c = container_of(w, struct catch, waiter);
	int error = w->promise->error;

	if (w->promise->state != PROMISE_FAILED) {
		promise_fulfil(&c->promise, w->promise->value);
		return;
	}
	if (error == -ECANCELED)
		c->promise.flags &= ~PROMISE_CANCEL_ASKED;
	follow_inner((struct follower *)c, c->fn(c->arg, error));
}

void promise_catch(struct catch *c, struct promise *source,
                   struct promise *(*fn)(void *arg, int error), void *arg)
{
	c->fn = fn;
	c->arg = arg;
	promise_follow((struct follower *)c, source, catch_source_settled);
}
