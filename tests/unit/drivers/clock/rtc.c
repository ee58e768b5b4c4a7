/* SPDX-License-Identifier: ISC */
/* The time on a machine with a fake real-time clock. */
/* tests/lib has a wall clock too. */
#define clock_wall_ns machine_wall_ns

#include <stdio.h>

#include "arch/arch.h"
#include "tests/lib/tree.h"

static struct blob blob;
static struct fdt made;
static uint32_t registers[2];
static unsigned mapped;

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	cr_assert(start == 0x9010000 && bytes <= sizeof(registers));
	mapped++;
	return registers;
}

#include "drivers/clock/rtc.c"

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(rtc, .init = test_begin, .fini = end, .timeout = 20);

static void make(const char *source)
{
	blob = blob_compile(source);
	made = tree_open(&blob);
	rtc_init(&made);
}

Test(rtc, pl031_counts_seconds)
{
	make("/ { rtc { compatible = \"arm,pl031\", \"arm,primecell\"; reg = <0 0x9010000 0x1000>; }; };");
	registers[0] = 0xf0000000; /* 2097: more than 31 bits */
	registers[1] = UINT32_MAX;
	cr_assert_eq(machine_wall_ns(), 0xf0000000 * NS_PER_S);
}

Test(rtc, goldfish_counts_nanoseconds)
{
	make("/ { rtc { compatible = \"google,goldfish-rtc\"; reg = <0 0x9010000 0x1000>; }; };");
	registers[0] = 0x9abcdef0;
	registers[1] = 0x18a12345;
	cr_assert_eq(machine_wall_ns(), 0x18a123459abcdef0);
}

Test(rtc, is_read_once_and_time_goes_on)
{
	make("/ { rtc { compatible = \"arm,pl031\"; reg = <0 0x9010000 0x1000>; }; };");
	clock_advance_ns(5 * NS_PER_S);
	registers[0] = 1800000000;
	cr_assert_eq(machine_wall_ns(), 1800000000 * NS_PER_S);
	registers[0] = 5;
	clock_advance_ns(1234567890);
	cr_assert_eq(machine_wall_ns(), 1800000000 * NS_PER_S + 1234567890);
	cr_assert_eq(mapped, 1);
}

Test(rtc, that_was_never_set_knows_nothing)
{
	make("/ { rtc { compatible = \"arm,pl031\"; reg = <0 0x9010000 0x1000>; }; };");
	registers[0] = 1; /* as long as the machine has run */
	cr_assert_eq(machine_wall_ns(), 0);
	registers[0] = 1800000000;
	clock_advance_ns(NS_PER_S);
	cr_assert_eq(machine_wall_ns(), 0);
}

Test(rtc, is_asked_for_once_where_there_is_none)
{
	make("/ { };");
	cr_assert_eq(machine_wall_ns(), 0);
	cr_assert_eq(machine_wall_ns(), 0);
	cr_assert_eq(mapped, 0);
}

Test(rtc, with_registers_that_make_no_sense_is_none)
{
	static const char *const regs[] = { "", "reg = <0 0x9010000 4>;", "reg = <0 0x9010002 0x1000>;",
		                            "reg = <1>;" };
	char source[200];

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		snprintf(source, sizeof(source), "/ { rtc { compatible = \"arm,pl031\"; %s }; };", regs[i]);
		make(source);
		cr_assert_eq(read_rtc(), 0);
		blob_free(&blob);
	}
	make("/ { };");
	cr_assert_eq(mapped, 0);
}
