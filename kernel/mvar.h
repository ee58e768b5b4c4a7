/* SPDX-License-Identifier: ISC */
/* A variable that is full or empty (Lwt_mvar): put waits while it is full, take while it is empty.
 * Both sides first come, first served. */
#ifndef KERNEL_MVAR_H
#define KERNEL_MVAR_H

#include "kernel/promise.h"

struct mvar {
	struct list *takers, *putters; /* rings; at most one is not empty */
	intptr_t value;
	bool full;
};

#define MVAR_INIT { .full = false }

/* Fulfilled with the value. */
struct mvar_take {
	struct promise promise;
	struct list link;
	struct mvar *mvar;
};

/* Fulfilled with 0 once the value is in the variable or with a taker; cancelled, it has reached neither. */
struct mvar_put {
	struct promise promise;
	struct list link;
	struct mvar *mvar;
	intptr_t value;
};

void mvar_take(struct mvar *m, struct mvar_take *op);
void mvar_put(struct mvar *m, struct mvar_put *op, intptr_t value);
/* Without waiting: false when the variable is empty (take) or full (put). */
bool mvar_try_take(struct mvar *m, intptr_t *value);
bool mvar_try_put(struct mvar *m, intptr_t value);

#endif
