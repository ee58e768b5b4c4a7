/* SPDX-License-Identifier: ISC */
/* Exceptions and the way into interrupts. */
#ifndef ARCH_AARCH64_TRAP_H
#define ARCH_AARCH64_TRAP_H

#include "kernel/util.h"

/* What trap_entry.S leaves on the fault stack. */
struct trap_frame {
	uint64_t x[31], sp, pc, pstate, syndrome, address;
	uint64_t vector; /* 0 to 7: of two places that it may come from, one of synchronous, IRQ, FIQ, SError */
	uint64_t reserved;
};

/* The exception that is being reported, NULL when none is. */
extern const struct trap_frame *trap_current;

#endif
