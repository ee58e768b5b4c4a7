/* SPDX-License-Identifier: ISC */
/* The stack protector's canary, from the random bytes that the host's kernel gives each process. musl's
 * start-up calls this before main; musl's own function would bring a second __stack_chk_fail along
 * (kernel/panic.c). */
#include <stdint.h>
#include <string.h>

uintptr_t __stack_chk_guard __attribute__((used)); /* link-time optimisation sees its users too late */

void __init_ssp(void *random);
void __init_ssp(void *random)
{
	memcpy(&__stack_chk_guard, random, sizeof(__stack_chk_guard));
	((uint8_t *)&__stack_chk_guard)[1] = 0; /* a string read past its end stops here */
}
