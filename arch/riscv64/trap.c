/* SPDX-License-Identifier: ISC */
/* Exceptions (Privileged Architecture, "scause"). Each is named as exactly as the CPU allows, and
 * panics. */
#include "arch/riscv64/trap.h"
#include "arch/arch.h"
#include "arch/common/fault.h"
#include "arch/common/tables.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/panic.h"

enum {
	FETCH_ACCESS = 1, LOAD_ACCESS = 5, STORE_ACCESS = 7, FETCH_PAGE = 12, LOAD_PAGE = 13, STORE_PAGE = 15,
}; /* causes that come with an address */

void exception(const struct trap_frame *frame) __attribute__((noreturn));

const struct trap_frame *trap_current;

static const char *name_of(uint64_t cause)
{
	static const char *const names[] = {
		[0] = "misaligned program counter",
		[2] = "illegal instruction",
		[3] = "illegal instruction: breakpoint",
		[4] = "misaligned read",
		[6] = "misaligned write",
		[9] = "supervisor call",
	};

	return cause < ARRAY_SIZE(names) && names[cause] ? names[cause] : "unknown";
}

static void dump_registers(const struct trap_frame *f)
{
	static const char names[][4] = {
		"pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
		"a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
	};
	char line[96];
	size_t len;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		len = format(line, sizeof(line), "%s=%016lx%s", names[i], (unsigned long)f->x[i],
		             i % 4 == 3 ? "\n" : " ");
		console_write(line, MIN(len, sizeof(line) - 1));
	}
	len = format(line, sizeof(line), "sstatus=%lx scause=%lx stval=%016lx\n", (unsigned long)f->status,
	             (unsigned long)f->cause, (unsigned long)f->value);
	console_write(line, MIN(len, sizeof(line) - 1));
}

/* Is address mapped? The cause does not tell a missing page from one without the permission. */
static bool is_page(uintptr_t address)
{
	uint64_t *large = address < WINDOW + WINDOW_BYTES ? memory_entry(address, 1, false) : NULL;

	return large && *large && (memory_is_mapped(address) || !memory_entry(address, 0, false));
}

/* The kind of the access to the frame's value; NULL: that is no address. */
static const char *access(const struct trap_frame *f)
{
	bool there = is_page(f->value);

	switch (f->cause) {
	case FETCH_PAGE:
		return there ? "execution of a no-execute page" : "execution where no page is";
	case LOAD_PAGE:
		return there ? "read" : "read where no page is";
	case STORE_PAGE:
		return there ? "write to read-only page" : "write where no page is";
	case FETCH_ACCESS:
	case LOAD_ACCESS:
	case STORE_ACCESS:
		return "refused by the bus or the tables";
	default:
		return NULL;
	}
}

void exception(const struct trap_frame *frame)
{
	const char *what;

	fault_begin();
	trap_current = frame;
	dump_registers(frame);
	what = access(frame);
	if (what)
		panic("page fault: %s (%s): address 0x%lx pc 0x%lx", what, memory_describe(frame->value),
		      (unsigned long)frame->value, (unsigned long)frame->x[TRAP_PC]);
	panic("exception: %s: pc 0x%lx scause 0x%lx", name_of(frame->cause), (unsigned long)frame->x[TRAP_PC],
	      (unsigned long)frame->cause);
}
