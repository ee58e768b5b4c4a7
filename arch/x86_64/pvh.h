/* SPDX-License-Identifier: ISC */
/* What a PVH loader tells: Xen's public/arch-x86/hvm/start_info.h, version 1. */
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

#endif
