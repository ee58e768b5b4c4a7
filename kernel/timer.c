/* SPDX-License-Identifier: ISC */
/* The sleep queue: a radix heap over the digits of deadlines, four bits each. A timer lies in the
 * ring of the highest digit in which its deadline differs from base_ns, and of the digit's value
 * there; those that are due, where base_ns itself would. base_ns never passes a deadline that is not
 * due, so the least deadline is always in the lowest ring that is not empty. When time reaches that
 * ring, base_ns moves to the ring's least deadline and its timers are dealt out to lower digits: at
 * most 15 times for each, usually about five. Dealing out a million takes some 0.1 s at a stretch.
 * Invariant: a running timer is in the ring that ring_of() names for it. */
#include "kernel/kernel_priv.h"

enum { DIGIT_BITS = 4, VALUES = 1 << DIGIT_BITS, RINGS = 64 / DIGIT_BITS * VALUES };

static uint64_t base_ns;
static uint64_t occupied[RINGS / 64];
static struct ring {
	struct list *newest;
	uint64_t least_ns; /* of an occupied ring: lies within its range, and no deadline is before it */
} rings[RINGS];

static unsigned ring_of(uint64_t deadline_ns)
{
	uint64_t at_ns = MAX(deadline_ns, base_ns);
	unsigned shift = (63 - (unsigned)__builtin_clzll((at_ns ^ base_ns) | 1)) & ~(DIGIT_BITS - 1u);

	return shift / DIGIT_BITS * VALUES + (at_ns >> shift & (VALUES - 1));
}

/* RINGS when all are empty. */
static unsigned lowest_ring(void)
{
	unsigned word = 0;

	while (word < ARRAY_SIZE(occupied) && !occupied[word])
		word++;
	return word < ARRAY_SIZE(occupied) ? word * 64 + (unsigned)__builtin_ctzll(occupied[word]) : RINGS;
}

static void flip_occupied(unsigned k)
{
	occupied[k / 64] ^= UINT64_C(1) << k % 64;
}

static void insert(struct timer *t)
{
	unsigned k = ring_of(t->deadline_ns);
	struct ring *r = &rings[k];

	if (!r->newest) {
		r->least_ns = UINT64_MAX;
		flip_occupied(k);
	}
	r->least_ns = MIN(r->least_ns, t->deadline_ns);
	ring_push(&r->newest, &t->link);
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
	ring_remove(&rings[k].newest, &t->link);
	if (!rings[k].newest)
		flip_occupied(k);
}

void timer_start(struct timer *t, uint64_t deadline_ns)
{
	timer_stop(t);
	t->deadline_ns = deadline_ns;
	insert(t);
}

uint64_t timer_next_ns(void)
{
	unsigned k = lowest_ring();

	return k < RINGS ? rings[k].least_ns : DEADLINE_NEVER;
}

static void deal(struct list **from, struct list *item)
{
	ring_remove(from, item);
	if (*from) {
		__builtin_prefetch(*from);
		__builtin_prefetch((*from)->next);
	}
	insert(list_entry(item, struct timer, link));
}

/* Moves base_ns into ring k, the lowest, and its timers to lower digits: from both ends by turns, and
 * looking one ahead, because a list that lies all over memory is as slow as its cache misses. */
static void deal_out(unsigned k)
{
	struct list *from = rings[k].newest;

	base_ns = rings[k].least_ns;
	rings[k].newest = NULL;
	flip_occupied(k);
	while (from) {
		deal(&from, from->next);
		if (from)
			deal(&from, from);
	}
}

unsigned timer_run_due(uint64_t now_ns, unsigned max)
{
	unsigned ran = 0;

	while (ran < max && timer_next_ns() <= now_ns) {
		unsigned k = lowest_ring();
		struct timer *t;

		if (k >= VALUES) {
			deal_out(k);
			continue;
		}
		/* One deadline, and those before it that were started late. */
		t = list_entry(rings[k].newest->next, struct timer, link);
		base_ns = MAX(base_ns, t->deadline_ns);
		timer_stop(t);
		t->fn(t);
		ran++;
	}
	return ran;
}
