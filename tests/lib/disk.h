/* SPDX-License-Identifier: ISC */
/* A block device in a test's hand: it does requests when and in which order the test says, fails those that
 * it is told to, can vanish, and remembers every write, so that a test can look at what is left when the
 * power fails at any moment. Needs nothing of Criterion: fuzz targets use it too.
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
	uint8_t *image;    /* as a read would find it now */

	/* What a test sets, at any time. */
	enum disk_when when;
	uint64_t delay_ns;
	uint64_t seed;
	uint32_t depth;      /* requests that the device has at a time, UINT32_MAX at first; others wait, and can
	                        be cancelled */
	uint32_t fail_at;    /* the nth request from now (1: the next) fails with fail_with, once; 0: none does.
	                        Of a write that fails the first half of its sectors is done */
	uint32_t fail_kinds; /* only requests of these count: bits 1 << BLKDEV_READ, …; 0 at first: all */
	int fail_with;       /* -EIO at first */
	uint64_t bad_sector; /* whatever touches it fails with -EIO, each time; UINT64_MAX: there is none */
	uint64_t stuck_sector; /* what touches it stays with the device; UINT64_MAX: there is none */
	bool forgets;        /* nothing is remembered: for large disks that are never cut */

	/* What it has seen. */
	uint64_t time;     /* moves by one whenever a request comes or is done */
	uint64_t requests; /* that came in */
	uint32_t has, waiting; /* requests now */

	/* Its own. */
	struct list had, queue;
	struct timer timer;
	struct disk_record *records; /* what came, in order */
	size_t record_count, record_room;
	uint8_t *base; /* what was on the medium before; NULL: zeros */
	bool gone;
};

/* A disk of zeros. features: enum blkdev_features. Memory that is never touched costs nothing. */
void disk_init(struct disk *d, uint64_t sectors, uint32_t sector_bytes, uint32_t features);
/* No request may be pending. */
void disk_destroy(struct disk *d);

/* Does up to n of the requests that the device has, DISK_HELD or not, in an order drawn from seed (0: as they
 * came). Gives how many that were. */
size_t disk_release(struct disk *d, size_t n);
/* All requests, these and later ones, fail with -ENXIO. */
void disk_vanish(struct disk *d);

/* What an unflushed write has left when the power has failed. */
enum disk_left {
	DISK_LEFT_ALL,  /* the device has had luck: all that it was given is there */
	DISK_LEFT_NONE, /* only what had been flushed (without BLKDEV_CACHES: what was done) */
	DISK_LEFT_SOME, /* each sector of each write by dice */
	DISK_LEFT_TORN, /* all but the last write, of which a part is there: its first sectors, by dice */
};

/* The image, sectors * sector_bytes, as it is when the power failed at this time (0 to d->time). The medium
 * was all zero, or what disk_forget found. */
void disk_after_cut(const struct disk *d, uint64_t time, enum disk_left left, uint64_t seed, void *image);
/* The past begins here: what is in the image is on the medium. Nothing may be pending. */
void disk_forget(struct disk *d);
/* When the nth write (from 0) came in, so that cuts at and around it can be made; UINT64_MAX: there were
 * not as many. */
uint64_t disk_write_time(const struct disk *d, size_t n);

#endif
