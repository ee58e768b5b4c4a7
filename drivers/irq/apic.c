/* SPDX-License-Identifier: ISC */
/* Local APIC, I/O APIC (Intel SDM volume 3 chapter 11; 82093AA) and message signalled interrupts. An
 * interrupt marks the poller of its vector and sends the EOI, no more. Lines are edge triggered: a driver
 * acknowledges its device from the poller before it looks for work. */
#include "drivers/irq/apic.h"
#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "kernel/loop.h"
#include "kernel/panic.h"

#include <errno.h>

#define LAPIC UINT64_C(0xfee00000)
#define LAPIC_ID (0x20 / 4)
#define LAPIC_TASK_PRIORITY (0x80 / 4)
#define LAPIC_EOI (0xb0 / 4)
#define LAPIC_SPURIOUS (0xf0 / 4)
#define LAPIC_LVT_TIMER (0x320 / 4)
#define LAPIC_LVT_LINT0 (0x350 / 4)
#define LAPIC_TIMER_INITIAL (0x380 / 4)
#define LAPIC_TIMER_CURRENT (0x390 / 4)
#define LAPIC_TIMER_DIVIDE (0x3e0 / 4)
#define LVT_MASKED 0x10000
#define LVT_TSC_DEADLINE 0x40000
#define DIVIDE_BY_1 0xb
#define MSR_APIC_BASE 0x1b
#define MSR_TSC_DEADLINE 0x6e0

#define IOAPIC UINT64_C(0xfec00000)
#define IOAPIC_STEP 0x10000 /* QEMU's microvm has a second one here */
#define IOAPIC_LINES 24
#define IOAPIC_COUNT 2

#define VECTOR_TIMER VECTOR_FIRST /* the pollers' vectors follow */
#define RATE_SHIFT 16

static volatile uint32_t *lapic;
static struct poller *pollers[VECTOR_COUNT];
static unsigned used = 1;
static uint32_t timer_rate = 1u << RATE_SHIFT; /* ticks per nanosecond, fixed point */
static uint64_t tsc_rate;                      /* the same for the time stamp counter; 0: not used */
static volatile uint64_t timer_ns; /* expiry of the running timer; 0 once its interrupt has come */

void irq_init(void)
{
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	lapic = arch_map_device(LAPIC, 4096);
	if (!lapic || (rdmsr(MSR_APIC_BASE) & ~UINT64_C(0x1fff)) != LAPIC)
		panic("no local APIC at 0x%x: this machine is not supported", (unsigned)LAPIC);
	lapic[LAPIC_SPURIOUS] = 0x100 | VECTOR_SPURIOUS;
	lapic[LAPIC_TASK_PRIORITY] = 0;
	lapic[LAPIC_LVT_LINT0] = LVT_MASKED;
	lapic[LAPIC_TIMER_DIVIDE] = DIVIDE_BY_1;
	lapic[LAPIC_LVT_TIMER] = VECTOR_TIMER;
}

/* Called by trap_entry.S, which saves the general registers only. */
CPU_IN_INTERRUPT void interrupt_dispatch(unsigned int vector)
{
	if (vector + VECTOR_FIRST == VECTOR_SPURIOUS)
		return;
	if (vector + VECTOR_FIRST == VECTOR_TIMER)
		timer_ns = 0;
	else if (pollers[vector])
		poller_mark(pollers[vector]);
	lapic[LAPIC_EOI] = 0;
}

static int take_vector(struct poller *p)
{
	if (VECTOR_FIRST + used >= VECTOR_SPURIOUS)
		return -ENOSPC;
	pollers[used] = p;
	return (int)(VECTOR_FIRST + used++);
}

int irq_attach_message(uint32_t function, struct poller *p, struct irq_message *message)
{
	int vector = take_vector(p);

	(void)function;
	if (vector < 0)
		return vector;
	message->address = LAPIC | (lapic[LAPIC_ID] >> 24) << 12;
	message->data = (uint32_t)vector;
	return 0;
}

static void ioapic_write(volatile uint32_t *ioapic, uint32_t index, uint32_t value)
{
	ioapic[0] = index;
	ioapic[4] = value;
}

/* The I/O APIC that has line gsi, NULL when there is none. */
static volatile uint32_t *ioapic_of(unsigned gsi)
{
	volatile uint32_t *ioapic;
	uint32_t version;

	if (gsi >= IOAPIC_LINES * IOAPIC_COUNT)
		return NULL;
	ioapic = arch_map_device(IOAPIC + gsi / IOAPIC_LINES * IOAPIC_STEP, 32);
	if (!ioapic)
		return NULL;
	ioapic[0] = 1;
	version = ioapic[4]; /* version and last line; all zeros or ones where there is no I/O APIC */
	return version && version != UINT32_MAX && (version >> 16 & 0xff) >= gsi % IOAPIC_LINES ? ioapic : NULL;
}

bool irq_has_line(unsigned gsi)
{
	return ioapic_of(gsi);
}

int irq_attach_line(unsigned gsi, struct poller *p)
{
	volatile uint32_t *ioapic = ioapic_of(gsi);
	uint32_t line = gsi % IOAPIC_LINES;
	int vector;

	if (!ioapic)
		return -EINVAL;
	vector = take_vector(p);
	if (vector < 0)
		return vector;
	ioapic_write(ioapic, 0x10 + 2 * line + 1, lapic[LAPIC_ID] & 0xff000000);
	ioapic_write(ioapic, 0x10 + 2 * line, (uint32_t)vector); /* fixed, edge, active high, unmasked */
	return 0;
}

void irq_timer_count(void)
{
	lapic[LAPIC_LVT_TIMER] = VECTOR_TIMER;
	lapic[LAPIC_TIMER_INITIAL] = UINT32_MAX;
}

uint32_t irq_timer_ticks(void)
{
	return UINT32_MAX - lapic[LAPIC_TIMER_CURRENT];
}

void irq_timer_set_rate(uint64_t hz)
{
	timer_rate = (uint32_t)((hz << RATE_SHIFT) / NS_PER_S);
}

void irq_timer_set_tsc_rate(uint64_t hz)
{
	if (!(cpuid(1, 0).ecx & 1 << 24))
		return;
	tsc_rate = (hz << RATE_SHIFT) / NS_PER_S;
	lapic[LAPIC_LVT_TIMER] = LVT_TSC_DEADLINE | VECTOR_TIMER;
	__asm__ volatile("mfence" : : : "memory"); /* SDM §11.5.4.1: before the first deadline */
}

void irq_timer_start(uint64_t now_ns, uint64_t deadline_ns)
{
	uint64_t ns = MIN(deadline_ns - now_ns, (uint64_t)UINT32_MAX), ticks;

	if (timer_ns && timer_ns <= deadline_ns)
		return;
	timer_ns = now_ns + ns;
	if (tsc_rate) {
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + (ns * tsc_rate >> RATE_SHIFT));
		return;
	}
	ticks = ns * timer_rate >> RATE_SHIFT;
	ticks = MIN(ticks, (uint64_t)UINT32_MAX);
	lapic[LAPIC_TIMER_INITIAL] = ticks ? (uint32_t)ticks : 1;
}
