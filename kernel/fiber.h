/* SPDX-License-Identifier: ISC */
/* Fibers: stackful threads for application code that wants to be plain sequential C. Stacks come
 * from a bounded pool (FIBERS of FIBER_STACK_BYTES, as configured), each below a guard page.
 * Library code uses promises instead: callbacks never suspend, fibers may. */
#ifndef KERNEL_FIBER_H
#define KERNEL_FIBER_H

#include "kernel/promise.h"

/* Starts fn(arg) as a fiber at the next turn of the loop. done (may be NULL) is initialised and
 * fulfilled with fn's result when it returns; cancelling it cancels the promise that the fiber
 * awaits. 0, or -EAGAIN when all stacks are in use, -ENOMEM. */
int fiber_start(intptr_t (*fn)(void *arg), void *arg, struct promise *done);

/* Suspends the calling fiber until p has settled; gives promise_result(p). At the deadline p is
 * cancelled and, once it has settled, the call gives -ETIMEDOUT, even if p was fulfilled meanwhile: the
 * caller still owns its value then. Outside a fiber: -EDEADLK. */
intptr_t fiber_await(struct promise *p, uint64_t deadline_ns);

intptr_t fiber_sleep_until(uint64_t deadline_ns); /* 0, or -ECANCELED */
bool fiber_is_running(void);                      /* called from within a fiber? */

#endif
