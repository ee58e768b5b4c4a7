/* SPDX-License-Identifier: ISC */
/* Our half of a device, in three parts: the states of both halves in frontend.c, requests to the store in
 * frontend_store.c, and which device it is in frontend_device.c. */
#ifndef DRIVERS_XEN_FRONTEND_PRIV_H
#define DRIVERS_XEN_FRONTEND_PRIV_H

#include "drivers/xen/frontend.h"

enum frontend_phase {
	PHASE_FINDING,   /* the device and its backend */
	PHASE_WAITING,   /* for the backend to be ready for us */
	PHASE_OFFERED,   /* the rings are in the store */
	PHASE_CLOSED,    /* until the backend has closed too, and comes back */
	PHASE_STALE,     /* the same; until then the backend still has the rings of before */
	PHASE_CONNECTED, /* from here on the backend is not polled */
	PHASE_REFUSED,
	PHASE_GONE,      /* the refused backend has closed: the next one is another */
};

/* -- frontend.c -- */

/* To be called while no request is outstanding, when something may have changed: reads it again. */
void frontend_look(struct frontend *f);
/* The backend's state was read: takes the step that answers it. */
void frontend_follow(struct frontend *f);
/* The backend's watch: looks now, or after the outstanding request. */
void frontend_changed(struct store_watch *w);
/* Waits for the backend, for a bounded time, with frontend_look_again as the timer's callback. */
void frontend_await(struct frontend *f);
void frontend_look_again(struct timer *t);
/* Stays closed until the backend has closed too. */
void frontend_refuse(struct frontend *f, int error);
/* Settles f->ready, once: with 0 or an error. */
void frontend_settle_ready(struct frontend *f, int error);

/* -- frontend_store.c: while a request is outstanding no other begins; next is called with the answer -- */

/* Waits for count operations from first on, which have been started; next gets the least of their results: an
 * error if there is one. */
void frontend_then(struct frontend *f, struct store_op *first, uint32_t count,
                   void (*next)(struct frontend *f, int32_t result));
/* Reads dir/key into f->text, of which it uses max bytes. */
void frontend_ask(struct frontend *f, const char *dir, const char *key, size_t max,
                  void (*next)(struct frontend *f, int32_t result));
/* The number in an answer; 0 if there is none, or one above max. */
uint64_t frontend_number(const char *text, intptr_t result, int64_t max);
/* Is result a failure of the store's, which says nothing about the value? A timeout is to be retried. */
bool frontend_is_unknown(intptr_t result);
/* Writes our state. */
void frontend_tell_state(struct frontend *f);
/* Writes the keys, in the order in which they were made. */
void frontend_tell_keys(struct frontend *f, void (*next)(struct frontend *f, int32_t result));
/* Reads the backend's state and values; frontend_follow is next. */
void frontend_read_backend(struct frontend *f);

/* -- frontend_device.c -- */

/* Is the device still the same? Otherwise begins again. */
void frontend_check_device(struct frontend *f);
/* Finds the device and its backend anew. No request may be outstanding. */
void frontend_begin_again(struct frontend *f);

#endif
