/* SPDX-License-Identifier: ISC */
/* ARM's generic timer (ARM ARM D12) as clock and as alarm: the virtual one, which hypervisors leave to their
 * guests. It counts as long as the machine runs, at a rate that firmware has written down. */
#include "drivers/clock/alarm.h"
#include "drivers/irq/tree.h"
#include "kernel/dev/clock.h"
#include "kernel/panic.h"
#include CONFIG_CPU_HEADER

#define VIRTUAL 2 /* of the interrupts in the tree: secure, not secure, virtual, hypervisor's */

static uint64_t hz;
static uint32_t mul;
static unsigned shift; /* nanoseconds = (ticks << shift) * mul >> 32 */

static void set_rate(void)
{
	uint64_t scaled = hz;

	for (shift = 0; scaled <= NS_PER_S; shift++)
		scaled <<= 1;
	mul = (uint32_t)((NS_PER_S << 32) / scaled);
}

uint64_t clock_now_ns(void)
{
	uint64_t ticks = (cpu_timer_count() - machine_boot_ticks) << shift;

	return (ticks >> 32) * mul + ((ticks & UINT32_MAX) * mul >> 32);
}

void alarm_set(uint64_t deadline_ns)
{
	uint64_t seconds = deadline_ns / NS_PER_S, ns = deadline_ns % NS_PER_S;

	if (seconds > UINT32_MAX) /* so that no product wraps: 136 years are never, too */
		cpu_timer_set(UINT64_MAX);
	else
		cpu_timer_set(machine_boot_ticks + seconds * hz + (ns * hz + NS_PER_S - 1) / NS_PER_S);
}

void alarm_init(const struct fdt *tree)
{
	struct fdt_node n = FDT_BEGIN;
	uint64_t said = 0;
	int line;

	if (!fdt_next_with(tree, &n, "compatible", "arm,armv8-timer"))
		fdt_next_with(tree, &n, "compatible", "arm,armv7-timer");
	line = n.depth ? irq_line_of(tree, &n, VIRTUAL) : -1;
	if (n.depth)
		fdt_number(tree, &n, "clock-frequency", &said);
	hz = said ? said : cpu_timer_hz();
	if (line < 0 || hz < 1000 || hz > NS_PER_S)
		panic("the device tree has no timer (arm,armv8-timer, arm,armv7-timer) that works");
	set_rate();
	cpu_timer_set(UINT64_MAX);
	irq_attach_wake((unsigned)line);
}
