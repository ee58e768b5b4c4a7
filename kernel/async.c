/* SPDX-License-Identifier: ISC */
/* async: the waiter of promises that nothing else waits for, so that no failure goes unseen.
 * -ECANCELED is not logged, because cancellation was requested. */
#include <errno.h>

#define LOG_TAG "async"
#include "kernel/log.h"
#include "kernel/promise.h"

static void async_settled(struct waiter *w)
{
	struct async *a = container_of(w, struct async, waiter);

	if (w->promise->state == PROMISE_FAILED && w->promise->error != -ECANCELED)
		log_warn("nobody waits for a failure: name=%s error=%d", a->name, w->promise->error);
}

void promise_async(struct async *a, struct promise *p, const char *name)
{
	a->name = name;
	promise_wait(p, &a->waiter, async_settled);
}
