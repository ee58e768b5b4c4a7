/* SPDX-License-Identifier: ISC */
/* The sleep queue: a priority queue ordered by deadline, with sleeping and time limits on top. Starting
 * and stopping a timer is O(1) and allocates nothing; a timer that fires has cost at most 15 moves
 * between the queue's lists, usually a handful, and many moves are spread over turns of the loop
 * (kernel/timer.c says how). */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/promise.h"

/* fn runs from the run loop at or after deadline_ns. The order of timers with equal deadlines is
 * unspecified; a timer that is started with a deadline in the past is due in the same turn. All zero
 * is a valid stopped timer once fn is set. */
struct timer {
	uint64_t deadline_ns;
	struct list link; /* in a list of the sleep queue; zero when stopped */
	void (*fn)(struct timer *t);
};

void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* Restarts a running timer; DEADLINE_NEVER: stops it. */
void timer_start(struct timer *t, uint64_t deadline_ns);
void timer_start_in(struct timer *t, uint64_t in_ns);    /* from now on */
void timer_stop(struct timer *t);                        /* harmless on a stopped timer */
static inline bool timer_is_running(const struct timer *t)
{
	return t->link.next;
}

/* A sleeping promise-thread. Fulfilled with 0 at the deadline; cancel gives -ECANCELED. */
struct sleep {
	struct promise promise;
	struct timer timer;
};
static_assert(sizeof(void *) != 8 || sizeof(struct sleep) == 56, "a sleeping thread has grown");
void sleep_until(struct sleep *s, uint64_t deadline_ns);

/* Settles as source does; a source that has not settled by the deadline is cancelled, and once it has
 * settled, t fails with -ETIMEDOUT. */
struct timeout {
	struct promise promise;
	struct waiter waiter;
	struct promise *source;
	struct timer timer;
	bool expired;
};
void with_timeout(struct timeout *t, struct promise *source, uint64_t deadline_ns);

#endif
