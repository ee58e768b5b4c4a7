/* SPDX-License-Identifier: ISC */
/* Exceptions (ARM ARM D1.3, D19.2.37 for the syndrome). Each is named as exactly as the CPU allows, and
 * panics. */
#include <string.h>

#include "arch/aarch64/trap.h"
#include "arch/arch.h"
#include "arch/common/fault.h"
#include "arch/common/memory.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/panic.h"

#define CLASS_INSTRUCTION_ABORT 0x21
#define CLASS_DATA_ABORT 0x25
#define ABORT_WRITE 0x40

void exception(const struct trap_frame *frame) __attribute__((noreturn));

const struct trap_frame *trap_current;

/* Each exception class, followed by its name. */
static const char names[] =
	"\x00" "undefined instruction\0"
	"\x07" "no FPU\0"
	"\x0d" "branch to what is no target\0"
	"\x0e" "illegal execution state\0"
	"\x15" "supervisor call\0"
	"\x16" "hypervisor call\0"
	"\x17" "monitor call\0"
	"\x18" "system register\0"
	"\x1c" "pointer authentication\0"
	"\x22" "misaligned program counter\0"
	"\x26" "misaligned stack\0"
	"\x2c" "floating point\0"
	"\x2f" "system error\0"
	"\x3c" "illegal instruction: breakpoint";

static const char *name_of(const struct trap_frame *f)
{
	static const char stray[3][16] = { "stray IRQ", "stray FIQ", "system error" };

	if (f->vector % 4)
		return stray[f->vector % 4 - 1];
	for (const char *at = names; at < names + sizeof(names); at += strlen(at + 1) + 2)
		if (*at == (char)(f->syndrome >> 26 & 0x3f))
			return at + 1;
	return "unknown";
}

static void dump_registers(const struct trap_frame *f)
{
	char line[96];
	size_t len;

	for (unsigned i = 0; i < ARRAY_SIZE(f->x); i++) {
		len = format(line, sizeof(line), "x%u=%016lx%s", i, (unsigned long)f->x[i],
		             i % 3 == 2 || i == ARRAY_SIZE(f->x) - 1 ? "\n" : " ");
		console_write(line, MIN(len, sizeof(line) - 1));
	}
	len = format(line, sizeof(line), "pc=%016lx sp=%016lx pstate=%lx esr=%lx\n", (unsigned long)f->pc,
	             (unsigned long)f->sp, (unsigned long)f->pstate, (unsigned long)f->syndrome);
	console_write(line, MIN(len, sizeof(line) - 1));
}

void exception(const struct trap_frame *frame)
{
	unsigned class = frame->syndrome >> 26 & 0x3f;
	bool write = frame->syndrome & ABORT_WRITE, execution = class == CLASS_INSTRUCTION_ABORT;

	fault_begin();
	trap_current = frame;
	dump_registers(frame);
	if (frame->vector % 4 == 0 && (execution || class == CLASS_DATA_ABORT))
		panic("page fault: %s (%s): address 0x%lx pc 0x%lx",
		      fault_abort_kind((uint32_t)frame->syndrome, write, execution), memory_describe(frame->address),
		      (unsigned long)frame->address, (unsigned long)frame->pc);
	panic("exception: %s: pc 0x%lx esr 0x%lx", name_of(frame), (unsigned long)frame->pc,
	      (unsigned long)frame->syndrome);
}
