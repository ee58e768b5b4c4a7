/* SPDX-License-Identifier: ISC */
/* Ethernet, ARP and IPv4 on tests/lib/lan.h, for tests of these layers and of those just above. */
#ifndef TESTS_LIB_LAYERS_H
#define TESTS_LIB_LAYERS_H

#include "net/ipv4/ipv4.h"
#include "tests/lib/lan.h"

extern struct lan lan;
extern struct ethernet *ethernet;
extern struct arp *arp;
extern struct ipv4 *ipv4; /* without an address at first */

/* features: enum netdev_features; mtu 0: 1500. */
void layers_create(uint32_t features, uint16_t mtu);
void layers_destroy(void);
/* The peer, LAN_PEER_IP, sends an ARP request for us, so that we know its MAC address. Drops frames sent so
 * far. */
void layers_meet_peer(void);

#endif
