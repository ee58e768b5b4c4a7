/* SPDX-License-Identifier: ISC */
/* GICv2 (IHI 0048B): a distributor, and this CPU's interface, both in registers. */
#include "drivers/irq/gic.h"

#include <errno.h>

/* The distributor's (§4.3). */
enum { CONTROL = 0x000, SET_ENABLE = 0x100, TARGETS = 0x800, DISTRIBUTOR_BYTES = 0x1000 };
enum {
	INTERFACE_CONTROL = 0x00, PRIORITY_MASK = 0x04, BINARY_POINT = 0x08, ACKNOWLEDGE = 0x0c, END = 0x10,
	DEACTIVATE = 0x1000, INTERFACE_BYTES = 0x1004,
}; /* the interface's (§4.4) */
#define ENABLE 1
#define END_MODE (1 << 9)
#define IDENTIFIER 0x3ff

static volatile uint8_t *distributor, *interface;

static volatile uint32_t *reg(volatile uint8_t *base, uint32_t offset)
{
	return (volatile uint32_t *)(base + offset);
}

static int init(const struct fdt *tree, const struct fdt_node *n)
{
	distributor = fdt_map(tree, n, 0, DISTRIBUTOR_BYTES);
	interface = fdt_map(tree, n, 1, INTERFACE_BYTES);
	if (!distributor || !interface)
		return -ENODEV;
	*reg(distributor, CONTROL) = ENABLE;
	*reg(interface, PRIORITY_MASK) = 0xff;
	*reg(interface, BINARY_POINT) = 0;
	*reg(interface, INTERFACE_CONTROL) = ENABLE | END_MODE;
	return 0;
}

static void enable(unsigned id, bool edge)
{
	gic_configure(distributor, id, edge);
	if (id >= GIC_SPI)
		distributor[TARGETS + id] = distributor[TARGETS]; /* reads as this CPU's bit */
	gic_set_bit(distributor, SET_ENABLE, id);
}

static unsigned acknowledge(void)
{
	return *reg(interface, ACKNOWLEDGE) & IDENTIFIER;
}

static void end(unsigned id)
{
	*reg(interface, END) = id;
}

static void deactivate(unsigned id)
{
	*reg(interface, DEACTIVATE) = id;
}

const struct gic gicv2 = { init, enable, acknowledge, end, deactivate };
