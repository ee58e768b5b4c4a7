/* SPDX-License-Identifier: ISC */
/* Exceptions and the way into interrupts. */
#ifndef ARCH_RISCV64_TRAP_H
#define ARCH_RISCV64_TRAP_H

#include "kernel/util.h"

/* Registers of struct trap_frame by their number. */
enum { TRAP_PC = 0, TRAP_RA = 1, TRAP_FP = 8 };

/* What trap_entry.S leaves on the fault stack. */
struct trap_frame {
	uint64_t x[32]; /* that of number 0, which is always zero, is the program counter instead */
	uint64_t status, cause, value;
	uint64_t reserved;
};

/* The exception that is being reported, NULL when none is. */
extern const struct trap_frame *trap_current;

#endif
