/* SPDX-License-Identifier: ISC */
/* Faults and backtraces. Frames are chained through the frame pointer, which the build keeps; each is read
 * only after the host said that it can be, and must lead back into our text: so a damaged chain, or libc,
 * which keeps no frame pointers, ends the walk and not the process. */
#include "arch/unix/fault.h"

#include "arch/arch.h"
#include "arch/unix/host.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/page.h"
#include "kernel/panic.h"

/* The offset of a frame's pair, caller's frame and return address, from the frame pointer; GNU's Thumb frames
 * have none. */
#if defined(__riscv)
#define RECORD (-2 * (intptr_t)sizeof(uintptr_t))
#else
#define RECORD 0
#endif
#define CHAINED (!IS_ENABLED(CONFIG_CPU_ARMV7))

#define STACK_REACH 65536 /* as large as the guard below a fiber's stack */

/* The linker's symbols for the start and end of text. */
extern const char __executable_start[], etext[];

static const struct host_fault *current;
static uintptr_t outermost; /* main's frame */

void backtrace_set_outermost(const void *frame)
{
	outermost = (uintptr_t)frame;
}

static void write_registers(const struct host_fault *f)
{
	char word[32];

	console_write("\n", 1);
	for (size_t i = 0; i < f->register_count; i++) {
		bool last = i % 4 == 3 || i + 1 == f->register_count;

		console_write(word, format(word, sizeof(word), sizeof(long) == 8 ? "%s=%016lx%s" : "%s=%08lx%s",
		                           f->register_names[i], (unsigned long)f->registers[i], last ? "\n" : " "));
	}
}

void fault_panic(const struct host_fault *f)
{
	current = f;
	write_registers(f);
	if (f->address == 0)
		panic("%s pc=%p", f->what, (void *)f->pc);
	if (f->address < PAGE_BYTES)
		panic("%s in the null page at %p pc=%p", f->what, (void *)f->address, (void *)f->pc);
	/* A jump to the stack is no overflow. */
	if (f->address != f->pc && f->address + STACK_REACH > f->stack && f->address < f->stack + STACK_REACH)
		panic("stack overflow at %p pc=%p: give fibers more CONFIG_FIBER_STACK_BYTES",
		      (void *)f->address, (void *)f->pc);
	panic("%s at %p pc=%p", f->what, (void *)f->address, (void *)f->pc);
}

static bool is_text(uintptr_t address)
{
	return address >= (uintptr_t)__executable_start && address < (uintptr_t)etext;
}

/* A record holds the caller's frame pointer and, above it, the return address. */
size_t arch_backtrace(uintptr_t *addresses, size_t max)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	size_t n = 0;

	if (current) {
		frame = current->frame;
		if (max > 0)
			addresses[n++] = current->pc;
		/* After a call of an invalid address the caller's frame is the newest. */
		if (n < max && !is_text(current->pc) && is_text(current->link))
			addresses[n++] = current->link;
	}
	while (CHAINED && n < max && frame != outermost && frame % sizeof(uintptr_t) == 0) {
		const uintptr_t *at = (const uintptr_t *)(frame + RECORD);

		if (!host_is_readable((uintptr_t)at) || !host_is_readable((uintptr_t)(at + 1)) || !is_text(at[1]))
			break;
		addresses[n++] = at[1];
		if (at[0] <= frame)
			break;
		frame = at[0];
	}
	return n;
}
