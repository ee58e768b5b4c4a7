/* SPDX-License-Identifier: ISC */
/* The states of both halves: the table has the step for each state of the backend in each phase of ours, and
 * the steps lead to another phase. A state that does not fit is waited out. */
#define LOG_TAG "xenbus"
#include "drivers/xen/frontend_priv.h"
#include "kernel/log.h"

#include <errno.h>
#include <xen/io/xenbus.h>

/* -- our state -- */

static void enter(struct frontend *f, enum frontend_phase phase, enum xenbus_state state)
{
	f->phase = (uint8_t)phase;
	f->own = (uint8_t)state;
	frontend_tell_state(f);
}

void frontend_settle_ready(struct frontend *f, int error)
{
	if (promise_is_settled(&f->ready))
		return;
	if (error)
		promise_fail(&f->ready, error);
	else
		promise_fulfil(&f->ready, 0);
}

void frontend_refuse(struct frontend *f, int error)
{
	frontend_settle_ready(f, error);
	enter(f, PHASE_REFUSED, XenbusStateClosed);
}

/* A backend that comes and goes does not extend the wait. */
void frontend_await(struct frontend *f)
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

void frontend_follow(struct frontend *f)
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

void frontend_look(struct frontend *f)
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

void frontend_changed(struct store_watch *w)
{
	struct frontend *f = container_of(w, struct frontend, watch);

	f->changed = true;
	if (!f->next)
		frontend_look(f);
}

/* Polls the state of an awaited backend beside the watch, for as long as the store is trusted. No state tells
 * when a backend lets go of the rings of before: that is polled for without limit. */
void frontend_look_again(struct timer *t)
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
