/* SPDX-License-Identifier: ISC */
/* The split ring against a device that keeps to the rules, in any order, and against devices that
 * do not. */
#include <errno.h>
#include <string.h>

#include "tests/lib/test.h"
#include "tests/unit/drivers/virtio/device.h"

enum { SIZE = 16, WORDS = 200 };

static struct virtio_device dev;
static struct virtqueue q;
static uint8_t memory[4096];

static void begin_with(uint64_t offered)
{
	device_reset(offered | VIRTIO_F_VERSION_1);
	dev = (struct virtio_device){ 0 };
	device_attach(&dev);
	cr_assert_eq(virtio_begin(&dev, VIRTIO_F_EVENT_IDX), 0);
	cr_assert_eq(virtqueue_create(&q, &dev, 0, SIZE), 0);
	virtio_start(&dev);
	cr_assert_eq(device.status, 15);
}

static void begin(void)
{
	test_begin();
	begin_with(VIRTIO_F_EVENT_IDX);
}

static void end(void)
{
	virtqueue_destroy(&q);
	test_end();
}

TestSuite(virtqueue, .init = begin, .fini = end, .timeout = 60);

static int request(unsigned out, unsigned in, void *token)
{
	int error = virtqueue_begin(&q, (uint16_t)(out + in));

	if (error)
		return error;
	for (unsigned i = 0; i < out; i++)
		virtqueue_out(&q, memory + i, 10 + i);
	for (unsigned i = 0; i < in; i++)
		virtqueue_in(&q, memory + 100 + i, 20 + i);
	virtqueue_commit(&q, token);
	return 0;
}

static void *take(uint32_t *written)
{
	*written = 0;
	return virtqueue_take(&q, written);
}

Test(virtqueue, hands_over_a_chain_and_takes_it_back)
{
	struct device_request r;
	uint32_t written;

	cr_assert_eq(request(2, 2, memory), 0);
	cr_assert_null(take(&written));
	cr_assert(device_next(0, &r));
	cr_assert_eq(r.out, 2);
	cr_assert_eq(r.in, 2);
	cr_assert(r.parts[0].data == memory && r.parts[0].bytes == 10 && r.parts[1].bytes == 11);
	cr_assert(r.parts[2].data == memory + 100 && r.parts[3].bytes == 21);
	device_done(0, r.id, 41);
	cr_assert_eq(take(&written), memory);
	cr_assert_eq(written, 41);
	cr_assert_null(take(&written));
	cr_assert_eq(q.free_count, SIZE);
}

Test(virtqueue, is_smaller_where_the_device_has_less)
{
	struct virtqueue small;

	device.queue_max = 8;
	cr_assert_eq(virtqueue_create(&small, &dev, 1, SIZE), 0);
	cr_assert_eq(small.size, 8);
	virtqueue_destroy(&small);
	cr_assert_eq(virtqueue_create(&small, &dev, 2, SIZE), -ENODEV);
	device.queue_max = 256;
	cr_assert_eq(virtqueue_create(&small, &dev, 1, 100), 0);
	cr_assert_eq(small.size, 64, "no power of two");
	virtqueue_destroy(&small);
	device.queue_max = 1;
	cr_assert_eq(virtqueue_create(&small, &dev, 1, SIZE), -ENODEV);
}

Test(virtqueue, is_not_made_when_memory_is_short)
{
	struct virtqueue one;

	test_alloc_fail_at(1);
	cr_assert_eq(virtqueue_create(&one, &dev, 1, SIZE), -ENOMEM);
	cr_assert(test_alloc_failed());
}

Test(virtqueue, refuses_what_does_not_fit)
{
	cr_assert_eq(virtqueue_begin(&q, SIZE + 1), -EMSGSIZE);
	cr_assert_eq(request(SIZE - 1, 0, memory), 0);
	cr_assert_eq(virtqueue_begin(&q, 2), -ENOBUFS);
	cr_assert_eq(request(1, 0, memory), 0);
	cr_assert_eq(virtqueue_begin(&q, 1), -ENOBUFS);
}

/* Requests of every shape, done in any order, against a plain table. */
Test(virtqueue, keeps_what_is_whose_in_any_order)
{
	static uint8_t tokens[SIZE];
	struct device_request pending[SIZE];
	unsigned waiting = 0;
	uint64_t seed = 7;
	uint32_t written;

	for (unsigned turn = 0; turn < 200000; turn++) {
		uint64_t r = test_random(&seed);
		unsigned shape = 1 + r % 5, index = r >> 8 & (SIZE - 1);

		if (r >> 20 & 1 && !tokens[index] && request(shape / 2, shape - shape / 2, &tokens[index]) == 0) {
			tokens[index] = (uint8_t)shape;
			cr_assert(device_next(0, &pending[waiting]));
			waiting++;
		} else if (waiting) {
			unsigned which = (r >> 32) % waiting;
			struct device_request done = pending[which];
			uint8_t *token;

			pending[which] = pending[--waiting];
			device_done(0, done.id, done.in ? done.parts[done.out].bytes : 0);
			token = take(&written);
			cr_assert(token >= tokens && token < tokens + SIZE);
			cr_assert_eq(*token, done.out + done.in);
			cr_assert_eq(written, done.in ? 20 : 0);
			*token = 0;
		}
		cr_assert(!dev.broken);
	}
}

Test(virtqueue, tells_the_device_once_for_many)
{
	struct device_request r;

	virtqueue_kick(&q);
	cr_assert(!device_was_notified(0), "there was nothing");
	for (unsigned i = 0; i < 5; i++)
		request(1, 0, memory);
	virtqueue_kick(&q);
	cr_assert(device_was_notified(0));
	virtqueue_kick(&q);
	cr_assert(!device_was_notified(0));
	/* The device has seen two of five and wants no notification before the seventh. */
	device_next(0, &r);
	device_next(0, &r);
	*(uint16_t *)&q.used->ring[SIZE] = 6;
	request(1, 0, memory);
	virtqueue_kick(&q);
	cr_assert(!device_was_notified(0));
	request(1, 0, memory);
	virtqueue_kick(&q);
	cr_assert(device_was_notified(0));
}

Test(virtqueue, asks_a_device_twice_that_wants_no_word)
{
	*(uint16_t *)&q.used->ring[SIZE] = 5;
	request(1, 0, memory);
	cr_assert(virtqueue_kick(&q), "it may have changed its mind unseen");
	*(uint16_t *)&q.used->ring[SIZE] = 0;
	cr_assert(!virtqueue_kick(&q));
	cr_assert(device_was_notified(0));
	*(uint16_t *)&q.used->ring[SIZE] = 5;
	request(1, 0, memory);
	cr_assert(virtqueue_kick(&q));
	cr_assert(!virtqueue_kick(&q), "twice is enough");
	cr_assert(!virtqueue_kick(&q));
	cr_assert(!device_was_notified(0));
}

Test(virtqueue, asks_for_interrupts_when_it_wants_them)
{
	struct device_request r;
	uint32_t written;

	for (unsigned i = 0; i < 6; i++)
		request(0, 1, memory);
	cr_assert(virtqueue_interrupt_next(&q));
	for (unsigned i = 0; i < 6; i++) {
		device_next(0, &r);
		device_done(0, r.id, 0);
		cr_assert_eq(device_wants_interrupt(0, (uint16_t)(device.queues[0].done - 1)), i == 0,
		             "request %u", i);
	}
	cr_assert(!virtqueue_interrupt_next(&q), "some are done: none may come");
	while (take(&written))
		;
	cr_assert(virtqueue_interrupt_next(&q));
}

Test(virtqueue, sleeps_when_a_look_after_the_wish_has_found_nothing_either)
{
	struct device_request r;
	uint32_t written;

	cr_assert_eq(q.watch, VIRTQUEUE_LOOKING);
	virtqueue_watch(&q, false);
	cr_assert_eq(q.watch, VIRTQUEUE_ASKED);
	virtqueue_watch(&q, false);
	cr_assert_eq(q.watch, VIRTQUEUE_WAITING);
	virtqueue_watch(&q, true);
	cr_assert_eq(q.watch, VIRTQUEUE_LOOKING);
	request(0, 1, memory);
	device_next(0, &r);
	device_done(0, r.id, 0);
	virtqueue_watch(&q, false);
	cr_assert_eq(q.watch, VIRTQUEUE_LOOKING, "some are done: none may come");
	take(&written);
	virtqueue_watch(&q, false);
	virtqueue_watch(&q, true);
	cr_assert_eq(q.watch, VIRTQUEUE_LOOKING, "what comes after the wish is looked for again");
}

Test(virtqueue, does_without_event_indices)
{
	struct device_request r;

	virtqueue_destroy(&q);
	begin_with(0);
	cr_assert(!(dev.accepted & VIRTIO_F_EVENT_IDX));
	virtqueue_interrupt_never(&q);
	cr_assert(!device_wants_interrupt(0, 0));
	cr_assert(virtqueue_interrupt_next(&q));
	cr_assert(device_wants_interrupt(0, 0));
	request(1, 0, memory);
	q.used->flags = 1;
	virtqueue_kick(&q);
	cr_assert(!device_was_notified(0));
	request(1, 0, memory);
	q.used->flags = 0;
	virtqueue_kick(&q);
	cr_assert(device_was_notified(0));
	device_next(0, &r);
}

Test(virtqueue, refuses_devices_of_old)
{
	device_reset(VIRTIO_F_EVENT_IDX);
	cr_assert_eq(virtio_begin(&dev, VIRTIO_F_EVENT_IDX), -ENOTSUP);
	cr_assert_eq(device.status, 128 | 3, "added to what was said before (§3.1.1)");
}

/* -- devices that break the rules: reset, reported, and nothing else happens -- */

static void assert_broken(const char *how)
{
	uint32_t written;

	cr_assert_null(take(&written));
	cr_assert(dev.broken);
	cr_assert_eq(device.status, 0, "not reset");
	cr_assert_neq(strstr(test_console_text(), how), NULL, "%s", test_console_text());
	test_console_clear();
	/* Later reports of the device change nothing. */
	device_done(0, 0, 1);
	cr_assert_null(take(&written));
	device_was_notified(0);
	request(1, 0, memory);
	virtqueue_kick(&q);
	cr_assert(!device_was_notified(0));
	cr_assert_eq(test_console_text()[0], '\0', "reported twice");
}

Test(virtqueue, breaks_a_device_that_answers_what_nobody_asked)
{
	device_done(0, 0, 0);
	assert_broken("more requests done than were made");
}

Test(virtqueue, breaks_a_device_whose_index_jumps)
{
	request(1, 0, memory);
	q.used->index = 0x8000;
	assert_broken("more requests done than were made");
}

Test(virtqueue, breaks_a_device_with_an_id_beyond_the_ring)
{
	request(1, 0, memory);
	device_done(0, SIZE, 0);
	assert_broken("not made");
}

Test(virtqueue, breaks_a_device_with_a_huge_id)
{
	request(1, 0, memory);
	device_done(0, UINT32_MAX, 0);
	assert_broken("not made");
}

Test(virtqueue, breaks_a_device_that_names_the_middle_of_a_chain)
{
	struct device_request r;

	request(3, 0, memory);
	device_next(0, &r);
	device_done(0, q.desc[r.id].next, 0);
	assert_broken("not made");
}

Test(virtqueue, breaks_a_device_that_answers_twice)
{
	struct device_request r;
	uint32_t written;

	request(1, 0, memory);
	request(1, 0, memory);
	device_next(0, &r);
	device_done(0, r.id, 0);
	cr_assert_eq(take(&written), memory);
	device_done(0, r.id, 0);
	assert_broken("not made");
}

Test(virtqueue, breaks_a_device_that_wrote_more_than_there_was_room)
{
	struct device_request r;

	request(1, 2, memory);
	device_next(0, &r);
	device_done(0, r.id, 42);
	assert_broken("more bytes written");
}

/* The driver does not rely on descriptors that the device can overwrite, with loops for example. */
Test(virtqueue, does_not_read_its_own_descriptors)
{
	struct device_request r;
	uint32_t written;

	for (unsigned round = 0; round < WORDS; round++) {
		cr_assert_eq(request(3, 3, memory), 0);
		device_next(0, &r);
		for (unsigned i = 0; i < SIZE; i++)
			q.desc[i] = (struct virtq_desc){ UINT64_MAX, UINT32_MAX, 1, (uint16_t)(round % 2 ? i : 0xffff) };
		device_done(0, r.id, 1);
		cr_assert_eq(take(&written), memory);
		cr_assert_eq(q.free_count, SIZE);
	}
}
