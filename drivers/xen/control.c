/* SPDX-License-Identifier: ISC */
/* What the toolstack asks of the domain (Xen's docs/misc/xenstore-paths): "poweroff", "halt", "reboot" or
 * "suspend" at control/shutdown, which is acknowledged by taking the word away, in a transaction, so that
 * none that comes in between is lost. Other words are none of ours, and left. */
#define LOG_TAG "control"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/store.h"
#include "drivers/xen/xen.h"
#include "kernel/log.h"

#include <errno.h>
#include <string.h>
#include <xen/sched.h>

#define PATH "control/shutdown"

static struct promise asked;
static struct store_watch watch;
static struct store_op op;
static struct waiter waiter;
static char word[16];
static uint32_t transaction;
static bool busy, again;
static uint32_t reason = SHUTDOWN_poweroff;

static void begin(void);

static bool is_suspend(void)
{
	return IS_ENABLED(CONFIG_XEN_SUSPEND) && !strcmp(word, "suspend");
}

static void finish(struct waiter *w)
{
	intptr_t result = promise_result(w->promise);

	busy = false;
	if (result == 0 && is_suspend())
		xen_suspend();
	else if (result == 0 && *word && !promise_is_settled(&asked))
		promise_fulfil(&asked, 0);
	if (again || result == -EAGAIN) /* our own answer is a change too */
		begin();
}

static bool is_known(void)
{
	return !strcmp(word, "poweroff") || !strcmp(word, "halt") || !strcmp(word, "reboot") || is_suspend();
}

static void end(bool commit)
{
	store_end(&op, transaction, commit);
	promise_wait(&op.promise, &waiter, finish);
}

static void acknowledged(struct waiter *w)
{
	end(promise_result(w->promise) == 0);
}

static void have_word(struct waiter *w)
{
	if (promise_result(w->promise) <= 0 || !is_known()) {
		*word = '\0';
		end(false);
		return;
	}
	log_info("asked=%s", word);
	reason = !strcmp(word, "reboot") ? SHUTDOWN_reboot : SHUTDOWN_poweroff;
	store_write(&op, transaction, PATH, NULL, "");
	promise_wait(&op.promise, &waiter, acknowledged);
}

static void begun(struct waiter *w)
{
	if (promise_result(w->promise) <= 0) {
		busy = false;
		return;
	}
	transaction = (uint32_t)promise_result(w->promise);
	store_read(&op, transaction, PATH, NULL, word, sizeof(word));
	promise_wait(&op.promise, &waiter, have_word);
}

static void begin(void)
{
	busy = true;
	again = false;
	store_begin(&op);
	promise_wait(&op.promise, &waiter, begun);
}

static void changed(struct store_watch *w)
{
	(void)w;
	if (busy)
		again = true;
	else
		begin();
}

uint32_t xen_control_reason(void)
{
	return reason;
}

struct promise *xen_control_start(void)
{
	promise_init(&asked, NULL);
	if (store_init() == 0)
		store_watch(&watch, PATH, NULL, changed);
	return &asked;
}
