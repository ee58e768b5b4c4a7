/* SPDX-License-Identifier: ISC */
/* Mutual exclusion between promise-threads or fibers (Lwt_mutex). First come, first served. There
 * is no parallelism to guard against: a mutex is for what must not be interleaved across waits. */
#ifndef KERNEL_MUTEX_H
#define KERNEL_MUTEX_H

#include "kernel/promise.h"

struct mutex {
	struct list *waiting; /* ring of mutex_lock */
	bool locked;
};

#define MUTEX_INIT { .locked = false }

/* Fulfilled with 0 once the caller holds the mutex. Cancelling gives up the place in the queue;
 * a lock that was already granted stays granted, and the caller must unlock it. */
struct mutex_lock {
	struct promise promise;
	struct list link;
	struct mutex *mutex;
};

void mutex_lock(struct mutex *m, struct mutex_lock *op);
bool mutex_try_lock(struct mutex *m);
/* Hands the mutex to the longest waiting operation. */
void mutex_unlock(struct mutex *m);

#endif
