/* SPDX-License-Identifier: ISC */
/* Resource scope. A failing hook does not stop the others: the first error is kept, and every resource
 * is released. */
#include <errno.h>

#include "kernel/scope.h"

static void scope_cancel(struct promise *p)
{
	scope_end(container_of(p, struct scope, promise));
}

void scope_init(struct scope *s)
{
	promise_init(&s->promise, scope_cancel);
	list_init(&s->hooks);
	s->error = 0;
	s->ended = false;
}

int scope_add(struct scope *s, struct scope_hook *h, struct promise *(*release)(struct scope_hook *h))
{
	h->scope = NULL;
	if (s->ended)
		return -ECANCELED;
	h->scope = s;
	h->release = release;
	list_push_front(&s->hooks, &h->link);
	return 0;
}

void scope_remove(struct scope_hook *h)
{
	if (h->scope)
		list_remove(&h->link);
	h->scope = NULL;
}

static void release_next(struct scope *s);

static void released(struct waiter *w)
{
	struct scope *s = container_of(w, struct scope, waiter);

	if (w->promise->state == PROMISE_FAILED && !s->error)
		s->error = w->promise->error;
	release_next(s);
}

static void release_next(struct scope *s)
{
	struct promise *done = NULL;

	while (!done && !list_is_empty(&s->hooks)) {
		struct scope_hook *h = list_first(&s->hooks, struct scope_hook, link);

		scope_remove(h);
		done = h->release(h);
	}
	if (done)
		promise_wait(done, &s->waiter, released);
	else if (s->error)
		promise_fail(&s->promise, s->error);
	else
		promise_fulfil(&s->promise, 0);
}

void scope_end(struct scope *s)
{
	if (s->ended)
		return;
	s->ended = true;
	release_next(s);
}
