/* SPDX-License-Identifier: ISC */
/* Xenstore (Xen's docs/misc/xenstore.txt, public/io/xs_wire.h): values by path, written by the toolstack and
 * by the other ends of our devices, and watches, which tell that a value may have changed. Paths without a
 * leading slash are this domain's. An operation is a promise; nothing is allocated for it.
 *
 * Every operation fails with the store's own -ENOENT, -EACCES, -EAGAIN …, with -ENAMETOOLONG, -ETIMEDOUT, or
 * with -EIO once the store has broken the protocol of its ring: it is not used any more then. */
#ifndef DRIVERS_XEN_STORE_H
#define DRIVERS_XEN_STORE_H

#include "kernel/timer.h"

#include <xen/io/xs_wire.h>

#define STORE_PATH_MAX 128 /* with its end; those of devices have half of that */
#define STORE_NUMBER_MAX 24 /* text of a number, with its end */

struct store_op {
	struct promise promise;
	struct list link;
	struct timer timer;
	uint32_t seconds; /* left until the operation times out */
	uint32_t sent;     /* of the request, with its header */
	const char *value; /* sent behind the path */
	char *to;          /* of the answer */
	size_t max;
	uint32_t path_bytes;
	/* As on the wire. */
	struct xsd_sockmsg header;
	char path[STORE_PATH_MAX];
};
static_assert(offsetof(struct store_op, path) == offsetof(struct store_op, header) + 16, "sent as one");

/* Finds the ring. 0, -ENODEV. Does nothing once it is found. */
int store_init(void);
/* In a domain that has just been restored: finds its ring, sends unanswered requests again, and sets all
 * watches again. Operations of a transaction fail with -EAGAIN. */
void store_resume(void);

/* Reads the value of dir/key, or of dir if key is NULL, into to, as a string of at most max bytes with its
 * end. Fulfilled with its length; -E2BIG: it is longer. Borrows to. transaction: from store_begin, or 0. */
void store_read(struct store_op *op, uint32_t transaction, const char *dir, const char *key, char *to,
                size_t max);
/* Reads the names below dir, one string behind the other; else as store_read. */
void store_list(struct store_op *op, const char *dir, char *to, size_t max);
/* Borrows value. */
void store_write(struct store_op *op, uint32_t transaction, const char *dir, const char *key,
                 const char *value);
/* Sets the permissions of dir/key: strings one behind the other, count bytes in all, the first for its owner,
 * "n5", then those for other domains, as "r0". Borrows permissions. */
void store_permit(struct store_op *op, const char *dir, const char *key, const char *permissions,
                  size_t count);
void store_remove(struct store_op *op, uint32_t transaction, const char *dir, const char *key);
/* Starts a transaction, and is fulfilled with its number, which is positive. If the answer comes after the
 * timeout the transaction stays open, and xenstored allows a domain 10. store_end applies the transaction as
 * a whole, or fails with -EAGAIN: then all of it is to be done again. */
void store_begin(struct store_op *op);
void store_end(struct store_op *op, uint32_t transaction, bool commit);

/* changed is called from the store's poller once the watch is set, and whenever the value, or one below it,
 * may have changed; since events say no more than that, it may be called for nothing. */
struct store_watch {
	struct store_op op;
	struct list link;
	uint32_t token;
	bool is_lost; /* the watch was lost with the store that had it */
	bool is_looked_at, is_missed; /* calls of changed wait; one is due */
	char token_text[STORE_NUMBER_MAX];
	void (*changed)(struct store_watch *w);
};
/* Settles w->op.promise. w stays where it is until store_unwatch's promise has settled. */
void store_watch(struct store_watch *w, const char *dir, const char *key,
                 void (*changed)(struct store_watch *w));
/* To be called after w->op.promise has settled; settles it again. changed is not called any more. The path is
 * the one given to store_watch. */
void store_unwatch(struct store_watch *w);

/* For a handler of changes that takes several operations: between store_watch_look and store_watch_done
 * changed is not called; done calls it if it was due meanwhile. */
void store_watch_look(struct store_watch *w);
void store_watch_done(struct store_watch *w);

/* The decimal number in text; -1: it is above max, or text is anything else. */
int64_t store_number(const char *text, int64_t max);
#define STORE_NUMBER_LAST ((INT64_C(1) << 55) - 1) /* the highest max: sectors of 512 bytes in 2^64 bytes */

#endif
