/* SPDX-License-Identifier: ISC */
/* The run loop: ready queue, due timers, devices, block.
 *
 * A turn runs at most CONFIG_LOOP_BATCH waiters and as many timers, so that neither a storm of
 * promises nor one of timers keeps devices waiting. While waiters keep coming the loop never blocks,
 * and machines that learn of device events only in arch_block would miss them: so every LOOK_TURNS turns
 * it is called with a deadline in the past, which only polls. */
#include "kernel/kernel_priv.h"
#include "kernel/loop.h"
#include "kernel/dev/clock.h"
#include "arch/arch.h"

enum { LOOK_TURNS = 8 };

struct list *loop_ready;
volatile bool loop_attention;

static struct list pollers = LIST_INIT(pollers);
static struct list *poller_next; /* poll_devices' next poller: poller_remove moves it on */

void poller_add(struct poller *p, void (*poll)(struct poller *p))
{
	p->pending = false;
	p->poll = poll;
	list_push_back(&pollers, &p->link);
}

void poller_remove(struct poller *p)
{
	if (poller_next == &p->link)
		poller_next = p->link.next;
	list_remove(&p->link);
}

void poller_mark(struct poller *p)
{
	p->pending = true;
	loop_attention = true;
}

/* loop_attention is cleared first: a poller that an interrupt marks from here on is polled in this walk
 * or in the next turn. */
static bool poll_devices(void)
{
	if (!loop_attention)
		return false;
	loop_attention = false;
	for (struct list *at = pollers.next; at != &pollers; at = poller_next) {
		struct poller *p = list_entry(at, struct poller, link);

		poller_next = at->next;
		if (p->pending) {
			p->pending = false;
			p->poll(p);
		}
	}
	poller_next = NULL;
	return true;
}

static bool run_ready(void)
{
	unsigned left = CONFIG_LOOP_BATCH;
	struct list *oldest;

	while (left && (oldest = ring_pop(&loop_ready))) {
		struct waiter *w = list_entry(oldest, struct waiter, link);

		/* The promise must still be there, as it was when it settled. */
		assert_debug(promise_is_settled(w->promise));
		w->fn(w);
		left--;
	}
	return left != CONFIG_LOOP_BATCH;
}

/* The clock is not read when no timer runs. */
static bool run_timers(void)
{
	uint64_t next_ns = timer_next_ns(), now_ns;

	if (next_ns == DEADLINE_NEVER)
		return false;
	now_ns = clock_now_ns();
	return next_ns <= now_ns && timer_run_due(now_ns, CONFIG_LOOP_BATCH);
}

/* Devices go first: an image that its host has not run for a while wakes to input that arrived in time and to
 * deadlines that have passed since, and a peer that kept a deadline must not be timed out. When the loop is
 * over, devices are still notified of the last frames sent. */
static bool turn(bool over)
{
	bool worked = poll_devices();

	if (over)
		return worked;
	worked |= run_ready();
	worked |= run_timers();
	return worked;
}

bool loop_turn(void)
{
	return turn(false);
}

static bool is_over(const struct promise *p, const struct promise *end)
{
	return promise_is_settled(p) || (IS_ENABLED(CONFIG_MACHINE_END) && promise_is_settled(end));
}

intptr_t loop_run_or_end(const struct promise *p, const struct promise *end)
{
	static bool running;
	unsigned turns = 0;
	bool over;

	assert_debug(!running);
	running = true;
	do {
		over = is_over(p, end);
		turn(over);
		if (loop_ready || loop_attention) {
			if (++turns % LOOK_TURNS == 0)
				arch_block(0);
		} else if (!is_over(p, end)) {
			arch_block(timer_next_ns());
		}
	} while (!over);
	running = false;
	return IS_ENABLED(CONFIG_MACHINE_END) && !promise_is_settled(p) ? 0 : promise_result(p);
}
