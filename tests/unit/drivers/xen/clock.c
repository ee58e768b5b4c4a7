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
	/* Behind the page's moment: no time has passed, and none is made of it. */
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

Test(xen_clock, the_timer_is_set_only_for_what_is_sooner)
{
	unsigned calls = fake.calls;

	xen_timer_start(machine_now_ns(), 2000000);
	cr_assert_eq(fake.timer_ns, 2000000 + 6700000);
	xen_timer_start(machine_now_ns(), 3000000);
	cr_assert_eq(fake.calls, calls + 1, "it will wake the CPU before that anyway");
	xen_timer_start(machine_now_ns(), 1000000);
	cr_assert_eq(fake.timer_ns, 1000000 + 6700000);
	counter += 4 * 1000000;
	xen_timer_start(machine_now_ns(), 9000000);
	cr_assert_eq(fake.timer_ns, 9000000 + 6700000, "one that has run out is set again");
	calls = fake.calls;
	fake_raise(timer_port);
	test_settle();
	xen_timer_start(machine_now_ns(), 9000000);
	cr_assert_eq(fake.calls, calls + 1, "one that has run out by Xen's clock is set again");
	counter += 4 * 10000000;
	xen_timer_start(machine_now_ns(), UINT64_MAX - 1);
	cr_assert(fake.timer_ns > UINT64_MAX / 8 && fake.timer_ns < UINT64_MAX / 2, "far away is not long ago");
}

Test(xen_clock, stands_still_while_the_domain_is_saved)
{
	uint64_t now_ns = machine_now_ns(), wall_ns;
	struct vcpu_time_info *time = &fake.shared->vcpu_info[0].time;
	unsigned calls;

	xen_timer_start(now_ns, now_ns + 1000);
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
	calls = fake.calls;
	xen_timer_start(now_ns, now_ns + 2000);
	cr_assert_eq(fake.calls, calls + 1, "a timer that was set in the other domain is waited for");
	cr_assert_eq(fake.timer_ns, 5000);
}
