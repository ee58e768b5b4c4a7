/* SPDX-License-Identifier: ISC */
/* Where libgcc's division of 64 bits ends when the divisor is 0 (Run-time ABI for ARM §4.3.2): its own way
 * out would raise a signal. Division of 32 bits is an instruction, whose result is 0 then. */
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
