/* SPDX-License-Identifier: ISC */
/* Without a kernel below a stack is switched as it is in a process. */
#include "arch/unix/switch_riscv64.S"
