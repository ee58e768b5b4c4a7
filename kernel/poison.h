/* SPDX-License-Identifier: ISC */
/* Tells the address sanitizer, where there is one, that memory inside a larger block has been let
 * go or given out: so a packet that is used after buf_free is found as malloc's would be. */
#ifndef KERNEL_POISON_H
#define KERNEL_POISON_H

#include "kernel/util.h"

#ifdef __SANITIZE_ADDRESS__
#define KERNEL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KERNEL_ASAN 1
#endif
#endif

#ifdef KERNEL_ASAN
void __asan_poison_memory_region(void const volatile *from, size_t n);
void __asan_unpoison_memory_region(void const volatile *from, size_t n);
#else
#define __asan_poison_memory_region(from, n) ((void)(from), (void)(n))
#define __asan_unpoison_memory_region(from, n) ((void)(from), (void)(n))
#endif

static inline void poison(const void *from, size_t n)
{
	__asan_poison_memory_region(from, n);
}

static inline void unpoison(const void *from, size_t n)
{
	__asan_unpoison_memory_region(from, n);
}

#endif
