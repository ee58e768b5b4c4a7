/* SPDX-License-Identifier: ISC */
/* The start info of a PVH loader: Xen's public/arch-x86/hvm/start_info.h, version 1. */
#ifndef ARCH_X86_64_PVH_H
#define ARCH_X86_64_PVH_H

#include "arch/common/ram.h"

#define PVH_MAGIC 0x336ec578

struct pvh_start {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp;
	uint64_t map; /* since version 1 */
	uint32_t map_entries, reserved;
};
static_assert(sizeof(struct pvh_start) == 56, "start info");

struct pvh_module {
	uint64_t start, bytes, command_line, reserved;
};
static_assert(sizeof(struct pvh_module) == 32, "module list entry");

/* An entry of the map is a struct ram_range. */

#define PVH_RANGES_MAX 64
#define PVH_MAPPED (UINT64_C(1) << 30) /* start.S has mapped memory below */

/* A copy: the loader's lies in memory that is given away. */
extern struct pvh_start pvh_start_info;

/* Copies the loader's memory map, of at most PVH_RANGES_MAX entries, and gives their number. Panics if there
 * is none. To be called before memory is given away. */
uint32_t pvh_map(struct ram_range *ranges);
/* Maps memory that is certainly RAM and gives it to the page allocator. */
void pvh_give_memory(const struct ram_range *ranges, uint32_t count);

#endif
