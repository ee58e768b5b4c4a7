/* SPDX-License-Identifier: ISC */
/* Exceptions and the entry of interrupts. */
#ifndef ARCH_RISCV64_TRAP_H
#define ARCH_RISCV64_TRAP_H

#include "kernel/util.h"

/* Registers of struct trap_frame by their number. */
enum { TRAP_PC = 0, TRAP_RA = 1, TRAP_FP = 8 };

/* The frame that trap_entry.S makes on the fault stack. */
struct trap_frame {
	uint64_t x[32]; /* x[0] is the program counter instead of the zero register */
	uint64_t status, cause, value;
	uint64_t reserved;
};

/* The exception being reported; NULL: none is. */
extern const struct trap_frame *trap_current;

#endif
