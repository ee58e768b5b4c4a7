/* SPDX-License-Identifier: ISC */
/* Mutex. While a lock operation waits, unlocking hands the mutex over without opening it, so no caller
 * can overtake. Invariant: a waiter implies locked. */
#include <errno.h>

#include "kernel/mutex.h"

static void lock_cancel(struct promise *p)
{
	struct mutex_lock *op = container_of(p, struct mutex_lock, promise);

	ring_remove(&op->mutex->waiting, &op->link);
	promise_fail(p, -ECANCELED);
}

void mutex_lock(struct mutex *m, struct mutex_lock *op)
{
	op->mutex = m;
	if (mutex_try_lock(m)) {
		promise_return(&op->promise, 0);
		return;
	}
	promise_init(&op->promise, lock_cancel);
	ring_push(&m->waiting, &op->link);
}

bool mutex_try_lock(struct mutex *m)
{
	bool got = !m->locked;

	m->locked = true;
	return got;
}

void mutex_unlock(struct mutex *m)
{
	struct list *oldest = ring_pop(&m->waiting);

	assert(m->locked);
	if (oldest)
		promise_fulfil(&list_entry(oldest, struct mutex_lock, link)->promise, 0);
	else
		m->locked = false;
}
