/* SPDX-License-Identifier: ISC */
/* Exceptions and the way into interrupts. */
#ifndef ARCH_X86_64_TRAP_H
#define ARCH_X86_64_TRAP_H

#include "kernel/util.h"

/* What trap_entry.S leaves on the stack. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

/* Loads the interrupt table and the task state with its stacks; interrupts stay off. First of all:
 * a fault before that resets the machine without a word. */
void trap_init(void);
/* The exception that is being reported, NULL when none is. */
extern const struct trap_frame *trap_current;

#endif
