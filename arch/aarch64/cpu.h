/* SPDX-License-Identifier: ISC */
/* Inline instructions, for arch/aarch64 and ARM's drivers. */
#ifndef ARCH_AARCH64_CPU_H
#define ARCH_AARCH64_CPU_H

#include "kernel/util.h"

/* System registers (ARM ARM D19), also those that assemblers know only by encoding. */
#define CPU_READ(name) \
	({ \
		uint64_t cpu_value; \
		__asm__ volatile("mrs %0, " #name : "=r"(cpu_value) : : "memory"); \
		cpu_value; \
	})
#define CPU_WRITE(name, value) __asm__ volatile("msr " #name ", %0" : : "r"((uint64_t)(value)) : "memory")

/* Writes to system registers take effect before the next instruction. */
static inline void cpu_synchronise(void)
{
	__asm__ volatile("isb" : : : "memory");
}

/* Waits until all earlier accesses have completed, also those to devices. */
static inline void cpu_complete(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}

static inline void cpu_pause(void)
{
	__asm__ volatile("yield");
}

static inline void interrupts_on(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline void interrupts_off(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

/* Waits for an interrupt, even a masked one: so none can slip in between. */
static inline void cpu_wait(void)
{
	__asm__ volatile("dsb sy; wfi" : : : "memory");
}

/* -- page tables: written entries take effect; address leaves the TLB -- */

static inline void cpu_tables_written(void)
{
	__asm__ volatile("dsb ishst; isb" : : : "memory");
}

static inline void cpu_forget_page(uintptr_t address)
{
	__asm__ volatile("dsb ishst; tlbi vaae1, %0; dsb ish; isb" : : "r"(address >> 12) : "memory");
}

/* -- the generic timer (ARM ARM D12), as the virtual one -- */

static inline uint64_t cpu_timer_count(void)
{
	cpu_synchronise(); /* or it may be read ahead of earlier instructions */
	return CPU_READ(cntvct_el0);
}

static inline uint64_t cpu_timer_hz(void)
{
	return CPU_READ(cntfrq_el0);
}

/* Interrupts when the count reaches at; UINT64_MAX: never. That value is not written: under a hypervisor,
 * QEMU before 8.2 takes it for a time that has passed, over and over, and hangs. */
static inline void cpu_timer_set(uint64_t at)
{
	if (at != UINT64_MAX)
		CPU_WRITE(cntv_cval_el0, at);
	CPU_WRITE(cntv_ctl_el0, at != UINT64_MAX);
	cpu_synchronise();
}

/* Stops the timer until it is set again, even if its time has come. */
static inline void cpu_timer_stop(void)
{
	cpu_timer_set(UINT64_MAX);
}

/* -- randomness (ARM ARM D19.2.115) -- */

static inline bool cpu_has_random(void)
{
	return CPU_READ(id_aa64isar0_el1) >> 60;
}

/* false: there is no random number at the moment. */
static inline bool cpu_random(uint64_t *out)
{
	bool ok;

	__asm__ volatile("mrs %0, s3_3_c2_c4_0\n\tcset %w1, ne" : "=r"(*out), "=r"(ok) : : "cc");
	return ok;
}

/* -- calls of the firmware or the hypervisor (SMC Calling Convention 1.2 §2) -- */

enum cpu_conduit { CPU_CONDUIT_NONE, CPU_CONDUIT_HVC, CPU_CONDUIT_SMC };

#define CPU_CALL_SPOILS \
	"x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17"

/* values: the function and its arguments; afterwards its results. */
static inline void cpu_call(enum cpu_conduit conduit, unsigned long values[4])
{
	register uint64_t x0 __asm__("x0") = values[0];
	register uint64_t x1 __asm__("x1") = values[1];
	register uint64_t x2 __asm__("x2") = values[2];
	register uint64_t x3 __asm__("x3") = values[3];

	if (conduit == CPU_CONDUIT_HVC)
		__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory", CPU_CALL_SPOILS);
	else
		__asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory", CPU_CALL_SPOILS);
	values[0] = x0;
	values[1] = x1;
	values[2] = x2;
	values[3] = x3;
}

extern uint64_t machine_boot_ticks; /* the timer's count at the image's first instruction */

#endif
