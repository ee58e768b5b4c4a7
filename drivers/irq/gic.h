/* SPDX-License-Identifier: ISC */
/* The two versions of ARM's Generic Interrupt Controller that gic.c drives. */
#ifndef DRIVERS_IRQ_GIC_H
#define DRIVERS_IRQ_GIC_H

#include "drivers/fdt/fdt.h"

struct irq_message;

/* Identifiers: 16 to 31 are the CPU's own (PPI), from 32 on the machine's (SPI); from 1020 on there are none;
 * from 8192 on those of messages (LPI), which are never active. */
enum { GIC_PPI = 16, GIC_SPI = 32, GIC_NONE = 1020, GIC_LPI = 8192 };
#define GIC_PRIORITY 0xa0

struct gic {
	/* Takes over the controller at n: 0, or -ENODEV. */
	int (*init)(const struct fdt *tree, const struct fdt_node *n);
	/* Enables interrupt id for this CPU, as edge or level triggered. */
	void (*enable)(unsigned id, bool edge);
	/* Gives the interrupt that has come, and makes it active; GIC_NONE or more: there is none. */
	unsigned (*acknowledge)(void);
	/* end: others may come while id is active; deactivate: id may come again. */
	void (*end)(unsigned id);
	void (*deactivate)(unsigned id);
};

extern const struct gic gicv2, gicv3;

/* This CPU's redistributor, and its physical address; once gicv3 is set up. */
volatile uint8_t *gicv3_redistributor(void);
uint64_t gicv3_redistributor_address(void);

/* Finds the translation service below the controller gic, if it has one. Borrows tree. */
void its_find(const struct fdt *tree, const struct fdt_node *gic);
/* Allocates the next message of a PCI function: gives the address and data to write, and the LPI that it
 * becomes, which has no poller yet. -ENODEV: no service takes the function's messages; -ENOSPC: it takes no
 * more. */
int its_message(uint32_t function, struct irq_message *message);

/* Common to both distributors (GICv2 §4.3, GICv3 §12.9): sets the bit of id in the set or clear registers at
 * offset. */
static inline void gic_set_bit(volatile uint8_t *distributor, uint32_t offset, unsigned id)
{
	*(volatile uint32_t *)(distributor + offset + id / 32 * 4) = UINT32_C(1) << id % 32;
}

/* Sets priority and trigger of an interrupt that is not enabled. */
void gic_configure(volatile uint8_t *distributor, unsigned id, bool edge);

#endif
