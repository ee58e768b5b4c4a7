/* SPDX-License-Identifier: ISC */
/* Exceptions and the entry of interrupts. */
#ifndef ARCH_AARCH64_TRAP_H
#define ARCH_AARCH64_TRAP_H

#include "kernel/util.h"

/* The frame that trap_entry.S makes on the fault stack. */
struct trap_frame {
	uint64_t x[31], sp, pc, pstate, syndrome, address;
	uint64_t vector; /* 0 to 7: from SP_EL0 or SP_EL1, each synchronous, IRQ, FIQ, SError */
	uint64_t reserved;
};

/* The exception being reported; NULL: none is. */
extern const struct trap_frame *trap_current;

#endif
