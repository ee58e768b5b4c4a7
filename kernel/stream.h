/* SPDX-License-Identifier: ISC */
/* A bounded queue of values between threads (Lwt_stream's bounded kind): push waits while it is
 * full, so a slow reader holds its writer back; next waits while it is empty. First come, first
 * served on both sides; values come out in the order in which they were pushed. */
#ifndef KERNEL_STREAM_H
#define KERNEL_STREAM_H

#include "kernel/promise.h"

struct stream {
	intptr_t *values; /* a circle of capacity places */
	size_t capacity, first, count;
	struct list *readers, *writers; /* rings; at most one is not empty */
	bool closed;
};

/* Borrows values, capacity (> 0) of them, until the stream is no longer used. */
void stream_init(struct stream *s, intptr_t *values, size_t capacity);

/* Fulfilled with the oldest value; fails with -ENODATA at the end of the stream. */
struct stream_next {
	struct promise promise;
	struct list link;
	struct stream *stream;
};

/* Fulfilled with 0 once the value is in the stream; fails with -EPIPE when the stream has been
 * closed. Failed or cancelled: the value never was in it. */
struct stream_push {
	struct promise promise;
	struct list link;
	struct stream *stream;
	intptr_t value;
};

void stream_next(struct stream *s, struct stream_next *op);
void stream_push(struct stream *s, struct stream_push *op, intptr_t value);
/* Without waiting: 0; -EAGAIN when the stream is empty (next) or full (push); -ENODATA, -EPIPE. */
int stream_try_next(struct stream *s, intptr_t *value);
int stream_try_push(struct stream *s, intptr_t value);
/* No more pushes: those that wait fail with -EPIPE. Readers still get the values in the stream. */
void stream_close(struct stream *s);

/* Calls fn for each value until the end; fulfilled with 0 then. fn gives a promise that is waited
 * for before the next value is taken, or NULL to go straight on; if that promise fails, so does this.
 * After a cancel fn gets at most the one value that is already on its way. */
struct stream_each {
	struct promise promise;
	struct waiter waiter;
	struct stream_next next;
	struct promise *(*fn)(void *arg, intptr_t value);
	void *arg;
};
void stream_each(struct stream_each *e, struct stream *s,
                 struct promise *(*fn)(void *arg, intptr_t value), void *arg);

#endif
