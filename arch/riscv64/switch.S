/* SPDX-License-Identifier: ISC */
/* Stacks are switched as in a process. */
#include "arch/unix/switch_riscv64.S"
