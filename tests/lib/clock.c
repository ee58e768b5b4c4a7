/* SPDX-License-Identifier: ISC */
/* The clock that tests move by hand. Blocking is free: it moves the clock to the deadline. */
#include "tests/lib/clock.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "kernel/loop.h"

static uint64_t now_ns = NS_PER_S, wall_ns;
uint64_t clock_reads, clock_blocks, clock_block_deadline_ns;
void (*clock_on_block)(uint64_t deadline_ns);
void (*clock_on_read)(void);

uint64_t clock_now_ns(void)
{
	clock_reads++;
	if (clock_on_read)
		clock_on_read();
	return now_ns;
}

uint64_t clock_wall_ns(void)
{
	return wall_ns;
}

void clock_set_ns(uint64_t to_ns)
{
	assert(to_ns >= now_ns || !to_ns);
	now_ns = to_ns;
}

void clock_advance_ns(uint64_t by_ns)
{
	now_ns += by_ns;
	if (wall_ns)
		wall_ns += by_ns;
}

void clock_set_wall_ns(uint64_t to_ns)
{
	wall_ns = to_ns;
}

void arch_block(uint64_t deadline_ns)
{
	if (loop_attention)
		return;
	clock_blocks++;
	clock_block_deadline_ns = deadline_ns;
	if (clock_on_block) {
		clock_on_block(deadline_ns);
		return;
	}
	if (deadline_ns == DEADLINE_NEVER) {
		fputs("nothing can wake this loop\n", stderr);
		abort();
	}
	if (deadline_ns > now_ns)
		clock_advance_ns(deadline_ns - now_ns);
}
