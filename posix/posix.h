/* SPDX-License-Identifier: ISC */
/* The interface between musl and Virga on machines without a kernel below. The rest of the contract is the
 * order at boot: the machine sets the thread pointer, fills posix_seed and the canary with random bytes,
 * calls posix_start, and adds its memory regions; then all of musl works. */
#ifndef POSIX_POSIX_H
#define POSIX_POSIX_H

#include <stdint.h>

/* musl's struct pthread. On x86-64 FS points at it. The canary is not in it: it is the machine's
 * __stack_chk_guard. */
extern uint8_t posix_thread[];
/* The value of the ABI's thread pointer register (tpidr_el0, tpidruro, tp). */
void *posix_thread_pointer(void);
/* Fills in the rest of posix_thread. */
void posix_start(void);
/* Makes the addresses of malloc's inner structures unpredictable. */
extern uint8_t posix_seed[16];

/* Linux's system calls by the CPU's numbers, with as many arguments as musl passes to those implemented. A
 * result from -4095 to -1 is a negative errno. */
long posix_syscall(long number, long a, long b, long c, long d, long e)
	__attribute__((used)); /* by libc, which link-time optimisation sees too late */

#endif
