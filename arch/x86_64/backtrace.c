/* SPDX-License-Identifier: ISC */
/* Backtrace by frame pointers: the image is compiled with them. Only memory that is certainly a stack is
 * read, and only addresses in text are given, whatever state the stack is in. */
#include "arch/arch.h"
#include "arch/common/memory.h"
#include "arch/x86_64/trap.h"

size_t arch_backtrace(uintptr_t *addresses, size_t max)
{
	const struct trap_frame *trap = trap_current;
	uintptr_t frame = trap ? trap->rbp : (uintptr_t)__builtin_frame_address(0);
	size_t count = 0;

	if (trap && memory_is_text(trap->rip) && count < max)
		addresses[count++] = trap->rip;
	/* After a call through a wild pointer only its caller is known. */
	else if (trap && memory_is_stack(trap->rsp) && count < max)
		addresses[count++] = *(const uintptr_t *)trap->rsp;
	while (count < max && memory_is_stack(frame) && memory_is_stack(frame + sizeof(uintptr_t))) {
		const uintptr_t *words = (const uintptr_t *)frame;

		if (!memory_is_text(words[1]))
			break;
		addresses[count++] = words[1];
		if (words[0] <= frame)
			break;
		frame = words[0];
	}
	return count;
}
