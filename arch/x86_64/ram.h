/* SPDX-License-Identifier: ISC */
/* Which memory is certainly RAM and nobody's: the map of a PVH loader, read with distrust. */
#ifndef ARCH_X86_64_RAM_H
#define ARCH_X86_64_RAM_H

#include "arch/x86_64/pvh.h"

/* The next stretch of memory, in address order, that some range of map calls RAM and none calls anything
 * else: [*start, *end). *end says where to go on; 0 begins. False when there is no more. Ranges may come
 * in any order, overlap, be empty and end behind the end of the address space. */
bool ram_next(const struct pvh_range *map, uint32_t count, uint64_t *start, uint64_t *end);

#endif
