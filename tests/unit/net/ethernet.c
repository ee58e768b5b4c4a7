/* SPDX-License-Identifier: ISC */
/* Ethernet: delivery of frames to protocols, and dropped frames. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/ethernet.h"
#include "tests/lib/lan.h"

static struct lan lan;
static struct ethernet *ethernet;
static struct {
	unsigned calls;
	uint16_t type;
	uint8_t src[6];
	bool to_group;
	uint32_t len;
	int arg;
} got;
static int args[8];

static void take(void *arg, const struct ethernet_header *header, struct buf *b)
{
	got.calls++;
	got.type = be16(header->type);
	memcpy(got.src, header->src, 6);
	got.to_group = ethernet_is_to_group(header);
	got.len = buf_length(b);
	got.arg = *(int *)arg;
	buf_free(b);
}

static void set_up(void)
{
	memset(&got, 0, sizeof(got));
	for (int i = 0; i < 8; i++)
		args[i] = i;
	lan_init(&lan, 0);
	cr_assert_eq(ethernet_create(&ethernet, &lan.dev), 0);
}

static void tear_down(void)
{
	ethernet_destroy(ethernet);
	lan_done(&lan);
}

TestSuite(ethernet, .init = set_up, .fini = tear_down);

static void receive(const uint8_t *dst, const uint8_t *src, uint16_t type, size_t payload)
{
	static const uint8_t zeros[1500];
	struct frame f;

	frame_ethernet(&f, dst, src, type);
	frame_add(&f, zeros, payload);
	lan_receive(&lan, &f, 0);
}

Test(ethernet, sorts_by_type)
{
	cr_assert_eq(ethernet_listen(ethernet, ETHERTYPE_IPV4, take, &args[1]), 0);
	cr_assert_eq(ethernet_listen(ethernet, ETHERTYPE_ARP, take, &args[2]), 0);
	receive(LAN_MAC, LAN_PEER_MAC, ETHERTYPE_ARP, 46);
	cr_expect(got.calls == 1 && got.arg == 2 && got.type == ETHERTYPE_ARP && got.len == 46 && !got.to_group);
	cr_expect_eq(memcmp(got.src, LAN_PEER_MAC, 6), 0);
	receive(LAN_BROADCAST, LAN_PEER_MAC, ETHERTYPE_IPV4, 0);
	cr_expect(got.calls == 2 && got.arg == 1 && got.len == 0 && got.to_group);
	receive((const uint8_t[]){ 0x33, 0x33, 0, 0, 0, 1 }, LAN_PEER_MAC, ETHERTYPE_IPV4, 1);
	cr_expect(got.calls == 3 && got.to_group);
}

Test(ethernet, one_listener_per_type_and_a_few_types)
{
	cr_assert_eq(ethernet_listen(ethernet, 0x0801, take, &args[1]), 0);
	cr_expect_eq(ethernet_listen(ethernet, 0x0801, take, &args[2]), -EADDRINUSE);
	cr_expect_eq(ethernet_listen(ethernet, 0x0802, take, &args[2]), 0);
	cr_expect_eq(ethernet_listen(ethernet, 0x0803, take, &args[3]), 0);
	cr_expect_eq(ethernet_listen(ethernet, 0x0804, take, &args[4]), 0);
	cr_expect_eq(ethernet_listen(ethernet, 0x0805, take, &args[5]), -ENOBUFS);
	cr_expect_eq(ethernet_listen(ethernet, 0x0805, NULL, NULL), 0);
	cr_expect_eq(ethernet_listen(ethernet, 0x0801, NULL, NULL), 0);
	receive(LAN_MAC, LAN_PEER_MAC, 0x0801, 10);
	cr_expect_eq(got.calls, 0);
	cr_expect_eq(ethernet_listen(ethernet, 0x0805, take, &args[5]), 0);
	receive(LAN_MAC, LAN_PEER_MAC, 0x0805, 10);
	cr_expect(got.calls == 1 && got.arg == 5);
}

Test(ethernet, others_go_to_the_other_handler)
{
	receive(LAN_MAC, LAN_PEER_MAC, ETHERTYPE_IPV6, 40);
	cr_expect(got.calls == 0 && ethernet_stats(ethernet)->in_unknown_protos == 1);
	ethernet_listen_other(ethernet, take, &args[6]);
	receive(LAN_MAC, LAN_PEER_MAC, ETHERTYPE_IPV6, 40);
	cr_expect(got.calls == 1 && got.arg == 6 && got.type == ETHERTYPE_IPV6 && got.len == 40);
	ethernet_listen_other(ethernet, NULL, NULL);
	receive(LAN_MAC, LAN_PEER_MAC, ETHERTYPE_IPV6, 40);
	cr_expect_eq(got.calls, 1);
}

Test(ethernet, what_is_no_frame_for_us_goes_nowhere)
{
	const struct ethernet_stats *stats = ethernet_stats(ethernet);
	struct frame f;

	ethernet_listen_other(ethernet, take, &args[0]);
	for (size_t len = 0; len < ETHERNET_HEADER_BYTES; len++) {
		frame_ethernet(&f, LAN_MAC, LAN_PEER_MAC, ETHERTYPE_IPV6);
		f.len = len;
		lan_receive(&lan, &f, 0);
	}
	cr_expect_eq(stats->in_errors, ETHERNET_HEADER_BYTES);
	receive(LAN_MAC, LAN_BROADCAST, ETHERTYPE_IPV6, 46);
	receive(LAN_MAC, (const uint8_t[]){ 1, 0, 0x5e, 0, 0, 1 }, ETHERTYPE_IPV6, 46);
	receive(LAN_MAC, LAN_PEER_MAC, 46, 46);
	receive(LAN_MAC, LAN_PEER_MAC, 0x5ff, 46);
	cr_expect_eq(stats->in_errors, ETHERNET_HEADER_BYTES + 4);
	receive((const uint8_t[]){ 2, 0, 0, 0, 0, 2 }, LAN_PEER_MAC, ETHERTYPE_IPV6, 46);
	cr_expect_eq(stats->in_not_for_us, 1);
	cr_expect_eq(got.calls, 0);
	cr_expect_eq(stats->in_frames, ETHERNET_HEADER_BYTES + 5);
}

Test(ethernet, sends_with_our_address)
{
	struct buf *b = buf_alloc_header();
	const struct frame *f;

	memcpy(buf_push(b, 3), "abc", 3);
	cr_expect_eq(ethernet_send(ethernet, LAN_PEER_MAC, ETHERTYPE_IPV4, b), 0);
	f = lan_next(&lan);
	cr_assert(f && f->len == 17);
	cr_expect_eq(memcmp(f->bytes, LAN_PEER_MAC, 6), 0);
	cr_expect_eq(memcmp(f->bytes + 6, LAN_MAC, 6), 0);
	cr_expect_eq(frame_16(f, 12), ETHERTYPE_IPV4);
	cr_expect_eq(memcmp(f->bytes + 14, "abc", 3), 0);
	lan.send_error = -ENOBUFS;
	cr_expect_eq(ethernet_send(ethernet, LAN_PEER_MAC, ETHERTYPE_IPV4, buf_alloc_header()), -ENOBUFS);
	cr_expect(ethernet_stats(ethernet)->out_frames == 2 && ethernet_stats(ethernet)->out_errors == 1);
}

Test(ethernet, leaves_the_interface_with_somebody_who_frees)
{
	struct ethernet *second;

	ethernet_destroy(ethernet);
	receive(LAN_MAC, LAN_PEER_MAC, ETHERTYPE_IPV4, 46);
	cr_expect_eq(lan.held, 0);
	cr_assert_eq(ethernet_create(&second, &lan.dev), 0);
	ethernet = second;
	cr_expect_eq(ethernet_netdev(ethernet), &lan.dev);
}
