/* SPDX-License-Identifier: ISC */
/* Backtrace by function prologues: Thumb code has no chain of frames, and unwind tables would
 * be 4 % of an image. A function pushes its return address and makes room below it; so the
 * search goes back from pc to the push, which with the room tells how far the stack pointer has
 * moved. The word found must be an address behind a call, or the search goes on. Only memory
 * that is certainly text or a stack is read. */
#include "arch/armv7/trap.h"
#include "arch/arch.h"
#include "arch/common/memory.h"

#define SP 13
#define LR 14
#define PC 15
#define FUNCTION_BYTES 2048 /* how far the search goes back */
#define BEGINNING_BYTES 32  /* of a prologue after the push */

struct place {
	uintptr_t pc, sp;
};

static uint32_t half(uintptr_t at)
{
	return *(const uint16_t *)at;
}

static uint32_t bytes_of(uint32_t registers)
{
	uint32_t bytes = 0;

	for (; registers; registers &= registers - 1)
		bytes += 4;
	return bytes;
}

/* Is address behind a BL or BLX? Bit 0 of a return address marks Thumb code. */
static bool is_return(uintptr_t address)
{
	uintptr_t at = address - 1;

	if (!(address & 1) || !memory_is_text(at - 4) || !memory_is_text(at))
		return false;
	return (half(at - 2) & 0xff87) == 0x4780 ||
	       ((half(at - 4) & 0xf800) == 0xf000 && (half(at - 2) & 0xc000) == 0xc000);
}

/* The registers besides PC's place that the instruction pushes, as a mask, with 0x4000 for LR; 0: it does not
 * push LR. */
static uint32_t pushed(uintptr_t at)
{
	if ((half(at) & 0xff00) == 0xb500)
		return (half(at) & 0xff) | 0x4000;
	return half(at) == 0xe92d ? half(at + 2) & -(half(at + 2) >> 14 & 1) : 0;
}

/* The constant of SUB sp, sp: plain, or 8 bits that are rotated (ARM ARM A6.3.2). */
static uint32_t constant(uint32_t first, uint32_t second)
{
	uint32_t bits = (first & 0x400) << 1 | (second & 0x7000) >> 4 | (second & 0xff);

	if (first & 0x200 || bits < 0x400)
		return bits;
	return (0x80 | (bits & 0x7f)) << (32 - (bits >> 7));
}

/* Bytes that a function, stopped at pc, has reserved by VPUSH and SUB since its push before at. */
static uint32_t room(uintptr_t at, uintptr_t pc)
{
	uint32_t bytes = 0;

	for (uintptr_t end = MIN(pc, at + BEGINNING_BYTES); at < end; at += 2) {
		uint32_t first = half(at), second = half(at + 2);

		if (first == 0xed2d && (second & 0xf00) == 0xb00)
			bytes += (second & 0xff) * 4;
		if ((first & 0xff80) == 0xb080)
			return bytes + (first & 0x7f) * 4;
		if (((first & 0xfbff) == 0xf1ad || (first & 0xfbff) == 0xf2ad) && (second & 0x8f00) == 0x0d00)
			return bytes + constant(first, second);
	}
	return bytes;
}

static bool to_caller(struct place *p)
{
	for (uintptr_t at = p->pc - 2; memory_is_text(at) && p->pc - at < FUNCTION_BYTES; at -= 2) {
		uint32_t registers = pushed(at);
		uintptr_t saved = p->sp + bytes_of(registers & 0x3fff) + room(at + 2, p->pc);

		if (!registers || !memory_is_stack(saved) || !is_return(*(const uintptr_t *)saved))
			continue;
		p->pc = *(const uintptr_t *)saved - 1;
		p->sp = saved + 4;
		if ((half(at - 2) & 0xff00) == 0xb400) /* variadic arguments, pushed before */
			p->sp += bytes_of(half(at - 2) & 0xff);
		return true;
	}
	return false;
}

size_t arch_backtrace(uintptr_t *addresses, size_t max)
{
	const struct trap_frame *trap = trap_current;
	struct place p;
	size_t count = 0;

	if (trap) {
		p = (struct place){ trap->r[PC], trap->r[SP] };
		if (memory_is_text(p.pc) && count < max)
			addresses[count++] = p.pc;
	} else {
		__asm__ volatile("mov %0, sp\n\tmov %1, pc" : "=&r"(p.sp), "=&r"(p.pc));
	}
	if (!to_caller(&p)) {
		/* After a jump through a wild pointer, or before the push, LR still has the return address. */
		if (!trap || !is_return(trap->r[LR]))
			return count;
		p.pc = trap->r[LR] - 1;
	}
	while (count < max) {
		addresses[count++] = p.pc;
		if (!to_caller(&p))
			break;
	}
	return count;
}
