/* SPDX-License-Identifier: ISC */
/* Condition variables (Lwt_condition): waiting for a signal, which carries a value. */
#ifndef KERNEL_CONDITION_H
#define KERNEL_CONDITION_H

#include "kernel/mutex.h"

struct condition {
	struct list *waiting; /* ring of condition_wait */
};

#define CONDITION_INIT { .waiting = NULL }

/* Fulfilled with the value that was signalled, or failed with the error that was broadcast. */
struct condition_wait {
	struct promise promise;
	struct list link;
	struct condition *condition;
	struct mutex_lock relock;
	struct waiter waiter; /* of relock */
	intptr_t value;       /* the promise's result, once the mutex is held again */
	int error;
};

/* mutex, which the caller holds, is released during the wait and held again when op settles, however it
 * settles; so a request to cancel is answered only once the mutex is held again. mutex may be NULL. */
void condition_wait(struct condition *c, struct condition_wait *op, struct mutex *mutex);
/* Wakes the longest waiting op. A signal without a waiter is lost. */
void condition_signal(struct condition *c, intptr_t value);
/* Wakes all ops that wait now; _fail: with a negative errno. */
void condition_broadcast(struct condition *c, intptr_t value);
void condition_broadcast_fail(struct condition *c, int error);

#endif
