/* SPDX-License-Identifier: ISC */
/* The page tables after start.S: memory and registers of the machine are mapped at their own addresses, and
 * fibers get stacks in a window of addresses. */
#ifndef ARCH_COMMON_MEMORY_H
#define ARCH_COMMON_MEMORY_H

#include "kernel/util.h"

/* Maps [start, end), memory or registers of a device, read-write and no-execute at the same address, widened
 * to whole 2 MiB pages. Existing mappings stay. 0, -ENOMEM, or -EINVAL: the range overlaps the image, the
 * stack window or another reserved address, or registers overlap memory. */
int memory_map(uint64_t start, uint64_t end, bool device);
/* The same for memory, but widened only to whole 4 KiB pages: its neighbours may be in other use. */
int memory_map_pages(uint64_t start, uint64_t end);
/* Unmaps the null page, where a loader's data there made start.S keep it readable. */
void memory_close_null(void);

/* Describes the address of a fault, for the message. */
const char *memory_describe(uintptr_t address);
/* Can a word of a stack be read here? */
bool memory_is_stack(uintptr_t address);
bool memory_is_text(uintptr_t address);

#endif
