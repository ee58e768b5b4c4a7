/* SPDX-License-Identifier: ISC */
/* The clock that tests move by hand, and the CPU's idling, which moves it to the next deadline. It
 * starts at one second; the wall clock is not known. Needs nothing of Criterion: fuzz targets and
 * wires use it too. */
#ifndef TESTS_LIB_CLOCK_H
#define TESTS_LIB_CLOCK_H

#include "kernel/dev/clock.h"
#include "kernel/util.h"

void clock_set_ns(uint64_t now_ns); /* never back, but to 0: it does not run yet */
void clock_advance_ns(uint64_t by_ns);
void clock_set_wall_ns(uint64_t wall_ns); /* moves on with the other; 0: the machine does not know */
extern uint64_t clock_reads;              /* calls of clock_now_ns */

/* How often the loop blocked, and the last deadline. A loop that blocks with nothing to wake it is
 * the end of the test: "nothing can wake this loop". */
extern uint64_t clock_blocks, clock_block_deadline_ns;
/* Called instead of moving the clock when the loop blocks; NULL: none. For interrupts. */
extern void (*clock_on_block)(uint64_t deadline_ns);
/* Called whenever the clock is read; NULL: none. For code that busy-waits. */
extern void (*clock_on_read)(void);

#endif
