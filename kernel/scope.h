/* SPDX-License-Identifier: ISC */
/* A resource scope (Lwt_switch): resources opened within it are released when it ends, whichever way it
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
	/* Releases the resource; gives a promise that the scope waits for, or NULL if that is done. The
	 * hook has left the scope before the call. */
	struct promise *(*release)(struct scope_hook *h);
};

void scope_init(struct scope *s);
/* 0, or -ECANCELED when the scope has ended: then nothing is added, and the caller releases the
 * resource itself. */
int scope_add(struct scope *s, struct scope_hook *h, struct promise *(*release)(struct scope_hook *h));
/* Takes h back: the resource has been released, or given away. Harmless on a hook in no scope. */
void scope_remove(struct scope_hook *h);
/* Ends the scope; the second call and those after it do nothing. Cancelling the scope's promise
 * ends the scope too, and cannot stop the release of resources. */
void scope_end(struct scope *s);

#endif
