/* SPDX-License-Identifier: ISC */
/* The page tables after start.S: identity mapping of what the machine turns out to have, and the
 * window of fiber stacks. */
#ifndef ARCH_X86_64_MEMORY_H
#define ARCH_X86_64_MEMORY_H

#include "kernel/util.h"

/* Memory from here on cannot be used: the window of stacks, which ends the first half TiB. */
#define MEMORY_END UINT64_C(0x7fc0000000)
/* Maps [start, end) read-write, no-execute, by 2 MiB pages at the same address; what is already
 * mapped stays as it is. start.S has done the first GiB; above that tables come from page_alloc.
 * 0, -ENOMEM, or -EINVAL for addresses that the CPU or the stack window does not leave free. */
int memory_map(uint64_t start, uint64_t end);
/* Takes away the null page, which start.S leaves readable: loaders put the memory map there. */
void memory_close_null(void);

/* What lies at an address that faulted, for the message. */
const char *memory_describe(uintptr_t address);
/* May a word of a stack be read here? */
bool memory_is_stack(uintptr_t address);
bool memory_is_text(uintptr_t address);

#endif
