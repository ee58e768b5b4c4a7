/* SPDX-License-Identifier: ISC */
/* Exceptions (ARM ARM B1.8, B4.1.52 for the status in the long format). Each is named as exactly as the CPU
 * allows, and panics. */
#include "arch/armv7/trap.h"
#include "arch/arch.h"
#include "arch/common/fault.h"
#include "arch/common/memory.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/panic.h"

#define VECTOR_PREFETCH_ABORT 3
#define VECTOR_DATA_ABORT 4
#define STATUS_WRITE 0x800
#define STATUS_DEBUG 0x22

void exception(const struct trap_frame *frame) __attribute__((noreturn));

const struct trap_frame *trap_current;

static const char names[][24] = { "reset",      "undefined instruction", "supervisor call", "breakpoint",
	                          "data abort", "hypervisor trap",       "stray IRQ",       "stray FIQ" };

static void dump_registers(const struct trap_frame *f)
{
	char line[80];
	size_t len;

	for (unsigned i = 0; i < ARRAY_SIZE(f->r); i++) {
		len = format(line, sizeof(line), "r%u=%08lx%s", i, (unsigned long)f->r[i], i % 4 == 3 ? "\n" : " ");
		console_write(line, MIN(len, sizeof(line) - 1));
	}
	len = format(line, sizeof(line), "cpsr=%08lx status=%lx address=%08lx\n", (unsigned long)f->cpsr,
	             (unsigned long)f->status, (unsigned long)f->address);
	console_write(line, MIN(len, sizeof(line) - 1));
}

void exception(const struct trap_frame *frame)
{
	bool write = frame->status & STATUS_WRITE, execution = frame->vector == VECTOR_PREFETCH_ABORT;

	fault_begin();
	trap_current = frame;
	dump_registers(frame);
	if ((execution && (frame->status & 0x3f) != STATUS_DEBUG) || frame->vector == VECTOR_DATA_ABORT)
		panic("page fault: %s (%s): address 0x%lx pc 0x%lx",
		      fault_abort_kind(frame->status, write, execution), memory_describe(frame->address),
		      (unsigned long)frame->address, (unsigned long)frame->r[15]);
	panic("exception: %s: pc 0x%lx", names[frame->vector % ARRAY_SIZE(names)], (unsigned long)frame->r[15]);
}
