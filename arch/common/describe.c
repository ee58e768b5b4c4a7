/* SPDX-License-Identifier: ISC */
/* Description of addresses, by the image's parts. */
#include "arch/arch.h"
#include "arch/common/image.h"
#include "arch/common/tables.h"
#include "kernel/page.h"

extern const char text_start[], text_end[], rodata_end[];
extern const char fault_guard[], interrupt_guard[], boot_guard[], boot_stack_top[];

static const struct {
	const char *guard, *name;
} guards[] = {
	{ fault_guard, "stack overflow: fault stack" },
	{ interrupt_guard, "stack overflow: interrupt stack" },
	{ boot_guard, "stack overflow: raise BOOT_STACK_BYTES" },
};

bool memory_is_text(uintptr_t address)
{
	return address >= (uintptr_t)text_start && address < (uintptr_t)text_end;
}

bool memory_is_stack(uintptr_t address)
{
	bool is_of_boot = address >= (uintptr_t)fault_guard && address < (uintptr_t)ARCH_FAR(boot_stack_top);

	return address % sizeof(uintptr_t) == 0 && (is_of_boot || address - WINDOW < WINDOW_BYTES) &&
	       memory_is_mapped(address);
}

const char *memory_describe(uintptr_t address)
{
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++)
		if (address - (uintptr_t)guards[i].guard < PAGE_BYTES)
			return guards[i].name;
	if (address - WINDOW < WINDOW_BYTES)
		return memory_is_mapped(address) ? "stack" : "stack overflow: raise FIBER_STACK_BYTES";
	if (address < PAGE_BYTES)
		return "null page";
	if (memory_is_text(address))
		return "text";
	/* The constants and the site lie before text or behind it. */
	if (address >= (uintptr_t)ARCH_FAR(image_start) && address < (uintptr_t)rodata_end)
		return "read-only data";
	return "memory";
}
