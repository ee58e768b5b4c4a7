/* SPDX-License-Identifier: ISC */
/* A regular file or a block device as a disk. */
#define _GNU_SOURCE
#include "arch/unix/host_priv.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* open would bring in its support for threads. O_NONBLOCK: a pipe, refused below, would wait for its other
 * end. O_EXCL: fails for a block device that the host has mounted. */
static int open_for(const char *path, int access)
{
	return (int)result(syscall(SYS_openat, AT_FDCWD, path, access | O_CLOEXEC | O_NONBLOCK));
}

/* Fills in disk, and locks it: one process may write it, or any number read it, of those that lock it as ours
 * do. */
static int describe(struct host_disk *disk)
{
	struct stat status;
	off_t bytes;

	if (fstat(disk->fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return -EINVAL;
	if (flock(disk->fd, (disk->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EBUSY;
	bytes = lseek(disk->fd, 0, SEEK_END);
	if (bytes < 0)
		return -errno;
	disk->bytes = (uint64_t)bytes;
	return 0;
}

int host_disk_open(const char *path, bool read_only, struct host_disk *out)
{
	int error;

	out->read_only = read_only;
	out->fd = read_only ? -EROFS : open_for(path, O_RDWR | O_EXCL);
	if (out->fd == -EACCES || out->fd == -EPERM || out->fd == -EROFS) {
		out->read_only = true;
		out->fd = open_for(path, O_RDONLY);
	}
	if (out->fd < 0)
		return out->fd;
	error = describe(out);
	if (error)
		close(out->fd);
	return error;
}

intptr_t host_disk_read(int fd, uint64_t at, const struct host_iov *iov, size_t count)
{
	return result(preadv(fd, (const struct iovec *)iov, (int)count, (off_t)at));
}

intptr_t host_disk_write(int fd, uint64_t at, const struct host_iov *iov, size_t count)
{
	return result(pwritev(fd, (const struct iovec *)iov, (int)count, (off_t)at));
}

int host_disk_flush(int fd)
{
	return (int)result(fdatasync(fd));
}

int host_disk_discard(int fd, uint64_t at, uint64_t bytes)
{
	return (int)result(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)bytes));
}
