/* SPDX-License-Identifier: ISC */
/* A GICv3 whose registers are memory, those of the CPU a table by their names. */
#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "tests/lib/tree.h"

#undef CONFIG_CPU_HEADER
#define CONFIG_CPU_HEADER "tests/unit/drivers/irq/cpu.h"
#include "drivers/irq/gicv3.c"

enum { DISTRIBUTOR = 0x8000000, OWN = 0x80a0000, FURTHER = 0x9000000, CPUS = 3 };
enum { PRIORITY = 0x400, CONFIGURATION = 0xc00 };
#define AFFINITY UINT64_C(0x0300020001) /* 3.0.2.1 */
#define AFFINITY_SHORT 0x03020001       /* as redistributors have it */

static struct {
	char name[24];
	uint64_t value;
} system_registers[16];
static uint8_t memory[DISTRIBUTOR_BYTES] __attribute__((aligned(8)));
static uint8_t redistributors[CPUS][2 * FRAMES] __attribute__((aligned(8)));
static uint64_t stride; /* from one redistributor to the next */
static unsigned maps_most;
static bool has_no_registers; /* of the CPU's, for the controller */
static uint32_t controls[8];  /* values of the distributor's control, one after the other */
static unsigned control_count;
static unsigned busy, busy_looks; /* reads until a change of it is done, and reads left */
static struct blob blob;
static struct fdt tree;

/* Gives the distributor time to notice writes. */
void cpu_pause(void)
{
	volatile uint32_t *control = reg(memory, CONTROL);
	uint32_t now = *control & ~CONTROL_PENDING;

	if (!control_count || controls[control_count - 1] != now) {
		cr_assert_eq(busy_looks, 0, "a change before the last is done");
		cr_assert_lt(control_count, ARRAY_SIZE(controls));
		busy_looks = control_count ? busy : 0;
		controls[control_count++] = now;
	}
	*control = busy_looks && busy_looks-- ? now | CONTROL_PENDING : now;
}

uint64_t *system_register(const char *name)
{
	size_t i = 0;

	while (*system_registers[i].name && strcmp(system_registers[i].name, name))
		cr_assert_lt(++i, ARRAY_SIZE(system_registers));
	strncpy(system_registers[i].name, name, sizeof(system_registers[i].name) - 1);
	if (has_no_registers && !strcmp(name, "s3_0_c12_c12_5"))
		system_registers[i].value = 0;
	return &system_registers[i].value;
}

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	uint64_t base = start >= FURTHER ? FURTHER - (CPUS - 1) * stride : OWN, i = (start - base) / stride;

	if (start == DISTRIBUTOR && bytes == DISTRIBUTOR_BYTES)
		return memory;
	cr_assert(start >= OWN && (start - base) % stride == 0 && i < CPUS && bytes == FRAMES, "%llx",
	          (unsigned long long)start);
	return maps_most-- ? redistributors[i] : NULL;
}

static volatile uint32_t *cpu(unsigned i, uint32_t offset)
{
	return reg(redistributors[i], offset);
}

static void begin(void)
{
	test_begin();
	memset(system_registers, 0, sizeof(system_registers));
	memset(memory, 0, sizeof(memory));
	memset(redistributors, 0, sizeof(redistributors));
	*system_register("mpidr_el1") = AFFINITY | UINT64_C(1) << 31;
	for (unsigned i = 0; i < CPUS; i++)
		*cpu(i, TYPE + 4) = i;
	stride = FRAMES;
	maps_most = CPUS;
	has_no_registers = false;
	control_count = busy = busy_looks = 0;
}

static void end_test(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(gicv3, .init = begin, .fini = end_test, .timeout = 20);

static int start(const char *reg)
{
	char source[256];
	struct fdt_node n;

	format(source, sizeof(source), "/ { #address-cells = <1>; #size-cells = <1>; gic { reg = %s; }; };", reg);
	blob = blob_compile(source);
	tree = tree_open(&blob);
	cr_assert(fdt_at(&tree, &n, "/gic"));
	return gicv3.init(&tree, &n);
}

#define DISTRIBUTOR_REG "<0x8000000 0x10000>"

Test(gicv3, the_redistributor_is_this_cpus)
{
	*cpu(1, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x60000>"), 0);
	cr_assert_eq(gicv3_redistributor_address(), OWN + FRAMES);
	cr_assert_eq(gicv3_redistributor(), redistributors[1]);
}

Test(gicv3, redistributors_with_two_frames_more)
{
	stride = 2 * FRAMES;
	for (unsigned i = 0; i < CPUS; i++)
		*cpu(i, TYPE) = TYPE_VIRTUAL;
	*cpu(2, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0xc0000>"), 0);
	cr_assert_eq(gicv3_redistributor_address(), OWN + 2 * stride);
}

Test(gicv3, a_range_more_of_redistributors)
{
	*cpu(1, TYPE) = TYPE_LAST;
	*cpu(2, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x40000>, <0x9000000 0x20000>"), 0);
	cr_assert_eq(gicv3_redistributor_address(), FURTHER);
}

Test(gicv3, no_redistributor_is_this_cpus)
{
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x60000>"), -ENODEV);
	cr_assert_eq(maps_most, 0, "all were looked at");
}

Test(gicv3, nobody_looks_behind_the_last)
{
	*cpu(0, TYPE) = TYPE_LAST;
	*cpu(1, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x60000>"), -ENODEV);
}

Test(gicv3, nor_behind_the_range)
{
	*cpu(1, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x3ffff>"), -ENODEV);
	blob_free(&blob);
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0>"), -ENODEV);
	blob_free(&blob);
	cr_assert_eq(start(DISTRIBUTOR_REG), -ENODEV);
}

Test(gicv3, one_that_cannot_be_mapped)
{
	maps_most = 1;
	*cpu(1, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x60000>"), -ENODEV);
}

Test(gicv3, a_distributor_that_is_too_small)
{
	*cpu(0, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start("<0x8000000 0xffff>, <0x80a0000 0x60000>"), -ENODEV);
}

Test(gicv3, one_that_does_not_wake)
{
	*cpu(0, TYPE + 4) = AFFINITY_SHORT;
	*cpu(0, WAKER) = WAKER_SLEEP | WAKER_ASLEEP;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x60000>"), -ENODEV);
	cr_assert_eq(*cpu(0, WAKER), WAKER_ASLEEP, "it was told to");
}

Test(gicv3, a_cpu_without_its_registers)
{
	*cpu(0, TYPE + 4) = AFFINITY_SHORT;
	has_no_registers = true;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x60000>"), -ENODEV);
}

static void start_first(void)
{
	*cpu(0, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x60000>"), 0);
}

Test(gicv3, is_on_and_lets_nothing_through_at_first)
{
	start_first();
	cr_assert_eq(*reg(memory, CONTROL), CONTROL_ON);
	cr_assert_eq(READ(ICC_SRE), 1);
	cr_assert_eq(READ(ICC_PMR), 0xff);
	cr_assert_eq(READ(ICC_CTLR), END_MODE, "ending does not deactivate");
	cr_assert_eq(READ(ICC_IGRPEN1), 1);
	for (uint32_t i = 0; i < 32; i++)
		cr_assert_eq(*reg(memory, SET_ENABLE + 4 * i), 0);
	cr_assert_eq(*cpu(0, FRAME + SET_ENABLE), 0);
}

Test(gicv3, a_distributor_that_firmware_has_used_is_off_meanwhile)
{
	static const uint32_t wanted[] = { 3, 0, CONTROL_AFFINITY, CONTROL_ON };

	busy = 5;
	*reg(memory, CONTROL) = 3;
	start_first();
	cr_assert_eq(control_count, ARRAY_SIZE(wanted));
	cr_assert_eq(memcmp(controls, wanted, sizeof(wanted)), 0);
}

Test(gicv3, a_distributor_that_goes_by_affinity_does_so_on)
{
	static const uint32_t wanted[] = { CONTROL_ON, CONTROL_AFFINITY, CONTROL_ON };

	busy = 5;
	*reg(memory, CONTROL) = CONTROL_ON;
	start_first();
	cr_assert_eq(control_count, ARRAY_SIZE(wanted));
	cr_assert_eq(memcmp(controls, wanted, sizeof(wanted)), 0);
}

Test(gicv3, a_distributor_that_is_never_done)
{
	busy = UINT32_MAX;
	*cpu(0, TYPE + 4) = AFFINITY_SHORT;
	cr_assert_eq(start(DISTRIBUTOR_REG ", <0x80a0000 0x60000>"), -ENODEV);
}

Test(gicv3, the_machines_interrupts_are_sent_to_this_cpu)
{
	start_first();
	gicv3.enable(48, true);
	cr_assert_eq(*reg(memory, SET_ENABLE + 4), 1u << 16);
	cr_assert_eq(*reg(memory, GROUP + 4), 1u << 16);
	cr_assert_eq(*reg(memory, CONFIGURATION + 12), 2);
	cr_assert_eq(memory[PRIORITY + 48], GIC_PRIORITY);
	cr_assert_eq(*(uint64_t *)(memory + ROUTER + 48 * 8), AFFINITY);
	cr_assert_eq(*cpu(0, FRAME + SET_ENABLE), 0);
}

Test(gicv3, the_cpus_own_are_its_redistributors)
{
	start_first();
	gicv3.enable(27, false);
	cr_assert_eq(*cpu(0, FRAME + SET_ENABLE), 1u << 27);
	cr_assert_eq(*cpu(0, FRAME + GROUP), 1u << 27);
	cr_assert_eq(redistributors[0][FRAME + PRIORITY + 27], GIC_PRIORITY);
	cr_assert_eq(*reg(memory, SET_ENABLE), 0);
}

Test(gicv3, messages_are_ended_and_never_deactivated)
{
	start_first();
	WRITE(ICC_IAR1, UINT64_C(0xff00002010));
	cr_assert_eq(gicv3.acknowledge(), 0x2010);
	gicv3.end(0x2010);
	cr_assert_eq(READ(ICC_EOIR1), 0x2010);
	gicv3.deactivate(0x2010);
	cr_assert_eq(READ(ICC_DIR), 0);
	gicv3.deactivate(48);
	cr_assert_eq(READ(ICC_DIR), 48);
}
