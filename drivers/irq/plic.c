/* SPDX-License-Identifier: ISC */
/* RISC-V's platform-level interrupt controller (RISC-V PLIC Specification 1.0.0). An interrupt that has been
 * claimed marks its pollers, and does not come again before it is completed: in irq_rearm. */
#include "arch/arch.h"
#include "drivers/irq/lines.h"
#include "drivers/irq/plic.h"
#include "drivers/irq/tree.h"
#include "kernel/panic.h"

#include <errno.h>

enum {
	PRIORITY = 0x000000, /* four bytes of each interrupt */
	ENABLE = 0x002000, ENABLE_BYTES = 0x80, /* of each context: a bit of each interrupt */
	CONTEXT = 0x200000, CONTEXT_BYTES = 0x1000, THRESHOLD = 0, CLAIM = 4,
};
#define CONTEXTS_MAX 15872
#define SOURCES_MAX 1023
#define EXTERNAL 9 /* at the CPU's own controller: what comes from this one in supervisor mode */

static volatile uint8_t *base;
static uint32_t context; /* this CPU in supervisor mode, as the controller counts */
static unsigned sources; /* the last interrupt's number */
static struct fdt_node controller;

static volatile uint32_t *reg(uint32_t offset)
{
	return (volatile uint32_t *)(base + offset);
}

static volatile uint32_t *context_reg(uint32_t offset)
{
	return reg(CONTEXT + context * CONTEXT_BYTES + offset);
}

/* Contexts are counted as the node's interrupts are: each goes to the controller inside some CPU. */
static bool find_context(const struct fdt *tree, const struct fdt_node *n)
{
	struct fdt_interrupt to;
	uint64_t hart;

	for (uint32_t i = 0; i < CONTEXTS_MAX; i++) {
		int error = fdt_interrupt(tree, n, i, &to);

		if (error == -ENOENT)
			return false;
		if (error || to.cells[0] != EXTERNAL || to.controller.depth < 2)
			continue;
		to.controller.depth--;
		if (fdt_number(tree, &to.controller, "reg", &hart) && hart == machine_hart) {
			context = i;
			return true;
		}
	}
	return false;
}

static bool take_over(const struct fdt *tree, const struct fdt_node *n)
{
	struct fdt_range at;
	uint64_t count;

	if (fdt_reg(tree, n, 0, &at) || at.start % 4 || !fdt_number(tree, n, "riscv,ndev", &count) ||
	    count > SOURCES_MAX || !find_context(tree, n) || at.bytes < CONTEXT + (context + 1) * CONTEXT_BYTES)
		return false;
	base = arch_map_device(at.start, at.bytes);
	if (!base)
		return false;
	sources = (unsigned)count;
	for (unsigned i = 0; i <= sources / 32; i++)
		*reg(ENABLE + context * ENABLE_BYTES + i * 4) = 0;
	*context_reg(THRESHOLD) = 0;
	return true;
}

void irq_init(const struct fdt *tree)
{
	static const char kinds[][20] = { "riscv,plic0", "sifive,plic-1.0.0" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct fdt_node n = FDT_BEGIN;

		if (fdt_next_with(tree, &n, "compatible", kinds[i]) && take_over(tree, &n)) {
			controller = n;
			return;
		}
	}
	panic("the device tree has no interrupt controller (PLIC) that works");
}

/* Called by trap_entry.S, with floating point off. */
void interrupt_dispatch(void)
{
	lines_mark(*context_reg(CLAIM));
}

static void complete(unsigned id)
{
	*context_reg(CLAIM) = id;
}

void irq_rearm(void)
{
	lines_rearm(complete);
}

/* One cell: the number. Zero is none. */
int irq_line(const struct fdt_interrupt *i)
{
	if (!fdt_same(&i->controller, &controller) || i->count < 1 || !i->cells[0] || i->cells[0] > sources)
		return -EINVAL;
	return (int)i->cells[0];
}

int irq_attach_line(unsigned line, struct poller *p)
{
	int error = line && line <= sources ? lines_add(line, p) : -EINVAL;

	if (error)
		return error;
	*reg(PRIORITY + line * 4) = 1;
	*reg(ENABLE + context * ENABLE_BYTES + line / 32 * 4) |= UINT32_C(1) << line % 32;
	return 0;
}

int irq_attach_wake(unsigned line)
{
	return irq_attach_line(line, NULL);
}

int irq_attach_message(uint32_t function, struct poller *p, struct irq_message *message)
{
	(void)function, (void)p, (void)message;
	return -ENODEV;
}
