/* SPDX-License-Identifier: ISC */
/* Interrupts by a GICv2 whose registers are memory. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "arch/arch.h"
#include "drivers/irq/tree.h"
#include "kernel/loop.h"
#include "tests/lib/tree.h"

enum { DISTRIBUTOR = 0x8000000, INTERFACE = 0x8010000, NONE = 1023, EDGE = 0x10000 };
enum { CONTROL = 0, ENABLE = 0x100, PRIORITY = 0x400, TARGETS = 0x800, CONFIGURATION = 0xc00 };
enum { MASK = 0x04, ACKNOWLEDGE = 0x0c, END = 0x10, DEACTIVATE = 0x1000 };
#define NODE "gic: gic { compatible = \"arm,cortex-a15-gic\"; interrupt-controller; #interrupt-cells = <3>; "
#define REGS "reg = <0x8000000 0x10000>, <0x8010000 0x10000>; "

static uint8_t distributor[0x1000] __attribute__((aligned(8))), interface[0x2000] __attribute__((aligned(8)));
static struct blob blob;
static struct fdt tree;
static struct poller pollers[2];

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	if (start == DISTRIBUTOR && bytes <= sizeof(distributor))
		return distributor;
	return start == INTERFACE && bytes <= sizeof(interface) ? interface : NULL;
}

static uint32_t *at(uint8_t *registers, uint32_t offset)
{
	return (uint32_t *)(registers + offset);
}

static void nothing(struct poller *p)
{
	(void)p;
}

static void open(const char *source)
{
	blob = blob_compile(source);
	tree = tree_open(&blob);
}

static void begin(void)
{
	test_begin();
	memset(distributor, 0, sizeof(distributor));
	memset(interface, 0, sizeof(interface));
	distributor[TARGETS] = 0x01;
	*at(interface, ACKNOWLEDGE) = NONE;
	for (unsigned i = 0; i < ARRAY_SIZE(pollers); i++)
		poller_add(&pollers[i], nothing);
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(gic, .init = begin, .fini = end, .timeout = 20);

static void start(void)
{
	open("/ { #address-cells = <1>; #size-cells = <1>; interrupt-parent = <&gic>; " NODE REGS "};"
	     "other: other { interrupt-controller; #interrupt-cells = <3>; };"
	     "device { interrupts = <0 16 1>, <0 17 4>, <1 11 4>, <0 988 1>, <1 16 1>, <2 1 1>;"
	     "interrupts-extended = <&gic 0 16 1>, <&gic 0 17 4>, <&gic 1 11 4>, <&gic 0 988 1>, <&gic 1 16 1>,"
	     "<&gic 2 1 1>, <&other 0 1 1>; }; };");
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
	*at(interface, ACKNOWLEDGE) = id;
	interrupt_dispatch();
	*at(interface, ACKNOWLEDGE) = NONE;
}

Test(gic, is_on_and_lets_nothing_through_at_first)
{
	start();
	cr_assert_eq(*at(distributor, CONTROL), 1);
	cr_assert_eq(*at(interface, CONTROL), 1 | 1 << 9, "ending does not deactivate");
	cr_assert_eq(*at(interface, MASK), 0xff);
	for (uint32_t i = 0; i < 32; i++)
		cr_assert_eq(*at(distributor, ENABLE + 4 * i), 0);
}

Test(gic, knows_its_interrupts_by_the_cells_of_the_tree)
{
	start();
	cr_assert_eq(line(0), 48 | EDGE);
	cr_assert_eq(line(1), 49);
	cr_assert_eq(line(2), 27);
	cr_assert_eq(line(3), -EINVAL, "1020 and more are none");
	cr_assert_eq(line(4), -EINVAL);
	cr_assert_eq(line(5), -EINVAL);
	cr_assert_eq(line(6), -EINVAL, "another controller's");
	cr_assert_eq(line(7), -ENOENT);
}

Test(gic, line_is_set_up_when_it_is_attached)
{
	start();
	*at(distributor, CONFIGURATION + 12) = 0xffffffff;
	cr_assert_eq(irq_attach_line((unsigned)line(0), &pollers[0]), 0);
	cr_assert_eq(irq_attach_line((unsigned)line(1), &pollers[1]), 0);
	cr_assert_eq(*at(distributor, CONFIGURATION + 12), 0xfffffff7, "the second is a level");
	cr_assert_eq(*at(distributor, ENABLE + 4), 1u << 17, "each is let through by its own bit");
	cr_assert_eq(distributor[TARGETS + 48], 1);
	cr_assert_eq(distributor[TARGETS + 50], 0);
	cr_assert_eq(distributor[PRIORITY + 48], 0xa0);
	cr_assert_eq(irq_attach_line(1020, &pollers[0]), -EINVAL);
}

Test(gic, interrupt_marks_its_pollers_and_stays_active_until_they_have_run)
{
	start();
	irq_attach_line((unsigned)line(0), &pollers[0]);
	irq_attach_line((unsigned)line(0), &pollers[1]); /* shared */
	come(48);
	cr_assert(pollers[0].pending && pollers[1].pending);
	cr_assert_eq(*at(interface, END), 48);
	cr_assert_eq(*at(interface, DEACTIVATE), 0);
	irq_rearm();
	cr_assert_eq(*at(interface, DEACTIVATE), 48);
	*at(interface, DEACTIVATE) = 0;
	irq_rearm();
	cr_assert_eq(*at(interface, DEACTIVATE), 0, "once");
}

Test(gic, interrupt_that_nobody_wants_never_comes_again)
{
	start();
	irq_attach_line((unsigned)line(0), &pollers[0]);
	come(77);
	cr_assert(!pollers[0].pending);
	cr_assert_eq(*at(interface, END), 77);
	irq_rearm();
	cr_assert_eq(*at(interface, DEACTIVATE), 0);
	*at(interface, END) = 0;
	come(NONE);
	cr_assert_eq(*at(interface, END), 0, "there was none");
}

Test(gic, timer_only_wakes)
{
	start();
	cr_assert_eq(irq_attach_wake((unsigned)line(2)), 0);
	come(27);
	cr_assert(!loop_attention);
	irq_rearm();
	cr_assert_eq(*at(interface, DEACTIVATE), 27);
}

Test(gic, has_so_many_lines)
{
	unsigned count = 0;

	start();
	while (irq_attach_line(40 + count, &pollers[0]) == 0)
		count++;
	cr_assert_eq(count, 48u);
	cr_assert_eq(irq_attach_line(40, &pollers[0]), -ENOSPC);
}

static void refused(const char *source)
{
	open(source);
	irq_init(&tree);
}

Test(gic, without_two_windows_is_none, .signal = SIGABRT)
{
	refused("/ { #address-cells = <1>; #size-cells = <1>; " NODE "reg = <0x8000000 0x10000>; }; };");
}

Test(gic, that_cannot_deactivate_is_none, .signal = SIGABRT)
{
	refused("/ { #address-cells = <1>; #size-cells = <1>; " NODE
	        "reg = <0x8000000 0x10000>, <0x8010000 0x1000>; }; };");
}

Test(gic, must_be_there, .signal = SIGABRT)
{
	refused("/ { };");
}
