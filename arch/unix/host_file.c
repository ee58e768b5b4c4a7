/* SPDX-License-Identifier: ISC */
/* File descriptors: the console's three, and reading and writing of any. */
#define _GNU_SOURCE
#include "arch/unix/host_priv.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static_assert(sizeof(struct host_iov) == sizeof(struct iovec), "host_iov is iovec");
static_assert(offsetof(struct host_iov, base) == offsetof(struct iovec, iov_base), "host_iov is iovec");
static_assert(offsetof(struct host_iov, len) == offsetof(struct iovec, iov_len), "host_iov is iovec");

/* open would bring in its support for threads. */
void host_files_init(void)
{
	int fd;

	do
		fd = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

int host_close(int fd)
{
	return result(close(fd));
}

intptr_t host_read(int fd, void *to, size_t n)
{
	return result(read(fd, to, n));
}

intptr_t host_readv(int fd, const struct host_iov *iov, size_t count)
{
	return result(readv(fd, (const struct iovec *)iov, count));
}

intptr_t host_writev(int fd, const struct host_iov *iov, size_t count)
{
	return result(writev(fd, (const struct iovec *)iov, count));
}

int host_write_all(int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		struct pollfd room = { .fd = fd, .events = POLLOUT };
		ssize_t written = write(fd, at, n);

		if (written >= 0) {
			at += written;
			n -= written;
		} else if (errno == EAGAIN) {
			poll(&room, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}
