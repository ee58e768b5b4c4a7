/* SPDX-License-Identifier: ISC */
/* Backtrace by frame pointers (RISC-V ABIs, "frame pointer convention"): the image is compiled with them. The
 * return address and the caller's frame pointer lie below a frame pointer. Only memory that is certainly a
 * stack is read, and only addresses in text are given, whatever state the stack is in. */
#include "arch/arch.h"
#include "arch/common/memory.h"
#include "arch/riscv64/trap.h"

static bool is_frame(uintptr_t frame)
{
	return memory_is_stack(frame - sizeof(uintptr_t)) && memory_is_stack(frame - 2 * sizeof(uintptr_t));
}

/* A leaf keeps its return address in ra, and the caller's frame pointer in the return address's place. */
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
	/* In a leaf, or after a call through a wild pointer, the caller is in ra. */
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
