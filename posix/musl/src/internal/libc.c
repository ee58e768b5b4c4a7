/* SPDX-License-Identifier: ISC */
/* Replaces musl's file of this name: posix_start does the work of musl's start-up code, in zeroed memory
 * rather than as constants, which would be a third of a small image's data. The machine calls it once the
 * thread pointer is posix_thread_pointer's (on x86-64 FS, which points at posix_thread itself); it also puts
 * random bytes into posix_seed, for malloc, and into the canary, __stack_chk_guard. There is one thread. */
#include <elf.h>

#include "pthread_impl.h"

unsigned char posix_seed[16];
struct __libc __libc;
struct pthread posix_thread;

void posix_start(void)
{
	static size_t auxv[4];
	struct pthread *self = &posix_thread;

	auxv[0] = AT_RANDOM;
	auxv[1] = (size_t)posix_seed;
	__libc.auxv = auxv;
	__libc.page_size = 4096;
	self->self = self->prev = self->next = self;
	self->tid = 1;
	self->detach_state = DT_JOINABLE;
	self->locale = &__libc.global_locale;
	self->robust_list.head = &self->robust_list.head;
}

void *posix_thread_pointer(void)
{
	return TP_ADJ(&posix_thread);
}

size_t __hwcap;
char *__progname = "virga", *__progname_full = "virga";

weak_alias(__progname, program_invocation_short_name);
weak_alias(__progname_full, program_invocation_name);
