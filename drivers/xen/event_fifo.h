/* SPDX-License-Identifier: ISC */
/* The bits of event.c's ports when Xen tells of events by queues (XEN_EVENTS_FIFO). */
#ifndef DRIVERS_XEN_EVENT_FIFO_H
#define DRIVERS_XEN_EVENT_FIFO_H

#include "kernel/util.h"

/* Does Xen tell events by queues? Otherwise by two levels of bits. */
extern bool event_fifo_is_used;

/* Sets the queues up, if Xen has them, with all ports masked and no event on any. */
void event_fifo_init(void);
/* Sets, clears or reads a bit of port, EVTCHN_FIFO_…; gives its value before. port is below XEN_EVENTS. */
bool event_fifo_set(uint32_t port, unsigned bit);
bool event_fifo_clear(uint32_t port, unsigned bit);
bool event_fifo_has(uint32_t port, unsigned bit);
/* Calls take for each port that has an event and is not masked. */
void event_fifo_upcall(void (*take)(uint32_t port));

#endif
