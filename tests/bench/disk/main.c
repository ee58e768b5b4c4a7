/* SPDX-License-Identifier: ISC */
/* Reads a whole disk, or a file on it, once from start to end, and prints the time: with FAT the file
 * big.bin, by kv_read, otherwise the device itself, with as many requests as keep it busy.
 *
 *   read bytes=268435456 ns=… */
#define LOG_TAG "disk"
#include <errno.h>

#include "arch/arch.h"
#include "fs/kv.h"
#include "kernel/app.h"
#include "kernel/dev/blkdev.h"
#include "kernel/dev/clock.h"
#include "kernel/fiber.h"
#include "kernel/log.h"

#define REQUESTS 4
#define REQUEST_BYTES 65536

const struct option app_options[] = { { 0 } };

static struct kv *files;
static struct request {
	struct blkdev_op op;
	struct blkdev_slice slice;
	bool is_busy;
	uint8_t memory[REQUEST_BYTES] __attribute__((aligned(4096)));
} requests[REQUESTS];

static int64_t read_device(void)
{
	struct blkdev *dev = machine_blkdev();
	uint64_t sector = 0;
	uint32_t count, busy = 0;

	if (!dev)
		return -ENODEV;
	count = MIN(REQUEST_BYTES / dev->sector_bytes, dev->sectors_max);
	for (unsigned i = 0; sector < dev->sectors || busy; i = (i + 1) % REQUESTS) {
		struct request *r = &requests[i];
		uint32_t sectors = (uint32_t)MIN(dev->sectors - sector, (uint64_t)count);
		intptr_t result = r->is_busy ? fiber_await(&r->op.promise, DEADLINE_NEVER) : 0;

		if (result < 0)
			return result;
		busy -= r->is_busy;
		r->is_busy = sectors;
		busy += r->is_busy;
		r->slice = (struct blkdev_slice){ r->memory, sectors * dev->sector_bytes };
		if (sectors)
			blkdev_read(dev, &r->op, sector, sectors, &r->slice, 1);
		sector += sectors;
	}
	return (int64_t)(dev->sectors * dev->sector_bytes);
}

static int64_t read_file(void)
{
	static struct kv_get get;
	static struct kv_read read;
	uint64_t at = 0;
	intptr_t n;

	kv_get(files, &get, "big.bin", 7);
	n = fiber_await(&get.promise, DEADLINE_NEVER);
	if (n < 0)
		return n;
	do {
		kv_read(files, &read, &get.entry, at, REQUEST_BYTES);
		n = fiber_await(&read.promise, DEADLINE_NEVER);
		if (n < 0)
			return n;
		for (uint32_t i = 0; i < read.count; i++)
			storage_put(read.slices[i].storage);
		at += (uint64_t)n;
	} while (n > 0);
	return (int64_t)at;
}

static intptr_t run(void *arg)
{
	uint64_t start = clock_now_ns();
	int64_t bytes = files ? read_file() : read_device();

	(void)arg;
	if (bytes < 0)
		return (intptr_t)bytes;
	log_info("read bytes=%lld ns=%llu", (long long)bytes, (unsigned long long)(clock_now_ns() - start));
	return 0;
}

int app_start(const struct app *app, struct promise *done)
{
	files = app->kv;
	return fiber_start(run, NULL, done);
}
