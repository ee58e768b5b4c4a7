/* SPDX-License-Identifier: ISC */
/* A PC's two clocks on a fake machine: its instructions replace cpu.h, and each read of a clock lets a little
 * time pass. */
#define ARCH_X86_64_CPU_H
/* tests/lib has a clock too. */
#define clock_now_ns machine_now_ns
#define clock_wall_ns machine_wall_ns

#include <string.h>

#include "drivers/irq/apic.h"
#include "kernel/util.h"
#include "tests/lib/test.h"

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static struct {
	uint64_t tsc, tsc_hz, timer_hz, step; /* step: ticks of the counter per read of any clock */
	uint64_t timer_start;
	bool hypervisor, pit, cmos_stuck;
	uint32_t hypervisor_name, hypervisor_leaves, kvm_features, tsc_khz, timer_khz;
	struct cpuid leaf_15;
	uint64_t pit_start, pit_ticks; /* 0: not counting */
	uint8_t cmos[128], cmos_index;
	unsigned port_reads;
	uint64_t told_timer_hz, told_tsc_hz;
} machine;

uint64_t machine_boot_ticks;

static uint64_t rdtsc(void)
{
	return machine.tsc += machine.step;
}

static struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)subleaf;
	switch (leaf) {
	case 0: return (struct cpuid){ .eax = machine.leaf_15.eax ? 0x15 : 0xd };
	case 1: return (struct cpuid){ .ecx = machine.hypervisor ? 1u << 31 : 0 };
	case 0x15: return machine.leaf_15;
	case 0x40000000: return (struct cpuid){ machine.hypervisor_leaves, machine.hypervisor_name, 0, 0 };
	case 0x40000001: return (struct cpuid){ .eax = machine.kvm_features };
	case 0x40000010: return (struct cpuid){ machine.tsc_khz, machine.timer_khz, 0, 0 };
	}
	return (struct cpuid){ 0 };
}

static void wrmsr(uint32_t msr, uint64_t value);
static uint8_t in8(uint16_t port);

static void out8(uint16_t port, uint8_t value)
{
	switch (port) {
	case 0x42: /* low byte, then high; the count begins */
		machine.pit_ticks = machine.pit_ticks >> 8 | (uint64_t)value << 8;
		machine.pit_start = machine.tsc;
		break;
	case 0x70:
		machine.cmos_index = value;
	}
}

#include "drivers/clock/cmos.c"
#include "drivers/clock/tsc.c"

static void wrmsr(uint32_t msr, uint64_t value)
{
	if (msr == MSR_KVM_CLOCK) {
		struct time_page *p = (void *)(uintptr_t)(value - 1);

		/* 2 GHz, and a machine that is an hour older than its guest */
		*p = (struct time_page){ .version = 2, .tsc = machine.tsc, .system_ns = 3600 * NS_PER_S,
			                 .mul = UINT32_C(1) << 31, .shift = 0 };
	} else {
		struct wall_page *p = (void *)(uintptr_t)value;

		cr_assert_eq(msr, MSR_KVM_WALL);
		*p = (struct wall_page){ 4, 1700000000, 5 };
	}
}

static uint8_t read_cmos(void)
{
	if (machine.cmos_stuck && machine.cmos_index == CMOS_A)
		return 0x80;
	if (machine.cmos_stuck && machine.cmos_index == 0)
		return machine.port_reads % 5;
	return machine.cmos[machine.cmos_index];
}

static uint8_t in8(uint16_t port)
{
	machine.tsc += machine.step;
	cr_assert_lt(machine.port_reads++, 20000000, "no end");
	if (port == 0x71)
		return read_cmos();
	cr_assert_eq(port, 0x61);
	if (!machine.pit)
		return 0xff;
	return (machine.tsc - machine.pit_start) * PIT_HZ / machine.tsc_hz >= machine.pit_ticks ? 0x20 : 0;
}

void irq_timer_count(void)
{
	machine.timer_start = machine.tsc;
}

uint32_t irq_timer_ticks(void)
{
	uint64_t ticks;

	machine.tsc += machine.step;
	ticks = (uint64_t)((unsigned __int128)(machine.tsc - machine.timer_start) * machine.timer_hz /
	                   machine.tsc_hz);
	return (uint32_t)MIN(ticks, (uint64_t)UINT32_MAX);
}

void irq_timer_set_rate(uint64_t hz)
{
	machine.told_timer_hz = hz;
}

void irq_timer_set_tsc_rate(uint64_t hz)
{
	machine.told_tsc_hz = hz;
}

static void begin(void)
{
	test_begin();
	memset(&machine, 0, sizeof(machine));
	machine.tsc = machine_boot_ticks = UINT64_C(123456789012);
	machine.tsc_hz = UINT64_C(2000000000);
	machine.timer_hz = NS_PER_S;
	machine.step = 40;
}

TestSuite(clock, .init = begin, .fini = test_end, .timeout = 60);

static void be_guest_of(const char *name, uint32_t leaves)
{
	machine.hypervisor = true;
	machine.hypervisor_leaves = leaves;
	memcpy(&machine.hypervisor_name, name, 4);
}

static void assert_is_near(uint64_t value, uint64_t to, uint64_t part)
{
	cr_assert(value >= to - to / part && value <= to + to / part, "%llu", (unsigned long long)value);
}

/* The clock and the counter agree to 1 / part. */
static void assert_keeps_time(uint64_t part)
{
	uint64_t ns = machine_now_ns(), passed;

	machine.tsc += 10 * machine.tsc_hz;
	passed = machine_now_ns() - ns;
	assert_is_near(passed, 10 * NS_PER_S, part);
}

/* -- the rate -- */

Test(clock, believes_kvms_page)
{
	be_guest_of("KVMK", 0x40000001);
	machine.kvm_features = 1u << 3;
	machine.tsc += machine.tsc_hz / 100; /* since the first instruction */
	clock_init();
	assert_is_near(machine_now_ns(), NS_PER_S / 100, 1000);
	assert_is_near(machine.told_tsc_hz, machine.tsc_hz, 1000000);
	assert_keeps_time(1000000);
	cr_assert_eq((machine_wall_ns() - machine_now_ns()) / NS_PER_S, 1700000000 + 3600 - 1);
}

Test(clock, believes_a_hypervisors_leaf)
{
	be_guest_of("VMwa", 0x40000010);
	machine.tsc_khz = 2000000;
	machine.timer_khz = 66000;
	clock_init();
	cr_assert_eq(machine.told_tsc_hz, machine.tsc_hz);
	cr_assert_eq(machine.told_timer_hz, 66000000);
	assert_keeps_time(1000000);
}

Test(clock, believes_the_cpus_leaf)
{
	machine.leaf_15 = (struct cpuid){ 2, 166, 24000000, 0 };
	machine.tsc_hz = UINT64_C(1992000000);
	clock_init();
	cr_assert_eq(machine.told_tsc_hz, machine.tsc_hz);
	assert_keeps_time(1000000);
}

Test(clock, measures_by_the_8254_and_the_timer_with_it)
{
	machine.pit = true;
	machine.timer_hz = 25000000;
	clock_init();
	assert_is_near(machine.told_tsc_hz, machine.tsc_hz, 1000);
	assert_is_near(machine.told_timer_hz, machine.timer_hz, 1000);
	assert_keeps_time(1000);
}

Test(clock, measures_by_the_timer_where_there_is_no_8254)
{
	clock_init();
	assert_keeps_time(20);
	clock_refine();
	assert_keeps_time(10000);
}

/* The timer's count is a measure up to its end; the counter's ticks times 10^9 need 65 bits then. */
Test(clock, is_refined_over_four_seconds_of_a_quick_cpu)
{
	uint64_t told;

	be_guest_of("TCGT", 0x40000001);
	machine.tsc_hz = UINT64_C(5200000000);
	clock_init();
	machine.tsc += machine.tsc_hz / 100 * 428;
	told = machine_now_ns();
	clock_refine();
	assert_is_near(machine.told_tsc_hz, machine.tsc_hz, 100000);
	cr_assert_geq(machine_now_ns(), told, "it went back");
	assert_keeps_time(100000);
}

Test(clock, is_measured_again_once_the_timer_has_run_out)
{
	be_guest_of("TCGT", 0x40000001);
	clock_init();
	machine.tsc += machine.tsc_hz * 60;
	clock_refine();
	assert_is_near(machine.told_tsc_hz, machine.tsc_hz, 1000);
}

/* -- the date -- */

static void set_cmos(bool bcd, uint8_t year, uint8_t month, uint8_t day, uint8_t hour, uint8_t minute,
                     uint8_t second)
{
	const uint8_t values[] = { second, 0, minute, 0, hour, 0, 0, day, month, year };

	for (unsigned i = 0; i < sizeof(values); i++)
		machine.cmos[i] = bcd ? (uint8_t)(values[i] / 10 << 4 | values[i] % 10) : values[i];
	machine.cmos[CMOS_B] = bcd ? 2 : 6;
	machine.cmos[CMOS_D] = CMOS_VALID;
}

static uint64_t wall_seconds(void)
{
	machine.leaf_15 = (struct cpuid){ 2, 166, 24000000, 0 };
	machine.tsc_hz = UINT64_C(1992000000);
	clock_init();
	return (machine_wall_ns() + NS_PER_S / 2) / NS_PER_S;
}

Test(clock, reads_the_date_in_bcd)
{
	set_cmos(true, 24, 2, 29, 23, 59, 58);
	cr_assert_eq(wall_seconds(), 1709251198);
}

Test(clock, reads_the_date_in_binary)
{
	set_cmos(false, 0, 3, 1, 0, 0, 0);
	cr_assert_eq(wall_seconds(), 951868800);
}

Test(clock, knows_no_date_that_is_none)
{
	set_cmos(true, 24, 13, 1, 0, 0, 0);
	cr_assert_eq(wall_seconds(), 0);
}

Test(clock, has_no_date_without_a_chip)
{
	memset(machine.cmos, 0xff, sizeof(machine.cmos));
	cr_assert_eq(wall_seconds(), 0);
}

/* A clock that always says that the date is about to change, and one whose seconds never stand still. */
Test(clock, loses_its_patience_with_the_date)
{
	set_cmos(true, 24, 2, 29, 23, 59, 58);
	machine.cmos_stuck = true;
	wall_seconds();
	cr_assert_lt(machine.port_reads, 1000000);
}
