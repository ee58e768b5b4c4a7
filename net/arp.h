/* SPDX-License-Identifier: ISC */
/* Address resolution for IPv4 over Ethernet (RFC 826, RFC 1122 §2.3.2; probe, announcement and
 * conflict by RFC 5227). Learns only from answers to its own requests and from requests for our
 * addresses, never replaces an entry on an unsolicited claim, and bounds entries, packets and tries.
 * Addresses are in host byte order. */
#ifndef NET_ARP_H
#define NET_ARP_H

#include "kernel/timer.h"
#include "net/ethernet.h"

struct arp;

/* The user of the answers: IPv4. */
struct arp_user {
	void (*changed)(void *arg);                    /* answers of arp_resolve may be out of date */
	void (*unreachable)(void *arg, struct buf *b); /* no neighbour answered for b; gives b back */
	void *arg;
	void (*silent)(void *arg, uint32_t address);   /* arp_listen_silence */
};

struct arp_stats {
	uint32_t in_requests, in_replies, in_errors, in_unasked, in_conflicts;
	uint32_t out_requests, out_replies;
	uint32_t evicted, queue_drops, unreachable;
};

/* 0, -ENOMEM, -EADDRINUSE: ethernet has an ARP already. Borrows ethernet until destroyed. */
int arp_create(struct arp **out, struct ethernet *e);
void arp_destroy(struct arp *a);
void arp_set_user(struct arp *a, const struct arp_user *user);
/* Calls silent, too, for each neighbour that has been asked in vain, before the packets that waited for it
 * are given back. It must not send anything. */
void arp_listen_silence(struct arp *a, void (*silent)(void *arg, uint32_t address));

/* Adds an address of ours: answers requests for it, announces it, and defends it. One that is ours already
 * stays as it is. 0, -ENOBUFS: there are CONFIG_IPV4_ADDRESSES. */
int arp_add_address(struct arp *a, uint32_t address);
/* Announces all our addresses again: the neighbours may have forgotten them, or be other hosts now. */
void arp_announce(struct arp *a);
/* Does nothing if address is not ours. */
void arp_remove_address(struct arp *a, uint32_t address);

/* Calls conflict when another host has used an address of ours twice within ten seconds, once it has been
 * defended: the listener may give it up (RFC 5227 §2.4 (b)). Without a listener it is defended for ever, once
 * in ten seconds at most (§2.4 (c)), as fits a configured address. */
void arp_listen_conflict(struct arp *a, void (*conflict)(void *arg, uint32_t address), void *arg);

/* Is an address that we are about to take in use (RFC 5227 §2.1.1)? Fulfilled with 0 after three probes and
 * some seconds of silence; fails with -EADDRINUSE as soon as another host claims it, -EBUSY: another probe is
 * going on, -ECANCELED. */
struct arp_probe {
	struct promise promise;
	struct arp *arp;
	struct timer timer;
	uint32_t address;
	uint8_t left; /* probes still to be sent */
};
void arp_probe(struct arp *a, struct arp_probe *op, uint32_t address);

/* The entry of address may be wrong: at its next use the neighbour is asked, by unicast. */
void arp_doubt(struct arp *a, uint32_t address);
/* The MAC address of a neighbour to whom b is to go. 0: it is known, and b still the caller's. Otherwise
 * takes b: -EAGAIN: it is sent as soon as the neighbour answers; -ENOBUFS: no room to wait; -EHOSTUNREACH:
 * asked in vain a moment ago. b NULL: only looks the address up, -EAGAIN: not known. */
int arp_resolve(struct arp *a, uint32_t address, uint8_t mac[6], struct buf *b);

const struct arp_stats *arp_stats(const struct arp *a);

#endif
