/* SPDX-License-Identifier: ISC */
/* The time of day with a counter that is made up here. tests/lib has a clock too. */
#undef CONFIG_CPU_HEADER
#define CONFIG_CPU_HEADER "tests/lib/test.h"
#define clock_wall_ns machine_wall_ns

#include <stdint.h>

static uint64_t machine_boot_ticks, rate_hz;

static uint64_t cpu_timer_hz(void)
{
	return rate_hz;
}

#include "drivers/xen/wall.c"

#include "tests/lib/clock.h"
#include "tests/unit/drivers/xen/fake.h"

TestSuite(xen_wall, .init = fake_begin, .timeout = 60);

Test(xen_wall, is_what_it_was_when_the_counter_began_and_what_that_has_counted)
{
	uint64_t since = clock_now_ns();

	rate_hz = 62500000;
	machine_boot_ticks = 3 * rate_hz + rate_hz / 4;
	cr_assert_eq(machine_wall_ns(), 0, "a wall clock that Xen does not know");
	fake.shared->wc_sec = 5;
	fake.shared->wc_sec_hi = 1;
	fake.shared->wc_nsec = 10;
	cr_assert_eq(machine_wall_ns(), ((UINT64_C(1) << 32) + 8) * NS_PER_S + 250000010 + since);
}

/* The machine may have been up for long: 100 years of a gigahertz. */
Test(xen_wall, long_ago)
{
	rate_hz = 1000000000;
	machine_boot_ticks = UINT64_C(100) * 366 * 86400 * rate_hz;
	fake.shared->wc_sec = 1;
	cr_assert_eq(machine_wall_ns(), machine_boot_ticks + NS_PER_S + clock_now_ns());
}
