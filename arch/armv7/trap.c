/* SPDX-License-Identifier: ISC */
/* Exceptions (ARM ARM B1.8, B4.1.52 for the status in the long format). Each is the end: it is named as
 * exactly as the CPU allows, and panics. */
#include "arch/armv7/trap.h"
#include "arch/arch.h"
#include "arch/common/memory.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/panic.h"

#define VECTOR_PREFETCH_ABORT 3
#define VECTOR_DATA_ABORT 4
#define STATUS_WRITE 0x800
#define STATUS_KIND 0x3c /* whose lowest bits are a level of the tables */
#define KIND_TRANSLATION 0x04
#define KIND_PERMISSION 0x0c
#define STATUS_ALIGNMENT 0x21
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

static const char *abort_kind(uint32_t status, bool execution)
{
	bool write = status & STATUS_WRITE;

	if ((status & STATUS_KIND) == KIND_TRANSLATION)
		return execution ? "execution where no page is" :
		       write     ? "write where no page is" : "read where no page is";
	if ((status & STATUS_KIND) == KIND_PERMISSION)
		return execution ? "execution of a no-execute page" : write ? "write to read-only page" : "read";
	return (status & 0x3f) == STATUS_ALIGNMENT ? "alignment" : "refused by the bus or the tables";
}

void exception(const struct trap_frame *frame)
{
	static unsigned depth;
	bool execution = frame->vector == VECTOR_PREFETCH_ABORT;

	/* A fault while a fault is reported: what is out is out. */
	if (depth++) {
		if (depth == 2)
			console_write("virga: fault inside the fault report\n", 37);
		arch_poweroff(1);
	}
	trap_current = frame;
	console_write("\n", 1);
	dump_registers(frame);
	if ((execution && (frame->status & 0x3f) != STATUS_DEBUG) || frame->vector == VECTOR_DATA_ABORT)
		panic("page fault: %s (%s): address 0x%lx pc 0x%lx", abort_kind(frame->status, execution),
		      memory_describe(frame->address), (unsigned long)frame->address, (unsigned long)frame->r[15]);
	panic("exception: %s: pc 0x%lx", names[frame->vector % ARRAY_SIZE(names)], (unsigned long)frame->r[15]);
}
