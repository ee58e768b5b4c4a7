/* SPDX-License-Identifier: ISC */
/* Backtrace by frame records (AAPCS64 §6.4.6): the image is compiled with them. Nothing is read that is not
 * certainly a stack, and nothing given that is not in text, whatever the stack has come to. */
#include "arch/aarch64/trap.h"
#include "arch/arch.h"
#include "arch/common/memory.h"

/* Pointer authentication signs a return address in the bits that are none of an address. */
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
	/* A call through a wild pointer: its caller is all there is. */
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
