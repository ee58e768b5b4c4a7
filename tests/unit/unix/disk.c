/* SPDX-License-Identifier: ISC */
/* A file of the host as a disk: writes are in it, and changes of the file by others are survived. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/unix/disk.h"
#include "tests/lib/test.h"
#include "tests/unit/unix/world.h"

#define SECTORS 100

static char path[] = "/tmp/disk-XXXXXX";
static int file;
static struct blkdev *dev;
static uint8_t memory[SECTORS * 512];

/* Sector i is full of i + 1; there are 100 bytes more. */
static void begin(void)
{
	world_begin();
	file = mkostemp(path, O_CLOEXEC);
	cr_assert(file >= 0);
	for (unsigned i = 0; i < SECTORS; i++) {
		memset(memory, (int)i + 1, 512);
		cr_assert_eq(write(file, memory, 512), 512);
	}
	cr_assert_eq(write(file, memory, 100), 100);
	memset(memory, 0, sizeof(memory));
}

static void finish(void)
{
	if (dev)
		disk_destroy(dev);
	close(file);
	unlink(path);
	world_end();
}

TestSuite(disk, .init = begin, .fini = finish, .timeout = 60);

static void open_disk(const char *suffix)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	dev = disk_create(name);
	cr_assert(dev, "%s", test_console_text());
}

static uint8_t in_file(unsigned sector)
{
	uint8_t bytes[512];

	cr_assert_eq(pread(file, bytes, 512, sector * 512), 512);
	cr_assert(memcmp(bytes, bytes + 1, 511) == 0);
	return bytes[0];
}

Test(disk, reads_writes_and_flushes)
{
	struct blkdev_slice out[] = { { memory, 512 }, { memory + 512, 1024 } };
	struct blkdev_slice in[] = { { memory + 4096, 1024 }, { memory + 8192, 512 } };
	struct blkdev_op op;

	open_disk("");
	cr_assert(dev->sectors == SECTORS && dev->features == (BLKDEV_CACHES | BLKDEV_DISCARDS));
	blkdev_read(dev, &op, 97, 3, in, 2);
	test_assert_pending(&op.promise);
	cr_assert_eq(world_run(&op.promise), 0);
	cr_assert(memory[4096] == 98 && memory[4608] == 99 && memory[8192] == 100 && memory[8704] == 0);
	memset(memory, 0xaa, 512);
	memset(memory + 512, 0xbb, 1024);
	blkdev_write(dev, &op, 3, 3, out, 2);
	cr_assert_eq(world_run(&op.promise), 0);
	cr_assert(in_file(2) == 3 && in_file(3) == 0xaa && in_file(4) == 0xbb && in_file(6) == 7);
	blkdev_flush(dev, &op);
	cr_assert_eq(world_run(&op.promise), 0);
	cr_assert(dev->stats.reads == 1 && dev->stats.writes == 1 && dev->stats.flushes == 1);
}

Test(disk, does_many_requests_in_turns)
{
	struct blkdev_slice slices[20];
	struct blkdev_op ops[20];

	open_disk("");
	for (unsigned i = 0; i < 20; i++) {
		slices[i] = (struct blkdev_slice){ memory + i * 512, 512 };
		blkdev_read(dev, &ops[i], i, 1, &slices[i], 1);
	}
	promise_cancel(&ops[7].promise);
	test_assert_error(&ops[7].promise, -ECANCELED);
	cr_assert_eq(world_run(&ops[19].promise), 0);
	for (unsigned i = 0; i < 20; i++)
		cr_assert_eq(memory[i * 512], i == 7 ? 0 : i + 1);
}

Test(disk, discards_what_the_host_can_do_without)
{
	struct blkdev_op op;
	struct stat status;

	open_disk("");
	blkdev_discard(dev, &op, 16, 80);
	cr_assert_eq(world_run(&op.promise), 0);
	cr_assert(in_file(15) == 16 && in_file(16) == 0 && in_file(95) == 0 && in_file(96) == 97);
	cr_assert(fstat(file, &status) == 0 && status.st_size == SECTORS * 512 + 100);
}

Test(disk, is_read_only_when_it_is_told_to_be)
{
	struct blkdev_slice slice = { memory, 512 };
	struct blkdev_op op;

	open_disk(",ro");
	cr_assert_eq(dev->features, BLKDEV_READ_ONLY);
	blkdev_write(dev, &op, 0, 1, &slice, 1);
	test_assert_error(&op.promise, -EROFS);
	blkdev_read(dev, &op, 4, 1, &slice, 1);
	cr_assert_eq(world_run(&op.promise), 0);
	cr_assert_eq(memory[0], 5);
	blkdev_flush(dev, &op);
	cr_assert_eq(world_run(&op.promise), 0);
}

/* Without write permission, as another user than root, who can always write. */
Test(disk, is_read_only_when_the_host_says_so)
{
	pid_t child;
	int status;

	cr_assert_eq(fchmod(file, 0444), 0);
	child = fork();
	if (child == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		dev = disk_create(path);
		if (!dev || dev->features != BLKDEV_READ_ONLY)
			_exit(2);
		_exit(strstr(test_console_text(), "may not be written") ? 0 : 3);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
}

Test(disk, a_file_that_shrinks_is_an_error)
{
	struct blkdev_slice slice = { memory, 1024 };
	struct blkdev_op op;

	open_disk("");
	cr_assert_eq(ftruncate(file, 51 * 512), 0);
	for (unsigned i = 0; i < 2; i++) {
		blkdev_read(dev, &op, 50, 2, &slice, 1);
		cr_assert_eq(world_run(&op.promise), -EIO);
	}
	blkdev_read(dev, &op, 49, 2, &slice, 1);
	cr_assert_eq(world_run(&op.promise), 0);
	cr_assert(memory[0] == 50 && memory[512] == 51);
	cr_assert_null(strstr(strstr(test_console_text(), "errno=5") + 1, "errno="), "said once");
}

Test(disk, nobody_else_writes_it)
{
	struct blkdev *other;

	open_disk("");
	cr_assert_null(disk_create(path));
	cr_assert(strstr(test_console_text(), "it is in use"), "%s", test_console_text());
	disk_destroy(dev);
	open_disk(",ro");
	cr_assert_null(disk_create(path));
	other = dev;
	open_disk(",ro");
	disk_destroy(other);
}

Test(disk, says_why_it_is_none)
{
	static char folder[] = "/tmp/disk-folder-XXXXXX";
	static char long_name[5000];
	char pipe[64];

	cr_assert_null(disk_create("/tmp/there/is/none"));
	cr_assert(strstr(test_console_text(), "path=\"/tmp/there/is/none\" error=\"there is no such file\""));
	cr_assert(mkdtemp(folder) != NULL);
	snprintf(pipe, sizeof(pipe), "%s/pipe", folder);
	cr_assert_eq(mkfifo(pipe, 0600), 0);
	test_console_clear();
	cr_assert_null(disk_create(folder));
	cr_assert(strstr(test_console_text(), "neither a file nor a block device"), "%s", test_console_text());
	test_console_clear();
	cr_assert_null(disk_create(pipe));
	cr_assert(strstr(test_console_text(), "neither a file nor a block device"), "%s", test_console_text());
	unlink(pipe);
	rmdir(folder);
	cr_assert_eq(ftruncate(file, 511), 0);
	cr_assert_null(disk_create(path));
	cr_assert(strstr(test_console_text(), "less than a sector"), "%s", test_console_text());
	memset(long_name, 'x', sizeof(long_name) - 1);
	cr_assert_null(disk_create(long_name));
	test_alloc_fail_at(1);
	cr_assert_null(disk_create(path));
}
