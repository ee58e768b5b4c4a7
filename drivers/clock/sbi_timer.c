/* SPDX-License-Identifier: ISC */
/* RISC-V's time counter as clock, and the alarm that firmware sets for it (SBI 2.0 §6). It counts as long as
 * the machine runs, at a rate that the device tree says. */
#include "drivers/clock/alarm.h"
#include "kernel/dev/clock.h"
#include "kernel/panic.h"
#include CONFIG_CPU_HEADER

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

/* Takes back an interrupt that has come for an earlier time. */
void alarm_set(uint64_t deadline_ns)
{
	uint64_t seconds = deadline_ns / NS_PER_S, ns = deadline_ns % NS_PER_S, at = UINT64_MAX;

	if (seconds <= UINT32_MAX) /* so that no product wraps: 136 years are never, too */
		at = machine_boot_ticks + seconds * hz + (ns * hz + NS_PER_S - 1) / NS_PER_S;
	cpu_call(CPU_SBI_TIME, 0, at, 0);
	cpu_let_through(CPU_TIMER_INTERRUPT);
}

void alarm_init(const struct fdt *tree)
{
	struct fdt_node cpus;

	if (!fdt_at(tree, &cpus, "/cpus") || !fdt_number(tree, &cpus, "timebase-frequency", &hz) || hz < 1000 ||
	    hz > NS_PER_S)
		panic("the device tree has no timer (timebase-frequency) that works");
	if (cpu_call(CPU_SBI_BASE, CPU_SBI_PROBE, CPU_SBI_TIME, 0).value == 0)
		panic("the firmware has no timer (SBI TIME)");
	set_rate();
}
