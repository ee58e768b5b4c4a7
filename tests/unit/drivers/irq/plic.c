/* SPDX-License-Identifier: ISC */
/* Interrupts by a PLIC whose registers are memory. The archive of drivers has ARM's controller. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "drivers/irq/plic.c"
#include "tests/lib/tree.h"

enum { PLIC = 0xc000000, BYTES = 0x247000 };
#define CPUS "cpus { #address-cells = <1>; #size-cells = <0>;" \
	"cpu@0 { reg = <0>; c0: interrupt-controller { interrupt-controller; #interrupt-cells = <1>; }; };" \
	"cpu@1 { reg = <1>; c1: interrupt-controller { interrupt-controller; #interrupt-cells = <1>; }; }; };"
#define NODE "plic: plic { compatible = \"sifive,plic-1.0.0\", \"riscv,plic0\"; interrupt-controller;" \
	"#interrupt-cells = <1>; #address-cells = <0>; "
#define REG "reg = <0xc000000 0x204000>; "
#define HARTS "interrupts-extended = <&c0 11>, <&c0 9>, <&c1 11>, <&c1 9>; "
#define SOURCES "riscv,ndev = <40>; "

uint64_t machine_hart;

static uint8_t registers[BYTES] __attribute__((aligned(8)));
static struct blob blob;
static struct fdt tree;
static struct poller pollers[2];

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	return start == PLIC && bytes <= sizeof(registers) ? registers : NULL;
}

static uint32_t *at(uint32_t offset)
{
	return (uint32_t *)(registers + offset);
}

static void nothing(struct poller *p)
{
	(void)p;
}

static void begin(void)
{
	test_begin();
	memset(registers, 0xff, sizeof(registers));
	machine_hart = 1;
	for (unsigned i = 0; i < ARRAY_SIZE(pollers); i++)
		poller_add(&pollers[i], nothing);
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(plic, .init = begin, .fini = end, .timeout = 20);

static void start(const char *node)
{
	char source[2048];

	snprintf(source, sizeof(source),
	         "/ { #address-cells = <1>; #size-cells = <1>; " CPUS
	         "other: other { interrupt-controller; #interrupt-cells = <1>; }; %s"
	         "device { interrupts-extended = <&plic 10>, <&plic 40>, <&plic 41>, <&plic 0>, <&other 10>; };"
	         "};",
	         node);
	blob = blob_compile(source);
	tree = tree_open(&blob);
	irq_init(&tree);
}

static int line(uint32_t i)
{
	struct fdt_node n;

	cr_assert(fdt_at(&tree, &n, "/device"));
	return irq_line_of(&tree, &n, i);
}

/* Acts as the CPU does on interrupt id. */
static void come(uint32_t id)
{
	*at(0x203004) = id;
	interrupt_dispatch();
	*at(0x203004) = 0;
}

Test(plic, lets_nothing_through_to_this_cpu_at_first)
{
	start(NODE REG HARTS SOURCES "};");
	cr_assert_eq(*at(0x2180), 0, "the fourth context is supervisor mode's of the second CPU");
	cr_assert_eq(*at(0x2184), 0);
	cr_assert_eq(*at(0x2080), UINT32_MAX, "another's is left alone");
	cr_assert_eq(*at(0x203000), 0);
}

Test(plic, has_no_more_mapped_than_it_needs)
{
	start(NODE "reg = <0xc000000 0x40000000>; " HARTS SOURCES "};");
	cr_assert_eq(*at(0x203000), 0);
}

Test(plic, knows_its_interrupts_by_the_cells_of_the_tree)
{
	start(NODE REG HARTS SOURCES "};");
	cr_assert_eq(line(0), 10);
	cr_assert_eq(line(1), 40);
	cr_assert_eq(line(2), -EINVAL, "there are 40");
	cr_assert_eq(line(3), -EINVAL, "none is number 0");
	cr_assert_eq(line(4), -EINVAL, "another controller's");
	cr_assert_eq(line(5), -ENOENT);
}

Test(plic, line_is_set_up_when_it_is_attached)
{
	start(NODE REG HARTS SOURCES "};");
	cr_assert_eq(irq_attach_line(10, &pollers[0]), 0);
	cr_assert_eq(irq_attach_line(40, &pollers[1]), 0);
	cr_assert_eq(*at(40), 1, "its priority");
	cr_assert_eq(*at(0x2180), 1u << 10);
	cr_assert_eq(*at(0x2184), 1u << 8);
	cr_assert_eq(irq_attach_line(0, &pollers[0]), -EINVAL);
	cr_assert_eq(irq_attach_line(41, &pollers[0]), -EINVAL);
}

Test(plic, interrupt_marks_its_pollers_and_is_completed_once_they_have_run)
{
	start(NODE REG HARTS SOURCES "};");
	irq_attach_line(10, &pollers[0]);
	irq_attach_line(10, &pollers[1]); /* shared */
	come(10);
	cr_assert(pollers[0].pending && pollers[1].pending);
	cr_assert_eq(*at(0x203004), 0);
	irq_rearm();
	cr_assert_eq(*at(0x203004), 10);
	*at(0x203004) = 0;
	irq_rearm();
	cr_assert_eq(*at(0x203004), 0, "once");
}

Test(plic, interrupt_that_nobody_wants_is_never_completed)
{
	start(NODE REG HARTS SOURCES "};");
	irq_attach_wake(10);
	come(11);
	come(0);
	irq_rearm();
	cr_assert_eq(*at(0x203004), 0);
	cr_assert(!loop_attention);
}

Test(plic, has_so_many_lines)
{
	start(NODE REG HARTS SOURCES "};");
	for (unsigned i = 0; i < 48; i++)
		cr_assert_eq(irq_attach_line(1 + i % 40, &pollers[0]), 0);
	cr_assert_eq(irq_attach_line(1, &pollers[0]), -ENOSPC);
}

Test(plic, must_be_there, .signal = SIGABRT)
{
	start("plic: plic { interrupt-controller; #interrupt-cells = <1>; };");
}

Test(plic, must_know_this_cpu, .signal = SIGABRT)
{
	machine_hart = 2;
	start(NODE REG HARTS SOURCES "};");
}

Test(plic, is_found_by_one_cpu_of_many)
{
	enum { CPUS_MANY = 80 };
	char source[16384], *to = source;

	to += sprintf(to, "/ { #address-cells = <1>; #size-cells = <1>;"
	                  "cpus { #address-cells = <1>; #size-cells = <0>; ");
	for (int i = 0; i < CPUS_MANY; i++)
		to += sprintf(to, "cpu@%x { reg = <%d>; c%d: interrupt-controller { interrupt-controller;"
		                  "#interrupt-cells = <1>; }; }; ", i, i, i);
	to += sprintf(to, "}; " NODE SOURCES "reg = <0xc000000 0x247000>; interrupts-extended = <&c0 11>");
	for (int i = 1; i < CPUS_MANY; i++)
		to += sprintf(to, ", <&c%d 9>", i);
	sprintf(to, "; }; };");
	machine_hart = 70;
	blob = blob_compile(source);
	tree = tree_open(&blob);
	irq_init(&tree);
	cr_assert_eq(*at(0x2000 + 70 * 0x80), 0);
	cr_assert_eq(*at(0x2000 + 69 * 0x80), UINT32_MAX);
	cr_assert_eq(*at(0x200000 + 70 * 0x1000), 0);
}

Test(plic, must_know_this_cpu_from_the_list, .signal = SIGABRT)
{
	start(NODE REG "interrupts-extended = <&c0 11>, <&c0 9>, <&c1 11>; " SOURCES "};");
}

Test(plic, must_have_registers_for_this_cpu, .signal = SIGABRT)
{
	start(NODE "reg = <0xc000000 0x203000>; " HARTS SOURCES "};");
}

Test(plic, must_say_how_many_it_has, .signal = SIGABRT)
{
	start(NODE REG HARTS "};");
}

Test(plic, cannot_have_too_many, .signal = SIGABRT)
{
	start(NODE REG HARTS "riscv,ndev = <1024>; };");
}
