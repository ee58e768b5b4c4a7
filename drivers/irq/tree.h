/* SPDX-License-Identifier: ISC */
/* Functions of interrupt controllers that a device tree describes, beside drivers/irq/irq.h.
 *
 * An interrupt that has come stays active, and does not come again, until all pollers have run: so levels and
 * edges are handled alike, and a line that is stuck leaves the CPU time for everything else. */
#ifndef DRIVERS_IRQ_TREE_H
#define DRIVERS_IRQ_TREE_H

#include "drivers/fdt/fdt.h"
#include "drivers/irq/irq.h"

/* Takes over the controller that the tree describes, or panics; interrupts stay off at the CPU. Borrows
 * tree. */
void irq_init(const struct fdt *tree);
/* Converts an interrupt to a line for irq_attach_line; -EINVAL: it is another controller's, or invalid. */
int irq_line(const struct fdt_interrupt *interrupt);
/* The same for interrupt i of node n; -ENOENT and -ERANGE as fdt_interrupt. */
static inline int irq_line_of(const struct fdt *tree, const struct fdt_node *n, uint32_t i)
{
	struct fdt_interrupt interrupt;
	int error = fdt_interrupt(tree, n, i, &interrupt);

	return error ? error : irq_line(&interrupt);
}
/* Attaches a line that only wakes the CPU: the timer's. As irq_attach_line. */
static inline int irq_attach_wake(unsigned line)
{
	return irq_attach_line(line, NULL);
}
/* Called by the CPU's interrupt entry, with the general registers saved and no others. */
void interrupt_dispatch(void);
/* Re-enables interrupts that have come. Called with interrupts off, before waiting: mostly when no poller is
 * left marked; if one is, its level interrupts once more. */
void irq_rearm(void);

#endif
