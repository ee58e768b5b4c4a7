/* SPDX-License-Identifier: ISC */
/* What interrupt controllers that a device tree describes can do besides drivers/irq/irq.h.
 *
 * An interrupt that has come stays active, and does not come again, until all pollers have run: so whether a
 * line is high or has risen makes no difference, and none that is stuck keeps the CPU from anything else. */
#ifndef DRIVERS_IRQ_TREE_H
#define DRIVERS_IRQ_TREE_H

#include "drivers/fdt/fdt.h"
#include "drivers/irq/irq.h"

/* Takes over the controller that the tree describes, or panics; interrupts stay off at the CPU. Borrows
 * tree. */
void irq_init(const struct fdt *tree);
/* An interrupt as irq_attach_line takes it; -EINVAL when it is another controller's, or makes no sense. */
int irq_line(const struct fdt_interrupt *interrupt);
/* The same of interrupt i of node n; -ENOENT and -ERANGE as fdt_interrupt. */
static inline int irq_line_of(const struct fdt *tree, const struct fdt_node *n, uint32_t i)
{
	struct fdt_interrupt interrupt;
	int error = fdt_interrupt(tree, n, i, &interrupt);

	return error ? error : irq_line(&interrupt);
}
/* The line that only wakes the CPU: the timer's. As irq_attach_line. */
int irq_attach_wake(unsigned line);
/* Called by the CPU's entry of interrupts, with the general registers saved and no others. */
void interrupt_dispatch(void);
/* Interrupts that have come may come again. Called with interrupts off, before waiting: mostly when no
 * poller is left marked; one that is has its level raised once more. */
void irq_rearm(void);

#endif
