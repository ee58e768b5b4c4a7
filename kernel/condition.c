/* SPDX-License-Identifier: ISC */
/* Condition variables. A wait with a mutex ends in two steps: it leaves the queue with its result
 * noted, then takes its turn for the mutex, and settles only with that in hand. */
#include <errno.h>

#include "kernel/condition.h"

static void settle(struct condition_wait *op)
{
	if (op->error)
		promise_fail(&op->promise, op->error);
	else
		promise_fulfil(&op->promise, op->value);
}

static void relocked(struct waiter *w)
{
	settle(container_of(w, struct condition_wait, waiter));
}

/* op has left the queue. */
static void leave(struct condition_wait *op, intptr_t value, int error)
{
	op->condition = NULL;
	op->value = value;
	op->error = error;
	if (!op->relock.mutex) {
		settle(op);
		return;
	}
	mutex_lock(op->relock.mutex, &op->relock);
	promise_wait(&op->relock.promise, &op->waiter, relocked);
}

static void wait_cancel(struct promise *p)
{
	struct condition_wait *op = container_of(p, struct condition_wait, promise);

	/* It has left the queue and waits for the mutex: its result stands. */
	if (!op->condition)
		return;
	ring_remove(&op->condition->waiting, &op->link);
	leave(op, 0, -ECANCELED);
}

void condition_wait(struct condition *c, struct condition_wait *op, struct mutex *mutex)
{
	promise_init(&op->promise, wait_cancel);
	op->condition = c;
	op->relock.mutex = mutex;
	ring_push(&c->waiting, &op->link);
	if (mutex)
		mutex_unlock(mutex);
}

static bool wake_oldest(struct list **waiting, intptr_t value, int error)
{
	struct list *oldest = ring_pop(waiting);

	if (oldest)
		leave(list_entry(oldest, struct condition_wait, link), value, error);
	return oldest;
}

void condition_signal(struct condition *c, intptr_t value)
{
	wake_oldest(&c->waiting, value, 0);
}

void condition_broadcast(struct condition *c, intptr_t value)
{
	while (wake_oldest(&c->waiting, value, 0))
		;
}

void condition_broadcast_fail(struct condition *c, int error)
{
	while (wake_oldest(&c->waiting, 0, error))
		;
}
