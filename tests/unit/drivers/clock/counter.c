/* SPDX-License-Identifier: ISC */
/* A CPU's counter as a clock and as an alarm, which must agree for as long as a machine runs. */
/* tests/lib has a clock too. */
#define clock_now_ns machine_now_ns

#include "tests/lib/test.h"

#undef CONFIG_CPU_HEADER
#define CONFIG_CPU_HEADER "tests/unit/drivers/clock/cpu.h"
#include "drivers/clock/counter.c"

uint64_t machine_boot_ticks;

static uint64_t count, alarm_at;

uint64_t cpu_timer_count(void)
{
	return count;
}

void cpu_timer_set(uint64_t at)
{
	alarm_at = at;
}

TestSuite(counter, .init = test_begin, .fini = test_end, .timeout = 20);

/* QEMU's, a Raspberry Pi's, some servers', Apple's, and other possible rates. */
static const uint64_t rates[] = { 62500000, 54000000, 121875000, 24000000, 1000, 1000000000, 999999999 };

static void start(uint64_t rate_hz)
{
	count = machine_boot_ticks = 12345678901;
	counter_set_rate(rate_hz);
}

#define YEAR_S UINT64_C(31556952)

Test(counter, a_second_is_as_many_ticks)
{
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		start(rates[i]);
		cr_assert_eq(machine_now_ns(), 0);
		count += 10 * YEAR_S * rates[i];
		cr_assert_leq(machine_now_ns(), 10 * YEAR_S * NS_PER_S, "%zu", i);
		cr_assert_geq(machine_now_ns(), 10 * YEAR_S * NS_PER_S - 10 * YEAR_S, "%zu: a part in 10^9", i);
	}
}

static void expect_alarm(uint64_t rate_hz, uint64_t after_ns)
{
	uint64_t tick_ns = NS_PER_S / rate_hz, before = count, deadline = machine_now_ns() + after_ns;
	unsigned long long hz_said = rate_hz;

	alarm_set(deadline);
	count = alarm_at;
	cr_assert_geq(machine_now_ns() + after_ns / NS_PER_S + 1, deadline, "%llu Hz: too early", hz_said);
	cr_assert_leq(machine_now_ns(), deadline + 2 * tick_ns + 2, "%llu Hz: too late", hz_said);
	count = before;
}

Test(counter, alarm_comes_when_the_clock_says_so_however_long_the_machine_has_run)
{
	static const uint64_t up_s[] = { 0, 1, 86400, YEAR_S, 10 * YEAR_S };
	static const uint64_t after_ns[] = { 1, 999, 10000, 12345678, NS_PER_S, 61 * NS_PER_S + 1 };

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		for (size_t up = 0; up < ARRAY_SIZE(up_s); up++) {
			start(rates[i]);
			count += up_s[up] * rates[i] + 7;
			for (size_t after = 0; after < ARRAY_SIZE(after_ns); after++)
				expect_alarm(rates[i], after_ns[after]);
		}
}

Test(counter, alarm_of_a_time_that_has_passed_comes_soon)
{
	start(24000000);
	count += 24000000;
	alarm_set(0);
	cr_assert(alarm_at <= count + 1);
	alarm_set(machine_now_ns());
	cr_assert(alarm_at <= count + 1);
}

Test(counter, alarm_of_no_time_never_comes)
{
	start(1000000000);
	alarm_set(DEADLINE_NEVER);
	cr_assert_eq(alarm_at, UINT64_MAX);
	alarm_set(UINT32_MAX * NS_PER_S);
	cr_assert_eq(alarm_at, count + UINT32_MAX * NS_PER_S + 1);
}
