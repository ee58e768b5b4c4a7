/* SPDX-License-Identifier: ISC */
/* The machine: a PVH guest of Xen, without buses or a timer of its own: memory is in the start info, all else
 * comes by hypercalls, shared pages and event channels. */
#include <string.h>

#include "arch/arch.h"
#include "arch/common/image.h"
#include "arch/common/memory.h"
#include "arch/common/start_options.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pvh.h"
#include "arch/x86_64/trap.h"
#include "drivers/ram/ram.h"
#include "drivers/xen/event.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/panic.h"

#include <xen/arch-x86/cpuid.h>
#include <xen/sched.h>

/* Between the local APIC and Xen's own pages at the end of these 2 MiB: never memory, and covered by a page
 * table that is needed anyway. */
#define LENT_PLACE UINT64_C(0xfef00000)
#define LEAVES_FIRST 0x40000000
#define LEAVES_STEP 0x100
#define LEAVES_END 0x40010000
#define CALL_BYTES 32   /* of each entry of the hypercall page */
#define CALL_OPCODE 5   /* offset in an entry, after mov $number, %eax */
#define VMMCALL_LAST 0xd9 /* 0f 01 d9; vmcall is 0f 01 c1 */

extern const char interrupt_guard[];

static bool is_vmmcall;

const struct option machine_options[] = {
	{ NULL, NULL, NULL, NULL },
};

/* The registers of arguments are defined by Xen (public/arch-x86/xen-x86_64.h). */
long xen_call(uint32_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	long result;

	if (is_vmmcall)
		__asm__ volatile("vmmcall" : "=a"(result), "+D"(a), "+S"(b), "+d"(c) : "a"(number) : "memory");
	else
		__asm__ volatile("vmcall" : "=a"(result), "+D"(a), "+S"(b), "+d"(c) : "a"(number) : "memory");
	return result;
}

static bool is_xen(struct cpuid r)
{
	return r.ebx == XEN_CPUID_SIGNATURE_EBX && r.ecx == XEN_CPUID_SIGNATURE_ECX &&
	       r.edx == XEN_CPUID_SIGNATURE_EDX;
}

/* Has Xen write its hypercall page, which is never executed but read for the call instruction of this
 * CPU: so no page becomes executable, and no indirect branch through it needs a mitigation (XSA-466).
 * Writing it also tells Xen that the guest is 64-bit. The interrupt stack, not yet in use, serves as
 * the page. */
static void find_xen(void)
{
	const volatile uint8_t *page = (const volatile uint8_t *)interrupt_guard + PAGE_BYTES;
	uint32_t leaves = LEAVES_FIRST;

	while (leaves < LEAVES_END && !is_xen(cpuid(leaves, 0)))
		leaves += LEAVES_STEP;
	if (leaves == LEAVES_END)
		panic("no Xen here: this is a guest of Xen, of type pvh");
	wrmsr(cpuid(leaves + 2, 0).ebx, (uintptr_t)page);
	is_vmmcall = page[__HYPERVISOR_sched_op * CALL_BYTES + CALL_OPCODE + 2] == VMMCALL_LAST;
}

static void memory_init(void)
{
	const struct ram_range ours[] = {
		{ (uintptr_t)image_start, image_size_bytes, RAM_TAKEN, 0 },
		{ CONFIG_STACK_WINDOW, UINT64_MAX, RAM_TAKEN, 0 },
	};
	struct ram_range ranges[PVH_RANGES_MAX + ARRAY_SIZE(ours)];
	uint32_t count = pvh_map(ranges);

	memory_close_null();
	memcpy(&ranges[count], ours, sizeof(ours));
	pvh_give_memory(ranges, count + ARRAY_SIZE(ours));
}

/* A panic before xen_console_init prints nothing; but page tables for the console's ring need memory, so
 * memory comes first. */
void machine_init(char ***start_words, size_t *count)
{
	trap_init();
	find_xen();
	*count = start_options((const char *)(uintptr_t)pvh_start_info.command_line, start_words);
	memory_init();
	xen_init(LENT_PLACE);
	if (IS_ENABLED(CONFIG_CONSOLE_XEN))
		xen_console_init();
	xen_clock_init();
	xen_set_vector(VECTOR_FIRST);
}

struct promise *machine_end(void)
{
	if (IS_ENABLED(CONFIG_XEN_BALLOON))
		xen_balloon_start();
	if (IS_ENABLED(CONFIG_XEN_FRONTEND))
		xen_hotplug_start();
	return xen_control_start();
}

/* No interrupt comes: they are never switched on. The vector is set for tools that check for one. */
CPU_IN_INTERRUPT void interrupt_dispatch(unsigned int vector)
{
	(void)vector;
}

static void look(void)
{
	if (xen_shared->vcpu_info[0].evtchn_upcall_pending)
		event_upcall();
}

void arch_block(uint64_t deadline_ns)
{
	look();
	if (loop_attention || deadline_ns <= clock_now_ns())
		return;
	event_wait(xen_clock_deadline(deadline_ns));
	look();
}

/* xl treats a failure according to on_crash. */
void arch_poweroff(int status)
{
	char line[40];

	console_write(line, format(line, sizeof(line), "virga: exit status %d\n", status));
	if (IS_ENABLED(CONFIG_CONSOLE_XEN))
		xen_console_drain();
	xen_shutdown(status ? SHUTDOWN_crash : xen_control_reason());
}
