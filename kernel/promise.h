/* SPDX-License-Identifier: ISC */
/* Promises: the future result of an operation, and the ways to combine them (Lwt in C).
 *
 * A promise is pending, then settles once: fulfilled with a value, or failed with a negative
 * errno. Promise and waiter are complete types, embedded in the operation that they stand for,
 * so that waiting allocates nothing.
 *
 * The rules:
 *  1. Settling calls no waiter: waiters are put on the ready queue, in the order in which
 *     they were added, and the run loop calls them (kernel/loop.h). So there is no re-entrancy
 *     and no stack depth to fear, however long the chain.
 *  2. A promise's storage lives until it has settled and its waiters have run or were removed;
 *     that goes for the losers of a choose too.
 *  3. Cancelling is a request. Its answer is the promise settling, usually with -ECANCELED,
 *     perhaps with a result that was already on its way.
 *  4. Combinators take the caller's storage, and their sources must outlive them.
 * Debug builds (option DEBUG) mark promises, poison settled ones, and assert rule 2. */
#ifndef KERNEL_PROMISE_H
#define KERNEL_PROMISE_H

#include "kernel/list.h"

enum promise_state { PROMISE_PENDING, PROMISE_FULFILLED, PROMISE_FAILED };

struct promise {
	union {
		struct list *waiters; /* pending: newest of a ring of waiters, or NULL */
		intptr_t value;       /* fulfilled; failed: the error again */
	};
	void (*cancel)(struct promise *p); /* pending: passes a cancel request on; may be NULL */
	int32_t error;                     /* failed: negative errno */
	uint8_t state;                     /* enum promise_state */
	uint8_t flags;                     /* enum promise_flags, the combinators' own */
	uint16_t magic;                    /* debug builds: tells a live promise from lost storage */
};

enum promise_flags {
	PROMISE_FORWARDS = 1 << 0,     /* the promise is a struct follower's */
	PROMISE_CANCEL_ASKED = 1 << 1, /* a request not yet answered with -ECANCELED */
};

/* A waiter for one promise. fn runs once, from the run loop, after the promise has settled. */
struct waiter {
	struct list link; /* in the promise's ring, then in the ready queue; zero when in none */
	struct promise *promise;
	void (*fn)(struct waiter *w);
};

/* The common beginning of bind, map, catch and timeout: a promise that waits for one other at a time,
 * and passes requests to cancel on to it. */
struct follower {
	struct promise promise;
	struct waiter waiter;
};

/* -- making and settling (Lwt.wait, return, fail, wakeup, wakeup_exn) -- */

/* Makes p pending. cancel (may be NULL: then a cancel request fails p with -ECANCELED at once)
 * is called by each promise_cancel(p), perhaps more than once while p is pending; it must see to it
 * that p settles, now or later. */
void promise_init(struct promise *p, void (*cancel)(struct promise *p));
void promise_return(struct promise *p, intptr_t value); /* makes p fulfilled from the start */
void promise_throw(struct promise *p, int error);       /* makes p failed from the start; error < 0 */
/* Settle a pending p. Settling twice is a bug and asserts. */
void promise_fulfil(struct promise *p, intptr_t value);
void promise_fail(struct promise *p, int error);
void promise_cancel(struct promise *p); /* does nothing when p has settled */

static inline bool promise_is_settled(const struct promise *p)
{
	return p->state != PROMISE_PENDING;
}

/* The value of a fulfilled p, the negative errno of a failed one, -EAGAIN of a pending one.
 * Where negative values are meaningful look at state and value instead. */
intptr_t promise_result(const struct promise *p);

/* -- waiting -- */

/* Runs fn from the run loop once p has settled (also if it has already). Borrows w until then. */
void promise_wait(struct promise *p, struct waiter *w, void (*fn)(struct waiter *w));
/* Takes w back before it ran; harmless on one that ran or never waited but was zeroed. O(1). */
void promise_unwait(struct waiter *w);

/* -- combinators: the result is the promise embedded first in the caller's storage -- */

/* bind (>>=): when source is fulfilled, fn(arg, value) gives the promise whose result becomes
 * b's. When source fails, b fails the same way and fn is not called. fn lends the promise and
 * keeps its storage. Cancelling b cancels the promise it waits for; if source is fulfilled all the
 * same, fn is called (the value may own something) and the promise it gives is cancelled. */
struct bind {
	struct promise promise;
	struct waiter waiter;
	struct promise *(*fn)(void *arg, intptr_t value);
	void *arg;
};
void promise_bind(struct bind *b, struct promise *source,
                  struct promise *(*fn)(void *arg, intptr_t value), void *arg);

/* map (>|=): fn gives the value itself. */
struct map {
	struct promise promise;
	struct waiter waiter;
	intptr_t (*fn)(void *arg, intptr_t value);
	void *arg;
};
void promise_map(struct map *m, struct promise *source,
                 intptr_t (*fn)(void *arg, intptr_t value), void *arg);

/* catch: when source fails, fn(arg, error) gives the promise whose result becomes c's. Cancelling
 * c cancels the promise it waits for. -ECANCELED answers the request, so fn may then start an operation
 * that goes on; after any other error the promise that fn gives is cancelled too. */
struct catch {
	struct promise promise;
	struct waiter waiter;
	struct promise *(*fn)(void *arg, int error);
	void *arg;
};
void promise_catch(struct catch *c, struct promise *source,
                   struct promise *(*fn)(void *arg, int error), void *arg);

/* One source of a join, choose or pick. The caller fills in promise, the combinator the rest. */
struct source {
	struct promise *promise;
	struct waiter waiter;
	struct group *group;
};

/* join (<&>): fulfilled with 0 when all sources are; when any failed, fails with the error of
 * the first that did, but only after all have settled. No sources: fulfilled at once.
 * choose (<?>): settles as the first source does; the others go on, unwatched.
 * pick: as choose, but cancels the others, and settles only after all have, so that their
 * storage is free. choose and pick of no sources stay pending until they are cancelled. */
struct group {
	struct promise promise;
	struct source *sources;
	size_t count, pending;
	size_t first; /* index of the source that settled first, count while none has */
	uint8_t kind; /* join, choose, pick */
};
void promise_join(struct group *g, struct source *sources, size_t count);
void promise_choose(struct group *g, struct source *sources, size_t count);
void promise_pick(struct group *g, struct source *sources, size_t count);

/* async: lets p run unawaited; a failure other than -ECANCELED is logged at warn level with name.
 * Borrows storage and name. */
struct async {
	struct waiter waiter;
	const char *name;
};
void promise_async(struct async *a, struct promise *p, const char *name);

#endif
