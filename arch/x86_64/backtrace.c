/* SPDX-License-Identifier: ISC */
/* Backtrace by what lies on the stack: frame pointers would be 3 % of an image. A word there that stands
 * behind a call in text is a return address; now and then one that has done its work, where nobody has
 * written since, so that a function is named which has returned. Nothing is read that is not certainly a
 * stack or text. */
#include "arch/arch.h"
#include "arch/common/memory.h"
#include "arch/x86_64/trap.h"
#include "kernel/page.h"

#define CALL_MAX 7 /* bytes */

/* Behind CALL, directly or where a register or memory says (SDM volume 2: E8, FF /2)? */
static bool is_return(uintptr_t address)
{
	const uint8_t *at = (const uint8_t *)address;

	if (!memory_is_text(address - CALL_MAX) || !memory_is_text(address))
		return false;
	if (at[-5] == 0xe8)
		return true;
	for (int bytes = 2; bytes <= CALL_MAX; bytes++)
		if (at[-bytes] == 0xff && (at[1 - bytes] & 0x38) == 0x10)
			return true;
	return false;
}

size_t arch_backtrace(uintptr_t *addresses, size_t max)
{
	const struct trap_frame *trap = trap_current;
	/* addresses are on the stack themselves, and not to be found there */
	uintptr_t at = trap ? ALIGN_DOWN(trap->rsp, sizeof(at)) : (uintptr_t)(addresses + max);
	size_t count = 0;

	if (trap && memory_is_text(trap->rip) && count < max)
		addresses[count++] = trap->rip;
	if (!memory_is_stack(at))
		at = ALIGN_UP(at, PAGE_BYTES); /* it has come to its end, and into the page below */
	for (; count < max && memory_is_stack(at); at += sizeof(at)) {
		uintptr_t word = *(const uintptr_t *)at;

		if (is_return(word))
			addresses[count++] = word;
	}
	return count;
}
