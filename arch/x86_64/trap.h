/* SPDX-License-Identifier: ISC */
/* Exceptions and the entry of interrupts. */
#ifndef ARCH_X86_64_TRAP_H
#define ARCH_X86_64_TRAP_H

#include "kernel/util.h"

/* The frame that trap_entry.S makes on the stack. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

/* Loads the interrupt table and the task state with its stacks; interrupts stay off. To be called first: a
 * fault before it resets the machine without a message. */
void trap_init(void);
/* The exception being reported; NULL: none is. */
extern const struct trap_frame *trap_current;

#endif
