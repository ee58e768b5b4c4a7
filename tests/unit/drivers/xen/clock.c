/* SPDX-License-Identifier: ISC */
/* Xen's clock with a counter that is made up here. tests/lib has a clock too. */
#define ARCH_X86_64_CPU_H
#define clock_now_ns machine_now_ns
#define clock_wall_ns machine_wall_ns
#define xen_clock_system_ns machine_system_ns

#include <stdint.h>

uint64_t machine_boot_ticks;
static uint64_t counter;

static uint64_t rdtsc(void);

#include "drivers/xen/clock.c"

#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

/* 2 GHz: a tick is half a nanosecond. */
static void begin(void)
{
	struct vcpu_time_info *time;

	fake_begin();
	time = &fake.shared->vcpu_info[0].time;
	time->version = 2;
	time->tsc_timestamp = 1000000;
	time->system_time = 7000000;
	time->tsc_to_system_mul = UINT32_C(1) << 31;
	time->tsc_shift = 0;
	machine_boot_ticks = 400000;
	counter = 2000000;
	xen_clock_init();
}

static uint64_t rdtsc(void)
{
	return counter;
}

TestSuite(xen_clock, .init = begin, .timeout = 60);

Test(xen_clock, counts_from_the_first_instruction)
{
	cr_assert_eq(machine_system_ns(), 7500000);
	cr_assert_eq(machine_now_ns(), 800000);
	counter += 2000;
	cr_assert_eq(machine_now_ns(), 801000);
}

Test(xen_clock, never_goes_back)
{
	counter += 2000;
	cr_assert_eq(machine_now_ns(), 801000);
	counter -= 1000;
	cr_assert_eq(machine_now_ns(), 801000);
	/* The counter is before the page's time stamp: no time has passed, and none is added. */
	fake.shared->vcpu_info[0].time.tsc_timestamp = counter + 50;
	cr_assert_eq(machine_system_ns(), 7000000);
}

Test(xen_clock, scales_in_both_directions_and_over_64_bits)
{
	struct vcpu_time_info *time = &fake.shared->vcpu_info[0].time;

	time->tsc_shift = -3;
	time->tsc_to_system_mul = UINT32_C(1) << 31;
	counter = time->tsc_timestamp + 1600;
	cr_assert_eq(machine_system_ns(), 7000000 + 100);
	time->tsc_shift = 2;
	counter = time->tsc_timestamp + (UINT64_C(1) << 50);
	cr_assert_eq(machine_system_ns(), 7000000 + (UINT64_C(1) << 51));
}

Test(xen_clock, wall)
{
	uint64_t since = machine_system_ns();

	cr_assert_eq(machine_wall_ns(), 0, "a wall clock that Xen does not know");
	fake.shared->wc_sec = 5;
	fake.shared->wc_sec_hi = 1;
	fake.shared->wc_nsec = 10;
	cr_assert_eq(machine_wall_ns(), ((UINT64_C(1) << 32) + 5) * NS_PER_S + 10 + since);
}

Test(xen_clock, a_deadline_is_one_of_xens)
{
	cr_assert_eq(xen_clock_deadline(2000000), 2000000 + 6700000);
	cr_assert_eq(xen_clock_deadline(0), 6700000);
	cr_assert_eq(xen_clock_deadline(DEADLINE_NEVER), 0);
	cr_assert(xen_clock_deadline(UINT64_MAX - 1) > UINT64_MAX / 8);
	cr_assert(xen_clock_deadline(UINT64_MAX - 1) < UINT64_MAX / 2, "far away is not long ago");
}

Test(xen_clock, stands_still_while_the_domain_is_saved)
{
	uint64_t now_ns = machine_now_ns(), wall_ns;
	struct vcpu_time_info *time = &fake.shared->vcpu_info[0].time;

	/* Another machine, younger than this clock, and days later. */
	time->system_time = 3000;
	time->tsc_timestamp = counter = 9000000000;
	fake.shared->wc_sec = 1000000;
	xen_clock_resume(now_ns);
	cr_assert_eq(machine_now_ns(), now_ns);
	wall_ns = machine_wall_ns();
	cr_assert_eq(wall_ns, 1000000 * NS_PER_S + 3000);
	counter += 2000;
	cr_assert_eq(machine_now_ns(), now_ns + 1000);
	cr_assert_eq(machine_wall_ns(), wall_ns + 1000);
	cr_assert_eq(xen_clock_deadline(now_ns + 2000), 5000);
}
