/* SPDX-License-Identifier: ISC */
/* Inline instructions, for arch/armv7 and ARM's drivers. */
#ifndef ARCH_ARMV7_CPU_H
#define ARCH_ARMV7_CPU_H

#include "kernel/util.h"

/* Writes to system registers take effect before the next instruction. */
static inline void cpu_synchronise(void)
{
	__asm__ volatile("isb" : : : "memory");
}

static inline void cpu_pause(void)
{
	__asm__ volatile("yield");
}

static inline void interrupts_on(void)
{
	__asm__ volatile("cpsie i" : : : "memory");
}

static inline void interrupts_off(void)
{
	__asm__ volatile("cpsid i" : : : "memory");
}

/* Waits for an interrupt, even a masked one: so none can slip in between. */
static inline void cpu_wait(void)
{
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
}

/* -- page tables: written entries take effect; address leaves the TLB -- */

static inline void cpu_tables_written(void)
{
	__asm__ volatile("dsb ishst\n\tisb" : : : "memory");
}

static inline void cpu_forget_page(uintptr_t address)
{
	/* TLBIMVAA (ARM ARM B4.2.2) */
	__asm__ volatile("dsb ishst\n\tmcr p15, 0, %0, c8, c7, 3\n\tdsb ish\n\tisb" : : "r"(address) : "memory");
}

/* -- the generic timer (ARM ARM B8), as the virtual one -- */

static inline uint64_t cpu_timer_count(void)
{
	uint64_t count;

	/* Without isb it may be read ahead of earlier instructions. */
	__asm__ volatile("isb\n\tmrrc p15, 1, %Q0, %R0, c14" : "=r"(count) : : "memory");
	return count;
}

static inline uint64_t cpu_timer_hz(void)
{
	uint32_t hz;

	__asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(hz));
	return hz;
}

/* Interrupts when the count reaches at; UINT64_MAX: never. That value is not written: under a hypervisor,
 * QEMU before 8.2 takes it for a time that has passed, over and over, and hangs. */
static inline void cpu_timer_set(uint64_t at)
{
	if (at != UINT64_MAX)
		__asm__ volatile("mcrr p15, 3, %Q0, %R0, c14" : : "r"(at) : "memory");
	__asm__ volatile("mcr p15, 0, %0, c14, c3, 1\n\tisb" : : "r"(at != UINT64_MAX) : "memory");
}

/* Stops the timer until it is set again, even if its time has come. */
static inline void cpu_timer_stop(void)
{
	cpu_timer_set(UINT64_MAX);
}

/* -- randomness: there is no such instruction -- */

static inline bool cpu_has_random(void)
{
	return false;
}

static inline bool cpu_random(uint64_t *out)
{
	(void)out;
	return false;
}

/* -- calls of the firmware or the hypervisor (SMC Calling Convention 1.2 §2) -- */

enum cpu_conduit { CPU_CONDUIT_NONE, CPU_CONDUIT_HVC, CPU_CONDUIT_SMC };

/* values: the function and its arguments; afterwards its results. */
static inline void cpu_call(enum cpu_conduit conduit, unsigned long values[4])
{
	register unsigned long r0 __asm__("r0") = values[0];
	register unsigned long r1 __asm__("r1") = values[1];
	register unsigned long r2 __asm__("r2") = values[2];
	register unsigned long r3 __asm__("r3") = values[3];

	if (conduit == CPU_CONDUIT_HVC)
		__asm__ volatile("hvc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");
	else
		__asm__ volatile("smc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");
	values[0] = r0;
	values[1] = r1;
	values[2] = r2;
	values[3] = r3;
}

extern uint64_t machine_boot_ticks; /* the timer's count at the image's first instruction */

#endif
