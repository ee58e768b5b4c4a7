/* SPDX-License-Identifier: ISC */
/* A guest that finds Xen in its device tree, on a CPU with its own clock. */
#define CONFIG_ARM_MACHINE 1
#define CONFIG_XEN_FRONTEND 1

#include "drivers/xen/xen.c"

#include "arch/devicetree/xen.c"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "tests/lib/tree.h"
#include "tests/unit/drivers/xen/fake.h"

enum { LINE = 31 };
#define GIC "interrupt-parent = <&gic>; gic: gic { interrupt-controller; #interrupt-cells = <3>; };"
#define NODE(reg) "/ { " GIC " hypervisor { compatible = \"xen,xen-4.17\", \"xen,xen\"; " reg " }; };"
#define IRQ "interrupts = <1 15 0xf08>;"

static struct blob blob;
static struct fdt tree;
static struct poller *attached;
static unsigned as_memory;

volatile void *arch_map_memory(uint64_t start, uint64_t bytes)
{
	as_memory++;
	return arch_map_device(start, bytes);
}

int irq_line(const struct fdt_interrupt *interrupt)
{
	return interrupt->count == 3 && interrupt->cells[0] == 1 ? 16 + (int)interrupt->cells[1] : -EINVAL;
}

int irq_attach_line(unsigned line, struct poller *p)
{
	cr_assert_eq(line, LINE);
	attached = p;
	return 0;
}

static void begin(const char *source)
{
	fake_begin();
	blob = blob_compile(source);
	tree = tree_open(&blob);
	as_memory = 0;
	xen_tree_init(&tree);
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(xen_arm, .fini = end, .timeout = 60);

static unsigned polled;

static void poll(struct poller *p)
{
	(void)p;
	polled++;
}

Test(xen_arm, an_interrupt_is_a_look_at_all_events)
{
	static struct poller poller;
	uint32_t port;

	begin(NODE("reg = <0 0xfef00000 0xa000>; " IRQ));
	cr_assert_eq(as_memory, 1, "the page is not mapped as memory");
	poller_add(&poller, poll);
	cr_assert_eq(event_offer(0, &poller, &port), 0);
	fake.shared->evtchn_pending[0] |= UINT64_C(1) << port;
	fake.shared->vcpu_info[0].evtchn_pending_sel = 1;
	fake.shared->vcpu_info[0].evtchn_upcall_pending = 1;
	test_settle();
	cr_assert_eq(polled, 0);
	poller_mark(attached);
	test_settle();
	cr_assert_eq(polled, 1);
	cr_assert_eq(fake.shared->vcpu_info[0].evtchn_upcall_pending, 0, "Xen raises no more interrupts");
}

Test(xen_arm, waiting_is_yielding_until_the_event_or_the_deadline)
{
	uint64_t start;
	uint32_t port;

	begin(NODE("reg = <0 0xfef00000 0x1000000>, <0 0x10000000 0x1000>; " IRQ));
	cr_assert_eq(event_offer(0, NULL, &port), 0);
	start = clock_now_ns();
	xen_poll(port, 10 * NS_PER_MS);
	cr_assert_eq(clock_now_ns() - start, 10 * NS_PER_MS);
	fake.yield_raises = port;
	xen_poll(port, 10 * NS_PER_MS);
	cr_assert_eq(clock_now_ns() - start, 11 * NS_PER_MS, "an event does not end it");
	xen_poll(port, 10 * NS_PER_MS);
	cr_assert_eq(clock_now_ns() - start, 11 * NS_PER_MS, "nor does one that is there");
}

#define REFUSED(name, source) \
	Test(xen_arm, name, .signal = SIGABRT) \
	{ \
		begin(source); \
	}
REFUSED(no_xen, "/ { " GIC " hypervisor { compatible = \"xen\"; reg = <0 0xfef00000 0xa000>; " IRQ " }; };")
REFUSED(no_region, NODE(IRQ))
REFUSED(no_interrupt, NODE("reg = <0 0xfef00000 0xa000>;"))
REFUSED(an_interrupt_of_another_kind, NODE("reg = <0 0xfef00000 0xa000>; interrupts = <0 15 4>;"))
REFUSED(a_region_without_room_for_grants, NODE("reg = <0 0xfef00000 0x9fff>; " IRQ))
REFUSED(a_region_that_begins_within_a_page, NODE("reg = <0 0xfef00010 0x100000>; " IRQ))
