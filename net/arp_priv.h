/* SPDX-License-Identifier: ISC */
/* Shared by arp.c and arp_probe.c. */
#ifndef NET_ARP_PRIV_H
#define NET_ARP_PRIV_H

#include "net/arp.h"

/* -- arp.c -- */

/* The probe that is under way; NULL: none. */
struct arp_probe **arp_probing(struct arp *a);
/* Sends a request for address without our own: neighbours must not learn from it. */
void arp_send_probe(struct arp *a, uint32_t address);

/* -- arp_probe.c -- */

/* A packet of another host has arrived. */
void arp_probe_input(struct arp_probe *op, bool is_request, uint32_t sender, uint32_t target);
/* Settles the probe with result: 0 or a negative errno. */
void arp_probe_end(struct arp_probe *op, int result);

#endif
