/* SPDX-License-Identifier: ISC */
/* Xenstore requests that do not depend on one another's answers are sent together, for each round trip is a
 * turn of another domain's. The store handles them in order: a state is read before the values that belong to
 * it, and written after the keys. Answers lead to the next requests, or to a look at the backend, as its
 * watch does. Nothing in the store about the backend is trusted: numbers are bounded, text is cut, and a
 * state that does not fit is waited out. */
#define LOG_TAG "xenbus"
#include "drivers/xen/frontend.h"
#include "drivers/xen/hypercall.h"
#include "kernel/log.h"
#include "kernel/loop.h"

#include <errno.h>
#include <string.h>
#include <xen/io/xenbus.h>

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

static struct list frontends = LIST_INIT(frontends);

static void frontend_look(struct frontend *f);
static void frontend_look_again(struct timer *t);
static void frontend_follow(struct frontend *f);
static void frontend_check_device(struct frontend *f);
static void frontend_begin_again(struct frontend *f);

/* -- requests: next is called when all of them are answered -- */

static void answered(struct waiter *w)
{
	struct frontend *f = container_of(w, struct frontend, waiter);
	void (*next)(struct frontend *f, int32_t result) = f->next;
	int32_t result = (int32_t)promise_result(w->promise);

	f->result = MIN(f->result, result);
	if (++f->answered < f->asked) {
		promise_wait(&f->ops[f->answered].promise, &f->waiter, answered);
		return;
	}
	f->next = NULL;
	if (IS_ENABLED(CONFIG_XEN_SUSPEND) && f->moved)
		frontend_begin_again(f);
	else
		next(f, f->result);
	if (!f->next && (f->changed || f->leaves || f->seeks))
		frontend_look(f);
}

/* Waits for count operations from first on, which have been started; next gets the least of their results: an
 * error if there is one. */
static OUT_OF_LINE void frontend_then(struct frontend *f, struct store_op *first, uint32_t count,
                                      void (*next)(struct frontend *f, int32_t result))
{
	f->next = next;
	f->asked = count;
	f->answered = 0;
	f->result = INT32_MAX;
	promise_wait(&first->promise, &f->waiter, answered);
}

static void frontend_ask(struct frontend *f, const char *dir, const char *key, size_t max,
                         void (*next)(struct frontend *f, int32_t result))
{
	store_read(&f->ops[0], 0, dir, key, f->text, max);
	frontend_then(f, f->ops, 1, next);
}

/* The number in an answer; 0 if there is none, or one above max. */
static uint64_t frontend_number(const char *text, intptr_t result, int64_t max)
{
	return result < 0 ? 0 : (uint64_t)MAX(store_number(text, max), INT64_C(0));
}

/* A failure of the store's, which says nothing about the value; a timeout is retried. */
static bool frontend_is_unknown(intptr_t result)
{
	return result == -ETIMEDOUT || result == -EIO;
}

/* -- told: our state and keys -- */

/* An error other than a timeout needs no retry: a device whose folder was removed is as good as closed. */
static void told_state(struct frontend *f, int32_t result)
{
	f->untold = result == -ETIMEDOUT;
	f->changed = true;
}

static void frontend_tell_state(struct frontend *f)
{
	format(f->text, sizeof(f->text), "%u", f->own);
	store_write(&f->ops[0], 0, f->dir, "state", f->text);
	frontend_then(f, f->ops, 1, told_state);
}

void frontend_key_text(struct frontend *f, const char *name, const char *text)
{
	assert(f->key_count < ARRAY_SIZE(f->keys));
	f->keys[f->key_count].name = name;
	format(f->keys[f->key_count++].text, STORE_NUMBER_MAX, "%s", text);
}

void frontend_key(struct frontend *f, const char *name, uint32_t value)
{
	char text[STORE_NUMBER_MAX];

	format(text, sizeof(text), "%u", value);
	frontend_key_text(f, name, text);
}

static void frontend_tell_keys(struct frontend *f, void (*next)(struct frontend *f, int32_t result))
{
	for (uint32_t i = 0; i < f->key_count; i++)
		store_write(&f->ops[i], 0, f->dir, f->keys[i].name, f->keys[i].text);
	frontend_then(f, f->ops, f->key_count, next);
}

/* -- read: the backend's values, its state first -- */

/* A missing value is 0, except that of the state. */
static void have_values(struct frontend *f, int32_t least)
{
	intptr_t result = promise_result(&f->ops[0].promise);

	(void)least;
	if (frontend_is_unknown(result)) {
		f->changed |= result == -ETIMEDOUT;
		return;
	}
	for (uint32_t i = 0; i < f->asked; i++)
		f->values[i] = frontend_number(f->keys[i].text, promise_result(&f->ops[i].promise),
		                               STORE_NUMBER_LAST);
	f->state = f->values[0] <= XenbusStateReconfigured ? (uint8_t)f->values[0] : XenbusStateUnknown;
	frontend_follow(f);
}

static void frontend_read_backend(struct frontend *f)
{
	uint32_t count = 0;

	for (; f->kind->names[count]; count++) {
		assert(count < ARRAY_SIZE(f->keys));
		store_read(&f->ops[count], 0, f->backend, f->kind->names[count], f->keys[count].text,
		           sizeof(f->keys[count].text));
	}
	frontend_then(f, f->ops, count, have_values);
}

/* -- our state -- */

static void enter(struct frontend *f, enum frontend_phase phase, enum xenbus_state state)
{
	f->phase = (uint8_t)phase;
	f->own = (uint8_t)state;
	frontend_tell_state(f);
}

static void frontend_settle_ready(struct frontend *f, int error)
{
	if (promise_is_settled(&f->ready))
		return;
	if (error)
		promise_fail(&f->ready, error);
	else
		promise_fulfil(&f->ready, 0);
}

static void frontend_refuse(struct frontend *f, int error)
{
	frontend_settle_ready(f, error);
	enter(f, PHASE_REFUSED, XenbusStateClosed);
}

/* A backend that comes and goes does not extend the wait. */
static void frontend_await(struct frontend *f)
{
	if (timer_is_running(&f->again))
		return;
	f->looks = 0;
	timer_start_in(&f->again, NS_PER_S);
}

static void report_lost(const struct frontend *f)
{
	log_warn("device=%s backend=%s state=%u connected=false", f->dir, f->backend, f->state);
}

static void leave(struct frontend *f, enum frontend_phase phase)
{
	report_lost(f);
	f->kind->disconnect(f);
	f->seeks = true; /* the device may have been removed while it was connected */
	enter(f, phase, XenbusStateClosed);
	frontend_await(f);
}

/* Errors that are not the backend's fault, and pass. */
static bool is_passing(int error)
{
	return error == -ENOMEM || error == -ENOSPC || error == -ETIMEDOUT;
}

static void fail(struct frontend *f, int error)
{
	if (error == -EBUSY || (promise_is_settled(&f->ready) && is_passing(error))) {
		f->pauses = error != -EBUSY;
		leave(f, PHASE_STALE);
	} else {
		f->kind->disconnect(f);
		frontend_refuse(f, error);
	}
}

static void connect(struct frontend *f)
{
	int error = f->kind->connect(f);

	if (error) {
		fail(f, error);
		return;
	}
	log_info("device=%s backend=%s connected=true", f->dir, f->backend);
	frontend_settle_ready(f, 0);
	if (f->kind->offered == XenbusStateConnected)
		f->phase = PHASE_CONNECTED;
	else
		enter(f, PHASE_CONNECTED, XenbusStateConnected);
}

static void told_keys(struct frontend *f, int32_t result)
{
	if (result < 0)
		fail(f, result);
}

static void offer(struct frontend *f)
{
	int error;

	f->key_count = 0;
	error = f->kind->offer(f);
	if (error) {
		fail(f, error);
		return;
	}
	f->phase = PHASE_OFFERED;
	frontend_key(f, "state", f->kind->offered);
	frontend_tell_keys(f, told_keys);
}

/* -- the backend's state -- */

enum step {
	STAY,
	OFFER,
	CONNECT,
	CLOSE,       /* until the backend has closed too */
	CLOSE_STALE, /* the same; it still has the rings of before */
	LET_GO,      /* try to free the rings of before */
	FORGET,      /* the refusal: the backend has closed */
	WAIT,        /* for the backend, anew */
};

/* The step for each state of the backend in each phase of ours. */
static const uint8_t steps[][XenbusStateReconfigured + 1] = {
	[PHASE_FINDING] = { STAY },
	[PHASE_WAITING] = {
		[XenbusStateInitWait] = OFFER,
		/* It has failed with the rings of an earlier connection, or goes on with them. */
		[XenbusStateClosing] = CLOSE,
		[XenbusStateConnected] = CLOSE_STALE,
	},
	[PHASE_OFFERED] = {
		[XenbusStateConnected] = CONNECT,
		[XenbusStateUnknown] = CLOSE,
		[XenbusStateClosing] = CLOSE,
		[XenbusStateClosed] = CLOSE,
	},
	[PHASE_CLOSED] = {
		[XenbusStateInitialising] = WAIT,
		[XenbusStateInitWait] = WAIT,
		[XenbusStateClosed] = WAIT,
	},
	[PHASE_STALE] = {
		[XenbusStateUnknown] = LET_GO,
		[XenbusStateClosed] = LET_GO,
	},
	[PHASE_CONNECTED] = {
		[XenbusStateUnknown] = CLOSE,
		[XenbusStateInitialising] = CLOSE, /* another backend */
		[XenbusStateInitWait] = CLOSE,
		[XenbusStateClosing] = CLOSE,
		[XenbusStateClosed] = CLOSE,
	},
	[PHASE_REFUSED] = {
		[XenbusStateUnknown] = FORGET,
		[XenbusStateClosed] = FORGET,
	},
	[PHASE_GONE] = {
		[XenbusStateInitialising] = WAIT,
		[XenbusStateInitWait] = WAIT,
		[XenbusStateClosed] = WAIT, /* it closed because we had */
	},
};

static void frontend_follow(struct frontend *f)
{
	switch ((enum step)steps[f->phase][f->state]) {
	case STAY:
		break;
	case OFFER:
		offer(f);
		break;
	case CONNECT:
		connect(f);
		break;
	case CLOSE:
		leave(f, PHASE_CLOSED);
		break;
	case CLOSE_STALE:
		leave(f, PHASE_STALE);
		break;
	case LET_GO:
		if (f->pauses || !f->kind->disconnect(f))
			break;
		f->phase = PHASE_CLOSED;
		f->changed = true; /* the backend may be waiting for us */
		break;
	case FORGET:
		f->kind->disconnect(f); /* pages that the backend had held */
		f->phase = PHASE_GONE;
		break;
	case WAIT:
		enter(f, PHASE_WAITING, XenbusStateInitialising);
		break;
	}
}

static void frontend_look(struct frontend *f)
{
	f->changed = f->seeks; /* afterwards the state is read */
	if (f->untold) {
		frontend_tell_state(f);
	} else if (f->seeks) {
		f->seeks = false;
		frontend_check_device(f);
	} else {
		enum frontend_phase wish = f->leaves;

		f->leaves = 0;
		if (wish && (f->phase == PHASE_OFFERED || f->phase == PHASE_CONNECTED)) {
			leave(f, wish);
			return;
		}
		if (wish == PHASE_REFUSED)
			f->phase = PHASE_REFUSED;
		frontend_read_backend(f); /* the backend may be gone by now */
	}
}

static void frontend_changed(struct store_watch *w)
{
	struct frontend *f = container_of(w, struct frontend, watch);

	f->changed = true;
	if (!f->next)
		frontend_look(f);
}

/* Polls the state of an awaited backend beside the watch, for as long as the store is trusted. No state tells
 * when a backend lets go of the rings of before: that is polled for without limit. */
static void frontend_look_again(struct timer *t)
{
	struct frontend *f = container_of(t, struct frontend, again);
	bool holds_rings = f->phase == PHASE_STALE && promise_is_settled(&f->ready);

	if (f->phase >= PHASE_CONNECTED || (!f->watched && !f->next))
		return;
	if (f->looks++ < CONFIG_XEN_STORE_TIMEOUT_SECONDS || holds_rings) {
		f->pauses = false;
		timer_start_in(t, NS_PER_S);
		if (f->watched)
			frontend_changed(&f->watch);
		return;
	}
	report_lost(f);
	frontend_settle_ready(f, -ETIMEDOUT);
}

static void ignore(struct frontend *f, int32_t result)
{
	(void)f, (void)result;
}

/* The driver is inside a callback: the phase changes at the next answer of the store. MAX: a refused backend
 * stays refused. */
static void leave_soon(struct frontend *f, enum frontend_phase phase)
{
	f->leaves = (uint8_t)MAX(f->leaves, (unsigned)phase);
	if (!f->next)
		frontend_ask(f, f->backend, "state", STORE_NUMBER_MAX, ignore);
}

void frontend_break(struct frontend *f, const char *how)
{
	log_error("device=%s broken=\"%s\"", f->dir, how);
	leave_soon(f, PHASE_REFUSED);
}

void frontend_renew(struct frontend *f, const char *why)
{
	log_error("device=%s renewed=\"%s\"", f->dir, why);
	leave_soon(f, PHASE_CLOSED);
}

/* -- which device -- */

/* Starts over when the device has been removed, or has come back, perhaps with a backend elsewhere. */
static void have_own(struct frontend *f, int32_t result)
{
	if (frontend_is_unknown(result)) {
		f->seeks |= result == -ETIMEDOUT;
		return;
	}
	if (result > 0 && f->watched && !strcmp(f->text, f->backend))
		return;
	f->kind->disconnect(f);
	frontend_begin_again(f);
}

static void frontend_check_device(struct frontend *f)
{
	frontend_ask(f, f->dir, "backend", sizeof(f->text), have_own);
}

static void watched(struct frontend *f, int32_t result)
{
	/* A backend that was passed over before has closed: another may come. */
	f->phase = promise_is_settled(&f->ready) ? PHASE_CLOSED : PHASE_WAITING;
	if (result < 0)
		frontend_refuse(f, result);
}

static void have_backend(struct frontend *f, int32_t result)
{
	if (result <= 0) {
		frontend_settle_ready(f, -ENODEV);
		return;
	}
	f->backend_id = (uint16_t)frontend_number(f->text, promise_result(&f->ops[0].promise),
	                                          DOMID_FIRST_RESERVED - 1);
	f->watched = true;
	store_watch(&f->watch, f->backend, "state", frontend_changed);
	frontend_then(f, &f->watch.op, 1, watched);
}

static void find_backend(struct frontend *f)
{
	store_read(&f->ops[0], 0, f->dir, "backend-id", f->text, STORE_NUMBER_MAX);
	store_read(&f->ops[1], 0, f->dir, "backend", f->backend, sizeof(f->backend));
	frontend_then(f, f->ops, 2, have_backend);
}

/* Takes the first device listed; a list that does not fit is cut behind it. */
static void have_names(struct frontend *f, int32_t result)
{
	if (result <= 0 && result != -E2BIG) {
		frontend_settle_ready(f, -ENODEV);
		return;
	}
	f->text[sizeof(f->text) - 1] = '\0';
	if (format(f->dir, sizeof(f->dir), "%s/%s", f->kind->folder, f->text) >= sizeof(f->dir))
		frontend_settle_ready(f, -ENODEV);
	else
		find_backend(f);
}

static void find(struct frontend *f)
{
	if (f->kind->has_number && *f->dir) {
		find_backend(f);
		return;
	}
	store_list(&f->ops[0], f->kind->folder, f->text, sizeof(f->text));
	frontend_then(f, f->ops, 1, have_names);
}

void frontend_start(struct frontend *f, const struct frontend_kind *kind)
{
	f->kind = kind;
	promise_init(&f->ready, NULL);
	timer_init(&f->again, frontend_look_again);
	list_push_back(&frontends, &f->link);
	find(f);
	frontend_await(f);
}

bool frontend_has(const char *dir)
{
	list_for_each(item, &frontends)
		if (!strcmp(list_entry(item, struct frontend, link)->dir, dir))
			return true;
	return false;
}

bool frontend_lacks(const char *folder)
{
	list_for_each(item, &frontends) {
		const struct frontend *f = list_entry(item, struct frontend, link);

		if (!strcmp(f->kind->folder, folder))
			return f->phase != PHASE_CONNECTED;
	}
	return false;
}

void frontend_seek(void)
{
	list_for_each(item, &frontends) {
		struct frontend *f = list_entry(item, struct frontend, link);

		f->seeks = f->phase != PHASE_CONNECTED;
		if (f->seeks && !f->next)
			frontend_look(f);
	}
}

/* -- another domain, or another device -- */

static void unwatched(struct frontend *f, int32_t result)
{
	(void)result;
	find(f);
}

/* No request to the store is outstanding. A refused backend was in another domain: its refusal ends. */
static void frontend_begin_again(struct frontend *f)
{
	f->moved = f->changed = f->seeks = f->untold = false;
	f->leaves = 0;
	f->phase = PHASE_FINDING;
	frontend_await(f);
	if (!f->watched) {
		find(f);
		return;
	}
	f->watched = false;
	store_unwatch(&f->watch);
	frontend_then(f, &f->watch.op, 1, unwatched);
}

void frontend_disconnect(void)
{
	list_for_each(item, &frontends) {
		struct frontend *f = list_entry(item, struct frontend, link);

		f->kind->disconnect(f);
	}
}

void frontend_resume(void)
{
	list_for_each(item, &frontends) {
		struct frontend *f = list_entry(item, struct frontend, link);

		f->moved = true;
		if (!f->next)
			frontend_begin_again(f);
	}
}

int frontend_wait(struct frontend *f)
{
	return (int)loop_run(&f->ready);
}
