/* SPDX-License-Identifier: ISC */
/* The stack protector's canary, from what the host's kernel gives each process as random. musl's start-up
 * calls this before main; its own would bring a second __stack_chk_fail along (kernel/panic.c). */
#include <stdint.h>
#include <string.h>

uintptr_t __stack_chk_guard __attribute__((used)); /* link-time optimisation sees too late by whom */

void __init_ssp(void *random);
void __init_ssp(void *random)
{
	memcpy(&__stack_chk_guard, random, sizeof(__stack_chk_guard));
	((uint8_t *)&__stack_chk_guard)[1] = 0; /* what reads a string past its end learns nothing */
}
