/* SPDX-License-Identifier: ISC */
/* The system calls that musl makes for malloc, stray stdio, time and exit; each turns into a call of the
 * kernel, and none suspends. Files, processes and signals do not exist: a missing call gives -ENOSYS and is
 * logged once. Numbers and results are Linux's, see its man-pages. */
#define LOG_TAG "posix"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "arch/arch.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/random.h"
#include "posix/posix.h"

/* 32-bit CPUs have other numbers for the calls whose offsets and times are as wide as on 64-bit ones. */
#ifndef SYS_mmap
#define SYS_mmap SYS_mmap2
#define SYS_clock_gettime SYS_clock_gettime64
#endif

#define STDOUT 1
#define STDERR 2

static long map(uintptr_t hint, size_t bytes, long protection, long flags)
{
	size_t count;
	void *pages;

	(void)hint;
	if (bytes == 0 || (flags & MAP_FIXED))
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS))
		return -ENODEV;
	if (protection & PROT_EXEC) /* no page becomes executable after boot */
		return -EPERM;
	if (bytes > SIZE_MAX - PAGE_BYTES)
		return -ENOMEM;
	count = ALIGN_UP(bytes, PAGE_BYTES) / PAGE_BYTES;
	pages = page_alloc(count, true);
	if (!pages)
		return -ENOMEM;
	page_malloc.used += count;
	page_malloc.peak = MAX(page_malloc.peak, page_malloc.used);
	return (long)pages;
}

static long unmap(uintptr_t start, size_t bytes)
{
	size_t count = ALIGN_UP(bytes, PAGE_BYTES) / PAGE_BYTES;

	if (start % PAGE_BYTES || bytes == 0 || bytes > SIZE_MAX - PAGE_BYTES)
		return -EINVAL;
	page_free((void *)start, count);
	page_malloc.used -= count;
	return 0;
}

static long write_all(long file, const struct iovec *parts, size_t count)
{
	size_t total = 0;

	if (file != STDOUT && file != STDERR)
		return -EBADF;
	for (size_t i = 0; i < count; i++) {
		console_write(parts[i].iov_base, parts[i].iov_len);
		total += parts[i].iov_len;
	}
	return (long)total;
}

static long get_time(long clock, struct timespec *out)
{
	uint64_t ns;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		ns = clock_wall_ns();
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		ns = clock_now_ns();
		break;
	default:
		return -EINVAL;
	}
	out->tv_sec = (time_t)(ns / NS_PER_S);
	out->tv_nsec = (long)(ns % NS_PER_S);
	return 0;
}

static long get_random(void *to, size_t n)
{
	if (!random_is_ready())
		return -EAGAIN;
	random_bytes(to, n);
	return (long)n;
}

static long missing(long number)
{
	static uint32_t said[16];

	if (CONFIG_LOG_CEILING >= LOG_DEBUG && number >= 0 && number < 32 * (long)ARRAY_SIZE(said)) {
		uint32_t bit = UINT32_C(1) << (number % 32);

		if (!(said[number / 32] & bit))
			log_debug("missing call=%ld", number);
		said[number / 32] |= bit;
	}
	return -ENOSYS;
}

long posix_syscall(long number, long a, long b, long c, long d, long e)
{
	(void)e;
	switch (number) {
	case SYS_mmap:
		return map((uintptr_t)a, (size_t)b, c, d);
	case SYS_munmap:
		return unmap((uintptr_t)a, (size_t)b);
	case SYS_brk: /* there is no heap to grow: malloc then maps */
	case SYS_madvise:
		return 0;
	case SYS_mprotect: /* memory is readable and writable already, and cannot be changed */
		return c == (PROT_READ | PROT_WRITE) ? 0 : -EPERM;
	case SYS_write:
		return write_all(a, &(struct iovec){ (void *)b, (size_t)c }, 1);
	case SYS_writev:
		return write_all(a, (const struct iovec *)b, (size_t)c);
	case SYS_ioctl: /* stdio asks whether this is a terminal */
		return -ENOTTY;
	case SYS_clock_gettime:
		return get_time(a, (struct timespec *)b);
	case SYS_getrandom:
		return get_random((void *)a, (size_t)b);
	case SYS_getpid:
	case SYS_gettid:
	case SYS_set_tid_address:
		return 1;
	case SYS_exit:
	case SYS_exit_group:
		arch_poweroff((int)a);
	}
	return missing(number);
}
