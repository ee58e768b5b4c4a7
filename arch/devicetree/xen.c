/* SPDX-License-Identifier: ISC */
/* A guest of Xen on ARM. In its device tree (Linux's binding arm/xen.txt) the first region of the
 * hypervisor's node is free for pages that Xen lends, and its interrupt announces events. */
#include "arch/devicetree/xen.h"
#include "drivers/fdt/fdt.h"
#include "drivers/irq/tree.h"
#include "drivers/xen/event.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"
#include "kernel/panic.h"

#include <xen/sched.h>

static struct poller events;

/* The interrupt stays active until all pollers have run, those marked here included. */
static void look(struct poller *p)
{
	(void)p;
	event_upcall();
}

void xen_tree_init(const struct fdt *tree)
{
	struct fdt_node n;
	struct fdt_range place;
	int line;

	if (!fdt_find(tree, &n, "xen,xen"))
		panic("no Xen here: this is a guest of Xen");
	line = irq_line_of(tree, &n, 0);
	if (line < 0 || fdt_reg(tree, &n, 0, &place) < 0 || place.start % PAGE_BYTES ||
	    place.bytes < XEN_LENT_PAGES * PAGE_BYTES)
		panic("the device tree's hypervisor (xen,xen) has no room for pages, or no interrupt");
	xen_init(place.start);
	if (IS_ENABLED(CONFIG_CONSOLE_XEN))
		xen_console_init();
	poller_add(&events, look);
	if (irq_attach_line((unsigned)line, &events) < 0)
		panic("the interrupt controller has no line for Xen");
}

struct promise *machine_end(void)
{
	if (IS_ENABLED(CONFIG_XEN_FRONTEND))
		xen_hotplug_start();
	return xen_control_start();
}

void xen_tree_end(int status)
{
	if (IS_ENABLED(CONFIG_CONSOLE_XEN))
		xen_console_drain();
	xen_shutdown(status ? SHUTDOWN_crash : xen_control_reason());
}
