/* SPDX-License-Identifier: ISC */
/* RISC-V's platform-level interrupt controller (RISC-V PLIC Specification 1.0.0). A claimed interrupt marks
 * its pollers, and does not come again before it is completed, in irq_rearm. */
#include "arch/arch.h"
#include "drivers/irq/lines.h"
#include "drivers/irq/plic.h"
#include "drivers/irq/tree.h"
#include "kernel/panic.h"

#include <errno.h>

enum {
	PRIORITY = 0x000000, /* four bytes per interrupt */
	ENABLE = 0x002000, ENABLE_BYTES = 0x80, /* per context, a bit per interrupt */
	CONTEXT = 0x200000, CONTEXT_BYTES = 0x1000, THRESHOLD = 0, CLAIM = 4,
};
#define CONTEXTS_MAX 15872
#define SOURCES_MAX 1023
#define EXTERNAL 9 /* this controller's interrupts at the CPU's own, in supervisor mode */

static volatile uint8_t *base;
static uint32_t context; /* the controller's number of this CPU in supervisor mode */
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

/* The phandle of the controller inside this CPU; UINT64_MAX: there is none. */
static uint64_t find_own(const struct fdt *tree)
{
	struct fdt_node cpus, cpu = FDT_BEGIN, inside = FDT_BEGIN;

	if (!fdt_at(tree, &cpus, "/cpus"))
		return UINT64_MAX;
	do {
		if (!fdt_next_child(tree, &cpus, &cpu))
			return UINT64_MAX;
	} while (fdt_number(tree, &cpu, "reg", UINT64_MAX) != machine_hart);
	while (fdt_next_child(tree, &cpu, &inside))
		if (fdt_has(tree, &inside, "interrupt-controller"))
			return fdt_number(tree, &inside, "phandle", UINT64_MAX);
	return UINT64_MAX;
}

/* Contexts are numbered like the entries of interrupts-extended: each is the controller inside some CPU, and
 * one cell (binding riscv,cpu-intc). So no other CPU has to be looked up: there may be many. */
static bool find_context(const struct fdt *tree, const struct fdt_node *n)
{
	struct fdt_value to;
	uint64_t own = find_own(tree);

	if (!fdt_property(tree, n, "interrupts-extended", &to))
		return false;
	for (context = 0; context < CONTEXTS_MAX && context < fdt_cells(&to) / 2; context++)
		if (fdt_cell(&to, 2 * context) == own && fdt_cell(&to, 2 * context + 1) == EXTERNAL)
			return true;
	return false;
}

static bool take_over(const struct fdt *tree, const struct fdt_node *n)
{
	uint64_t count = fdt_number(tree, n, "riscv,ndev", UINT64_MAX);
	struct fdt_range at;
	uint32_t bytes;

	if (fdt_reg(tree, n, 0, &at) || at.start % 4 || count > SOURCES_MAX || !find_context(tree, n))
		return false;
	bytes = CONTEXT + (context + 1) * CONTEXT_BYTES;
	if (at.bytes < bytes)
		return false;
	base = arch_map_device(at.start, bytes);
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
		struct fdt_node n;

		if (fdt_find(tree, &n, kinds[i]) && take_over(tree, &n)) {
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

/* One cell: the number, which is not 0. */
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

int irq_attach_message(uint32_t function, struct poller *p, struct irq_message *message)
{
	(void)function, (void)p, (void)message;
	return -ENODEV;
}
