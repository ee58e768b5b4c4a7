/* SPDX-License-Identifier: ISC */
/* The sleep queue: a radix heap. Ring k holds the timers whose deadline differs from base_ns in
 * bit k - 1 and in no higher one; ring 0 those that are due. base_ns never passes a deadline that
 * is not due, so the least deadline is always in the lowest ring that is not empty. When time
 * reaches that ring, base_ns moves to the ring's least deadline and its timers are dealt out to
 * lower rings: each timer moves down at most 63 times, in list order, which is memory order for
 * timers made together and therefore kind to the cache, as a pairing heap is not.
 * Invariant: a running timer is in the ring that ring_of() names for it. */
#include <errno.h>

#include "kernel/kernel_priv.h"

enum { RINGS = 64 };

static uint64_t base_ns;
static uint64_t occupied;         /* bit k: ring k is not empty */
static struct list *rings[RINGS];
static uint64_t least_ns[RINGS];  /* of an occupied ring: no deadline in it is before this, and it lies
                                     within the ring's range */

static unsigned ring_of(uint64_t deadline_ns)
{
	if (deadline_ns <= base_ns)
		return 0;
	return MIN(RINGS - 1, 64 - __builtin_clzll(deadline_ns ^ base_ns));
}

static void place(struct timer *t)
{
	unsigned k = ring_of(t->deadline_ns);

	if (!rings[k] || t->deadline_ns < least_ns[k])
		least_ns[k] = t->deadline_ns;
	ring_push(&rings[k], &t->link);
	occupied |= UINT64_C(1) << k;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
}

bool timer_is_running(const struct timer *t)
{
	return t->link.next;
}

void timer_stop(struct timer *t)
{
	unsigned k = ring_of(t->deadline_ns);

	if (!timer_is_running(t))
		return;
	ring_remove(&rings[k], &t->link);
	if (!rings[k])
		occupied &= ~(UINT64_C(1) << k);
}

void timer_start(struct timer *t, uint64_t deadline_ns)
{
	timer_stop(t);
	t->deadline_ns = deadline_ns;
	place(t);
}

uint64_t timer_next_ns(void)
{
	return occupied ? least_ns[__builtin_ctzll(occupied)] : DEADLINE_NEVER;
}

/* Moves base_ns into the range of ring k, the lowest occupied one; all its timers go lower. */
static void deal_out(unsigned k)
{
	struct list *ring = rings[k], *item;

	base_ns = least_ns[k];
	rings[k] = NULL;
	occupied &= ~(UINT64_C(1) << k);
	while ((item = ring_pop(&ring)))
		place(list_entry(item, struct timer, link));
}

unsigned timer_run_due(uint64_t now_ns, unsigned max)
{
	unsigned ran = 0;

	while (ran < max && timer_next_ns() <= now_ns) {
		unsigned k = (unsigned)__builtin_ctzll(occupied);

		if (k == 0) {
			struct timer *t = list_entry(rings[0]->next, struct timer, link);

			timer_stop(t);
			t->fn(t);
			ran++;
		} else {
			deal_out(k);
		}
	}
	return ran;
}
