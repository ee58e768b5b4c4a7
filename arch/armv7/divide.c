/* SPDX-License-Identifier: ISC */
/* Called by libgcc's 64-bit division for a divisor of 0 (Run-time ABI for ARM §4.3.2): its own handler would
 * raise a signal. The 32-bit division is an instruction, whose result is 0 then. */
#include "kernel/panic.h"

void __aeabi_idiv0(void) __attribute__((used));
void __aeabi_ldiv0(void) __attribute__((used));

void __aeabi_idiv0(void)
{
	panic("division by zero");
}

void __aeabi_ldiv0(void)
{
	panic("division by zero");
}
