/* SPDX-License-Identifier: ISC */
/* Backtrace by frame pointers (RISC-V ABIs, "frame pointer convention"): the image is compiled with them.
 * Below where one points are the return address and, further below, the caller's. Nothing is read that is not
 * certainly a stack, and nothing given that is not in text, whatever the stack has come to. */
#include "arch/arch.h"
#include "arch/common/memory.h"
#include "arch/riscv64/trap.h"

static bool is_frame(uintptr_t frame)
{
	return memory_is_stack(frame - sizeof(uintptr_t)) && memory_is_stack(frame - 2 * sizeof(uintptr_t));
}

/* A function that calls none keeps its return address in ra, and the caller's frame in that one's place. */
static uintptr_t caller_of_leaf(const struct trap_frame *trap)
{
	uintptr_t frame = trap->x[TRAP_FP], saved = is_frame(frame) ? ((const uintptr_t *)frame)[-1] : 0;

	return saved > frame && is_frame(saved) ? saved : 0;
}

size_t arch_backtrace(uintptr_t *addresses, size_t max)
{
	const struct trap_frame *trap = trap_current;
	uintptr_t frame = trap ? trap->x[TRAP_FP] : (uintptr_t)__builtin_frame_address(0);
	uintptr_t outer = trap ? caller_of_leaf(trap) : 0;
	bool in_text = trap && memory_is_text(trap->x[TRAP_PC]);
	size_t count = 0;

	if (in_text && count < max)
		addresses[count++] = trap->x[TRAP_PC];
	/* A leaf, or a call through a wild pointer, whose caller is all there is. */
	if (trap && (outer || !in_text) && memory_is_text(trap->x[TRAP_RA]) && count < max)
		addresses[count++] = trap->x[TRAP_RA];
	if (outer)
		frame = outer;
	while (count < max && is_frame(frame)) {
		const uintptr_t *top = (const uintptr_t *)frame;

		if (!memory_is_text(top[-1]))
			break;
		addresses[count++] = top[-1];
		if (top[-2] <= frame)
			break;
		frame = top[-2];
	}
	return count;
}
