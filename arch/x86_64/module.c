/* SPDX-License-Identifier: ISC */
/* The list of modules in the start info of PVH. */
#include <string.h>

#include "arch/x86_64/module.h"

struct ram_range module_first(const struct pvh_start *info, uint64_t mapped_end)
{
	const struct ram_range none = { 0, 0, RAM_TAKEN, 0 };
	struct pvh_module module;

	if (!info->modules || !info->module_list || info->module_list > mapped_end - sizeof(module))
		return none;
	/* 32-bit loaders, such as qboot, align it to four bytes. */
	memcpy(&module, (const void *)(uintptr_t)info->module_list, sizeof(module));
	if (!module.start || module.start + module.bytes < module.start)
		return none;
	return (struct ram_range){ module.start, module.bytes, RAM_TAKEN, 0 };
}
