/* SPDX-License-Identifier: ISC */
/* RISC-V's time counter, whose alarm firmware sets (SBI 1.0, timer extension). Its rate is in the device
 * tree. */
#include "drivers/clock/alarm.h"
#include "drivers/clock/counter.h"
#include "kernel/dev/clock.h"
#include "kernel/panic.h"
#include CONFIG_CPU_HEADER

void alarm_init(const struct fdt *tree)
{
	struct fdt_node cpus;
	uint64_t hz;

	fdt_at(tree, &cpus, "/cpus");
	hz = fdt_number(tree, &cpus, "timebase-frequency", 0);
	if (hz < 1000 || hz > NS_PER_S)
		panic("the device tree has no timer (timebase-frequency) that works");
	if (!cpu_call(CPU_SBI_BASE, CPU_SBI_PROBE, CPU_SBI_TIME, 0).value)
		panic("the firmware has no timer (SBI)");
	counter_set_rate(hz);
}
