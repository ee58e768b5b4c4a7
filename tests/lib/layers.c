/* SPDX-License-Identifier: ISC */
/* The layers below a test, made and unmade in order. */
#include "tests/lib/layers.h"

#include <criterion/criterion.h>

struct lan lan;
struct ethernet *ethernet;
struct arp *arp;
struct ipv4 *ipv4;

void layers_create(uint32_t features, uint16_t mtu)
{
	lan_init(&lan, features);
	if (mtu)
		lan.dev.mtu = mtu;
	cr_assert_eq(ethernet_create(&ethernet, &lan.dev), 0);
	cr_assert_eq(arp_create(&arp, ethernet), 0);
	cr_assert_eq(ipv4_create(&ipv4, ethernet, arp), 0);
}

void layers_destroy(void)
{
	ipv4_destroy(ipv4);
	arp_destroy(arp);
	ethernet_destroy(ethernet);
	lan_done(&lan);
}

void layers_meet_peer(void)
{
	struct frame f;

	frame_arp(&f, 1, LAN_PEER_MAC, LAN_PEER_IP, (const uint8_t[6]){ 0 }, LAN_IP);
	lan_receive(&lan, &f, 0);
	lan_forget(&lan);
}
