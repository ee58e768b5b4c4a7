/* SPDX-License-Identifier: ISC */
/* Inline instructions, for arch/riscv64 and RISC-V's drivers. */
#ifndef ARCH_RISCV64_CPU_H
#define ARCH_RISCV64_CPU_H

#include "kernel/util.h"

#define CPU_INTERRUPTS 2             /* sstatus (Privileged Architecture, "Supervisor CSRs"): SIE */
#define CPU_TIMER_INTERRUPT (1 << 5) /* sie: STIE */

static inline void cpu_pause(void)
{
	__asm__ volatile(".4byte 0x0100000f"); /* pause; without Zihintpause a fence of nothing */
}

static inline void interrupts_on(void)
{
	__asm__ volatile("csrsi sstatus, %0" : : "i"(CPU_INTERRUPTS) : "memory");
}

static inline void interrupts_off(void)
{
	__asm__ volatile("csrci sstatus, %0" : : "i"(CPU_INTERRUPTS) : "memory");
}

/* Waits for an interrupt, even with interrupts off: so none can slip in between. */
static inline void cpu_wait(void)
{
	__asm__ volatile("fence; wfi" : : : "memory");
}

/* -- page tables: written entries take effect; address leaves the TLB -- */

static inline void cpu_tables_written(void)
{
	__asm__ volatile("sfence.vma" : : : "memory");
}

static inline void cpu_forget_page(uintptr_t address)
{
	__asm__ volatile("sfence.vma %0" : : "r"(address) : "memory");
}

/* -- calls of the firmware (SBI 1.0 §3) -- */

#define CPU_SBI_BASE 0x10
#define CPU_SBI_PROBE 3
#define CPU_SBI_TIME 0x54494d45
#define CPU_SBI_RESET 0x53525354

struct cpu_result {
	long error, value;
};

static inline struct cpu_result cpu_call(uint32_t extension, uint32_t function, uint64_t first,
                                         uint64_t second)
{
	register uint64_t a0 __asm__("a0") = first;
	register uint64_t a1 __asm__("a1") = second;
	register uint64_t a6 __asm__("a6") = function;
	register uint64_t a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
	return (struct cpu_result){ (long)a0, (long)a1 };
}

/* -- the time counter, and its alarm, which firmware sets -- */

static inline uint64_t cpu_timer_count(void)
{
	uint64_t count;

	__asm__ volatile("rdtime %0" : "=r"(count) : : "memory");
	return count;
}

/* Interrupts when the count reaches at; UINT64_MAX: never. Takes a pending timer interrupt for an earlier
 * time back. */
static inline void cpu_timer_set(uint64_t at)
{
	cpu_call(CPU_SBI_TIME, 0, at, 0);
	__asm__ volatile("csrs sie, %0" : : "r"(CPU_TIMER_INTERRUPT) : "memory");
}

/* Stops the timer until it is set again, even if its time has come. */
static inline void cpu_timer_stop(void)
{
	__asm__ volatile("csrc sie, %0" : : "r"(CPU_TIMER_INTERRUPT) : "memory");
}

extern uint64_t machine_boot_ticks; /* the timer's count at the image's first instruction */

#endif
