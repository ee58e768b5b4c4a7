/* SPDX-License-Identifier: ISC */
/* Backtrace by frame records (AAPCS64 §6.4.6): the image is compiled with them. Only memory that is certainly
 * a stack is read, and only addresses in text are given, whatever state the stack is in. */
#include "arch/aarch64/trap.h"
#include "arch/arch.h"
#include "arch/common/memory.h"

/* Pointer authentication puts its code into the unused upper bits of a return address. */
static uintptr_t unsigned_of(uintptr_t address)
{
	return address & ((UINT64_C(1) << 39) - 1);
}

size_t arch_backtrace(uintptr_t *addresses, size_t max)
{
	const struct trap_frame *trap = trap_current;
	uintptr_t frame = trap ? trap->x[29] : (uintptr_t)__builtin_frame_address(0);
	size_t count = 0;

	if (trap && memory_is_text(trap->pc) && count < max)
		addresses[count++] = trap->pc;
	/* After a call through a wild pointer only its caller is known. */
	else if (trap && memory_is_text(unsigned_of(trap->x[30])) && count < max)
		addresses[count++] = unsigned_of(trap->x[30]);
	while (count < max && memory_is_stack(frame) && memory_is_stack(frame + sizeof(uintptr_t))) {
		const uintptr_t *words = (const uintptr_t *)frame;

		if (!memory_is_text(unsigned_of(words[1])))
			break;
		addresses[count++] = unsigned_of(words[1]);
		if (words[0] <= frame)
			break;
		frame = words[0];
	}
	return count;
}
