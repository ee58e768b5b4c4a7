/* SPDX-License-Identifier: ISC */
/* A frontend's requests to xenstore. Those that do not depend on one another's answers are sent together, for
 * each round trip is a turn of another domain's. The store handles them in order: a state is read before the
 * values that belong to it, and written after the keys. Answers lead to the next requests, or to a look at
 * the backend, as its watch does. Nothing in the store about the backend is trusted: numbers are bounded, and
 * text is cut. */
#include "drivers/xen/frontend_priv.h"
#include "kernel/format.h"

#include <errno.h>
#include <xen/io/xenbus.h>

/* -- requests and answers -- */

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

OUT_OF_LINE void frontend_then(struct frontend *f, struct store_op *first, uint32_t count,
                               void (*next)(struct frontend *f, int32_t result))
{
	f->next = next;
	f->asked = count;
	f->answered = 0;
	f->result = INT32_MAX;
	promise_wait(&first->promise, &f->waiter, answered);
}

void frontend_ask(struct frontend *f, const char *dir, const char *key, size_t max,
                  void (*next)(struct frontend *f, int32_t result))
{
	store_read(&f->ops[0], 0, dir, key, f->text, max);
	frontend_then(f, f->ops, 1, next);
}

uint64_t frontend_number(const char *text, intptr_t result, int64_t max)
{
	return result < 0 ? 0 : (uint64_t)MAX(store_number(text, max), INT64_C(0));
}

bool frontend_is_unknown(intptr_t result)
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

void frontend_tell_state(struct frontend *f)
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

void frontend_tell_keys(struct frontend *f, void (*next)(struct frontend *f, int32_t result))
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

void frontend_read_backend(struct frontend *f)
{
	uint32_t count = 0;

	for (; f->kind->names[count]; count++) {
		assert(count < ARRAY_SIZE(f->keys));
		store_read(&f->ops[count], 0, f->backend, f->kind->names[count], f->keys[count].text,
		           sizeof(f->keys[count].text));
	}
	frontend_then(f, f->ops, count, have_values);
}
