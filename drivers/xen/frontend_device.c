/* SPDX-License-Identifier: ISC */
/* The device that is ours: the first of its kind in the store, or the one of the number before, and the
 * backend that the toolstack gave it. It is looked for again in another domain, and when it has been removed
 * or has come back. */
#include "drivers/xen/frontend_priv.h"
#include "drivers/xen/hypercall.h"
#include "kernel/format.h"
#include "kernel/loop.h"

#include <errno.h>
#include <string.h>

static struct list frontends = LIST_INIT(frontends);

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

void frontend_check_device(struct frontend *f)
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
void frontend_begin_again(struct frontend *f)
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
