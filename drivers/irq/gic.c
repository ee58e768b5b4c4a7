/* SPDX-License-Identifier: ISC */
/* ARM's Generic Interrupt Controller, of the version in the tree (IHI 0048B, IHI 0069). An interrupt marks
 * its pollers and stays active until irq_rearm: end and deactivate are separate (EOImode). One without
 * pollers, which firmware may have left enabled, comes once and stays active. */
#include "drivers/irq/gic.h"
#include "drivers/irq/lines.h"
#include "drivers/irq/tree.h"
#include "kernel/panic.h"

#include <errno.h>

#define EDGE 0x10000 /* flag of a line, besides its identifier */
#define CONFIGURATION 0xc00
#define PRIORITY 0x400

static const struct gic *gic;
static struct fdt_node controller;

void gic_configure(volatile uint8_t *distributor, unsigned id, bool edge)
{
	volatile uint32_t *configuration = (volatile uint32_t *)(distributor + CONFIGURATION + id / 16 * 4);
	uint32_t bit = UINT32_C(2) << id % 16 * 2;

	distributor[PRIORITY + id] = GIC_PRIORITY;
	*configuration = edge ? *configuration | bit : *configuration & ~bit;
}

void irq_init(const struct fdt *tree)
{
	static const struct {
		const char *compatible;
		const struct gic *gic;
	} kinds[] = {
		{ "arm,gic-v3", IS_ENABLED(CONFIG_GICV3) ? &gicv3 : NULL },
		{ "arm,cortex-a15-gic", &gicv2 },
		{ "arm,gic-400", &gicv2 },
		{ "arm,cortex-a7-gic", &gicv2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct fdt_node n;

		if (kinds[i].gic && fdt_find(tree, &n, kinds[i].compatible) &&
		    kinds[i].gic->init(tree, &n) == 0) {
			gic = kinds[i].gic;
			controller = n;
			if (IS_ENABLED(CONFIG_GICV3_ITS))
				its_find(tree, &n);
			return;
		}
	}
	/* The timer's driver has the same format string, so that an image has it once. */
	panic("the device tree has no %s that works",
	      IS_ENABLED(CONFIG_GICV3) ? "interrupt controller (GICv2, GICv3)" : "interrupt controller (GICv2)");
}

/* Called by trap_entry.S, which saves the general registers only: the Makefile allows no others here. */
void interrupt_dispatch(void)
{
	unsigned id = gic->acknowledge();

	if (id >= GIC_NONE && id < GIC_LPI)
		return;
	lines_mark(id);
	gic->end(id);
}

void irq_rearm(void)
{
	lines_rearm(gic->deactivate);
}

/* Cells: 0: SPI, 1: PPI; number; 1 and 2: edges, 4 and 8: levels. */
int irq_line(const struct fdt_interrupt *i)
{
	if (!fdt_same(&i->controller, &controller) || i->count < 3 || i->cells[0] > 1 ||
	    i->cells[1] >= (i->cells[0] ? 16 : GIC_NONE - GIC_SPI))
		return -EINVAL;
	return (int)(i->cells[1] + (i->cells[0] ? GIC_PPI : GIC_SPI)) | (i->cells[2] & 3 ? EDGE : 0);
}

int irq_attach_line(unsigned line, struct poller *p)
{
	unsigned id = line & ~EDGE;
	int error = id < GIC_NONE ? lines_add(id, p) : -EINVAL;

	if (!error)
		gic->enable(id, line & EDGE);
	return error;
}

int irq_attach_message(uint32_t function, struct poller *p, struct irq_message *message)
{
	int id = IS_ENABLED(CONFIG_GICV3_ITS) ? its_message(function, message) : -ENODEV;

	return id < 0 ? id : lines_add((unsigned)id, p);
}
