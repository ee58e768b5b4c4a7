/* SPDX-License-Identifier: ISC */
/* Interrupts: each belongs to one poller, and only marks it. */
#ifndef DRIVERS_IRQ_IRQ_H
#define DRIVERS_IRQ_IRQ_H

#include "kernel/util.h"

struct poller;

/* Marks p when interrupt line, in the controller's numbering (on x86 a global system interrupt), rises or is
 * found high. The poller acknowledges the device before it looks for work. 0, -ENOSPC: too many are attached,
 * -EINVAL: there is no such line. */
int irq_attach_line(unsigned line, struct poller *p);
/* Allocates the next message of a PCI function: data to write to address in order to mark p. 0, -ENOSPC,
 * -ENODEV: there are no messages. */
struct irq_message {
	uint64_t address;
	uint32_t data;
};
int irq_attach_message(uint32_t function, struct poller *p, struct irq_message *message);

#endif
