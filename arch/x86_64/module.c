/* SPDX-License-Identifier: ISC */
/* The list of modules in the start info of PVH. */
#include "arch/x86_64/module.h"

struct pvh_range module_first(const struct pvh_start *info, uint64_t mapped_end)
{
	const struct pvh_range none = { 0, 0, PVH_RESERVED, 0 };
	const struct pvh_module *module = (const struct pvh_module *)(uintptr_t)info->module_list;

	if (!info->modules || !module || info->module_list > mapped_end - sizeof(*module) ||
	    info->module_list % sizeof(uint64_t))
		return none;
	if (!module->start || module->start + module->bytes < module->start)
		return none;
	return (struct pvh_range){ module->start, module->bytes, PVH_RESERVED, 0 };
}
