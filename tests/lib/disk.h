/* SPDX-License-Identifier: ISC */
/* A block device under the control of a test: it performs requests at the times and in the order that the
 * test sets, fails chosen ones, can vanish, and records every write, so that a test can look at the medium
 * after a power cut at any moment. Does not need Criterion: fuzz targets use it too.
 *
 * It watches its users: memory of a write that changes while the device has it, and two requests at a time
 * that touch the same sector, one of them a write, are bugs, and assert. */
#ifndef TESTS_LIB_DISK_H
#define TESTS_LIB_DISK_H

#include "kernel/dev/blkdev.h"
#include "kernel/timer.h"

/* When requests are done. */
enum disk_when {
	DISK_AT_ONCE,  /* before submit returns */
	DISK_LATER,    /* delay_ns after one another, in an order drawn from seed; 0: in the loop's next turns */
	DISK_HELD,     /* when the test says so: disk_release */
};

struct disk {
	struct blkdev dev; /* sectors_max 2048, slices_max 64: may be changed */
	uint8_t *image;    /* the content that a read would find now */

	/* Settings, which a test may change at any time. */
	enum disk_when when;
	uint64_t delay_ns;
	uint64_t seed;
	uint32_t depth;      /* requests that the device has at a time, UINT32_MAX at first; others wait, and can
	                        be cancelled */
	uint32_t fail_at;    /* the nth request from now (1: the next) fails with fail_with, once; 0: none does.
	                        Of a write that fails the first half of its sectors is done */
	uint32_t fail_kinds; /* only these requests count: bits 1 << BLKDEV_READ, …; 0 at first: all */
	int fail_with;       /* -EIO at first */
	uint64_t bad_sector; /* requests that touch it always fail with -EIO; UINT64_MAX: none */
	uint64_t stuck_sector; /* requests that touch it never complete; UINT64_MAX: none */
	bool forgets;        /* no records are kept: for large disks without power cuts */

	/* Observations. */
	uint64_t time;     /* moves by one whenever a request comes or is done */
	uint64_t requests; /* that have come */
	uint32_t has, waiting; /* requests now */

	/* Private. */
	struct list had, queue;
	struct timer timer;
	struct disk_record *records; /* of requests, in order */
	size_t record_count, record_room;
	uint8_t *base; /* the medium before the records; NULL: zeros */
	bool gone;
};

/* A disk of zeros. features: enum blkdev_features. Memory that is never touched costs nothing. */
void disk_init(struct disk *d, uint64_t sectors, uint32_t sector_bytes, uint32_t features);
/* No request may be pending. */
void disk_destroy(struct disk *d);

/* Performs up to n of the requests that the device has, DISK_HELD or not, in an order drawn from seed (0: as
 * they came). Gives their number. */
size_t disk_release(struct disk *d, size_t n);
/* All requests, these and later ones, fail with -ENXIO. */
void disk_vanish(struct disk *d);

/* The part of unflushed writes that a power cut leaves. */
enum disk_left {
	DISK_LEFT_ALL,  /* everything, by luck */
	DISK_LEFT_NONE, /* only flushed writes (without BLKDEV_CACHES: those done) */
	DISK_LEFT_SOME, /* each sector of each write by dice */
	DISK_LEFT_TORN, /* everything but a part of the last write: its first sectors are there, by dice */
};

/* Gives the image, sectors * sector_bytes, after a power cut at time (0 to d->time). The medium began all
 * zero, or as the last disk_forget has found it. */
void disk_after_cut(const struct disk *d, uint64_t time, enum disk_left left, uint64_t seed, void *image);
/* Drops all records: the present image is on the medium. No request may be pending. */
void disk_forget(struct disk *d);
/* The time at which the nth write (from 0) came, for power cuts around it; UINT64_MAX: there were fewer. */
uint64_t disk_write_time(const struct disk *d, size_t n);

#endif
