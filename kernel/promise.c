/* SPDX-License-Identifier: ISC */
/* Promises: settling, waiting, cancelling.
 *
 * The waiters of a pending promise form a ring, and so does the ready queue: settling joins one
 * to the other in O(1) and calls no waiter. A waiter is in the promise's ring, in the ready queue,
 * or in neither; the promise's state and link.next tell which. */
#include <errno.h>

#include "kernel/kernel_priv.h"

enum { MAGIC_PENDING = 0x5bad, MAGIC_SETTLED = 0x5e77 };

static void start(struct promise *p)
{
	/* Keeps the compiler from assuming the storage uninitialised: the check below reads what it held. */
	if (IS_ENABLED(CONFIG_DEBUG))
		__asm__("" : "+m"(*p));
	/* Fails if the storage still holds a pending promise, which has waiters or will be settled. */
	assert_debug(!(p->magic == MAGIC_PENDING && p->state == PROMISE_PENDING));
	p->cancel = NULL;
	p->error = 0;
	p->flags = 0;
	if (IS_ENABLED(CONFIG_DEBUG))
		p->magic = MAGIC_SETTLED;
}

void promise_init(struct promise *p, void (*cancel)(struct promise *p))
{
	start(p);
	p->waiters = NULL;
	p->cancel = cancel;
	p->state = PROMISE_PENDING;
	if (IS_ENABLED(CONFIG_DEBUG))
		p->magic = MAGIC_PENDING;
}

void promise_return(struct promise *p, intptr_t value)
{
	start(p);
	p->value = value;
	p->state = PROMISE_FULFILLED;
}

void promise_throw(struct promise *p, int error)
{
	start(p);
	p->value = p->error = error;
	p->state = PROMISE_FAILED;
}

/* Debug builds set a settled promise's cancel to this: a caller has missed the state. */
static void cancelled_too_late(struct promise *p)
{
	(void)p;
	assert(!"cancel of a settled promise");
}

static void settle(struct promise *p, enum promise_state state, intptr_t value)
{
	struct list *waiters = p->waiters;

	assert(p->state == PROMISE_PENDING);
	p->state = state;
	p->value = value;
	if (IS_ENABLED(CONFIG_DEBUG)) {
		assert(p->magic == MAGIC_PENDING);
		p->magic = MAGIC_SETTLED;
		p->cancel = cancelled_too_late;
	}
	if (waiters)
		ring_join(&loop_ready, waiters);
}

void promise_fulfil(struct promise *p, intptr_t value)
{
	settle(p, PROMISE_FULFILLED, value);
}

void promise_fail(struct promise *p, int error)
{
	assert(error < 0);
	p->error = error;
	settle(p, PROMISE_FAILED, error);
}

void promise_settle_as(struct promise *p, const struct promise *settled)
{
	if (settled->state == PROMISE_FAILED)
		promise_fail(p, settled->error);
	else
		promise_fulfil(p, settled->value);
}

/* A loop, not recursion: a chain of binds may be longer than the stack is deep. */
void promise_cancel(struct promise *p)
{
	while (!promise_is_settled(p) && p->flags & PROMISE_FORWARDS) {
		p->flags |= PROMISE_CANCEL_ASKED;
		p = ((struct follower *)p)->waiter.promise;
	}
	if (promise_is_settled(p))
		return;
	if (p->cancel)
		p->cancel(p);
	else
		promise_fail(p, -ECANCELED);
}

intptr_t promise_result(const struct promise *p)
{
	return promise_is_settled(p) ? p->value : -EAGAIN;
}

void promise_wait(struct promise *p, struct waiter *w, void (*fn)(struct waiter *w))
{
	w->promise = p;
	w->fn = fn;
	ring_push(promise_is_settled(p) ? &loop_ready : &p->waiters, &w->link);
}

void promise_unwait(struct waiter *w)
{
	if (w->link.next)
		ring_remove(promise_is_settled(w->promise) ? &loop_ready : &w->promise->waiters, &w->link);
}
