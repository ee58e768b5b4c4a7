/* SPDX-License-Identifier: ISC */
/* Interrupts: each belongs to one poller, and all that it does is to mark it. */
#ifndef DRIVERS_IRQ_IRQ_H
#define DRIVERS_IRQ_IRQ_H

#include "kernel/util.h"

struct poller;

/* Marks p when interrupt line, by the controller's number (on x86 a global system interrupt), rises or is
 * found high. Whoever serves the poller acknowledges the device before it looks for work. 0, -ENOSPC when
 * too many are taken, -EINVAL where there is no such line. */
int irq_attach_line(unsigned line, struct poller *p);
/* What a PCI function's next message must write where to mark p. 0, -ENOSPC, -ENODEV where there are none. */
struct irq_message {
	uint64_t address;
	uint32_t data;
};
int irq_attach_message(uint32_t function, struct poller *p, struct irq_message *message);

#endif
