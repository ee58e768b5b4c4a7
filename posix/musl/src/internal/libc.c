/* SPDX-License-Identifier: ISC */
/* Laid over musl's file of this name: what musl's start-up code would compute is constant here, so
 * the C library works from the first instruction on, once the machine has pointed the thread
 * pointer (FS on x86-64) at posix_thread. The machine also puts random bytes into posix_seed, for
 * malloc, and into the canary, posix_thread.canary (fs:0x28 on x86-64). There is one thread. */
#include <elf.h>

#include "pthread_impl.h"

unsigned char posix_seed[16];
static size_t auxv[] = { AT_RANDOM, (size_t)posix_seed, 0, 0 };

struct __libc __libc = { .auxv = auxv, .page_size = 4096 };

struct pthread posix_thread = {
	.self = &posix_thread,
	.prev = &posix_thread,
	.next = &posix_thread,
	.tid = 1,
	.detach_state = DT_JOINABLE,
	.locale = &__libc.global_locale,
	.robust_list.head = &posix_thread.robust_list.head,
};

size_t __hwcap;
char *__progname = "virga", *__progname_full = "virga";

weak_alias(__progname, program_invocation_short_name);
weak_alias(__progname_full, program_invocation_name);
