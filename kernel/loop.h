/* SPDX-License-Identifier: ISC */
/* The run loop: devices, then the ready queue, then due timers, then block the CPU until an interrupt
 * or the next deadline ("select in Unix = block the whole domain in Xen"). One loop per CPU; the
 * image has one CPU and one loop. Everything but poller_mark is called from the loop's CPU only,
 * never from an interrupt. */
#ifndef KERNEL_LOOP_H
#define KERNEL_LOOP_H

#include "kernel/promise.h"

/* A source of outside events, such as a device. Interrupts only mark it; the loop polls it. */
struct poller {
	struct list link;
	volatile bool pending;
	/* Does a bounded amount of work; marks itself again when more is left. */
	void (*poll)(struct poller *p);
};

/* Borrows p until poller_remove, which any poll may call, even p's own. Removing drops a mark. */
void poller_add(struct poller *p, void (*poll)(struct poller *p));
void poller_remove(struct poller *p);
/* May be called from an interrupt (or signal) handler. */
void poller_mark(struct poller *p);

/* Set by poller_mark, cleared by the loop before it polls. arch_block() must look at it with
 * interrupts off and return at once when it is set. */
extern volatile bool loop_attention;

/* Runs until p has settled, or end has: the machine's end (machine_end in arch/arch.h), which counts with
 * CONFIG_MACHINE_END alone. Gives promise_result(p), or 0 at the machine's end. Not from within itself. */
intptr_t loop_run_or_end(const struct promise *p, const struct promise *end);

/* Runs until p has settled (Lwt's run). Gives promise_result(p). */
static inline intptr_t loop_run(const struct promise *p)
{
	return loop_run_or_end(p, p);
}

/* One turn without blocking: true when it did some work. For tests. */
bool loop_turn(void);

#endif
