/* SPDX-License-Identifier: ISC */
/* Address resolution for IPv4 over Ethernet (RFC 826, RFC 1122 §2.3.2; probe, announcement and
 * conflict by RFC 5227). Learns only from answers to its own requests and from those who ask for us,
 * never replaces an entry because somebody says so unasked, and holds a bounded number of entries,
 * packets and tries. Addresses are in host byte order. */
#ifndef NET_ARP_H
#define NET_ARP_H

#include "kernel/timer.h"
#include "net/ethernet.h"

struct arp;

/* Who uses the answers: IPv4. */
struct arp_user {
	void (*changed)(void *arg);                    /* what arp_resolve said may no longer be so */
	void (*unreachable)(void *arg, struct buf *b); /* nobody answered for b, which is given back */
	void *arg;
	void (*silent)(void *arg, uint32_t address);   /* arp_listen_silence */
};

struct arp_stats {
	uint64_t in_requests, in_replies, in_errors, in_unasked, in_conflicts;
	uint64_t out_requests, out_replies;
	uint64_t evicted, queue_drops, unreachable;
};

/* 0, -ENOMEM, -EADDRINUSE: ethernet has an ARP already. Borrows ethernet until destroyed. */
int arp_create(struct arp **out, struct ethernet *e);
void arp_destroy(struct arp *a);
void arp_set_user(struct arp *a, const struct arp_user *user);
/* The user hears, too, of each neighbour that has been asked in vain, before it gets back what waited for it.
 * It may send nothing from there. */
void arp_listen_silence(struct arp *a, void (*silent)(void *arg, uint32_t address));

/* An address of ours: answers requests for it, announces it, and defends it. One that is ours already stays
 * as it is. 0, -ENOBUFS: there are CONFIG_IPV4_ADDRESSES. */
int arp_add_address(struct arp *a, uint32_t address);
/* Announces them all again: those on the link may have forgotten where they are, or be others now. */
void arp_announce(struct arp *a);
/* One that is not ours is none to remove: nothing happens. */
void arp_remove_address(struct arp *a, uint32_t address);

/* Is told of an address of ours that somebody else has used twice within ten seconds, once it has been
 * defended: to give it up is the listener's choice (RFC 5227 §2.4 (b)). Without a listener it is defended for
 * ever, once in ten seconds at most (§2.4 (c)), as fits an address that somebody has written down. */
void arp_listen_conflict(struct arp *a, void (*conflict)(void *arg, uint32_t address), void *arg);

/* Does anybody use an address that we are about to take (RFC 5227 §2.1.1)? Fulfilled with 0 after three
 * questions and some seconds of silence; fails with -EADDRINUSE as soon as somebody does, -EBUSY: one at a
 * time, -ECANCELED. */
struct arp_probe {
	struct promise promise;
	struct arp *arp;
	struct timer timer;
	uint32_t address;
	uint8_t left; /* questions to be asked */
};
void arp_probe(struct arp *a, struct arp_probe *op, uint32_t address);

/* What is known of address may be wrong: it is asked, directly, when it is next used. */
void arp_doubt(struct arp *a, uint32_t address);
/* The MAC address of a neighbour to whom b is to go. 0: it is known, and b still the caller's. Otherwise
 * takes b: -EAGAIN: it is sent as soon as somebody has answered; -ENOBUFS: no room to wait; -EHOSTUNREACH:
 * asked in vain a moment ago. b NULL: nobody is asked, -EAGAIN. */
int arp_resolve(struct arp *a, uint32_t address, uint8_t mac[6], struct buf *b);

const struct arp_stats *arp_stats(const struct arp *a);

#endif
