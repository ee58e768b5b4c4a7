/* SPDX-License-Identifier: ISC */
/* A CPU's counter as clock and alarm. It counts as long as the machine runs, at a rate that the CPU's driver
 * knows. */
#include "drivers/clock/counter.h"
#include "drivers/clock/alarm.h"
#include "kernel/dev/clock.h"
#include CONFIG_CPU_HEADER

static uint64_t hz;
static uint32_t mul;
static unsigned shift; /* nanoseconds = (ticks << shift) * mul >> 32 */

void counter_set_rate(uint64_t rate_hz)
{
	uint64_t scaled = rate_hz;

	hz = rate_hz;
	for (shift = 0; scaled <= NS_PER_S; shift++)
		scaled <<= 1;
	mul = (uint32_t)((NS_PER_S << 32) / scaled);
}

OUT_OF_LINE static uint64_t ns_at(uint64_t count)
{
	uint64_t ticks = (count - machine_boot_ticks) << shift;

	return (ticks >> 32) * mul + ((ticks & UINT32_MAX) * mul >> 32);
}

uint64_t clock_now_ns(void)
{
	return ns_at(cpu_timer_count());
}

/* Counts from now on, not from the boot: mul is rounded down, which makes the clock slow, by a millisecond in
 * some weeks, and an absolute count would come as much too early, again and again. */
void alarm_set(uint64_t deadline_ns)
{
	uint64_t count = cpu_timer_count(), now_ns = ns_at(count);
	uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	uint64_t seconds = left_ns / NS_PER_S;

	if (seconds > UINT32_MAX) /* so that no product wraps; 136 years are as good as never */
		cpu_timer_set(UINT64_MAX);
	else
		cpu_timer_set(count + seconds * hz + left_ns % NS_PER_S * hz / NS_PER_S + 1);
}
