/* SPDX-License-Identifier: ISC */
/* The CPU's context in a signal handler: the names of its registers in the host's order, and their values.
 * For arch/unix/host_signal.c; a new CPU has a part here. */
#ifndef ARCH_UNIX_HOST_CONTEXT_H
#define ARCH_UNIX_HOST_CONTEXT_H

#include <ucontext.h>

#include "arch/unix/host.h"

#if defined(__x86_64__)
static const char context_names[][4] = {
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	"rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp",
};

static inline void context_read(const mcontext_t *cpu, struct host_fault *f)
{
	f->pc = cpu->gregs[REG_RIP];
	f->frame = cpu->gregs[REG_RBP];
	f->stack = cpu->gregs[REG_RSP];
	f->registers = (const uintptr_t *)cpu->gregs;
	if (host_is_readable(f->stack))
		f->link = *(const uintptr_t *)f->stack;
}
#elif defined(__aarch64__)
static const char context_names[][4] = {
	"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
	"x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
	"sp",
};

static inline void context_read(const mcontext_t *cpu, struct host_fault *f)
{
	f->pc = cpu->pc;
	f->frame = cpu->regs[29];
	f->stack = cpu->sp;
	f->registers = (const uintptr_t *)cpu->regs;
	f->link = cpu->regs[30];
}
#elif defined(__arm__)
static const char context_names[][4] = {
	"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr", "pc",
};

static inline void context_read(const mcontext_t *cpu, struct host_fault *f)
{
	f->pc = cpu->arm_pc;
	f->frame = cpu->arm_r7;
	f->stack = cpu->arm_sp;
	f->registers = (const uintptr_t *)&cpu->arm_r0;
	f->link = cpu->arm_lr & ~(uintptr_t)1; /* bit 0 marks Thumb code */
}
#elif defined(__riscv)
static const char context_names[][4] = {
	"pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
	"a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

static inline void context_read(const mcontext_t *cpu, struct host_fault *f)
{
	f->pc = cpu->__gregs[0];
	f->frame = cpu->__gregs[8];
	f->stack = cpu->__gregs[2];
	f->registers = (const uintptr_t *)cpu->__gregs;
	f->link = cpu->__gregs[1];
}
#endif

#endif
