/* SPDX-License-Identifier: ISC */
/* Replaces musl's header of this name on every CPU: a system call is a call of posix/syscall.c. The function
 * is declared without parameters so that each caller passes only the arguments that its call has. */

/* 64 bits are passed as one word or two, whose order matters to none of the implemented calls. */
#if __SIZEOF_LONG__ == 8
#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)
#else
#define __SYSCALL_LL_E(x) (long)(x), (long)((long long)(x) >> 32)
#define __SYSCALL_LL_O(x) 0, __SYSCALL_LL_E((x))
#endif
/* With this, six words suffice for each call. */
#define SYSCALL_FADVISE_6_ARG

__attribute__((__visibility__("hidden"))) long posix_syscall();

static __inline long __syscall0(long n)
{
	return posix_syscall(n);
}

static __inline long __syscall1(long n, long a)
{
	return posix_syscall(n, a);
}

static __inline long __syscall2(long n, long a, long b)
{
	return posix_syscall(n, a, b);
}

static __inline long __syscall3(long n, long a, long b, long c)
{
	return posix_syscall(n, a, b, c);
}

static __inline long __syscall4(long n, long a, long b, long c, long d)
{
	return posix_syscall(n, a, b, c, d);
}

static __inline long __syscall5(long n, long a, long b, long c, long d, long e)
{
	return posix_syscall(n, a, b, c, d, e);
}

static __inline long __syscall6(long n, long a, long b, long c, long d, long e, long f)
{
	return posix_syscall(n, a, b, c, d, e, f);
}

#define IPC_64 0
