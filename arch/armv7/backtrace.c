/* SPDX-License-Identifier: ISC */
/* Backtrace by unwinding tables (Exception Handling ABI for ARM): Thumb code has no chain of frames. A
 * table tells for each function how it has moved the stack pointer and where it has saved registers.
 * Nothing is read that is not certainly a stack, and nothing given that is not in text, whatever the stack
 * has come to. */
#include "arch/armv7/trap.h"
#include "arch/arch.h"
#include "arch/common/memory.h"

#include <string.h>

#define SP 13
#define LR 14
#define PC 15
#define CANNOT_UNWIND 1
#define INLINE UINT32_C(0x80000000)

/* One function's (§5): where it begins, then its instructions, or where they are. */
struct entry {
	uint32_t function, unwind;
};
extern const struct entry unwind_start[], unwind_end[];

struct unwinding {
	uint32_t r[16];
	/* instructions: of this word, the bytes from the highest on that are left, then of so many words */
	const uint32_t *word;
	unsigned bytes_left, words_left;
};

/* §4.2.1: the offset from where it stands, in 31 bits. */
static uint32_t place(const uint32_t *at)
{
	return (uint32_t)(uintptr_t)at + (uint32_t)((int32_t)(*at << 1) >> 1);
}

static const struct entry *entry_of(uint32_t pc)
{
	const struct entry *low = unwind_start, *high = unwind_end;

	while (low < high) {
		const struct entry *middle = low + (high - low) / 2;

		if (place(&middle->function) <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low > unwind_start ? low - 1 : NULL;
}

/* Finds a function's instructions (§7, §10.2); false where it cannot be unwound. */
static bool begin(struct unwinding *u)
{
	const struct entry *e = entry_of(u->r[PC]);

	if (!e || e->unwind == CANNOT_UNWIND)
		return false;
	u->word = e->unwind & INLINE ? &e->unwind : (const uint32_t *)(uintptr_t)place(&e->unwind);
	u->bytes_left = 3;
	u->words_left = 0;
	switch (*u->word >> 24) {
	case 0x81:
	case 0x82:
		u->bytes_left = 2;
		u->words_left = *u->word >> 16 & 0xff;
		return true;
	}
	return *u->word >> 24 == 0x80;
}

static uint32_t next(struct unwinding *u)
{
	if (!u->bytes_left && u->words_left) {
		u->word++;
		u->words_left--;
		u->bytes_left = 4;
	}
	if (!u->bytes_left)
		return 0xb0; /* as if it said: finished */
	return *u->word >> --u->bytes_left * 8 & 0xff;
}

/* The registers of mask from the stack, the lowest first. */
static bool pop(struct unwinding *u, uint32_t mask)
{
	uint32_t sp = u->r[SP];

	for (unsigned i = 0; mask >> i; i++) {
		if (!(mask >> i & 1))
			continue;
		if (!memory_is_stack(sp))
			return false;
		u->r[i] = *(const uint32_t *)(uintptr_t)sp;
		sp += 4;
	}
	u->r[SP] = mask & 1 << SP ? u->r[SP] : sp;
	return true;
}

/* What the instructions from 0xb0 on do (§10.3); false where that is not known. */
static bool step_rare(struct unwinding *u, uint32_t op)
{
	uint32_t shift = 0, byte;

	if (op == 0xb1)
		return pop(u, next(u) & 0xf);
	if (op == 0xb2) {
		u->r[SP] += 0x204;
		do {
			byte = next(u);
			u->r[SP] += (byte & 0x7f) << (2 + shift);
			shift += 7;
		} while (byte & 0x80 && shift < 28);
		return true;
	}
	if ((op & 0xfe) == 0xc8) /* double registers */
		u->r[SP] += ((next(u) & 0xf) + 1) * 8;
	else if ((op & 0xf8) == 0xd0)
		u->r[SP] += ((op & 7) + 1) * 8;
	else
		return false;
	return true;
}

static bool step(struct unwinding *u, uint32_t op)
{
	if (op < 0x80) {
		uint32_t bytes = ((op & 0x3f) << 2) + 4;

		u->r[SP] += op & 0x40 ? -bytes : bytes;
		return true;
	}
	if (op < 0x90) {
		uint32_t mask = (op & 0xf) << 12 | next(u) << 4;

		return mask && pop(u, mask);
	}
	if (op < 0xa0)
		u->r[SP] = u->r[op & 0xf];
	else if (op < 0xb0)
		return pop(u, ((UINT32_C(2) << (op & 7)) - 1) << 4 | (op & 8) << (LR - 3));
	else
		return step_rare(u, op);
	return true;
}

/* To the caller, from a function's call or where it was interrupted. False when there is none, or it cannot
 * be found out. */
static bool unwind(struct unwinding *u)
{
	uint32_t sp = u->r[SP], op;

	if (!begin(u))
		return false;
	u->r[PC] = 0;
	while ((op = next(u)) != 0xb0)
		if (!step(u, op))
			return false;
	if (!u->r[PC])
		u->r[PC] = u->r[LR];
	u->r[PC] &= ~UINT32_C(1);
	return u->r[SP] >= sp;
}

size_t arch_backtrace(uintptr_t *addresses, size_t max)
{
	const struct trap_frame *trap = trap_current;
	struct unwinding u;
	size_t count = 0;

	if (trap) {
		memcpy(u.r, trap->r, sizeof(u.r));
		/* A call through a wild pointer: its caller is all there is. */
		if (!memory_is_text(u.r[PC]))
			u.r[PC] = u.r[LR] & ~UINT32_C(1);
		if (!memory_is_text(u.r[PC]))
			return 0;
		if (count < max)
			addresses[count++] = u.r[PC];
	} else {
		__asm__ volatile("stm %2, {r4-r11}\n\tmov %0, sp\n\tmov %1, pc"
		                 : "=&r"(u.r[SP]), "=&r"(u.r[PC]) : "r"(&u.r[4]) : "memory");
	}
	while (count < max && unwind(&u) && memory_is_text(u.r[PC]))
		addresses[count++] = u.r[PC];
	return count;
}
