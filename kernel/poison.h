/* SPDX-License-Identifier: ISC */
/* Tells the address sanitizer, if built in, that memory inside a larger block has been freed or given
 * out: so use of a packet after buf_free is found, as it would be with malloc. */
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
