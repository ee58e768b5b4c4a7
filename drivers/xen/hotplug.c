/* SPDX-License-Identifier: ISC */
/* Devices beside the first of their kind, which the image does not use, whether present from the start or
 * added later (xl network-attach, xl block-attach): each is reported, and closed once its backend is ready
 * and xl has had time to see that, so that xl neither attaches nor detaches it in vain. The watch tells only
 * that something below device/ may have changed: so all devices are checked, one request to the store after
 * the other. A backend that is not ready yet is checked again each second, for as long as a frontend waits
 * for its own; so is a device while the first of its kind is away, whose place it may take. */
#define LOG_TAG "hotplug"
#include "drivers/xen/frontend.h"
#include "drivers/xen/xen.h"
#include "kernel/log.h"

#include <errno.h>
#include <string.h>
#include <xen/io/xenbus.h>

#define LOOKS_LEAST 3 /* before a device is refused; xl waits for its backend, too */

static const char *const folders[] = { "device/vif", "device/vbd" };

static struct {
	struct store_watch watch;
	struct store_op op;
	struct waiter waiter;
	struct timer timer;
	uint32_t folder, at, end; /* position in folders, and in names */
	uint32_t looks;
	bool later;               /* some backend was not ready */
	char names[128];          /* the devices of a folder, one string behind the other */
	char dir[FRONTEND_PATH_MAX], text[FRONTEND_PATH_MAX];
} all;

static void next_device(struct waiter *ignored);

static void then(void (*next)(struct waiter *w))
{
	promise_wait(&all.op.promise, &all.waiter, next);
}

static bool has_state(const struct waiter *w, enum xenbus_state state)
{
	return promise_result(w->promise) > 0 && store_number(all.text, INT32_MAX) == (int64_t)state;
}

/* -- one device -- */

static void have_backend_state(struct waiter *w)
{
	if (all.looks < LOOKS_LEAST || !has_state(w, XenbusStateInitWait) ||
	    frontend_lacks(folders[all.folder - 1])) {
		all.later = true;
		next_device(NULL);
		return;
	}
	log_warn("device=%s refused=\"another of its kind is used\"", all.dir);
	format(all.text, sizeof(all.text), "%u", XenbusStateClosed);
	store_write(&all.op, 0, all.dir, "state", all.text);
	then(next_device);
}

static void have_backend(struct waiter *w)
{
	if (promise_result(w->promise) <= 0) {
		next_device(NULL);
		return;
	}
	store_read(&all.op, 0, all.text, "state", all.text, sizeof(all.text));
	then(have_backend_state);
}

static void have_state(struct waiter *w)
{
	if (!has_state(w, XenbusStateInitialising)) {
		next_device(NULL);
		return;
	}
	store_read(&all.op, 0, all.dir, "backend", all.text, sizeof(all.text));
	then(have_backend);
}

/* -- all of them -- */

/* A list that does not fit is checked as far as it does. */
static void have_names(struct waiter *w)
{
	intptr_t result = promise_result(w->promise);

	all.names[sizeof(all.names) - 1] = '\0';
	all.at = 0;
	all.end = result == -E2BIG ? sizeof(all.names) : result < 0 ? 0 : (uint32_t)result;
	all.folder++;
	next_device(NULL);
}

static void finish(void)
{
	store_watch_done(&all.watch);
	if (all.later && all.looks++ < LOOKS_LEAST + CONFIG_XEN_STORE_TIMEOUT_SECONDS)
		timer_start_in(&all.timer, NS_PER_S); /* not in begin: a change calls that too */
}

static void next_device(struct waiter *ignored)
{
	(void)ignored;
	while (all.at < all.end) {
		const char *name = all.names + all.at;

		all.at += (uint32_t)strlen(name) + 1;
		if (format(all.dir, sizeof(all.dir), "%s/%s", folders[all.folder - 1], name) >= sizeof(all.dir) ||
		    frontend_has(all.dir))
			continue;
		store_read(&all.op, 0, all.dir, "state", all.text, sizeof(all.text));
		then(have_state);
		return;
	}
	if (all.folder == ARRAY_SIZE(folders)) {
		finish();
		return;
	}
	store_list(&all.op, folders[all.folder], all.names, sizeof(all.names));
	then(have_names);
}

static void begin(void)
{
	store_watch_look(&all.watch);
	all.later = false;
	all.folder = all.at = all.end = 0;
	next_device(NULL);
}

static void changed(struct store_watch *w)
{
	(void)w;
	all.looks = 0;
	frontend_seek();
	begin();
}

static void look_again(struct timer *t)
{
	(void)t;
	if (!all.watch.is_looked_at)
		begin();
}

void xen_hotplug_start(void)
{
	if (store_init() < 0)
		return;
	timer_init(&all.timer, look_again);
	store_watch(&all.watch, "device", NULL, changed);
}
