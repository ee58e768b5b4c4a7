/* SPDX-License-Identifier: ISC */
/* Keeps a record of each write, discard and flush: when it came and was done, and a write's bytes. A write is
 * durable once a flush is done that came after the write was done (or, without BLKDEV_CACHES, once the write
 * is done); from its coming until then any of its sectors may be on the medium. */
#include "tests/lib/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "tests/lib/dice.h"
#include "tests/lib/memory.h"

#define DISCARDED 0xdd /* arbitrary content */

struct disk_record {
	struct blkdev_op *op; /* while it is pending */
	uint64_t came, done;  /* done: UINT64_MAX while it is not */
	uint64_t sector;
	uint32_t sectors;
	uint8_t kind;
	bool failed;
	uint8_t *data; /* of a write or discard */
};

static void expect(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "disk: %s\n", what);
		abort();
	}
}

static void *at_sector(const struct disk *d, uint64_t sector)
{
	return d->image + sector * d->dev.sector_bytes;
}

/* NULL: op has no record. */
static struct disk_record *record_of(struct disk *d, const struct blkdev_op *op)
{
	for (size_t i = d->record_count; i--;)
		if (d->records[i].op == op)
			return &d->records[i];
	return NULL;
}

/* -- performing requests -- */

static void gather(const struct blkdev_op *op, uint8_t *to)
{
	for (uint32_t i = 0; i < op->count; to += op->slices[i++].len)
		memcpy(to, op->slices[i].data, op->slices[i].len);
}

static void scatter(const struct blkdev_op *op, const uint8_t *from)
{
	for (uint32_t i = 0; i < op->count; from += op->slices[i++].len)
		memcpy(op->slices[i].data, from, op->slices[i].len);
}

static void write_sectors(struct disk *d, const struct blkdev_op *op, const struct disk_record *r,
                          uint32_t sectors)
{
	size_t all = (size_t)op->sectors * d->dev.sector_bytes;
	uint8_t *now = test_alloc(all);

	gather(op, now);
	expect(!r || !memcmp(now, r->data, all), "memory has changed while it was being written");
	memcpy(at_sector(d, op->sector), now, (size_t)sectors * d->dev.sector_bytes);
	free(now);
}

static void perform(struct disk *d, const struct blkdev_op *op, const struct disk_record *r,
                    uint32_t sectors)
{
	if (op->kind == BLKDEV_READ)
		scatter(op, at_sector(d, op->sector));
	else if (op->kind == BLKDEV_WRITE)
		write_sectors(d, op, r, sectors);
	else if (op->kind == BLKDEV_DISCARD)
		memset(at_sector(d, op->sector), DISCARDED, (size_t)sectors * d->dev.sector_bytes);
}

static bool touches(const struct blkdev_op *op, uint64_t sector)
{
	return sector - op->sector < op->sectors;
}

static int verdict(struct disk *d, const struct blkdev_op *op)
{
	if (d->gone)
		return -ENXIO;
	if (touches(op, d->bad_sector))
		return -EIO;
	if (!d->fail_at || (d->fail_kinds && !(d->fail_kinds & 1u << op->kind)) || --d->fail_at)
		return 0;
	return d->fail_with;
}

/* Removes op from the device, and settles it. */
static void finish(struct disk *d, struct blkdev_op *op)
{
	struct disk_record *r = record_of(d, op);
	int error = verdict(d, op);

	list_remove(&op->link);
	d->has--;
	if (!error)
		perform(d, op, r, op->sectors);
	else if (op->kind == BLKDEV_WRITE && !d->gone)
		perform(d, op, r, op->sectors / 2);
	if (r) {
		r->op = NULL;
		r->failed = error;
		r->done = d->time;
	}
	d->time++;
	blkdev_done(op, error);
}

/* -- accepting requests -- */

static void check_neighbours(const struct disk *d, const struct blkdev_op *op)
{
	list_for_each(item, &d->had) {
		const struct blkdev_op *other = list_entry(item, struct blkdev_op, link);

		if (other->kind == BLKDEV_READ && op->kind == BLKDEV_READ)
			continue;
		expect(other->sector + other->sectors <= op->sector || op->sector + op->sectors <= other->sector,
		       "two requests for the same sector, one of them a write");
	}
}

static void add_record(struct disk *d, struct blkdev_op *op)
{
	size_t bytes = (size_t)op->sectors * d->dev.sector_bytes;
	struct disk_record *r;

	if (d->record_count == d->record_room) {
		d->record_room = 2 * d->record_room + 16;
		d->records = test_realloc(d->records, d->record_room * sizeof(*d->records));
	}
	r = &d->records[d->record_count++];
	*r = (struct disk_record){
		.op = op, .came = d->time, .done = UINT64_MAX,
		.sector = op->sector, .sectors = op->sectors, .kind = op->kind,
	};
	r->data = test_alloc(bytes);
	if (op->kind == BLKDEV_WRITE)
		gather(op, r->data);
	else
		memset(r->data, DISCARDED, bytes);
}

static void take(struct disk *d, struct blkdev_op *op)
{
	check_neighbours(d, op);
	if (!d->forgets && op->kind != BLKDEV_READ)
		add_record(d, op);
	d->time++;
	list_push_back(&d->had, &op->link);
	d->has++;
}

static void take_waiting(struct disk *d)
{
	while (d->waiting && d->has < d->depth) {
		struct list *item = list_pop_front(&d->queue);

		d->waiting--;
		take(d, list_entry(item, struct blkdev_op, link));
	}
}

static void start_timer(struct disk *d)
{
	if (d->when == DISK_LATER && d->has && !timer_is_running(&d->timer))
		timer_start(&d->timer, clock_now_ns() + d->delay_ns);
}

/* Chooses the request to perform next; NULL: none can be. */
static struct blkdev_op *choose(struct disk *d)
{
	struct list *item = d->had.next;

	for (uint64_t skip = d->seed && d->has ? test_random(&d->seed) % d->has : 0; skip; skip--)
		item = item->next;
	for (uint32_t i = 0; i <= d->has; i++, item = item->next) {
		struct blkdev_op *op = list_entry(item, struct blkdev_op, link);

		if (item != &d->had && (d->gone || !touches(op, d->stuck_sector)))
			return op;
	}
	return NULL;
}

size_t disk_release(struct disk *d, size_t n)
{
	size_t done = 0;
	struct blkdev_op *op;

	for (; done < n && (op = choose(d)); done++) {
		finish(d, op);
		take_waiting(d);
	}
	return done;
}

static void on_time(struct timer *t)
{
	struct disk *d = container_of(t, struct disk, timer);

	disk_release(d, 1);
	start_timer(d);
}

static void cancel(struct promise *p)
{
	struct blkdev_op *op = container_of(p, struct blkdev_op, promise);
	struct disk *d = container_of(op->dev, struct disk, dev);

	list_for_each(item, &d->queue) {
		if (item != &op->link)
			continue;
		list_remove(item);
		d->waiting--;
		blkdev_done(op, -ECANCELED);
		return;
	}
}

static void submit(struct blkdev *dev, struct blkdev_op *op)
{
	struct disk *d = container_of(dev, struct disk, dev);

	promise_init(&op->promise, cancel);
	d->requests++;
	if (d->gone) {
		blkdev_done(op, -ENXIO);
		return;
	}
	list_push_back(&d->queue, &op->link);
	d->waiting++;
	take_waiting(d);
	if (d->when == DISK_AT_ONCE)
		disk_release(d, SIZE_MAX);
	start_timer(d);
}

void disk_vanish(struct disk *d)
{
	d->gone = true;
	disk_release(d, SIZE_MAX);
}

/* -- creation and destruction -- */

void disk_init(struct disk *d, uint64_t sectors, uint32_t sector_bytes, uint32_t features)
{
	static const struct blkdev_ops ops = { submit };

	*d = (struct disk){
		.dev = {
			.ops = &ops, .sectors = sectors, .sector_bytes = sector_bytes,
			.slices_max = 64, .sectors_max = 2048, .features = features,
		},
		.image = test_alloc(sectors * sector_bytes),
		.depth = UINT32_MAX,
		.fail_with = -EIO,
		.bad_sector = UINT64_MAX,
		.stuck_sector = UINT64_MAX,
	};
	list_init(&d->had);
	list_init(&d->queue);
	timer_init(&d->timer, on_time);
}

static void drop_records(struct disk *d)
{
	while (d->record_count)
		free(d->records[--d->record_count].data);
	free(d->records);
	free(d->base);
	d->records = NULL;
	d->record_room = 0;
	d->base = NULL;
}

void disk_destroy(struct disk *d)
{
	expect(!d->has && !d->waiting, "requests are pending");
	timer_stop(&d->timer);
	drop_records(d);
	free(d->image);
}

/* -- power cuts -- */

void disk_forget(struct disk *d)
{
	size_t bytes = d->dev.sectors * d->dev.sector_bytes;

	expect(!d->has && !d->waiting, "requests are pending");
	drop_records(d);
	d->time = 0;
	d->base = test_alloc(bytes);
	memcpy(d->base, d->image, bytes);
}

uint64_t disk_write_time(const struct disk *d, size_t n)
{
	for (size_t i = 0; i < d->record_count; i++)
		if (d->records[i].kind == BLKDEV_WRITE && n-- == 0)
			return d->records[i].came;
	return UINT64_MAX;
}

/* All writes done before the result were durable at time. */
static uint64_t sure_before(const struct disk *d, uint64_t time)
{
	uint64_t sure = 0;

	if (!(d->dev.features & BLKDEV_CACHES))
		return time;
	for (size_t i = 0; i < d->record_count; i++) {
		const struct disk_record *r = &d->records[i];

		if (r->kind == BLKDEV_FLUSH && !r->failed && r->done < time)
			sure = MAX(sure, r->came);
	}
	return sure;
}

static void apply(const struct disk *d, const struct disk_record *r, uint32_t first, uint32_t count,
                  uint8_t *image)
{
	size_t bytes = d->dev.sector_bytes;

	memcpy(image + (r->sector + first) * bytes, r->data + first * bytes, count * bytes);
}

/* Applies a write that may be on the medium or not. */
static void apply_unsure(const struct disk *d, const struct disk_record *r, enum disk_left left, bool is_last,
                         uint64_t *seed, uint8_t *image)
{
	if (left == DISK_LEFT_ALL || (left == DISK_LEFT_TORN && !is_last))
		apply(d, r, 0, r->sectors, image);
	else if (left == DISK_LEFT_TORN)
		apply(d, r, 0, (uint32_t)(test_random(seed) % r->sectors), image);
	for (uint32_t i = 0; left == DISK_LEFT_SOME && i < r->sectors; i++)
		if (test_random(seed) & 1)
			apply(d, r, i, 1, image);
}

static bool is_change(const struct disk_record *r)
{
	return r->kind == BLKDEV_WRITE || r->kind == BLKDEV_DISCARD;
}

void disk_after_cut(const struct disk *d, uint64_t time, enum disk_left left, uint64_t seed, void *image)
{
	uint64_t sure = sure_before(d, time);
	const struct disk_record *last = NULL;

	expect(!d->forgets, "this disk remembers nothing");
	if (d->base)
		memcpy(image, d->base, d->dev.sectors * d->dev.sector_bytes);
	else
		memset(image, 0, d->dev.sectors * d->dev.sector_bytes);
	for (size_t i = 0; i < d->record_count; i++)
		if (is_change(&d->records[i]) && d->records[i].came < time)
			last = &d->records[i];
	for (size_t i = 0; i < d->record_count; i++) {
		const struct disk_record *r = &d->records[i];

		if (!is_change(r) || r->came >= time)
			continue;
		if (r->done < sure && !r->failed)
			apply(d, r, 0, r->sectors, image);
		else
			apply_unsure(d, r, left, r == last, &seed, image);
	}
}
