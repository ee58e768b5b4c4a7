/* SPDX-License-Identifier: ISC */
/* Who waits for which interrupt of a controller that a device tree describes: what such controllers' drivers
 * share. An interrupt that has come is active until lines_rearm, see drivers/irq/tree.h. */
#ifndef DRIVERS_IRQ_LINES_H
#define DRIVERS_IRQ_LINES_H

#include "kernel/loop.h"

/* Another one for interrupt id, which others may wait for, too. p: borrowed, for good; NULL: it only wakes.
 * 0, -ENOSPC. */
int lines_add(unsigned id, struct poller *p);
/* Interrupt id has come. Called with the general registers saved, and no others. */
void lines_mark(unsigned id);
/* Calls deactivate(id) for each line whose interrupt has come since the last time. Interrupts are off. */
void lines_rearm(void (*deactivate)(unsigned id));

#endif
