/* SPDX-License-Identifier: ISC */
/* The network driver against a device in memory: transmission, reception, ownership of buffers, and
 * devices that lie. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/buf.h"
#include "kernel/dev/netdev.h"
#include "kernel/kernel_priv.h"
#include "kernel/loop.h"
#include "tests/lib/clock.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/virtio/device.h"

enum { RX, TX };
enum {
	CSUM = 1 << 0, GUEST_CSUM = 1 << 1, MTU = 1 << 3, MAC = 1 << 5, GUEST_TSO4 = 1 << 7, HOST_TSO4 = 1 << 11,
	MRG = 1 << 15, STATUS = 1 << 16,
};
enum { HEADER = 12, FRAMES = 1000, LONGEST = 14 + 65535, RESERVE = 42 };

static struct netdev *net;
static struct buf *got[FRAMES];
static unsigned got_count;

static void input(void *arg, struct buf *b)
{
	(void)arg;
	cr_assert_lt(got_count, FRAMES);
	got[got_count++] = b;
}

static void begin_with(uint64_t features)
{
	device_reset(features | VIRTIO_F_VERSION_1);
	memcpy(device.config, "\x52\x54\0\1\2\3\1\0\0\0\xdc\5", 12); /* MAC, link up, queue pairs, MTU 1500 */
	cr_assert_eq(buf_init(512, 1024), 0);
	cr_assert_eq(virtio_net_create(&net), 0);
	netdev_listen(net, input, NULL);
	got_count = 0;
}

static const uint64_t all =
	CSUM | GUEST_CSUM | MTU | MAC | GUEST_TSO4 | HOST_TSO4 | MRG | STATUS | VIRTIO_F_EVENT_IDX;

static void begin(void)
{
	test_begin();
	begin_with(all);
}

TestSuite(virtio_net, .init = begin, .timeout = 60);

static void loop(void)
{
	test_settle();
}

/* The device puts a frame, header before it, into as many buffers as parts says. */
static void put_parts(const uint8_t *frame, const uint32_t *parts, unsigned count, uint8_t flags,
                          uint16_t buffers)
{
	struct device_request r;
	uint8_t header[HEADER] = { flags, [10] = (uint8_t)buffers, [11] = (uint8_t)(buffers >> 8) };

	for (unsigned i = 0; i < count; i++) {
		uint32_t head = i ? 0 : HEADER;

		cr_assert(device_next(RX, &r), "no buffer posted");
		cr_assert(r.in == 1 && !r.out && r.parts[0].bytes >= head + parts[i]);
		memcpy(r.parts[0].data, header, head);
		memcpy(r.parts[0].data + head, frame, parts[i]);
		frame += parts[i];
		device_done(RX, r.id, head + parts[i]);
	}
}

/* And interrupts. */
static void deliver_parts(const uint8_t *frame, const uint32_t *parts, unsigned count, uint8_t flags,
                          uint16_t buffers)
{
	put_parts(frame, parts, count, flags, buffers);
	device_interrupt();
	loop();
}

static void deliver(const uint8_t *frame, uint32_t bytes)
{
	deliver_parts(frame, &bytes, 1, 0, 1);
}

static uint8_t pattern[LONGEST];

static void make_pattern(void)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
}

static unsigned buffers_with_device(void)
{
	struct device_queue *q = &device.queues[RX];

	return (uint16_t)(q->avail->index - q->done);
}

static void free_all(void)
{
	while (got_count)
		buf_free(got[--got_count]);
}

/* An emulator without memory barriers may miss our wish for an interrupt, and we its frame. */
Test(virtio_net, looks_once_more_after_it_has_asked_for_an_interrupt)
{
	const uint32_t bytes = 60;

	loop();
	device_interrupt();
	loop_turn(); /* finds nothing, and asks */
	put_parts(pattern, &bytes, 1, 0, 1);
	loop_turn();
	cr_assert_eq(got_count, 1);
	loop();
	put_parts(pattern, &bytes, 1, 0, 1);
	loop();
	cr_assert_eq(got_count, 1, "nobody looks without an interrupt for ever");
	device_interrupt();
	loop();
	cr_assert_eq(got_count, 2);
	free_all();
}

Test(virtio_net, says_what_the_device_said)
{
	cr_assert_eq(memcmp(net->mac, "\x52\x54\0\1\2\3", 6), 0);
	cr_assert_eq(net->mtu, 1500);
	cr_assert_eq(net->features, NETDEV_TX_CSUM | NETDEV_TSO4 | NETDEV_RX_CSUM);
	cr_assert_eq(device.accepted, all | VIRTIO_F_VERSION_1);
	cr_assert_eq(device.status, 15);
}

Test(virtio_net, promises_no_more_than_was_offered, .init = test_begin)
{
	begin_with(MAC | HOST_TSO4);
	cr_assert_eq(net->features, 0, "segmentation needs checksums");
}

Test(virtio_net, needs_an_address, .init = test_begin)
{
	device_reset(VIRTIO_F_VERSION_1);
	cr_assert_eq(virtio_net_create(&net), -ENOTSUP);
}

Test(virtio_net, needs_two_queues, .init = test_begin)
{
	device_reset(VIRTIO_F_VERSION_1 | MAC);
	device.queue_max = 0;
	cr_assert_eq(virtio_net_create(&net), -ENODEV);
}

Test(virtio_net, needs_a_ring_for_the_longest_frame, .init = test_begin)
{
	device_reset(VIRTIO_F_VERSION_1 | MAC);
	device.queue_max = 15;
	cr_assert_eq(virtio_net_create(&net), -ENOTSUP);
	cr_assert_not_null(strstr(test_console_text(), "a transmit ring of 8 descriptors: 16 are needed"));
}

Test(virtio_net, promises_no_frame_longer_than_its_ring, .init = test_begin)
{
	device_reset(VIRTIO_F_VERSION_1 | MAC | MTU | MRG);
	memcpy(device.config + 10, "\x60\xea", 2); /* 60000 */
	device.queue_max = 16;
	cr_assert_eq(buf_init(512, 1024), 0);
	cr_assert_eq(virtio_net_create(&net), 0);
	cr_assert_eq(net->mtu, 16 * 1600 - 12 - 14);
}

/* Even in the shortest ring, and with the device's header in a descriptor of its own. */
Test(virtio_net, sends_as_many_slices_as_are_promised, .init = test_begin)
{
	struct device_request r;
	struct buf *b;

	device_reset(VIRTIO_F_VERSION_1 | MAC);
	device.queue_max = 16;
	cr_assert_eq(virtio_net_create(&net), 0);
	b = buf_alloc_slice(NULL, pattern, 14);
	for (unsigned i = 1; i < NETDEV_SLICES; i++)
		buf_append(b, buf_alloc_slice(NULL, pattern, 1));
	cr_assert_eq(netdev_send(net, b), 0);
	cr_assert(device_next(1, &r));
	cr_assert_eq(r.out, NETDEV_SLICES + 1);
}

Test(virtio_net, takes_a_large_mtu_only_over_several_buffers, .init = test_begin)
{
	device_reset(VIRTIO_F_VERSION_1 | MAC | MTU | MRG);
	memcpy(device.config + 10, "\x28\x23", 2);
	cr_assert_eq(virtio_net_create(&net), 0);
	cr_assert_eq(net->mtu, 9000);
	device_reset(VIRTIO_F_VERSION_1 | MAC | MTU);
	memcpy(device.config + 10, "\x28\x23", 2);
	cr_assert_eq(virtio_net_create(&net), 0);
	cr_assert_eq(net->mtu, 1500);
}

/* Frames of 64 KiB need several buffers, and a ring that has room for them; nobody has summed them. */
Test(virtio_net, has_segments_put_together_only_where_they_find_room, .init = test_begin)
{
	static const struct {
		uint64_t offered;
		uint16_t queue_max;
		bool accepted;
	} cases[] = {
		{ GUEST_CSUM | MRG, 256, true }, { GUEST_CSUM | MRG, 64, true }, { GUEST_CSUM | MRG, 63, false },
		{ GUEST_CSUM, 256, false }, { MRG, 256, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		device_reset(VIRTIO_F_VERSION_1 | MAC | GUEST_TSO4 | cases[i].offered);
		device.queue_max = cases[i].queue_max;
		cr_assert_eq(virtio_net_create(&net), 0);
		cr_expect_eq(device.accepted, VIRTIO_F_VERSION_1 | MAC | cases[i].offered |
		                              (cases[i].accepted ? (uint64_t)GUEST_TSO4 : 0), "%zu", i);
		cr_expect_eq(device.status, 15);
	}
}

/* -- receive -- */

Test(virtio_net, hands_up_frames_uncopied_and_posts_their_buffers_again)
{
	unsigned posted = buffers_with_device();

	make_pattern();
	for (unsigned i = 0; i < 500; i++) {
		deliver(pattern, 60 + i);
		cr_assert_eq(got_count, 1);
		cr_assert(!got[0]->next && got[0]->len == 60 + i && !memcmp(got[0]->data, pattern, 60 + i));
		cr_assert_not_null(got[0]->storage, "copied");
		free_all();
		loop();
		cr_assert_eq(buffers_with_device(), posted);
	}
	cr_assert_eq(net->stats.rx_frames, 500);
}

Test(virtio_net, passes_on_what_is_known_of_checksums)
{
	uint32_t bytes = 100;

	deliver_parts(pattern, &bytes, 1, 0, 1);
	deliver_parts(pattern, &bytes, 1, 1, 1);
	deliver_parts(pattern, &bytes, 1, 2, 1);
	cr_assert_eq(got[0]->flags, 0);
	cr_assert_eq(got[1]->flags, BUF_CSUM_PARTIAL);
	cr_assert_eq(got[2]->flags, BUF_CSUM_VALID);
	free_all();
}

Test(virtio_net, joins_the_buffers_of_one_frame)
{
	static const uint32_t parts[] = { 1500, 1574, 1574, 352 };
	uint8_t out[5000];

	make_pattern();
	deliver_parts(pattern, parts, 4, 0, 4);
	cr_assert_eq(got_count, 1);
	cr_assert_eq(buf_length(got[0]), 5000);
	buf_copy_out(got[0], 0, out, sizeof(out));
	cr_assert_eq(memcmp(out, pattern, sizeof(out)), 0);
	free_all();
}

/* The longest frame that a device may make of segments. */
static void put_longest(void)
{
	uint32_t parts[RESERVE], left = LONGEST;

	for (unsigned i = 0; i < RESERVE; i++) {
		parts[i] = MIN(left, i ? 1574u : 1574u - HEADER);
		left -= parts[i];
	}
	cr_assert_eq(left, 0);
	put_parts(pattern, parts, RESERVE, 1, RESERVE);
}

static void deliver_longest(void)
{
	put_longest();
	device_interrupt();
	loop();
}

/* So many buffers fit into TCP's share of them, even if all are for connections that have not read the first
 * of them yet. */
Test(virtio_net, lets_readers_take_what_has_come_before_more_is_taken)
{
	static const uint32_t bytes = 1514;

	for (unsigned i = 0; i < 64; i++)
		put_parts(pattern, &bytes, 1, 0, 1);
	device_interrupt();
	loop_turn();
	cr_assert_eq(got_count, CONFIG_TCP_RECEIVE_BUFS / 3);
	loop();
	cr_assert_eq(got_count, 64);
	free_all();
	put_longest();
	put_parts(pattern, &bytes, 1, 0, 1);
	device_interrupt();
	loop_turn();
	cr_assert_eq(got_count, 1);
	loop();
	cr_assert_eq(got_count, 2);
	free_all();
}

Test(virtio_net, takes_segments_that_the_device_has_put_together)
{
	static uint8_t out[LONGEST];

	make_pattern();
	deliver_longest();
	cr_assert_eq(got_count, 1);
	cr_assert_eq(buf_length(got[0]), LONGEST);
	buf_copy_out(got[0], 0, out, sizeof(out));
	cr_assert_eq(memcmp(out, pattern, sizeof(out)), 0);
	cr_assert_eq(got[0]->flags, BUF_CSUM_PARTIAL);
	free_all();
}

Test(virtio_net, drops_a_frame_whose_first_slice_is_too_short)
{
	static const uint32_t parts[] = { 60, 1000 };

	deliver_parts(pattern, parts, 2, 0, 2);
	cr_assert_eq(got_count, 0);
	cr_assert_eq(net->stats.rx_dropped, 1);
	deliver(pattern, 60);
	cr_assert_eq(got_count, 1);
	free_all();
}

/* While no buffer is freed, large frames are dropped in the end and small ones still come through, even
 * behind the longest; afterwards all is as it was. */
Test(virtio_net, keeps_small_frames_coming_when_buffers_are_short)
{
	unsigned posted = buffers_with_device(), held;

	make_pattern();
	while (!net->stats.rx_dropped)
		deliver(pattern, 1514);
	held = got_count;
	cr_assert_geq(held, CONFIG_VIRTIO_NET_BUFFERS - RESERVE);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_geq(buffers_with_device(), RESERVE);
		deliver_longest();
		deliver(pattern, 1514);
		deliver(pattern, 66);
	}
	cr_assert_eq(got_count, held + 100);
	cr_assert_eq(net->stats.rx_dropped, 201);
	cr_assert(got[held]->len == 66 && !memcmp(got[held]->data, pattern, 66));
	free_all();
	deliver(pattern, 1514);
	cr_assert_eq(got_count, 1);
	cr_assert_eq(buffers_with_device(), posted);
	free_all();
}

Test(virtio_net, drops_and_counts_when_slices_are_short)
{
	static struct buf *hog[2048];
	unsigned count = 0;

	while ((hog[count] = buf_alloc_slice(NULL, "", 0)))
		count++;
	deliver(pattern, 500);
	cr_assert_eq(got_count, 0);
	cr_assert_eq(net->stats.rx_dropped, 1);
	while (count)
		buf_free(hog[--count]);
	deliver(pattern, 500);
	cr_assert_eq(got_count, 1);
	free_all();
}

/* A thousand frames with the loop asleep in between take no interrupt each while they keep coming. */
Test(virtio_net, wants_no_interrupt_while_frames_keep_coming)
{
	struct device_request r;
	uint16_t before = device.queues[RX].done;

	for (unsigned i = 0; i < 30; i++) {
		cr_assert(device_next(RX, &r));
		memset(r.parts[0].data, 0, HEADER + 60);
		r.parts[0].data[10] = 1;
		device_done(RX, r.id, HEADER + 60);
		if (i == 0)
			cr_assert(device_wants_interrupt(RX, before));
		else
			cr_assert(!device_wants_interrupt(RX, (uint16_t)(device.queues[RX].done - 1)));
	}
	poller_mark(device.poller);
	loop();
	free_all();
	cr_assert_eq(net->stats.rx_frames + net->stats.rx_dropped, 30);
	cr_assert_eq(device.acknowledged, 1);
}

/* Frames that are there or still to come, one a call, from wherever the driver can be interrupted. */
static unsigned to_come;

static void one_more(void)
{
	struct device_request r;

	if (!to_come || !device_next(RX, &r))
		return;
	to_come--;
	memset(r.parts[0].data, 0, HEADER + 60);
	r.parts[0].data[10] = 1;
	device_done(RX, r.id, HEADER + 60);
	device_interrupt();
}

static void input_and_one_more(void *arg, struct buf *b)
{
	(void)arg;
	buf_free(b);
	one_more();
}

/* The line is edge-triggered, and another frame comes at each moment at which the driver could miss it: while
 * it hands up frames, more of them than it takes in one poll, and right after it has acknowledged. */
Test(virtio_net, hears_of_every_frame_over_a_line_that_is_an_edge)
{
	netdev_listen(net, input_and_one_more, NULL);
	device.on_acknowledge = one_more;
	for (unsigned frames = 1; frames < 300; frames++) {
		net->stats.rx_frames = 0;
		to_come = frames;
		while (to_come) {
			unsigned before = to_come;

			one_more();
			loop();
			cr_assert_lt(to_come, before);
		}
		cr_assert_eq(net->stats.rx_frames, frames, "%u of %u", (unsigned)net->stats.rx_frames, frames);
	}
}

static void assert_broken(const char *how)
{
	cr_assert_eq(device.status, 0, "not reset");
	cr_assert_neq(strstr(test_console_text(), how), NULL, "%s", test_console_text());
	cr_assert_eq(got_count, 0);
	cr_assert_eq(netdev_send(net, buf_alloc_slice(NULL, pattern, 60)), -ENETDOWN);
	poller_mark(device.poller);
	loop();
}

Test(virtio_net, breaks_a_device_that_forgets_the_header)
{
	struct device_request r;

	device_next(RX, &r);
	device_done(RX, r.id, HEADER + 13);
	poller_mark(device.poller);
	loop();
	assert_broken("without header");
}

Test(virtio_net, breaks_a_device_with_frames_of_no_buffers)
{
	uint32_t bytes = 100;

	deliver_parts(pattern, &bytes, 1, 0, 0);
	assert_broken("without header");
}

Test(virtio_net, breaks_a_device_with_frames_that_do_not_end)
{
	uint32_t bytes = 1000;

	deliver_parts(pattern, &bytes, 1, 0, 0xffff);
	assert_broken("without end");
	cr_assert_eq(net->stats.rx_dropped, 1);
}

Test(virtio_net, breaks_a_device_that_overruns_its_buffer)
{
	struct device_request r;

	device_next(RX, &r);
	device_done(RX, r.id, r.parts[0].bytes + 1);
	poller_mark(device.poller);
	loop();
	assert_broken("more bytes written");
}

/* -- transmit -- */

static unsigned freed;

static void count_free(struct storage *s)
{
	(void)s;
	freed++;
}

static struct storage payload_storage = { 1, count_free };

/* An Ethernet, IP and TCP header of 54 bytes in a header buf, payload after it. */
static struct buf *packet(uint32_t payload)
{
	struct buf *b = buf_alloc_header();

	cr_assert_not_null(b);
	memset(buf_push(b, 54), 0, 54);
	b->data[46] = 0x50; /* TCP's data offset: 20 bytes */
	if (payload) {
		payload_storage.refs++;
		b->next = buf_alloc_slice(NULL, pattern, payload);
		b->next->storage = &payload_storage;
	}
	return b;
}

Test(virtio_net, sends_a_chain_slice_by_slice)
{
	struct device_request r;
	struct buf_stats before, after;

	buf_stats(&before);
	cr_assert_eq(netdev_send(net, packet(1000)), 0);
	loop();
	cr_assert(device_was_notified(TX));
	cr_assert(device_next(TX, &r));
	cr_assert(r.out == 2 && !r.in, "the header did not go into the header room");
	cr_assert_eq(r.parts[0].bytes, HEADER + 54);
	cr_assert_eq(memcmp(r.parts[0].data, (uint8_t[HEADER]){ 0 }, HEADER), 0);
	cr_assert(r.parts[1].data == pattern && r.parts[1].bytes == 1000, "copied");
	payload_storage.refs = 1;
	device_done(TX, r.id, 0);
	cr_assert_eq(netdev_send(net, packet(0)), 0);
	loop();
	buf_stats(&after);
	cr_assert_eq(after.slices_used, before.slices_used, "not freed");
	cr_assert_eq(freed, 1);
	cr_assert_eq(net->stats.tx_frames, 2);
	cr_assert_eq(net->stats.tx_bytes, 1054 + 54);
}

/* QEMU marks a device as broken on an empty buffer. A datagram without payload has such a slice. */
Test(virtio_net, does_not_show_the_device_slices_without_bytes)
{
	struct device_request r;
	struct buf *b = packet(0);

	b->next = buf_alloc_slice(NULL, pattern, 0);
	b->next->next = buf_alloc_slice(NULL, pattern, 10);
	b->next->next->next = buf_alloc_slice(NULL, pattern, 0);
	cr_assert_eq(netdev_send(net, b), 0);
	loop();
	cr_assert(device_next(TX, &r));
	cr_assert(r.out == 2 && r.parts[0].bytes == HEADER + 54 && r.parts[1].bytes == 10);
}

Test(virtio_net, asks_for_checksums_and_segments)
{
	struct device_request r;
	struct buf *b = packet(5000);
	uint8_t want[HEADER] = { 1, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0 };

	b->flags = BUF_CSUM_PARTIAL | BUF_TSO4;
	b->csum_start = 34;
	b->csum_offset = 16;
	b->gso_size = 1460;
	cr_assert_eq(netdev_send(net, b), 0);
	cr_assert(device_next(TX, &r));
	cr_assert_eq(memcmp(r.parts[0].data, want, HEADER), 0);
	b = packet(100);
	b->flags = BUF_CSUM_PARTIAL;
	b->csum_start = 34;
	b->csum_offset = 6;
	cr_assert_eq(netdev_send(net, b), 0);
	cr_assert(device_next(TX, &r));
	memcpy(want, (uint8_t[HEADER]){ 1, 0, 0, 0, 0, 0, 34, 0, 6, 0 }, HEADER);
	cr_assert_eq(memcmp(r.parts[0].data, want, HEADER), 0);
}

Test(virtio_net, makes_room_for_its_header_where_there_is_none)
{
	struct device_request r;

	cr_assert_eq(netdev_send(net, buf_alloc_slice(NULL, pattern, 60)), 0);
	cr_assert(device_next(TX, &r));
	cr_assert(r.out == 2 && r.parts[0].bytes == HEADER && r.parts[1].data == pattern);
}

Test(virtio_net, refuses_what_is_too_long_or_short)
{
	struct buf *b = packet(5000);
	struct buf_stats stats;

	cr_assert_eq(netdev_send(net, packet(1461)), -EMSGSIZE);
	cr_assert_eq(netdev_send(net, buf_alloc_slice(NULL, pattern, 13)), -EMSGSIZE);
	b->flags = BUF_TSO4 | BUF_CSUM_PARTIAL;
	for (unsigned i = 0; i < 300; i++)
		buf_append(b, buf_alloc_slice(NULL, pattern, 1));
	cr_assert_eq(netdev_send(net, b), -EMSGSIZE, "more slices than the ring has descriptors");
	cr_assert_eq(net->stats.tx_dropped, 3);
	buf_stats(&stats);
	cr_assert(!stats.headers_used && !stats.slices_used, "not freed");
}

Test(virtio_net, never_waits_for_a_full_queue)
{
	struct device_request r;
	unsigned sent = 0;
	int error;

	while ((error = netdev_send(net, packet(100))) == 0)
		cr_assert_lt(++sent, 1000);
	cr_assert_eq(error, -ENOBUFS);
	cr_assert_eq(sent, CONFIG_VIRTIO_NET_TX_RING / 2);
	cr_assert_eq(net->stats.tx_dropped, 1);
	loop();
	cr_assert(device_was_notified(TX), "once for all");
	/* One comes back: there is room for one. */
	cr_assert(device_next(TX, &r));
	device_done(TX, r.id, 0);
	cr_assert_eq(netdev_send(net, packet(100)), 0);
	cr_assert_eq(netdev_send(net, packet(100)), -ENOBUFS);
}

/* Without more traffic the chains of a long queue come back all the same, of constants, too. */
Test(virtio_net, hears_of_a_long_queue_being_done)
{
	struct device_request r;
	struct buf_stats stats;

	for (unsigned i = 0; i < CONFIG_VIRTIO_NET_TX_RING; i++)
		cr_assert_eq(netdev_send(net, packet(0)), 0);
	loop();
	while (device_next(TX, &r))
		device_done(TX, r.id, 0);
	clock_advance_ns(20 * NS_PER_MS);
	loop();
	buf_stats(&stats);
	cr_assert_eq(stats.headers_used, 0);
}

/* Without other events, storage is released at the next poll. Constants have no count to release. */
Test(virtio_net, memory_that_somebody_counts_is_let_go_of_once_it_is_sent)
{
	struct device_request r;
	uint16_t before;

	cr_assert_eq(netdev_send(net, packet(0)), 0);
	loop();
	cr_assert_eq(timer_next_ns(), DEADLINE_NEVER);
	cr_assert(device_next(TX, &r));
	device_done(TX, r.id, 0);
	freed = 0;
	cr_assert_eq(netdev_send(net, packet(1000)), 0);
	loop();
	payload_storage.refs = 1;
	clock_advance_ns(20 * NS_PER_MS);
	loop();
	cr_assert_eq(freed, 0, "the device has it");
	cr_assert(device_next(TX, &r));
	before = device.queues[TX].done;
	device_done(TX, r.id, 0);
	cr_assert_not(device_wants_interrupt(TX, before));
	clock_advance_ns(20 * NS_PER_MS);
	loop();
	cr_assert_eq(freed, 1);
	cr_assert_eq(timer_next_ns(), DEADLINE_NEVER, "it looks for ever");
}

static unsigned returns;

/* It can be sent from there. */
static void returned(void *arg)
{
	cr_assert_eq(arg, &returns);
	cr_assert_eq(netdev_send(net, packet(0)), 0);
	returns++;
}

Test(virtio_net, is_down_while_the_link_is)
{
	returns = 0;
	netdev_listen_returned(net, returned, &returns);
	device.config[6] = 0;
	device_change();
	loop();
	cr_assert_eq(netdev_send(net, packet(0)), -ENETDOWN);
	cr_assert_eq(returns, 0);
	device.config[6] = 1;
	device_change();
	device_change();
	loop();
	cr_assert_eq(returns, 1);
}

Test(virtio_net, breaks_a_device_that_needs_a_reset)
{
	device.status |= 64;
	device_change();
	loop();
	assert_broken("met an error");
}
