/* SPDX-License-Identifier: ISC */
/* Sleeping, and promises with a deadline: the sleep queue seen as promises. */
#include <errno.h>

#include "kernel/kernel_priv.h"

ASSERT_FOLLOWER(struct timeout);

static void sleep_cancel(struct promise *p)
{
	struct sleep *s = container_of(p, struct sleep, promise);

	timer_stop(&s->timer);
	promise_fail(p, -ECANCELED);
}

static void sleep_over(struct timer *t)
{
	promise_fulfil(&container_of(t, struct sleep, timer)->promise, 0);
}

void sleep_until(struct sleep *s, uint64_t deadline_ns)
{
	promise_init(&s->promise, sleep_cancel);
	timer_init(&s->timer, sleep_over);
	timer_start(&s->timer, deadline_ns);
}

static void timeout_source_settled(struct waiter *w)
{
	struct timeout *t = container_of(w, struct timeout, waiter);

	timer_stop(&t->timer);
	if (t->expired)
		promise_fail(&t->promise, -ETIMEDOUT);
	else
		promise_settle_as(&t->promise, t->source);
}

/* A source that has settled, though its waiter has not run yet, was in time. */
static void timeout_expired(struct timer *timer)
{
	struct timeout *t = container_of(timer, struct timeout, timer);

	if (promise_is_settled(t->source))
		return;
	t->expired = true;
	promise_cancel(t->source);
}

void with_timeout(struct timeout *t, struct promise *source, uint64_t deadline_ns)
{
	t->source = source;
	t->expired = false;
	timer_init(&t->timer, timeout_expired);
	timer_start(&t->timer, deadline_ns);
	promise_follow((struct follower *)t, source, timeout_source_settled);
}
