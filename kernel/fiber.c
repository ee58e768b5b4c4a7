/* SPDX-License-Identifier: ISC */
/* Fibers. A fiber's record lies at the top of its own stack, so starting one allocates nothing but
 * the stack, and stacks that have been used once are kept for the next.
 *
 * Only the run loop switches to a fiber, and a fiber only back to the loop: fibers are coroutines
 * of it, at most one deep. Finding the fiber of a cancelled promise walks all living fibers. */
#include <errno.h>

#include "kernel/fiber.h"
#include "kernel/kernel_priv.h"
#include "kernel/page.h"
#include "arch/arch.h"

#define STACK_BYTES ALIGN_UP(CONFIG_FIBER_STACK_BYTES, PAGE_BYTES)

struct fiber {
	struct list link; /* in living or idle */
	void *sp;         /* where it was suspended */
	intptr_t (*fn)(void *arg);
	void *arg;
	intptr_t result;
	struct promise *done;    /* may be NULL */
	struct promise *awaited; /* NULL: it runs, or has not begun */
	struct waiter waiter;    /* of awaited */
	struct timer timer;
	bool expired, cancel_asked, finished;
};

static struct list living = LIST_INIT(living), idle = LIST_INIT(idle);
static unsigned stacks;
static struct fiber *running;
static void *loop_sp;

static void fiber_entry(void *arg)
{
	struct fiber *f = arg;

	f->result = f->fn(f->arg);
	f->finished = true;
	arch_switch(&f->sp, loop_sp);
}

static void fiber_run(struct waiter *w)
{
	struct fiber *f = container_of(w, struct fiber, waiter);

	running = f;
	arch_switch(&loop_sp, f->sp);
	running = NULL;
	if (!f->finished)
		return;
	list_remove(&f->link);
	list_push_front(&idle, &f->link);
	if (f->done)
		promise_fulfil(f->done, f->result);
}

/* Remembered until an awaited promise answers with -ECANCELED, as in kernel/combinator.c. */
static void fiber_cancel(struct promise *done)
{
	list_for_each(at, &living) {
		struct fiber *f = list_entry(at, struct fiber, link);

		if (f->done == done) {
			f->cancel_asked = true;
			if (f->awaited)
				promise_cancel(f->awaited);
			return;
		}
	}
}

static struct fiber *fiber_new(int *error)
{
	struct list *kept = list_pop_front(&idle);
	char *low;

	if (kept)
		return list_entry(kept, struct fiber, link);
	*error = -EAGAIN;
	if (stacks == CONFIG_FIBERS)
		return NULL;
	*error = -ENOMEM;
	low = arch_stack_alloc(STACK_BYTES);
	if (!low)
		return NULL;
	stacks++;
	return (struct fiber *)(low + STACK_BYTES) - 1;
}

int fiber_start(intptr_t (*fn)(void *arg), void *arg, struct promise *done)
{
	static struct promise now = { .state = PROMISE_FULFILLED };
	int error;
	struct fiber *f = fiber_new(&error);

	if (!f)
		return error;
	*f = (struct fiber){ .fn = fn, .arg = arg, .done = done };
	/* The stack begins below the record, where every machine wants it aligned. */
	f->sp = arch_switch_prepare((void *)ALIGN_DOWN((uintptr_t)f, 64), fiber_entry, f);
	list_push_back(&living, &f->link);
	if (done)
		promise_init(done, fiber_cancel);
	promise_wait(&now, &f->waiter, fiber_run);
	return 0;
}

static void fiber_expired(struct timer *t)
{
	struct fiber *f = container_of(t, struct fiber, timer);

	if (promise_is_settled(f->awaited))
		return;
	f->expired = true;
	promise_cancel(f->awaited);
}

intptr_t fiber_await(struct promise *p, uint64_t deadline_ns)
{
	struct fiber *f = running;

	if (!f)
		return -EDEADLK;
	f->expired = false;
	if (!promise_is_settled(p)) {
		f->awaited = p;
		timer_init(&f->timer, fiber_expired);
		timer_start(&f->timer, deadline_ns);
		promise_wait(p, &f->waiter, fiber_run);
		if (f->cancel_asked)
			promise_cancel(p);
		arch_switch(&f->sp, loop_sp);
		timer_stop(&f->timer);
		f->awaited = NULL;
	}
	if (f->expired)
		return -ETIMEDOUT;
	if (p->state == PROMISE_FAILED && p->error == -ECANCELED)
		f->cancel_asked = false;
	return promise_result(p);
}

intptr_t fiber_sleep_until(uint64_t deadline_ns)
{
	struct sleep s;

	if (!running)
		return -EDEADLK;
	sleep_until(&s, deadline_ns);
	return fiber_await(&s.promise, DEADLINE_NEVER);
}

bool fiber_is_running(void)
{
	return running;
}
