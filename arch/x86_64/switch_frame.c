/* SPDX-License-Identifier: ISC */
/* The first frame of a fiber's stack, made to look as if arch_switch (switch.S) had left it. */
#include "arch/arch.h"

extern const char switch_entry[];

void *arch_switch_prepare(void *top, void (*entry)(void *arg), void *arg)
{
	/* Nine words below an aligned top: after seven are popped, switch_entry makes its call on a stack that is
	 * aligned as the ABI requires. */
	uintptr_t *frame = (uintptr_t *)ALIGN_DOWN((uintptr_t)top, 16) - 9;

	frame[0] = (uintptr_t)entry; /* rbx */
	frame[1] = 0;                /* rbp: the end of backtraces */
	frame[2] = (uintptr_t)arg;   /* r12 */
	frame[3] = frame[4] = frame[5] = 0;
	frame[6] = (uintptr_t)switch_entry;
	frame[7] = frame[8] = 0;
	return frame;
}
