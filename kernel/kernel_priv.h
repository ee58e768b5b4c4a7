/* SPDX-License-Identifier: ISC */
/* Declarations shared by the files of kernel/. */
#ifndef KERNEL_KERNEL_PRIV_H
#define KERNEL_KERNEL_PRIV_H

#include "kernel/promise.h"
#include "kernel/timer.h"

/* The ready queue: waiters whose promise has settled, oldest first. */
extern struct list *loop_ready;

/* Checks that a struct can be used as a struct follower. */
#define ASSERT_FOLLOWER(type) \
	static_assert(offsetof(type, promise) == offsetof(struct follower, promise) && \
	              offsetof(type, waiter) == offsetof(struct follower, waiter), #type " begins otherwise")
/* Gives f's promise and waiter to the promise that f is to follow. */
void promise_follow(struct follower *f, struct promise *source, void (*fn)(struct waiter *w));
/* Settles p the way that settled has. */
void promise_settle_as(struct promise *p, const struct promise *settled);

/* Runs timers whose deadline is not after now_ns, in at most max steps, each of which runs one timer or
 * moves a handful within the queue; gives the number of steps. now_ns never goes back. */
unsigned timer_run_due(uint64_t now_ns, unsigned max);
/* No timer's deadline is before this; DEADLINE_NEVER when there is none. May be early (a timer
 * that has been stopped), never late. */
uint64_t timer_next_ns(void);

#endif
