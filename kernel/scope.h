/* SPDX-License-Identifier: ISC */
/* A resource scope (Lwt_switch): what was opened within it is let go when it ends, whichever way it
 * ends. Hooks run one after the other, newest first, as resources depend on older ones. */
#ifndef KERNEL_SCOPE_H
#define KERNEL_SCOPE_H

#include "kernel/promise.h"

struct scope {
	struct promise promise; /* settles when the scope has ended and every hook is done: 0, or the
	                           first error of a hook */
	struct waiter waiter;
	struct list hooks; /* newest first */
	int error;
	bool ended;
};

struct scope_hook {
	struct list link;
	struct scope *scope; /* NULL: in none */
	/* Lets the resource go; gives a promise that is waited for, or NULL when it is done. The hook is
	 * no longer in the scope then. */
	struct promise *(*release)(struct scope_hook *h);
};

void scope_init(struct scope *s);
/* 0, or -ECANCELED when the scope has ended: then nothing is added, and the resource is the
 * caller's to let go. */
int scope_add(struct scope *s, struct scope_hook *h, struct promise *(*release)(struct scope_hook *h));
/* Takes h back: the resource has been let go, or given away. Harmless on one that is in none. */
void scope_remove(struct scope_hook *h);
/* Ends the scope; the second call and those after it do nothing. Cancelling the scope's promise
 * ends it too, and cannot stop it from letting go. */
void scope_end(struct scope *s);

#endif
