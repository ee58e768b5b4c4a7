/* SPDX-License-Identifier: ISC */
/* The disk driver against a backend in memory: its requests, the places of data, backends that leave in the
 * middle and come back, and backends that lie. */
#include <errno.h>
#include <string.h>

#include "drivers/xen/ring.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/blkdev.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <criterion/parameterized.h>
#include <xen/io/blkif.h>

#define FRONT "device/vbd/51712"
#define BACK "/local/domain/0/backend/vbd/1/51712"
#define WAIT "2"
#define INITIALISED "3"
#define CONNECTED "4"
#define CLOSED "6"
enum { RING = 32, SECTORS = 4096, OPS = 16 };

static struct blkdev *dev;
static struct blkdev_op ops[OPS];
static struct blkdev_slice slices[64];
static _Alignas(PAGE_BYTES) uint8_t memory[64 * PAGE_BYTES];

/* -- the backend: a disk whose sectors begin with their number -- */

static struct {
	struct xen_ring_page *ring;
	uint32_t seen, port;
	bool replies;
	unsigned requests, indirect, flushes;
	uint64_t discarded, discarded_sectors;
	uint8_t disk[SECTORS * 512];
} back;

static struct blkif_request next_request(void)
{
	struct blkif_request r;

	cr_assert_lt(back.seen, back.ring->req_prod, "nothing was asked");
	memcpy(&r, back.ring->entries + back.seen++ % RING * sizeof(r), sizeof(r));
	back.requests++;
	return r;
}

static void answer(uint64_t id, int16_t status)
{
	struct blkif_response r = { .id = id, .status = status };

	memcpy(back.ring->entries + back.ring->rsp_prod++ % RING * sizeof(struct blkif_request), &r, sizeof(r));
}

static void transfer(const struct blkif_request_segment *segments, unsigned count, uint64_t sector, bool read)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t *page = fake_granted(segments[i].gref, !read);
		uint32_t at = segments[i].first_sect * 512, n = (segments[i].last_sect + 1) * 512 - at;

		cr_assert(segments[i].last_sect < 8 && segments[i].first_sect <= segments[i].last_sect);
		cr_assert_leq(sector + n / 512, SECTORS);
		if (read)
			memcpy(page + at, back.disk + sector * 512, n);
		else
			memcpy(back.disk + sector * 512, page + at, n);
		sector += n / 512;
	}
}

/* Performs one request correctly; the caller answers it. */
static struct blkif_request perform(void)
{
	struct blkif_request r = next_request();

	if (r.operation == BLKIF_OP_INDIRECT) {
		const struct blkif_request_indirect *i = (const void *)&r;

		back.indirect++;
		cr_assert(i->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST);
		transfer((const void *)fake_granted(i->indirect_grefs[0], true), i->nr_segments, i->sector_number,
		         i->indirect_op == BLKIF_OP_READ);
	} else if (r.operation == BLKIF_OP_DISCARD) {
		back.discarded = ((const struct blkif_request_discard *)&r)->sector_number;
		back.discarded_sectors = ((const struct blkif_request_discard *)&r)->nr_sectors;
	} else if (r.operation == BLKIF_OP_FLUSH_DISKCACHE) {
		cr_assert_eq(r.nr_segments, 0);
		back.flushes++;
	} else {
		cr_assert(r.nr_segments >= 1 && r.nr_segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST);
		transfer(r.seg, r.nr_segments, r.sector_number, r.operation == BLKIF_OP_READ);
	}
	return r;
}

static void serve(void)
{
	test_settle();
	while (back.seen != back.ring->req_prod) {
		answer(perform().id, BLKIF_RSP_OKAY);
		fake_raise(back.port);
		test_settle();
	}
}

static void follow(uint64_t deadline_ns)
{
	const char *state = fake_get(FRONT "/state"), *own = fake_get(BACK "/state");

	if (back.replies && state && !strcmp(state, INITIALISED) && own && !strcmp(own, WAIT)) {
		back.ring = fake_map_ring(FRONT "/ring-ref");
		back.port = (uint32_t)fake_get_number(FRONT "/event-channel");
		back.seen = 0;
		fake_set(BACK "/state", CONNECTED);
	} else if (deadline_ns != DEADLINE_NEVER) {
		clock_advance_ns(NS_PER_S);
	}
}

static void describe(const char *sectors, const char *size, const char *info, const char *indirect)
{
	fake_begin();
	fake_set(FRONT, "");
	fake_set(FRONT "/backend", BACK);
	fake_set(FRONT "/backend-id", "0");
	fake_set(FRONT "/state", "1");
	fake_set(BACK "/sectors", sectors);
	fake_set(BACK "/sector-size", size);
	fake_set(BACK "/info", info);
	fake_set(BACK "/feature-flush-cache", "1");
	fake_set(BACK "/feature-discard", "1");
	fake_set(BACK "/feature-max-indirect-segments", indirect);
	fake_set(BACK "/state", WAIT);
	back.replies = true;
	clock_on_block = follow;
	for (size_t i = 0; i < SECTORS; i++)
		memcpy(back.disk + i * 512, &i, sizeof(i));
	for (size_t i = 0; i < ARRAY_SIZE(slices); i++)
		slices[i] = (struct blkdev_slice){ memory + i * PAGE_BYTES, PAGE_BYTES };
}

static void begin(void)
{
	describe("4096", "512", "0", "256");
	cr_assert_eq(xen_blk_create(&dev), 0, "%s", test_console_text());
	test_settle();
}

TestSuite(xen_blk, .init = begin, .timeout = 60);
TestSuite(xen_blk_start, .timeout = 60);

static void assert_sectors(const uint8_t *data, uint64_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t number;

		memcpy(&number, data + i * 512, sizeof(number));
		cr_assert_eq(number, first + i);
	}
}

static void assert_serves(void)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	serve();
	test_assert_value(&ops[0].promise, 0);
}

static void read_all(void)
{
	for (size_t i = 0; i < OPS; i++)
		blkdev_read(dev, &ops[i], i * 16, 16, &slices[2 * i], 2);
}

static void assert_all_read(void)
{
	for (size_t i = 0; i < OPS; i++) {
		test_assert_value(&ops[i].promise, 0);
		assert_sectors(slices[2 * i].data, i * 16, 16);
	}
}

Test(xen_blk, begins_as_the_backend_describes_it)
{
	cr_assert(dev->sectors == SECTORS && dev->sector_bytes == 512);
	cr_assert_eq(dev->features, BLKDEV_CACHES | BLKDEV_DISCARDS);
	cr_assert_eq(dev->slices_max, CONFIG_XEN_BLK_SEGMENTS);
	cr_assert_str_eq(fake_get(FRONT "/protocol"), "x86_64-abi");
	cr_assert_str_eq(fake_get(FRONT "/state"), CONNECTED);
	cr_assert_eq(fake_grants_out(), 1, "the ring's");
}

Test(xen_blk, reads_and_writes_by_the_ring_alone)
{
	blkdev_read(dev, &ops[0], 100, 16, slices, 2);
	serve();
	test_assert_value(&ops[0].promise, 0);
	assert_sectors(memory, 100, 16);
	memset(memory, 0x55, 2 * PAGE_BYTES);
	blkdev_write(dev, &ops[0], 200, 16, slices, 2);
	serve();
	test_assert_value(&ops[0].promise, 0);
	cr_assert(back.disk[200 * 512] == 0x55 && back.disk[216 * 512 - 1] == 0x55);
	assert_sectors(back.disk + 216 * 512, 216, 1);
	cr_assert(back.requests == 2 && back.indirect == 0);
	cr_assert_eq(fake_grants_out(), 1);
}

Test(xen_blk, larger_ones_go_by_a_page_of_segments)
{
	blkdev_read(dev, &ops[0], 8, 128, slices, 16);
	serve();
	test_assert_value(&ops[0].promise, 0);
	assert_sectors(memory, 8, 128);
	cr_assert(back.requests == 1 && back.indirect == 1);
	cr_assert_eq(fake_grants_out(), 1);
}

Test(xen_blk, memory_over_the_ends_of_pages_takes_further_requests)
{
	for (size_t i = 0; i < 16; i++)
		slices[i] = (struct blkdev_slice){ memory + 2 * i * PAGE_BYTES + 3584, 4096 };
	blkdev_read(dev, &ops[0], 8, 128, slices, 16);
	serve();
	test_assert_value(&ops[0].promise, 0);
	for (size_t i = 0; i < 16; i++)
		assert_sectors(slices[i].data, 8 + 8 * i, 8);
	cr_assert_eq(back.requests, 2);
	blkdev_read(dev, &ops[0], 8, 1, &(struct blkdev_slice){ memory + 100, 512 }, 1);
	test_assert_error(&ops[0].promise, -EINVAL);
}

Test(xen_blk, flushes_and_discards)
{
	blkdev_flush(dev, &ops[0]);
	blkdev_discard(dev, &ops[1], 5, 4000);
	serve();
	test_assert_value(&ops[0].promise, 0);
	test_assert_value(&ops[1].promise, 0);
	cr_assert(back.flushes == 1 && back.discarded == 5 && back.discarded_sectors == 4000);
}

Test(xen_blk, more_than_there_are_slots_wait_in_order)
{
	for (size_t i = 0; i < OPS; i++)
		blkdev_read(dev, &ops[i], i * 8, 8, &slices[i], 1);
	test_settle();
	cr_assert_eq(back.ring->req_prod, CONFIG_XEN_BLK_REQUESTS);
	promise_cancel(&ops[OPS - 1].promise);
	test_assert_error(&ops[OPS - 1].promise, -ECANCELED);
	promise_cancel(&ops[0].promise);
	test_assert_pending(&ops[0].promise);
	serve();
	for (size_t i = 0; i + 1 < OPS; i++) {
		test_assert_value(&ops[i].promise, 0);
		assert_sectors(slices[i].data, i * 8, 8);
	}
	cr_assert_eq(fake_grants_out(), 1);
}

Test(xen_blk, errors)
{
	static const struct {
		int16_t status;
		int error;
	} cases[] = { { BLKIF_RSP_ERROR, -EIO }, { BLKIF_RSP_EOPNOTSUPP, -EOPNOTSUPP }, { 77, -EIO } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		blkdev_read(dev, &ops[0], 0, 8, slices, 1);
		test_settle();
		answer(next_request().id, cases[i].status);
		fake_raise(back.port);
		test_settle();
		test_assert_error(&ops[0].promise, cases[i].error);
	}
}

/* -- backends that go and come back -- */

Test(xen_blk, no_request_is_lost_with_the_backend)
{
	for (unsigned round = 0; round < 10; round++) {
		read_all();
		test_settle();
		answer(perform().id, BLKIF_RSP_OKAY);
		fake_set(BACK "/state", CLOSED);
		test_settle();
		cr_assert_eq(fake_grants_out(), 0);
		for (size_t i = 1; i < OPS; i++)
			test_assert_pending(&ops[i].promise);
		fake_come_back(BACK "/state");
		serve();
		assert_all_read();
		memset(memory, 0, sizeof(memory));
	}
}

Test(xen_blk, nor_with_one_that_has_the_ring_of_before)
{
	uint32_t ring = (uint32_t)fake_get_number(FRONT "/ring-ref");

	read_all();
	test_settle();
	fake_hold(ring, true);
	fake_come_back(BACK "/state");
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	fake_hold(ring, false);
	fake_come_back(BACK "/state");
	serve();
	assert_all_read();
	cr_assert_eq(fake_grants_out(), 1);
}

/* The backend still has the old ring, and closes only after it has seen that we have come back. */
Test(xen_blk, one_that_is_connected_before_there_is_a_ring)
{
	uint32_t ring = (uint32_t)fake_get_number(FRONT "/ring-ref");

	fake_hold(ring, true);
	fake_set(BACK "/state", CLOSED);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), "1");
	fake_set(BACK "/state", CONNECTED);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	fake_hold(ring, false);
	fake_come_back(BACK "/state");
	assert_serves();
}

Test(xen_blk, one_that_is_connected_to_nothing)
{
	back.replies = false;
	fake_set(BACK "/state", CLOSED);
	test_settle();
	fake_set(BACK "/state", WAIT);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), INITIALISED);
	fake_set(BACK "/state", CONNECTED);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	back.replies = true;
	fake_come_back(BACK "/state");
	assert_serves();
}

/* The backend closes while it still has the ring, as Linux's does with a slow disk: we do not spin
 * meanwhile. */
Test(xen_blk, one_that_closes_before_it_lets_go)
{
	uint32_t ring = (uint32_t)fake_get_number(FRONT "/ring-ref");
	unsigned left = 0;

	fake_hold(ring, true);
	fake_set(BACK "/state", WAIT);
	for (unsigned i = 0; i < 100; i++) {
		test_settle();
		if (!strcmp(fake_get(FRONT "/state"), CLOSED) && strcmp(fake_get(BACK "/state"), CLOSED)) {
			fake_set(BACK "/state", CLOSED);
			left++;
		} else if (!strcmp(fake_get(FRONT "/state"), "1")) {
			fake_set(BACK "/state", WAIT);
		}
	}
	cr_assert_leq(left, 2);
	test_run_for_ns(10 * CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S);
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	fake_hold(ring, false);
	test_run_for_ns(2 * NS_PER_S);
	cr_assert_str_eq(fake_get(FRONT "/state"), "1");
	fake_come_back(BACK "/state");
	assert_serves();
}

/* Its return is no reason to accept requests again, after callers were told that it is given up. */
Test(xen_blk, one_that_was_given_up_and_has_the_ring_of_before)
{
	fake_set(BACK "/state", CLOSED);
	test_settle();
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_run_for_ns((2 * CONFIG_XEN_STORE_TIMEOUT_SECONDS + 1) * NS_PER_S);
	test_assert_error(&ops[0].promise, -ENXIO);
	fake_come_back(BACK "/state");
	assert_serves();
	fake_set(BACK "/sectors", "4095");
	fake_come_back(BACK "/state");
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_assert_error(&ops[0].promise, -ENXIO);
	fake_hold((uint32_t)fake_get_number(FRONT "/ring-ref"), true);
	fake_set(BACK "/state", CLOSED);
	test_settle();
	fake_set(BACK "/state", WAIT);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_assert_error(&ops[0].promise, -ENXIO);
}

/* Memory that is released late is not awaited for ever: another backend may never come. */
Test(xen_blk, a_request_that_is_taken_back_late_is_given_up)
{
	struct blkif_request r;

	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_settle();
	r = next_request();
	fake_hold(r.seg[0].gref, true);
	fake_set(BACK "/state", "5");
	test_run_for_ns(5 * CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S);
	test_assert_pending(&ops[0].promise);
	fake_hold(r.seg[0].gref, false);
	fake_set(BACK "/state", WAIT);
	test_settle();
	back.replies = false;
	test_run_for_ns(5 * CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S);
	test_assert_error(&ops[0].promise, -ENXIO);
}

static void restore(void)
{
	fake_restore();
	fake_set(FRONT "/state", "1");
	fake_set(BACK "/state", WAIT);
}

Test(xen_blk, no_request_is_lost_on_the_way_to_another_domain)
{
	fake.saved = restore;
	for (unsigned round = 0; round < 10; round++) {
		read_all();
		test_settle();
		answer(perform().id, BLKIF_RSP_OKAY); /* the driver has not seen it when the domain is saved */
		xen_suspend();
		memset(memory, 0, sizeof(memory));
		test_settle();
		for (size_t i = 0; i < OPS; i++)
			test_assert_pending(&ops[i].promise);
		follow(DEADLINE_NEVER);
		serve();
		assert_all_read();
		cr_assert_eq(fake_grants_out(), 1);
	}
}

Test(xen_blk, another_disk_in_another_domain_is_refused)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_settle();
	fake_set(BACK "/sectors", "4097");
	fake.saved = restore;
	xen_suspend();
	test_settle();
	follow(DEADLINE_NEVER);
	test_settle();
	test_assert_error(&ops[0].promise, -ENXIO);
	cr_assert_eq(fake_grants_out(), 1, "all but the ring");
}

Test(xen_blk, what_is_asked_meanwhile_waits)
{
	fake_set(BACK "/state", NULL);
	test_settle();
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	blkdev_flush(dev, &ops[1]);
	test_settle();
	test_assert_pending(&ops[0].promise);
	fake_come_back(BACK "/state");
	serve();
	test_assert_value(&ops[0].promise, 0);
	test_assert_value(&ops[1].promise, 0);
}

Test(xen_blk, another_disk_is_refused)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_settle();
	fake_set(BACK "/sectors", "4095");
	fake_come_back(BACK "/state");
	test_settle();
	test_assert_error(&ops[0].promise, -ENXIO);
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_assert_error(&ops[0].promise, -ENXIO);
	cr_assert_eq(fake_grants_out(), 1, "all but the ring");
	fake_set(BACK "/sectors", "4096");
	fake_come_back(BACK "/state");
	assert_serves();
}

Test(xen_blk, memory_that_is_kept_is_given_back_when_it_is_let_go_of)
{
	struct blkif_request r;

	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	blkdev_read(dev, &ops[1], 8, 8, &slices[1], 1);
	test_settle();
	r = perform();
	fake_hold(r.seg[0].gref, true);
	answer(r.id, BLKIF_RSP_OKAY);
	serve();
	test_assert_pending(&ops[0].promise);
	test_assert_value(&ops[1].promise, 0);
	fake_come_back(BACK "/state");
	test_assert_pending(&ops[0].promise);
	for (unsigned i = 0; i < 3 * CONFIG_XEN_BLK_REQUESTS; i++) {
		blkdev_read(dev, &ops[1], 8, 8, &slices[1], 1);
		serve();
		test_assert_value(&ops[1].promise, 0);
	}
	fake_hold(r.seg[0].gref, false);
	memset(memory, 0, PAGE_BYTES);
	fake_come_back(BACK "/state");
	serve();
	test_assert_value(&ops[0].promise, 0);
	assert_sectors(slices[0].data, 0, 8);
	cr_assert_eq(fake_grants_out(), 1);
}

enum { SLOTS = CONFIG_XEN_BLK_REQUESTS };

/* Answers the requests of all slots, but keeps their memory. */
static void keep_all(struct blkif_request r[SLOTS])
{
	for (size_t i = 0; i < SLOTS; i++)
		blkdev_read(dev, &ops[i], i * 8, 8, &slices[i], 1);
	test_settle();
	for (size_t i = 0; i < SLOTS; i++) {
		r[i] = perform();
		fake_hold(r[i].seg[0].gref, true);
		answer(r[i].id, BLKIF_RSP_OKAY);
	}
	fake_raise(back.port);
	test_settle();
	blkdev_read(dev, &ops[SLOTS], SLOTS * 8, 8, &slices[SLOTS], 1);
	test_settle();
}

Test(xen_blk, memory_that_is_let_go_of_late_is_looked_at_while_connected)
{
	struct blkif_request r[SLOTS];

	keep_all(r);
	for (size_t i = 0; i < SLOTS; i++)
		fake_hold(r[i].seg[0].gref, false);
	test_run_for_ns((CONFIG_XEN_STORE_TIMEOUT_SECONDS + 1) * NS_PER_S);
	serve();
	for (size_t i = 0; i <= SLOTS; i++)
		test_assert_value(&ops[i].promise, 0);
	cr_assert_eq(fake_grants_out(), 1);
	cr_assert_str_eq(fake_get(FRONT "/state"), CONNECTED);
}

Test(xen_blk, who_keeps_the_memory_of_all_requests_is_given_up)
{
	struct blkif_request r[SLOTS];

	keep_all(r);
	test_run_for_ns((2 * CONFIG_XEN_STORE_TIMEOUT_SECONDS + 1) * NS_PER_S);
	test_assert_error(&ops[SLOTS].promise, -ENXIO);
	for (size_t i = 0; i < SLOTS; i++)
		test_assert_pending(&ops[i].promise);
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
}

/* The page of segments, and one of the memory, are kept: each comes back at its own time. */
Test(xen_blk, a_page_of_segments_that_is_kept)
{
	const struct blkif_request_indirect *ring = (const void *)back.ring->entries;
	uint32_t page, memory_ref;

	blkdev_read(dev, &ops[0], 0, 16 * 8, slices, 16);
	test_settle();
	cr_assert_eq(ring->operation, BLKIF_OP_INDIRECT);
	page = ring->indirect_grefs[0];
	memory_ref = ((struct blkif_request_segment *)fake_granted(page, true))[15].gref;
	fake_hold(page, true);
	fake_hold(memory_ref, true);
	answer(perform().id, BLKIF_RSP_OKAY);
	fake_raise(back.port);
	test_settle();
	test_assert_pending(&ops[0].promise);
	cr_assert_eq(fake_grants_out(), 3);
	fake_hold(page, false);
	fake_come_back(BACK "/state");
	serve();
	test_assert_pending(&ops[0].promise);
	cr_assert_eq(fake_grants_out(), 2);
	fake_hold(memory_ref, false);
	fake_come_back(BACK "/state");
	serve();
	test_assert_value(&ops[0].promise, 0);
	cr_assert_eq(fake_grants_out(), 1);
}

/* -- silence -- */

enum { PATIENCE_S = CONFIG_XEN_STORE_TIMEOUT_SECONDS };

Test(xen_blk, who_falls_silent_is_given_up)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_run_for_ns((PATIENCE_S - 1) * NS_PER_S);
	for (size_t i = 1; i < OPS; i++)
		blkdev_read(dev, &ops[i], 0, 8, slices, 1);
	test_run_for_ns(2 * NS_PER_S);
	answer(perform().id, BLKIF_RSP_OKAY); /* the oldest alone */
	fake_raise(back.port);
	test_run_for_ns((PATIENCE_S - 3) * NS_PER_S);
	test_assert_value(&ops[0].promise, 0);
	test_assert_pending(&ops[1].promise);
	test_run_for_ns((PATIENCE_S + 4) * NS_PER_S);
	for (size_t i = 1; i < OPS; i++)
		test_assert_error(&ops[i].promise, -ENXIO);
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	cr_assert_not_null(strstr(test_console_text(), "renewed=\"a request is not answered in time\""));
	cr_assert_eq(fake_grants_out(), 1, "all but the ring");
	fake_come_back(BACK "/state");
	assert_serves();
}

/* Linux's backend closes when we do, and waits for us to begin again. */
Test(xen_blk, who_was_silent_serves_again_by_itself)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_run_for_ns((2 * PATIENCE_S + 1) * NS_PER_S);
	test_assert_error(&ops[0].promise, -ENXIO);
	fake_set(BACK "/state", CLOSED);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), "1");
	fake_set(BACK "/state", WAIT);
	test_settle();
	follow(DEADLINE_NEVER);
	test_settle();
	assert_serves();
}

/* Memory is given back only once the backend cannot write to it any more, which is polled. */
Test(xen_blk, who_falls_silent_and_keeps_memory)
{
	struct blkif_request r;

	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_settle();
	r = next_request();
	fake_hold(r.seg[0].gref, true);
	test_run_for_ns((2 * PATIENCE_S + 1) * NS_PER_S);
	test_assert_pending(&ops[0].promise);
	cr_assert_not_null(strstr(test_console_text(), "quarantined=1"));
	test_run_for_ns(10 * PATIENCE_S * NS_PER_S);
	test_assert_pending(&ops[0].promise);
	fake_hold(r.seg[0].gref, false);
	test_run_for_ns(PATIENCE_S * NS_PER_S);
	test_assert_error(&ops[0].promise, -ENXIO);
	cr_assert_eq(fake_grants_out(), 1, "all but the ring");
}

Test(xen_blk, who_stays_away_is_given_up_until_there_is_one)
{
	fake_set(BACK "/state", CLOSED);
	test_settle();
	for (unsigned round = 0; round < 2; round++) {
		blkdev_read(dev, &ops[0], 0, 8, slices, 1);
		test_run_for_ns((PATIENCE_S - 1) * NS_PER_S);
		test_assert_pending(&ops[0].promise);
		test_run_for_ns((PATIENCE_S + 2) * NS_PER_S);
		test_assert_error(&ops[0].promise, -ENXIO);
		blkdev_read(dev, &ops[0], 0, 8, slices, 1);
		test_assert_error(&ops[0].promise, -ENXIO);
		fake_come_back(BACK "/state");
		blkdev_read(dev, &ops[0], 0, 8, slices, 1);
		serve();
		test_assert_value(&ops[0].promise, 0);
		fake_set(BACK "/state", CLOSED);
		test_settle();
	}
}

/* Two short absences do not add up to a long one. */
Test(xen_blk, who_comes_and_goes_is_not_given_up)
{
	fake_set(BACK "/state", CLOSED);
	test_settle();
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_run_for_ns((PATIENCE_S + 1) * NS_PER_S); /* found away once */
	fake_come_back(BACK "/state");
	fake_set(BACK "/state", CLOSED);
	test_settle();
	test_run_for_ns((PATIENCE_S + 1) * NS_PER_S);
	test_assert_pending(&ops[0].promise);
	fake_come_back(BACK "/state");
	serve();
	test_assert_value(&ops[0].promise, 0);
}

Test(xen_blk, an_event_that_is_lost_is_no_silence)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_settle();
	answer(perform().id, BLKIF_RSP_OKAY);
	test_run_for_ns((PATIENCE_S + 1) * NS_PER_S);
	test_assert_value(&ops[0].promise, 0);
}

/* No timer runs while there are no requests, nor for ever. */
Test(xen_blk, nobody_is_woken_for_nothing)
{
	unsigned calls;

	test_run_for_ns(2 * PATIENCE_S * NS_PER_S);
	calls = fake.calls;
	test_run_for_ns(10 * PATIENCE_S * NS_PER_S);
	cr_assert_eq(fake.calls, calls);
}

/* -- backends that lie -- */

static void assert_refused(void)
{
	fake_raise(back.port);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	test_assert_error(&ops[0].promise, -ENXIO);
	cr_assert_eq(fake_grants_out(), 1, "all but the ring");
	fake_set(BACK "/state", WAIT);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED, "it is trusted again");
	blkdev_read(dev, &ops[2], 0, 8, slices, 1);
	test_assert_error(&ops[2].promise, -ENXIO);
	fake_come_back(BACK "/state");
	blkdev_read(dev, &ops[2], 0, 8, slices, 1);
	serve();
	test_assert_value(&ops[2].promise, 0);
}

Test(xen_blk, an_id_that_is_none)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_settle();
	answer(CONFIG_XEN_BLK_REQUESTS, BLKIF_RSP_OKAY);
	assert_refused();
}

Test(xen_blk, an_id_of_nobody)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_settle();
	answer(1, BLKIF_RSP_OKAY);
	assert_refused();
}

Test(xen_blk, answered_twice)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	blkdev_read(dev, &ops[1], 0, 8, slices, 1);
	test_settle();
	answer(1, BLKIF_RSP_OKAY);
	answer(1, BLKIF_RSP_OKAY);
	assert_refused();
	test_assert_value(&ops[1].promise, 0);
}

Test(xen_blk, more_answers_than_requests)
{
	blkdev_read(dev, &ops[0], 0, 8, slices, 1);
	test_settle();
	back.ring->rsp_prod = 2;
	assert_refused();
}

ParameterizedTestParameters(xen_blk, lies_in_every_field)
{
	static uint64_t seeds[40];

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		seeds[i] = i + 1;
	return cr_make_param_array(uint64_t, seeds, ARRAY_SIZE(seeds));
}

/* For any content of the ring, each request settles once, and no grant is left in the end. */
ParameterizedTest(uint64_t *seed, xen_blk, lies_in_every_field)
{
	for (size_t i = 0; i < OPS; i++)
		blkdev_read(dev, &ops[i], i * 8, 8, &slices[i], 1);
	for (unsigned step = 0; step < 100 && !strcmp(fake_get(FRONT "/state"), CONNECTED); step++) {
		uint8_t *page = (uint8_t *)back.ring;

		test_settle();
		page[test_random(seed) % 4 ? 64 + test_random(seed) % 1000 : 8 + test_random(seed) % 8] =
			(uint8_t)(test_random(seed) % 6);
		back.ring->rsp_prod += test_random(seed) % 2;
		fake_raise(back.port);
		test_settle();
	}
	if (strcmp(fake_get(FRONT "/state"), CLOSED)) {
		fake_come_back(BACK "/state");
		serve();
	}
	for (size_t i = 0; i < OPS; i++)
		cr_assert(promise_is_settled(&ops[i].promise), "seed %llu: %zu", (unsigned long long)*seed, i);
	cr_assert_leq(fake_grants_out(), 1);
}

/* -- beginnings -- */

Test(xen_blk_start, sectors_of_4096_bytes_and_a_disk_for_reading)
{
	describe("4096", "4096", "4", "0");
	cr_assert_eq(xen_blk_create(&dev), 0);
	cr_assert(dev->sectors == SECTORS / 8 && dev->sector_bytes == 4096);
	cr_assert_eq(dev->features, BLKDEV_CACHES | BLKDEV_READ_ONLY);
	cr_assert_eq(dev->slices_max, BLKIF_MAX_SEGMENTS_PER_REQUEST);
	blkdev_read(dev, &ops[0], 2, 11, slices, 11);
	serve();
	test_assert_value(&ops[0].promise, 0);
	assert_sectors(memory, 16, 88);
	blkdev_write(dev, &ops[0], 0, 1, slices, 1);
	test_assert_error(&ops[0].promise, -EROFS);
}

Test(xen_blk_start, without_a_cache_a_flush_is_nothing)
{
	describe("4096", "512", "0", "0");
	fake_set(BACK "/feature-flush-cache", NULL);
	cr_assert_eq(xen_blk_create(&dev), 0);
	blkdev_flush(dev, &ops[0]);
	test_assert_value(&ops[0].promise, 0);
}

Test(xen_blk_start, disks_that_cannot_be)
{
	static const char *const cases[][2] = { { "0", "512" }, { "7", "4096" }, { "4096", "100" },
		{ "4096", "8192" }, { "4096", "3000" }, { "-1", "512" }, { "99999999999999999999", "512" },
		{ "9000000000000000000", "512" }, { "lots", "512" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		describe(cases[i][0], cases[i][1], "0", "0");
		cr_assert_eq(xen_blk_create(&dev), -ENOTSUP, "%s of %s", cases[i][0], cases[i][1]);
		cr_assert_eq(fake_grants_out(), i + 1, "more than the rings that were refused");
	}
}

Test(xen_blk_start, without_a_disk)
{
	fake_begin();
	cr_assert_eq(xen_blk_create(&dev), -ENODEV);
}
