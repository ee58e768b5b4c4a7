/* SPDX-License-Identifier: ISC */
/* ARM's generic timer (ARM ARM D12) as counter: the virtual one, which hypervisors leave to their guests. Its
 * rate is in the tree, or in a register that firmware has set. */
#include "drivers/clock/alarm.h"
#include "drivers/clock/counter.h"
#include "drivers/irq/tree.h"
#include "kernel/dev/clock.h"
#include "kernel/panic.h"
#include CONFIG_CPU_HEADER

#define VIRTUAL 2 /* index of its interrupt in the tree: secure, not secure, virtual, hypervisor's */

void alarm_init(const struct fdt *tree)
{
	struct fdt_node n;
	uint64_t hz;
	int line;

	if (!fdt_find(tree, &n, "arm,armv8-timer"))
		fdt_find(tree, &n, "arm,armv7-timer");
	line = irq_line_of(tree, &n, VIRTUAL);
	hz = fdt_number(tree, &n, "clock-frequency", 0);
	if (!hz)
		hz = cpu_timer_hz();
	if (line < 0 || hz < 1000 || hz > NS_PER_S)
		panic("the device tree has no %s that works", "timer (arm,armv8-timer, arm,armv7-timer)");
	counter_set_rate(hz);
	cpu_timer_set(UINT64_MAX);
	irq_attach_wake((unsigned)line);
}
