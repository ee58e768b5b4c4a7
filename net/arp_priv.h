/* SPDX-License-Identifier: ISC */
/* What arp.c and arp_probe.c share. */
#ifndef NET_ARP_PRIV_H
#define NET_ARP_PRIV_H

#include "net/arp.h"

/* -- arp.c -- */

/* The probe that is under way; NULL: none. */
struct arp_probe **arp_probing(struct arp *a);
/* Asks for address without saying who asks: nobody is to remember us by it. */
void arp_send_probe(struct arp *a, uint32_t address);

/* -- arp_probe.c -- */

/* A packet of somebody else's came. */
void arp_probe_input(struct arp_probe *op, bool is_request, uint32_t sender, uint32_t target);
/* Ends it with 0 or why not. */
void arp_probe_end(struct arp_probe *op, int result);

#endif
