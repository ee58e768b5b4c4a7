/* SPDX-License-Identifier: ISC */
/* The two kinds of ARM's Generic Interrupt Controller that gic.c drives. */
#ifndef DRIVERS_IRQ_GIC_H
#define DRIVERS_IRQ_GIC_H

#include "drivers/fdt/fdt.h"

/* Identifiers: 16 to 31 are the CPU's own (PPI), from 32 on the machine's (SPI); from 1020 on: none. */
enum { GIC_PPI = 16, GIC_SPI = 32, GIC_NONE = 1020 };
#define GIC_PRIORITY 0xa0

struct gic {
	/* Takes over the controller at n: 0, or -ENODEV. */
	int (*init)(const struct fdt *tree, const struct fdt_node *n);
	/* Lets interrupt id through to this CPU, as edges or levels. */
	void (*enable)(unsigned id, bool edge);
	/* The interrupt that has come, which is active now; GIC_NONE or more: there is none. */
	unsigned (*acknowledge)(void);
	/* Others may come while it is active; it may come again. */
	void (*end)(unsigned id);
	void (*deactivate)(unsigned id);
};

extern const struct gic gicv2, gicv3;

/* What both distributors have alike (GICv2 §4.3, GICv3 §12.9): where the bits of id are set or cleared. */
static inline void gic_set_bit(volatile uint8_t *distributor, uint32_t offset, unsigned id)
{
	*(volatile uint32_t *)(distributor + offset + id / 32 * 4) = UINT32_C(1) << id % 32;
}

/* Priority and edge or level of an interrupt that is not enabled. */
void gic_configure(volatile uint8_t *distributor, unsigned id, bool edge);

#endif
