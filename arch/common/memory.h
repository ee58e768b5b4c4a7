/* SPDX-License-Identifier: ISC */
/* The page tables after start.S: what the machine turns out to have is mapped at its own address, and
 * fibers get stacks in a window of addresses. */
#ifndef ARCH_COMMON_MEMORY_H
#define ARCH_COMMON_MEMORY_H

#include "kernel/util.h"

/* Maps [start, end) read-write, no-execute, at the same address, by whole 2 MiB pages that it widens to:
 * memory, or registers of a device. What is already mapped stays as it is. 0, -ENOMEM, or -EINVAL for
 * addresses that the CPU or the stack window does not leave free, and for registers where there is memory. */
int memory_map(uint64_t start, uint64_t end, bool device);
/* The same of memory, and no more than whole pages of 4 KiB: what lies beside it may be somebody else's. */
int memory_map_pages(uint64_t start, uint64_t end);
/* Takes away the null page, where a loader leaves something there that start.S keeps readable. */
void memory_close_null(void);

/* What lies at an address that faulted, for the message. */
const char *memory_describe(uintptr_t address);
/* May a word of a stack be read here? */
bool memory_is_stack(uintptr_t address);
bool memory_is_text(uintptr_t address);

#endif
