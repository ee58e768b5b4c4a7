/* SPDX-License-Identifier: ISC */
/* Requests of the toolstack to the domain (Xen's docs/misc/xenstore-paths): "poweroff", "halt", "reboot" or
 * "suspend" at control/shutdown, a key at control/sysrq. A request is acknowledged by clearing the word, in a
 * transaction, so that one that comes in between is not lost. Unknown words are left alone. When the store
 * fails, the whole is tried again after a while, TRIES times in all, and anew when another word comes. */
#define LOG_TAG "control"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/store.h"
#include "drivers/xen/xen.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>
#include <xen/sched.h>

#define TRIES 8
#define PAUSE_NS NS_PER_S

struct kind {
	const char *path;
	bool (*is_known)(const char *word);
	void (*obey)(const char *word, bool is_away); /* is_away: it is acknowledged; else it may be */
};

struct request {
	const struct kind *kind; /* the small ones first: small offsets take less code */
	struct waiter waiter;
	uint32_t transaction;
	uint8_t tries; /* left */
	bool has_failed; /* an operation, before or at the transaction's end */
	char word[16];
	struct timer again;
	struct store_op op;
	struct store_watch watch;
};

static struct promise asked;
static uint32_t reason = SHUTDOWN_poweroff;

/* -- a word -- */

static void begin(struct request *r);

static void finish(struct waiter *w)
{
	struct request *r = container_of(w, struct request, waiter);
	intptr_t result = promise_result(w->promise);

	if (result == -EAGAIN) {
		begin(r);
		return;
	}
	r->has_failed |= result < 0;
	if (*r->word)
		r->kind->obey(r->word, !r->has_failed);
	if (r->has_failed && --r->tries)
		timer_start_in(&r->again, PAUSE_NS);
	store_watch_done(&r->watch); /* our own answer is a change too */
}

static void end(struct request *r, bool commit)
{
	store_end(&r->op, r->transaction, commit);
	promise_wait(&r->op.promise, &r->waiter, finish);
}

static void acknowledged(struct waiter *w)
{
	struct request *r = container_of(w, struct request, waiter);

	r->has_failed = promise_result(w->promise) < 0;
	end(r, !r->has_failed);
}

static void have_word(struct waiter *w)
{
	struct request *r = container_of(w, struct request, waiter);
	intptr_t result = promise_result(w->promise);

	if (result <= 0 || !r->kind->is_known(r->word)) {
		r->has_failed = result < 0 && result != -ENOENT; /* a word that is too long fails again, in vain */
		*r->word = '\0';
		end(r, false);
		return;
	}
	log_info("asked=%s", r->word);
	store_write(&r->op, r->transaction, r->kind->path, NULL, "");
	promise_wait(&r->op.promise, &r->waiter, acknowledged);
}

static void begun(struct waiter *w)
{
	struct request *r = container_of(w, struct request, waiter);

	if (promise_result(w->promise) < 0) {
		finish(w);
		return;
	}
	r->transaction = (uint32_t)promise_result(w->promise);
	store_read(&r->op, r->transaction, r->kind->path, NULL, r->word, sizeof(r->word));
	promise_wait(&r->op.promise, &r->waiter, have_word);
}

static void begin(struct request *r)
{
	*r->word = '\0';
	timer_stop(&r->again);
	store_watch_look(&r->watch);
	store_begin(&r->op);
	promise_wait(&r->op.promise, &r->waiter, begun);
}

static void changed(struct store_watch *w)
{
	struct request *r = container_of(w, struct request, watch);

	r->tries = TRIES;
	begin(r);
}

static void look_again(struct timer *t)
{
	begin(container_of(t, struct request, again));
}

/* -- control/shutdown -- */

static bool is_suspend(const char *word)
{
	return !strcmp(word, "suspend");
}

static bool is_end(const char *word)
{
	return !strcmp(word, "poweroff") || !strcmp(word, "halt") || !strcmp(word, "reboot") ||
	       (IS_ENABLED(CONFIG_XEN_SUSPEND) && is_suspend(word));
}

/* An order to shut down is obeyed in any case. One to suspend only if acknowledged: the toolstack takes it
 * back after a time, and would not resume a domain that suspended then. */
static void shut_down(const char *word, bool is_away)
{
	if (IS_ENABLED(CONFIG_XEN_SUSPEND) && is_suspend(word)) {
		if (is_away)
			xen_suspend();
		return;
	}
	reason = !strcmp(word, "reboot") ? SHUTDOWN_reboot : SHUTDOWN_poweroff;
	if (!promise_is_settled(&asked))
		promise_fulfil(&asked, 0);
}

uint32_t xen_control_reason(void)
{
	return reason;
}

/* -- control/sysrq -- */

static bool is_key(const char *word)
{
	return word[0] > ' ' && word[0] <= '~' && !word[1];
}

/* Every key shows the same: a line that tells the image still runs. */
static void show(const char *word, bool is_away)
{
	struct page_stats pages;

	(void)is_away;
	page_stats(&pages);
	log_info("key=%s mem_kib=%zu used_kib=%zu", word, pages.total * (PAGE_BYTES / 1024),
	         pages.used * (PAGE_BYTES / 1024));
}

struct promise *xen_control_start(void)
{
	static const struct kind kinds[] = {
		{ "control/shutdown", is_end, shut_down },
		{ "control/sysrq", is_key, show },
	};
	static struct request requests[ARRAY_SIZE(kinds)];

	promise_init(&asked, NULL);
	if (store_init() < 0)
		return &asked;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		requests[i].kind = &kinds[i];
		timer_init(&requests[i].again, look_again);
		store_watch(&requests[i].watch, kinds[i].path, NULL, changed);
	}
	return &asked;
}
