/* SPDX-License-Identifier: ISC */
/* Exceptions and the entry of interrupts. */
#ifndef ARCH_ARMV7_TRAP_H
#define ARCH_ARMV7_TRAP_H

#include "kernel/util.h"

/* The frame that trap_entry.S makes on the fault stack. */
struct trap_frame {
	uint32_t r[16]; /* r13: sp, r14: lr, r15: pc */
	uint32_t cpsr;
	uint32_t vector;          /* 0 to 7: reset, undefined, call, prefetch, data, hypervisor, IRQ, FIQ */
	uint32_t status, address; /* of a prefetch abort IFSR and IFAR, else DFSR and DFAR */
};

/* The exception being reported; NULL: none is. */
extern const struct trap_frame *trap_current;

#endif
