/* SPDX-License-Identifier: ISC */
/* The host's clocks, random numbers and memory. */
#define _GNU_SOURCE
#include "arch/unix/host_priv.h"

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t host_monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t host_wall_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

int host_random(void *to, size_t n)
{
	ssize_t got;

	do
		got = getrandom(to, n, 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)n ? 0 : got < 0 ? -errno : -EIO;
}

void *host_map(size_t bytes, bool accessible)
{
	void *at = mmap(NULL, bytes, accessible ? PROT_READ | PROT_WRITE : PROT_NONE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void host_unmap(void *at, size_t bytes)
{
	munmap(at, bytes);
}

int host_make_accessible(void *at, size_t bytes)
{
	return result(mprotect(at, bytes, PROT_READ | PROT_WRITE));
}

/* Changes nothing: the kernel reads the new mask before it rejects the invalid operation. */
bool host_is_readable(uintptr_t address)
{
	int before = errno;
	bool faulted;

	if (address == 0)
		return false;
	faulted = syscall(SYS_rt_sigprocmask, -1, address, NULL, 8) < 0 && errno == EFAULT;
	errno = before;
	return !faulted;
}
