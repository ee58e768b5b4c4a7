/* SPDX-License-Identifier: ISC */
/* The pollers of each interrupt, for the drivers of controllers that a device tree describes. An interrupt
 * that has come is active until lines_rearm, see drivers/irq/tree.h. */
#ifndef DRIVERS_IRQ_LINES_H
#define DRIVERS_IRQ_LINES_H

#include "kernel/loop.h"

/* Adds poller p, borrowed for good, to interrupt id, which may have several; NULL: it only wakes the CPU. 0,
 * -ENOSPC. */
int lines_add(unsigned id, struct poller *p);
/* Marks the pollers of interrupt id, which has come. Called with the general registers saved, and no
 * others. */
void lines_mark(unsigned id);
/* Calls deactivate(id) for each line whose interrupt has come since the last call. Interrupts are off. */
void lines_rearm(void (*deactivate)(unsigned id));

#endif
