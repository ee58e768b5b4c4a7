/* SPDX-License-Identifier: ISC */
/* ARP: requests, the cache, expiry, and no belief in unsolicited replies. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "net/arp.h"
#include "tests/lib/clock.h"
#include "tests/lib/lan.h"

#define REACHABLE_MS (CONFIG_ARP_REACHABLE_SECONDS * 1000)
#define EVIL_MAC ((const uint8_t[]){ 2, 0, 0, 0, 0, 0x66 })

enum { REQUEST = 1, REPLY = 2 };

static struct lan lan;
static struct ethernet *ethernet;
static struct arp *arp;
static unsigned changes, returned;
static uint32_t instead; /* where returned packets go; 0: nowhere */
static const uint8_t no_mac[6];

static void on_changed(void *arg)
{
	(void)arg;
	changes++;
}

/* Sends a packet as IPv4 does. */
static int send_packet(uint32_t address, struct buf *b)
{
	uint8_t mac[6];
	int error = arp_resolve(arp, address, mac, b);

	if (error == 0)
		return ethernet_send(ethernet, mac, ETHERTYPE_IPV4, b);
	return error == -EAGAIN ? 0 : error;
}

static void on_unreachable(void *arg, struct buf *b)
{
	(void)arg;
	returned++;
	if (instead && returned < 10)
		send_packet(instead, b);
	else
		buf_free(b);
}

static void set_up(void)
{
	lan_init(&lan, 0);
	cr_assert_eq(ethernet_create(&ethernet, &lan.dev), 0);
	cr_assert_eq(arp_create(&arp, ethernet), 0);
	arp_set_user(arp, &(struct arp_user){ .changed = on_changed, .unreachable = on_unreachable });
	cr_assert_eq(arp_add_address(arp, LAN_IP), 0);
	lan_wait_ms(3000);
	lan_forget(&lan);
	changes = returned = 0;
	instead = 0;
}

static void tear_down(void)
{
	arp_destroy(arp);
	ethernet_destroy(ethernet);
	lan_done(&lan);
}

TestSuite(arp, .init = set_up, .fini = tear_down);

static void receive(uint16_t operation, const uint8_t *sender_mac, uint32_t sender, uint32_t target)
{
	struct frame f;

	frame_arp(&f, operation, sender_mac, sender, operation == REPLY ? LAN_MAC : no_mac, target);
	lan_receive(&lan, &f, 0);
}

static void answer(const uint8_t *mac, uint32_t address)
{
	receive(REPLY, mac, address, LAN_IP);
}

static int send_to(uint32_t address, uint8_t mark)
{
	struct buf *b = buf_alloc_header();

	*buf_push(b, 1) = mark;
	return send_packet(address, b);
}

static bool knows(uint32_t address, const uint8_t *mac)
{
	uint8_t found[6];

	return arp_resolve(arp, address, found, NULL) == 0 && memcmp(found, mac, 6) == 0;
}

/* The next frame sent is this packet of ours. */
static void expect_arp(uint16_t operation, const uint8_t *to, uint32_t target)
{
	const struct frame *f = lan_next(&lan);

	cr_assert_not_null(f, "nothing was sent");
	cr_assert_eq(f->len, 42);
	cr_expect_eq(memcmp(f->bytes, to, 6), 0, "to another MAC");
	cr_expect_eq(memcmp(f->bytes + 6, LAN_MAC, 6), 0);
	cr_expect_eq(memcmp(f->bytes + 12, "\x08\x06\0\1\x08\0\6\4", 8), 0);
	cr_expect_eq(frame_16(f, 20), operation);
	cr_expect_eq(memcmp(f->bytes + 22, LAN_MAC, 6), 0);
	cr_expect_eq(frame_32(f, 28), LAN_IP);
	cr_expect_eq(memcmp(f->bytes + 32, memcmp(to, LAN_BROADCAST, 6) ? to : no_mac, 6), 0);
	cr_expect_eq(frame_32(f, 38), target);
}

static void expect_packet(const uint8_t *to, uint8_t mark)
{
	const struct frame *f = lan_next(&lan);

	cr_assert_not_null(f, "nothing was sent");
	cr_expect(f->len == 15 && frame_16(f, 12) == 0x0800);
	cr_expect_eq(memcmp(f->bytes, to, 6), 0);
	cr_expect_eq(f->bytes[14], mark);
}

static void expect_nothing(void)
{
	cr_expect_eq(lan_forget(&lan), 0, "something was sent");
}

/* Makes the peer known by asking. */
static void meet_peer(void)
{
	cr_assert_eq(send_to(LAN_PEER_IP, 0), 0);
	answer(LAN_PEER_MAC, LAN_PEER_IP);
	lan_forget(&lan);
}

Test(arp, asks_and_sends_what_waited)
{
	cr_expect_eq(send_to(LAN_PEER_IP, 1), 0);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_PEER_IP);
	cr_expect_eq(send_to(LAN_PEER_IP, 2), 0);
	expect_nothing();
	cr_expect_not(knows(LAN_PEER_IP, LAN_PEER_MAC));
	answer(LAN_PEER_MAC, LAN_PEER_IP);
	expect_packet(LAN_PEER_MAC, 1);
	expect_packet(LAN_PEER_MAC, 2);
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC));
	cr_expect_eq(send_to(LAN_PEER_IP, 3), 0);
	expect_packet(LAN_PEER_MAC, 3);
	expect_nothing();
}

Test(arp, keeps_the_latest_packets)
{
	for (uint8_t i = 0; i < CONFIG_ARP_QUEUE_PACKETS + 3; i++)
		cr_expect_eq(send_to(LAN_PEER_IP, i), 0);
	cr_expect_eq(arp_stats(arp)->queue_drops, 3);
	lan_forget(&lan);
	answer(LAN_PEER_MAC, LAN_PEER_IP);
	for (uint8_t i = 3; i < CONFIG_ARP_QUEUE_PACKETS + 3; i++)
		expect_packet(LAN_PEER_MAC, i);
	expect_nothing();
}

static uint32_t silent;

/* Called before the waiting packets are returned, whose sender may try other neighbours. */
static void hear_silence(void *arg, uint32_t address)
{
	(void)arg;
	cr_expect_eq(returned, 0);
	silent = address;
}

Test(arp, tells_who_is_silent)
{
	silent = 0;
	arp_listen_silence(arp, hear_silence);
	cr_expect_eq(send_to(LAN_PEER_IP, 1), 0);
	lan_wait_ms(2990);
	cr_expect_eq(silent, 0);
	lan_wait_ms(20);
	cr_expect_eq(silent, LAN_PEER_IP);
	cr_expect_eq(returned, 1);
	lan_forget(&lan);
}

Test(arp, gives_up_after_three_requests)
{
	send_to(LAN_PEER_IP, 1);
	send_to(LAN_PEER_IP, 2);
	for (int i = 0; i < 3; i++) {
		expect_arp(REQUEST, LAN_BROADCAST, LAN_PEER_IP);
		expect_nothing();
		cr_expect_eq(returned, 0);
		lan_wait_ms(1001);
	}
	expect_nothing();
	cr_expect_eq(returned, 2);
	cr_expect_eq(send_to(LAN_PEER_IP, 3), -EHOSTUNREACH);
	expect_nothing();
	lan_wait_ms(1001);
	cr_expect_eq(send_to(LAN_PEER_IP, 4), 0);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_PEER_IP);
	answer(LAN_PEER_MAC, LAN_PEER_IP);
	expect_packet(LAN_PEER_MAC, 4);
}

/* In a full table the failed entry makes room, even for senders that are just told of the failure. */
Test(arp, who_hears_of_a_failure_may_try_another)
{
	for (uint32_t i = 1; i < CONFIG_ARP_ENTRIES; i++) {
		send_to(0x0a000100 + i, 0);
		answer(LAN_PEER_MAC, 0x0a000100 + i);
	}
	send_to(LAN_PEER_IP + 1, 1);
	send_to(LAN_PEER_IP + 1, 2);
	lan_wait_ms(2010);
	lan_forget(&lan);
	instead = LAN_PEER_IP;
	lan_wait_ms(1001);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_PEER_IP);
	expect_nothing();
	cr_expect_eq(returned, 2);
	answer(LAN_PEER_MAC, LAN_PEER_IP);
	expect_packet(LAN_PEER_MAC, 1);
	expect_packet(LAN_PEER_MAC, 2);
	cr_expect_eq(arp_stats(arp)->queue_drops, 0);
}

Test(arp, one_who_failed_may_come_and_ask)
{
	send_to(LAN_PEER_IP, 1);
	lan_wait_ms(3010);
	lan_forget(&lan);
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP);
	expect_arp(REPLY, LAN_PEER_MAC, LAN_PEER_IP);
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC));
}

Test(arp, answers_requests_for_us_and_learns_from_them)
{
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP);
	expect_arp(REPLY, LAN_PEER_MAC, LAN_PEER_IP);
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC));
	receive(REQUEST, EVIL_MAC, LAN_PEER_IP + 1, LAN_PEER_IP + 2);
	expect_nothing();
	cr_expect_not(knows(LAN_PEER_IP + 1, EVIL_MAC));
	receive(REQUEST, EVIL_MAC, 0, LAN_IP); /* a probe, RFC 5227: answered, not learned */
	expect_arp(REPLY, EVIL_MAC, 0);
	cr_expect_not(knows(0, EVIL_MAC));
}

Test(arp, learns_from_a_question_while_asking)
{
	send_to(LAN_PEER_IP, 1);
	lan_forget(&lan);
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP);
	expect_packet(LAN_PEER_MAC, 1);
	expect_arp(REPLY, LAN_PEER_MAC, LAN_PEER_IP);
}

Test(arp, unasked_answers_teach_nothing)
{
	answer(EVIL_MAC, LAN_PEER_IP);
	receive(REPLY, EVIL_MAC, LAN_PEER_IP, LAN_PEER_IP);
	cr_expect_not(knows(LAN_PEER_IP, EVIL_MAC));
	cr_expect_eq(arp_stats(arp)->in_unasked, 2);
	send_to(LAN_PEER_IP, 1);
	receive(REPLY, EVIL_MAC, LAN_PEER_IP, LAN_PEER_IP); /* not an answer to us */
	cr_expect_not(knows(LAN_PEER_IP, EVIL_MAC));
	expect_arp(REQUEST, LAN_BROADCAST, LAN_PEER_IP);
	expect_nothing();
}

/* Each kind of lie about a known neighbour makes us ask the neighbour, and only the neighbour. */
static void lie(uint16_t operation, uint32_t target)
{
	meet_peer();
	lan_wait_ms(1000);
	receive(operation, EVIL_MAC, LAN_PEER_IP, target);
	expect_arp(REQUEST, LAN_PEER_MAC, LAN_PEER_IP);
	if (operation == REQUEST && target == LAN_IP)
		expect_arp(REPLY, EVIL_MAC, LAN_PEER_IP);
	for (int i = 0; i < 100; i++)
		receive(REPLY, EVIL_MAC, LAN_PEER_IP, LAN_IP);
	expect_nothing();
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC), "poisoned");
	answer(LAN_PEER_MAC, LAN_PEER_IP);
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC));
	lan_wait_ms(5000);
	expect_nothing();
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC));
}

Test(arp, no_poison_by_replies)
{
	lie(REPLY, LAN_IP);
}

Test(arp, no_poison_by_requests)
{
	lie(REQUEST, LAN_IP);
}

Test(arp, no_poison_by_announcements)
{
	lie(REQUEST, LAN_PEER_IP);
	lie(REPLY, LAN_PEER_IP);
}

/* RFC 1122 §2.3.2.1: a request a second at most, in spite of any claims of others. */
Test(arp, a_flood_of_lies_is_no_flood_of_requests)
{
	uint64_t before;

	meet_peer();
	before = arp_stats(arp)->out_requests;
	for (int ms = 0; ms < 10000; ms += 10) {
		const struct frame *f;

		receive(REPLY, EVIL_MAC, LAN_PEER_IP, LAN_IP);
		cr_assert_eq(send_to(LAN_PEER_IP, 1), 0);
		while ((f = lan_next(&lan))) {
			cr_assert_eq(memcmp(f->bytes, LAN_PEER_MAC, 6), 0);
			if (frame_16(f, 12) == ETHERTYPE_ARP)
				answer(LAN_PEER_MAC, LAN_PEER_IP);
		}
		lan_wait_ms(10);
	}
	cr_expect(arp_stats(arp)->out_requests - before >= 5 && arp_stats(arp)->out_requests - before <= 10, "%u",
	          (unsigned)(arp_stats(arp)->out_requests - before));
}

Test(arp, a_neighbour_that_moved_a_moment_ago_is_found_when_it_is_used)
{
	meet_peer();
	receive(REQUEST, EVIL_MAC, LAN_PEER_IP, LAN_PEER_IP);
	lan_wait_ms(1000);
	expect_nothing();
	send_to(LAN_PEER_IP, 1);
	expect_arp(REQUEST, LAN_PEER_MAC, LAN_PEER_IP);
}

Test(arp, a_neighbour_that_moved_is_found_again)
{
	meet_peer();
	lan_wait_ms(1000);
	receive(REQUEST, EVIL_MAC, LAN_PEER_IP, LAN_PEER_IP); /* it announces its new card */
	expect_arp(REQUEST, LAN_PEER_MAC, LAN_PEER_IP);
	lan_wait_ms(1001);
	expect_arp(REQUEST, LAN_PEER_MAC, LAN_PEER_IP);
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC));
	cr_expect_eq(changes, 0);
	lan_wait_ms(1001);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_PEER_IP);
	cr_expect_eq(changes, 1);
	cr_expect_not(knows(LAN_PEER_IP, LAN_PEER_MAC));
	send_to(LAN_PEER_IP, 5);
	answer(EVIL_MAC, LAN_PEER_IP);
	expect_packet(EVIL_MAC, 5);
	cr_expect(knows(LAN_PEER_IP, EVIL_MAC));
}

Test(arp, an_old_answer_is_checked_when_it_is_used)
{
	meet_peer();
	lan_wait_ms(REACHABLE_MS + 1000);
	expect_nothing(); /* it is not in use */
	cr_expect_eq(changes, 1);
	cr_expect_eq(send_to(LAN_PEER_IP, 1), 0);
	expect_arp(REQUEST, LAN_PEER_MAC, LAN_PEER_IP);
	expect_packet(LAN_PEER_MAC, 1);
	answer(LAN_PEER_MAC, LAN_PEER_IP);
	send_to(LAN_PEER_IP, 2);
	expect_packet(LAN_PEER_MAC, 2);
	lan_wait_ms(5000);
	expect_nothing();
	cr_expect_eq(changes, 1);
}

Test(arp, an_old_answer_that_is_wrong_is_forgotten)
{
	meet_peer();
	lan_wait_ms(REACHABLE_MS + 1000);
	send_to(LAN_PEER_IP, 1);
	lan_wait_ms(2002);
	lan_forget(&lan);
	send_to(LAN_PEER_IP, 2);
	lan_wait_ms(3003);
	cr_expect_eq(returned, 1);
	cr_expect_eq(send_to(LAN_PEER_IP, 3), -EHOSTUNREACH);
}

Test(arp, announces_our_address_twice)
{
	arp_remove_address(arp, LAN_IP);
	expect_nothing();
	arp_add_address(arp, LAN_IP);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_IP);
	expect_nothing();
	arp_add_address(arp, LAN_IP);
	expect_nothing();
	lan_wait_ms(2001);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_IP);
	lan_wait_ms(10000);
	expect_nothing();
}

Test(arp, announces_what_is_ours_when_told_to)
{
	lan_wait_ms(5000);
	lan_forget(&lan);
	changes = 0;
	arp_announce(arp);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_IP);
	expect_nothing();
	cr_expect_eq(changes, 1);
	lan_wait_ms(2001);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_IP);
	lan_wait_ms(10000);
	expect_nothing();
	arp_remove_address(arp, LAN_IP);
	arp_announce(arp);
	expect_nothing();
	arp_add_address(arp, LAN_IP);
	lan_forget(&lan);
}

Test(arp, defends_our_address_once_in_ten_seconds)
{
	for (int i = 0; i < 50; i++) {
		receive(i % 2 ? REQUEST : REPLY, EVIL_MAC, LAN_IP, i % 3 ? LAN_IP : LAN_PEER_IP);
		if (i == 0)
			expect_arp(REQUEST, LAN_BROADCAST, LAN_IP);
		expect_nothing();
	}
	cr_expect_eq(arp_stats(arp)->in_conflicts, 50);
	lan_wait_ms(10001);
	receive(REPLY, EVIL_MAC, LAN_IP, LAN_IP);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_IP);
	cr_expect_not(knows(LAN_IP, EVIL_MAC));
	receive(REQUEST, LAN_MAC, LAN_IP, LAN_IP); /* our own, come back over a bad switch */
	expect_nothing();
	cr_expect_eq(arp_stats(arp)->in_conflicts, 51);
}

Test(arp, malformed_packets_teach_nothing)
{
	static const struct {
		size_t at;
		uint8_t value;
	} spoil[] = {
		{ 15, 2 }, { 14, 1 }, { 16, 9 }, { 17, 6 }, { 18, 5 }, { 18, 7 }, { 19, 3 }, { 19, 16 }, { 21, 0 },
		{ 21, 3 }, { 20, 1 }, { 22, 3 }, { 28, 224 }, { 28, 255 },
	};
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		frame_arp(&f, REQUEST, LAN_PEER_MAC, LAN_PEER_IP, no_mac, LAN_IP);
		f.bytes[spoil[i].at] = spoil[i].value;
		lan_receive(&lan, &f, 0);
		cr_expect_eq(arp_stats(arp)->in_errors, i + 1, "byte %zu", spoil[i].at);
		expect_nothing();
	}
	for (size_t len = 14; len < 42; len++) {
		frame_arp(&f, REQUEST, LAN_PEER_MAC, LAN_PEER_IP, no_mac, LAN_IP);
		f.len = len;
		lan_receive(&lan, &f, 0);
	}
	expect_nothing();
	cr_expect_not(knows(LAN_PEER_IP, LAN_PEER_MAC));
}

Test(arp, a_flood_of_strangers_costs_no_friend_his_place)
{
	meet_peer();
	for (uint32_t i = 0; i < 10000; i++) {
		receive(REQUEST, EVIL_MAC, 0x0b000000 + i, LAN_IP);
		lan_forget(&lan);
	}
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC));
	cr_expect_gt(arp_stats(arp)->evicted, 0);
	cr_expect_eq(changes, 0);
}

Test(arp, a_stranger_displaces_nobody_we_asked_for)
{
	for (uint32_t i = 0; i < CONFIG_ARP_ENTRIES; i++) {
		send_to(0x0a000100 + i, 7);
		answer(LAN_PEER_MAC, 0x0a000100 + i);
	}
	lan_forget(&lan);
	receive(REQUEST, EVIL_MAC, 0x0b000000, LAN_IP);
	expect_arp(REPLY, EVIL_MAC, 0x0b000000);
	cr_expect_not(knows(0x0b000000, EVIL_MAC));
	for (uint32_t i = 0; i < CONFIG_ARP_ENTRIES; i++)
		cr_expect(knows(0x0a000100 + i, LAN_PEER_MAC));
}

Test(arp, a_flood_of_absent_addresses_is_bounded)
{
	struct buf_stats stats;

	meet_peer();
	for (uint32_t i = 0; i < 2000; i++)
		send_to(0x0a000100 + i, (uint8_t)i);
	buf_stats(&stats);
	cr_expect_leq(stats.headers_used, CONFIG_ARP_ENTRIES);
	cr_expect(knows(LAN_PEER_IP, LAN_PEER_MAC), "a neighbour that answers was displaced");
	lan_wait_ms(3010);
	buf_stats(&stats);
	cr_expect_eq(stats.headers_used, 0);
	cr_expect_gt(returned, 0);
}

Test(arp, more_neighbours_than_entries)
{
	for (uint32_t i = 0; i < 2 * CONFIG_ARP_ENTRIES; i++) {
		cr_expect_eq(send_to(0x0a000100 + i, 7), 0);
		expect_arp(REQUEST, LAN_BROADCAST, 0x0a000100 + i);
		answer(LAN_PEER_MAC, 0x0a000100 + i);
		expect_packet(LAN_PEER_MAC, 7);
		clock_advance_ns(1);
	}
	cr_expect(knows(0x0a000100 + 2 * CONFIG_ARP_ENTRIES - 1, LAN_PEER_MAC));
	cr_expect_not(knows(0x0a000100, LAN_PEER_MAC));
}

Test(arp, packets_beyond_the_common_bound_are_refused)
{
	uint32_t neighbours = CONFIG_ARP_ENTRIES / CONFIG_ARP_QUEUE_PACKETS;

	for (uint32_t i = 0; i < neighbours; i++)
		for (int n = 0; n < CONFIG_ARP_QUEUE_PACKETS; n++)
			cr_expect_eq(send_to(0x0a000100 + i, 0), 0);
	cr_expect_eq(send_to(0x0a0000f0, 0), -ENOBUFS);
	answer(LAN_PEER_MAC, 0x0a000100);
	cr_expect_eq(send_to(0x0a0000f0, 0), 0);
}

Test(arp, without_an_address_it_is_deaf)
{
	send_to(LAN_PEER_IP + 1, 7);
	arp_remove_address(arp, LAN_IP);
	lan_forget(&lan);
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP);
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, 0);
	lan_wait_ms(5000);
	expect_nothing();
	cr_expect_not(knows(LAN_PEER_IP, LAN_PEER_MAC));
	cr_expect_eq(returned, 1);
}

/* -- several addresses -- */

Test(arp, each_of_our_addresses_is_answered_for)
{
	for (uint32_t i = 1; i < CONFIG_IPV4_ADDRESSES; i++)
		cr_expect_eq(arp_add_address(arp, LAN_IP + 0x10000 * i), 0);
	cr_expect_eq(arp_add_address(arp, LAN_IP + 0x1000000), -ENOBUFS);
	cr_expect_eq(changes, CONFIG_IPV4_ADDRESSES - 1);
	lan_wait_ms(3000);
	cr_expect_eq(lan_forget(&lan), 2 * (CONFIG_IPV4_ADDRESSES - 1), "each is announced twice");
	for (uint32_t i = 0; i < CONFIG_IPV4_ADDRESSES; i++) {
		const struct frame *f;

		receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP + 0x10000 * i);
		f = lan_next(&lan);
		cr_assert_not_null(f);
		cr_expect(frame_16(f, 20) == REPLY && frame_32(f, 28) == LAN_IP + 0x10000 * i);
	}
	arp_remove_address(arp, LAN_IP + 0x10000);
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP + 0x10000);
	expect_nothing();
	cr_expect_eq(arp_add_address(arp, LAN_IP + 0x1000000), 0);
}

Test(arp, who_asks_is_the_nearest_of_our_addresses)
{
	const struct frame *f;

	cr_expect_eq(arp_add_address(arp, 0xc0a80002), 0);
	lan_wait_ms(3000);
	lan_forget(&lan);
	send_to(LAN_PEER_IP, 1);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_PEER_IP);
	send_to(0xc0a80009, 1);
	f = lan_next(&lan);
	cr_assert_not_null(f);
	cr_expect_eq(frame_32(f, 28), 0xc0a80002);
	receive(REPLY, LAN_PEER_MAC, 0xc0a80009, 0xc0a80002);
	expect_packet(LAN_PEER_MAC, 1);
}

/* -- conflicts -- */

static uint32_t lost;

static void on_conflict(void *arg, uint32_t address)
{
	lost = address;
	arp_remove_address(arg, address);
}

/* RFC 3927 §2.5: another user of a link-local address is to notice. */
Test(arp, a_link_local_address_is_spoken_for_to_all)
{
	const uint32_t address = 0xa9fe0105;
	const struct frame *f;

	cr_assert_eq(arp_add_address(arp, address), 0);
	lan_wait_ms(3000);
	lan_forget(&lan);
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, address);
	f = lan_next(&lan);
	cr_assert_not_null(f, "nothing was sent");
	cr_expect_eq(memcmp(f->bytes, LAN_BROADCAST, 6), 0);
	cr_expect_eq(frame_16(f, 20), REPLY);
	cr_expect_eq(frame_32(f, 28), address);
	cr_expect_eq(memcmp(f->bytes + 32, LAN_PEER_MAC, 6), 0);
	cr_expect_eq(frame_32(f, 38), LAN_PEER_IP);
	expect_nothing();
}

/* RFC 5227 §2.4 (b) */
Test(arp, gives_up_when_it_has_defended_in_vain)
{
	arp_listen_conflict(arp, on_conflict, arp);
	receive(REPLY, EVIL_MAC, LAN_IP, LAN_IP);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_IP);
	lan_wait_ms(10001);
	receive(REPLY, EVIL_MAC, LAN_IP, LAN_IP);
	expect_arp(REQUEST, LAN_BROADCAST, LAN_IP);
	cr_expect_eq(lost, 0, "seldom is not a fight");
	lan_wait_ms(9000);
	receive(REQUEST, EVIL_MAC, LAN_IP, LAN_IP);
	cr_expect_eq(lost, LAN_IP);
	receive(REQUEST, EVIL_MAC, LAN_IP, LAN_IP);
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP);
	expect_nothing();
}

/* -- probes -- */

enum { PROBED = LAN_IP + 0x40 };

static struct arp_probe probe;

/* The next frame is an ARP probe, and nothing behind it. */
static void expect_probe(void)
{
	const struct frame *f = lan_next(&lan);

	cr_assert_not_null(f, "nothing was sent");
	cr_expect(f->len == 42 && !memcmp(f->bytes, LAN_BROADCAST, 6) && frame_16(f, 20) == REQUEST);
	cr_expect_eq(memcmp(f->bytes + 22, LAN_MAC, 6), 0);
	cr_expect_eq(frame_32(f, 28), 0, "it must not be taken for ours yet");
	cr_expect_eq(memcmp(f->bytes + 32, no_mac, 6), 0);
	cr_expect_eq(frame_32(f, 38), PROBED);
	expect_nothing();
}

Test(arp, a_probe_of_a_free_address)
{
	enum { UNIT = CONFIG_ARP_PROBE_MILLISECONDS };
	uint32_t ms = 0, sent[4] = { 0 };
	unsigned count = 0;

	arp_probe(arp, &probe, PROBED);
	expect_nothing();
	for (; !promise_is_settled(&probe.promise); ms++) {
		lan_wait_ms(1);
		if (!lan.count)
			continue;
		expect_probe();
		cr_assert_lt(count, 3);
		sent[count++] = ms;
	}
	cr_expect_eq(promise_result(&probe.promise), 0);
	cr_expect_eq(count, 3);
	cr_expect(sent[0] <= UNIT);
	for (int i = 1; i < 3; i++)
		cr_expect(sent[i] - sent[i - 1] >= UNIT && sent[i] - sent[i - 1] <= 2 * UNIT + 1);
	cr_expect(ms - sent[2] >= 2 * UNIT && ms - sent[2] <= 2 * UNIT + 2);
	lan_wait_ms(5000);
	expect_nothing();
}

/* Any packet of another host with the address, or its probe for the same address. */
Test(arp, a_probe_of_a_taken_address)
{
	static const struct {
		uint16_t operation;
		uint32_t sender, target;
	} signs[] = {
		{ REPLY, PROBED, 0 }, { REPLY, PROBED, LAN_IP }, { REQUEST, PROBED, LAN_PEER_IP },
		{ REQUEST, PROBED, PROBED }, { REQUEST, 0, PROBED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		arp_probe(arp, &probe, PROBED);
		lan_wait_ms(1 + i * CONFIG_ARP_PROBE_MILLISECONDS);
		cr_assert_not(promise_is_settled(&probe.promise));
		receive(signs[i].operation, LAN_PEER_MAC, signs[i].sender, signs[i].target);
		cr_expect_eq(promise_result(&probe.promise), -EADDRINUSE, "sign %zu", i);
		lan_forget(&lan);
		lan_wait_ms(5000);
		expect_nothing();
	}
}

Test(arp, what_is_no_sign_that_an_address_is_taken)
{
	arp_probe(arp, &probe, PROBED);
	lan_wait_ms(CONFIG_ARP_PROBE_MILLISECONDS);
	receive(REQUEST, LAN_MAC, 0, PROBED); /* our own, come back over a bad switch */
	receive(REPLY, LAN_MAC, PROBED, PROBED);
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, PROBED); /* a request for its former owner */
	receive(REPLY, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP);
	receive(REPLY, LAN_PEER_MAC, 0, PROBED);
	lan_wait_ms(7 * CONFIG_ARP_PROBE_MILLISECONDS);
	cr_expect(promise_is_settled(&probe.promise) && promise_result(&probe.promise) == 0);
	lan_forget(&lan);
}

Test(arp, a_probe_needs_no_address_of_ours)
{
	arp_remove_address(arp, LAN_IP);
	arp_probe(arp, &probe, PROBED);
	lan_wait_ms(CONFIG_ARP_PROBE_MILLISECONDS);
	expect_probe();
	answer(LAN_PEER_MAC, PROBED);
	cr_expect_eq(promise_result(&probe.promise), -EADDRINUSE);
}

Test(arp, one_probe_at_a_time_that_can_be_cancelled)
{
	struct arp_probe second;

	arp_probe(arp, &probe, PROBED);
	arp_probe(arp, &second, PROBED + 1);
	cr_expect_eq(promise_result(&second.promise), -EBUSY);
	promise_cancel(&probe.promise);
	cr_expect_eq(promise_result(&probe.promise), -ECANCELED);
	lan_wait_ms(5000);
	expect_nothing();
	arp_probe(arp, &probe, PROBED); /* ends with arp */
	arp_destroy(arp);
	cr_expect_eq(promise_result(&probe.promise), -ECANCELED);
	cr_assert_eq(arp_create(&arp, ethernet), 0);
}

Test(arp, one_per_interface)
{
	struct arp *second;

	cr_expect_eq(arp_create(&second, ethernet), -EADDRINUSE);
}

Test(arp, no_buffers_is_no_disaster)
{
	struct buf *all = NULL, *b;

	meet_peer();
	while ((b = buf_alloc_header())) {
		b->queue = all;
		all = b;
	}
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP);
	expect_nothing();
	while ((b = all)) {
		all = b->queue;
		buf_free(b);
	}
	receive(REQUEST, LAN_PEER_MAC, LAN_PEER_IP, LAN_IP);
	expect_arp(REPLY, LAN_PEER_MAC, LAN_PEER_IP);
}

Test(arp, destroying_gives_back_what_waits)
{
	send_to(LAN_PEER_IP, 1);
	send_to(LAN_PEER_IP + 1, 1);
}
