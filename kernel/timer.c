/* SPDX-License-Identifier: ISC */
/* The sleep queue: a radix heap over the digits of deadlines, four bits each. There is a ring for each digit
 * and value of it: a timer lies in that of the highest digit in which its deadline differs from base_ns.
 * base_ns never passes a deadline, so the least is always in the lowest ring that is not empty. When time
 * reaches that ring, base_ns moves to its least deadline and its timers are dealt out to rings of lower
 * digits, a few per step, so that the loop keeps turning however many there are; none runs before the last
 * is dealt. A ring of the lowest digit holds one deadline.
 * Invariant: a running timer is in dealt, or in the ring that ring_of() names for it. */
#include "kernel/dev/clock.h"
#include "kernel/kernel_priv.h"

/* Walking a list of scattered timers costs a cache miss each. A ring is several lists (lanes), chosen by the
 * timer's address, so that dealing out overlaps the misses of all lanes. */
enum { DIGIT_BITS = 4, VALUES = 1 << DIGIT_BITS, RINGS = 64 / DIGIT_BITS * VALUES, LANES = 4 };

static uint64_t base_ns, present_ns; /* present_ns: the latest now_ns of timer_run_due */
static uint32_t occupied[RINGS / 32];
static struct ring {
	struct list *newest[LANES];
	uint64_t least_ns; /* of an occupied ring: lies within its range, and no deadline is before it */
} rings[RINGS], dealt; /* dealt: the timers being dealt out */
static bool dealing;   /* dealt may still have timers */
static uint64_t next_ns = DEADLINE_NEVER; /* cached timer_next_ns: the loop asks each turn */
static bool is_next_known = true;         /* false: the timer next_ns came from may have gone */

static unsigned ring_of(uint64_t deadline_ns)
{
	unsigned shift = (63 - (unsigned)__builtin_clzll((deadline_ns ^ base_ns) | 1)) & ~(DIGIT_BITS - 1u);

	return shift / DIGIT_BITS * VALUES + (deadline_ns >> shift & (VALUES - 1));
}

static unsigned lane_of(const struct timer *t)
{
	return (uintptr_t)t / 64 % LANES;
}

/* LANES when all are empty. */
static unsigned used_lane(const struct ring *r)
{
	unsigned lane = 0;

	while (lane < LANES && !r->newest[lane])
		lane++;
	return lane;
}

/* RINGS when all are empty. */
static unsigned lowest_ring(void)
{
	unsigned word = 0;

	while (word < ARRAY_SIZE(occupied) && !occupied[word])
		word++;
	return word < ARRAY_SIZE(occupied) ? word * 32 + (unsigned)__builtin_ctz(occupied[word]) : RINGS;
}

static void insert(struct timer *t)
{
	unsigned k = ring_of(t->deadline_ns);
	struct ring *r = &rings[k];
	uint32_t bit = 1u << k % 32;

	r->least_ns = occupied[k / 32] & bit ? MIN(r->least_ns, t->deadline_ns) : t->deadline_ns;
	occupied[k / 32] |= bit;
	next_ns = MIN(next_ns, r->least_ns);
	ring_push(&r->newest[lane_of(t)], &t->link);
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
}

void timer_stop(struct timer *t)
{
	unsigned k = ring_of(t->deadline_ns), lane = lane_of(t);
	bool in_dealt = dealt.newest[lane] == &t->link; /* as its newest: only then does dealt change */

	if (!timer_is_running(t))
		return;
	ring_remove(&(in_dealt ? &dealt : &rings[k])->newest[lane], &t->link);
	is_next_known = is_next_known && next_ns < t->deadline_ns;
	if (used_lane(&rings[k]) == LANES) {
		occupied[k / 32] &= ~(1u << k % 32);
		is_next_known = false; /* next_ns may be its least_ns, earlier than any deadline */
	}
}

void timer_start(struct timer *t, uint64_t deadline_ns)
{
	timer_stop(t);
	if (deadline_ns == DEADLINE_NEVER)
		return;
	/* Behind all due timers: a timer that is always late must not starve the others. */
	t->deadline_ns = MAX(deadline_ns, present_ns);
	insert(t);
}

void timer_start_in(struct timer *t, uint64_t in_ns)
{
	timer_start(t, clock_now_ns() + in_ns);
}

uint64_t timer_next_ns(void)
{
	unsigned k;

	if (!is_next_known) {
		k = lowest_ring();
		next_ns = dealing ? base_ns : k < RINGS ? rings[k].least_ns : DEADLINE_NEVER;
		is_next_known = true;
	}
	return next_ns;
}

static void deal(struct list **from, struct list *item)
{
	ring_remove(from, item);
	insert(list_entry(item, struct timer, link));
}

/* Deals one timer from each end of each lane. ring_remove writes to their neighbours, so these are being
 * fetched into the cache before their own turn. */
static void deal_some(void)
{
	for (unsigned lane = 0; lane < LANES; lane++) {
		struct list **from = &dealt.newest[lane];

		if (*from)
			deal(from, (*from)->next);
		if (*from)
			deal(from, *from);
	}
	dealing = used_lane(&dealt) < LANES;
}

static void start_dealing(unsigned k)
{
	dealing = true;
	base_ns = rings[k].least_ns;
	dealt = rings[k];
	rings[k] = (struct ring){ 0 };
	occupied[k / 32] &= ~(1u << k % 32);
}

static void run_one(struct ring *r)
{
	struct timer *t = list_entry(r->newest[used_lane(r)]->next, struct timer, link);

	base_ns = t->deadline_ns;
	timer_stop(t);
	t->fn(t);
}

static void step(void)
{
	unsigned k;

	is_next_known = false;
	if (dealing)
		deal_some();
	else if ((k = lowest_ring()) < VALUES)
		run_one(&rings[k]);
	else
		start_dealing(k);
}

unsigned timer_run_due(uint64_t now_ns, unsigned max)
{
	unsigned steps = 0;

	present_ns = now_ns;
	for (; steps < max && timer_next_ns() <= now_ns; steps++)
		step();
	return steps;
}
