/* SPDX-License-Identifier: ISC */
/* The stack protector's canary, from what the host's kernel gives each process as random. musl's start-up
 * calls this before main; its own would bring a second __stack_chk_fail along (kernel/panic.c). */
#include <stdint.h>
#include <string.h>

#ifdef __x86_64__
#define CANARY ((uintptr_t *)__builtin_thread_pointer())[5] /* fs:0x28 */
#else
uintptr_t __stack_chk_guard __attribute__((used)); /* link-time optimisation sees too late by whom */
#define CANARY __stack_chk_guard
#endif

void __init_ssp(void *random);
void __init_ssp(void *random)
{
	memcpy(&CANARY, random, sizeof(CANARY));
	((uint8_t *)&CANARY)[1] = 0; /* what reads a string past its end learns nothing */
}
