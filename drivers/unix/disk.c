/* SPDX-License-Identifier: ISC */
/* A disk in a file or block device of the host. On Linux a file is always ready, so requests are done in the
 * loop's device phase, a few per turn: cached data costs a copy, but other data blocks the whole process. A
 * thread or io_uring would not, but needs things that the rest of the process does without: atomics, or a
 * kernel that allows it. */
#define LOG_TAG "disk"
#include "drivers/unix/disk.h"

#include <errno.h>
#include <string.h>

#include "arch/unix/host.h"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "kernel/loop.h"

#define SECTOR_BYTES 512
#define SECTORS_MAX 2048
#define SLICES_MAX 256
#define BATCH 4 /* requests per turn, so that timers and others get their turn */
#define PATH_BYTES 4096
#define READ_ONLY ",ro"

struct disk {
	struct blkdev dev; /* first */
	struct host_disk host;
	struct poller poller;
	struct list waiting;
	struct host_iov iov[SLICES_MAX];
	bool has_failed; /* and that was logged */
};

/* Drops n bytes, which are done, from the front of iov. Gives the number of slices left of count. */
static size_t advance(struct host_iov *iov, size_t count, size_t n)
{
	size_t done = 0;

	while (done < count && n >= iov[done].len)
		n -= iov[done++].len;
	memmove(iov, iov + done, (count - done) * sizeof(*iov));
	if (done < count) {
		iov->base = (char *)iov->base + n;
		iov->len -= n;
	}
	return count - done;
}

/* The host may transfer a part at a time. 0 bytes are the end: the file has become shorter. */
static int transfer(struct disk *disk, const struct blkdev_op *op)
{
	uint64_t at = op->sector * SECTOR_BYTES;
	size_t count = op->count;

	for (size_t i = 0; i < count; i++)
		disk->iov[i] = (struct host_iov){ op->slices[i].data, op->slices[i].len };
	while (count) {
		intptr_t n = op->kind == BLKDEV_READ ? host_disk_read(disk->host.fd, at, disk->iov, count)
		                                     : host_disk_write(disk->host.fd, at, disk->iov, count);

		if (n == 0)
			return -EIO;
		if (n < 0 && n != -EINTR)
			return (int)n;
		count = n < 0 ? count : advance(disk->iov, count, (size_t)n);
		at += n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

static int perform(struct disk *disk, const struct blkdev_op *op)
{
	int error = -EINTR;

	if (op->kind == BLKDEV_READ || op->kind == BLKDEV_WRITE)
		return transfer(disk, op);
	while (error == -EINTR)
		error = op->kind == BLKDEV_FLUSH ? host_disk_flush(disk->host.fd)
		                                 : host_disk_discard(disk->host.fd, op->sector * SECTOR_BYTES,
		                                                     (uint64_t)op->sectors * SECTOR_BYTES);
	return error;
}

/* Converts error to one of blkdev.h's. The host's error is logged once: on a full disk every write fails. */
static int explain(struct disk *disk, int error)
{
	if (!error || error == -EOPNOTSUPP)
		return error;
	if (!disk->has_failed)
		log_error("errno=%d", -error);
	disk->has_failed = true;
	return error == -ENXIO || error == -ENODEV ? -ENXIO : -EIO;
}

static void poll(struct poller *p)
{
	struct disk *disk = container_of(p, struct disk, poller);

	for (unsigned i = 0; i < BATCH && !list_is_empty(&disk->waiting); i++) {
		struct blkdev_op *op = list_first(&disk->waiting, struct blkdev_op, link);

		list_remove(&op->link);
		blkdev_done(op, explain(disk, perform(disk, op)));
	}
	if (!list_is_empty(&disk->waiting))
		poller_mark(p);
}

static void submit(struct blkdev *dev, struct blkdev_op *op)
{
	struct disk *disk = container_of(dev, struct disk, dev);

	promise_init(&op->promise, blkdev_cancel);
	if (op->kind == BLKDEV_FLUSH && disk->host.read_only) {
		blkdev_done(op, 0);
		return;
	}
	list_push_back(&disk->waiting, &op->link);
	poller_mark(&disk->poller);
}

static const struct blkdev_ops ops = { submit };

/* Splits name into a path and the suffix READ_ONLY. */
static int split(const char *name, char *path, bool *read_only)
{
	size_t len = strlen(name), suffix = sizeof(READ_ONLY) - 1;

	*read_only = len >= suffix && strcmp(name + len - suffix, READ_ONLY) == 0;
	len -= *read_only ? suffix : 0;
	if (len >= PATH_BYTES)
		return -ENAMETOOLONG;
	memcpy(path, name, len);
	path[len] = '\0';
	return 0;
}

static int open_host(const char *name, struct host_disk *host)
{
	char path[PATH_BYTES];
	bool read_only;
	int error = split(name, path, &read_only);

	if (!error)
		error = host_disk_open(path, read_only, host);
	if (!error && host->bytes < SECTOR_BYTES) {
		host_close(host->fd);
		error = -ENODATA;
	}
	if (!error && host->read_only && !read_only)
		log_warn("path=\"%s\" may not be written: it is read-only", path);
	if (error)
		log_error("path=\"%s\" error=\"%s\" errno=%d", name,
		          error == -ENOENT ? "there is no such file" :
		          error == -EACCES || error == -EPERM ? "no right to read it" :
		          error == -EBUSY ? "it is in use" :
		          error == -EINVAL || error == -EISDIR ? "neither a file nor a block device" :
		          error == -ENODATA ? "less than a sector of 512 bytes" : "it cannot be opened", -error);
	return error;
}

struct blkdev *disk_create(const char *name)
{
	struct disk *disk = instance_alloc(sizeof(*disk));

	if (!disk)
		log_error("path=\"%s\" error=\"no memory\"", name);
	if (!disk || open_host(name, &disk->host) < 0) {
		instance_free(disk, sizeof(*disk));
		return NULL;
	}
	disk->dev = (struct blkdev){
		.ops = &ops,
		.sectors = disk->host.bytes / SECTOR_BYTES,
		.sector_bytes = SECTOR_BYTES,
		.slices_max = SLICES_MAX,
		.sectors_max = SECTORS_MAX,
		.features = disk->host.read_only ? BLKDEV_READ_ONLY : BLKDEV_CACHES | BLKDEV_DISCARDS,
	};
	list_init(&disk->waiting);
	poller_add(&disk->poller, poll);
	return &disk->dev;
}

void disk_destroy(struct blkdev *dev)
{
	struct disk *disk = container_of(dev, struct disk, dev);

	assert(list_is_empty(&disk->waiting));
	poller_remove(&disk->poller);
	host_close(disk->host.fd);
	instance_free(disk, sizeof(*disk));
}
