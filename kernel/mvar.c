/* SPDX-License-Identifier: ISC */
/* Mvar. Invariant: takers wait only while it is empty, putters only while it is full; so every put
 * to a waiting taker goes past the variable, and every take lets the oldest putter in. */
#include <errno.h>

#include "kernel/mvar.h"

static void take_cancel(struct promise *p)
{
	struct mvar_take *op = container_of(p, struct mvar_take, promise);

	ring_remove(&op->mvar->takers, &op->link);
	promise_fail(p, -ECANCELED);
}

static void put_cancel(struct promise *p)
{
	struct mvar_put *op = container_of(p, struct mvar_put, promise);

	ring_remove(&op->mvar->putters, &op->link);
	promise_fail(p, -ECANCELED);
}

bool mvar_try_take(struct mvar *m, intptr_t *value)
{
	struct list *oldest;

	if (!m->full)
		return false;
	*value = m->value;
	oldest = ring_pop(&m->putters);
	if (oldest) {
		struct mvar_put *put = list_entry(oldest, struct mvar_put, link);

		m->value = put->value;
		promise_fulfil(&put->promise, 0);
	} else {
		m->full = false;
	}
	return true;
}

bool mvar_try_put(struct mvar *m, intptr_t value)
{
	struct list *oldest;

	if (m->full)
		return false;
	oldest = ring_pop(&m->takers);
	if (oldest) {
		promise_fulfil(&list_entry(oldest, struct mvar_take, link)->promise, value);
	} else {
		m->value = value;
		m->full = true;
	}
	return true;
}

void mvar_take(struct mvar *m, struct mvar_take *op)
{
	intptr_t value;

	op->mvar = m;
	if (mvar_try_take(m, &value)) {
		promise_return(&op->promise, value);
		return;
	}
	promise_init(&op->promise, take_cancel);
	ring_push(&m->takers, &op->link);
}

void mvar_put(struct mvar *m, struct mvar_put *op, intptr_t value)
{
	op->mvar = m;
	op->value = value;
	if (mvar_try_put(m, value)) {
		promise_return(&op->promise, 0);
		return;
	}
	promise_init(&op->promise, put_cancel);
	ring_push(&m->putters, &op->link);
}
