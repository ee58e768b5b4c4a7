/* SPDX-License-Identifier: ISC */
/* Xenstore (Xen's docs/misc/xenstore.txt, public/io/xs_wire.h): values by path, written by the toolstack and
 * by the other ends of our devices, and watches, which say that one may have changed. Paths without a leading
 * slash are this domain's. An operation is a promise; nothing is allocated for it.
 *
 * Every operation fails with the store's own -ENOENT, -EACCES, -EAGAIN …, with -ENAMETOOLONG, -ETIMEDOUT, or
 * with -EIO once the store has broken the rules of its ring: then it is not used any more. */
#ifndef DRIVERS_XEN_STORE_H
#define DRIVERS_XEN_STORE_H

#include "kernel/timer.h"

#define STORE_PATH_MAX 128 /* with its end; those of devices have half of that */
#define STORE_NUMBER_MAX 24 /* text of a number, with its end */

struct store_op {
	struct promise promise;
	struct list link;
	struct timer timer;
	uint32_t seconds; /* that are left until it is given up */
	uint32_t type, id, transaction, bytes; /* of the request, as on the wire */
	char path[STORE_PATH_MAX];
	uint32_t path_bytes;
	const char *value; /* sent behind the path */
	uint32_t sent;     /* with the header */
	char *to;          /* of the answer */
	size_t max;
};

/* Finds the ring. 0, -ENODEV. Once; later calls do nothing. */
int store_init(void);
/* In a domain that has just been restored: finds its ring, asks again all that is unanswered, and sets all
 * watches again. What belongs to a transaction fails with -EAGAIN. */
void store_resume(void);

/* The value of dir/key, or of dir where key is NULL, as a string in to, of max bytes with its end. Fulfilled
 * with its length; -E2BIG when it is longer. Borrows to. transaction: what store_begin gave, or 0. */
void store_read(struct store_op *op, uint32_t transaction, const char *dir, const char *key, char *to,
                size_t max);
/* The names below dir, one string behind the other. */
void store_list(struct store_op *op, const char *dir, char *to, size_t max);
/* Borrows value. */
void store_write(struct store_op *op, uint32_t transaction, const char *dir, const char *key,
                 const char *value);
/* Who may do what with it, from now on: strings one behind the other, count bytes in all, the first being its
 * owner's, "n5", then those of others, as "r0". Borrows permissions. */
void store_permit(struct store_op *op, const char *dir, const char *key, const char *permissions,
                  size_t count);
void store_remove(struct store_op *op, uint32_t transaction, const char *dir, const char *key);
/* Fulfilled with the transaction, which is positive: what is done in it happens at once at its end, or not at
 * all: then store_end fails with -EAGAIN, and all of it is to be done again. */
void store_begin(struct store_op *op);
void store_end(struct store_op *op, uint32_t transaction, bool commit);

/* changed is called from the store's poller when the value, or one below it, may have changed, at once after
 * the watch was set, and, since events say no more than that, perhaps for nothing. */
struct store_watch {
	struct store_op op;
	struct list link;
	uint32_t token;
	bool is_lost; /* with the store that had it */
	bool is_looked_at, is_missed; /* changed waits; it is to be called then */
	char token_text[STORE_NUMBER_MAX];
	void (*changed)(struct store_watch *w);
};
/* The promise is w->op.promise. w stays where it is until store_unwatch's promise has settled. */
void store_watch(struct store_watch *w, const char *dir, const char *key,
                 void (*changed)(struct store_watch *w));
/* After w->op.promise has settled. No call of changed comes any more. The path as it was given to
 * store_watch. */
void store_unwatch(struct store_watch *w);

/* For a look at what has changed that takes some calls of the store: from look on changed waits for done,
 * which calls it if it was to be called meanwhile. */
void store_watch_look(struct store_watch *w);
void store_watch_done(struct store_watch *w);

/* A decimal number of at most max, nothing else: true. */
bool store_number(const char *text, uint64_t max, uint64_t *out);

#endif
