/* SPDX-License-Identifier: ISC */
/* A virtual wire between two network interfaces, driven by the run loop's timers and so by the
 * fake clock. From a seed it loses, duplicates, reorders, delays and corrupts frames and limits the
 * rate; the same seed and the same traffic give the same run, byte for byte. Its ends emulate what
 * devices offer: checksums completed, large frames cut into segments.
 *
 * It also watches the stack: frames beyond the MTU, offloads that were not offered, and frames
 * whose bytes change while the device still holds them are bugs, and assert. */
#ifndef TESTS_LIB_CABLE_H
#define TESTS_LIB_CABLE_H

#include "kernel/dev/netdev.h"

struct cable;

/* Odds are per 1000 frames, each direction alike. */
struct cable_faults {
	uint32_t lose, duplicate, reorder;
	uint32_t corrupt;         /* one bit behind the Ethernet header of an IPv4 frame whose checksums
	                             are there: what a link's own check misses, as a router's bad memory */
	uint32_t path_mtu;        /* larger IPv4 packets meet a router that sends ICMP instead; 0: none does */
	uint64_t delay_ns;        /* of every frame */
	uint64_t jitter_ns;       /* a reordered frame comes up to this much later */
	uint64_t bits_per_second; /* 0: no limit */
	uint32_t queue_frames;    /* that wait for the limited wire; more are dropped; 0: no limit */
};

struct cable_config {
	uint64_t seed;
	uint16_t mtu;       /* 0: 1500 */
	uint32_t features;  /* enum netdev_features of both ends */
	bool large_receive; /* a large frame arrives whole, its checksum only promised */
	bool split_receive; /* frames arrive in slices: 128 bytes and then seeded lengths */
	bool distinct;      /* frames take some nanoseconds more each, so that no other event coincides with
	                       one arrives: which of the two came first would follow from addresses */
	const char *pcap;   /* file that records what is on the wire; NULL: none */
	struct cable_faults faults;
};

struct cable_stats {
	uint64_t sent, delivered, lost, duplicated, reordered, corrupted, queue_drops, too_big;
	uint64_t no_bufs;            /* the receiver's pool was empty */
	uint64_t large;              /* BUF_TSO4 frames */
	uint64_t held;               /* received storage that the stacks still hold */
	uint64_t in_flight;
};

/* 0, -ENOMEM, or the negative errno of opening config->pcap. */
int cable_create(struct cable **out, const struct cable_config *config);
/* Drops frames in flight. Asserts that the stacks hold no received storage. */
void cable_destroy(struct cable *c);
/* end: 0 or 1. MAC addresses are 02:00:00:00:00:01 and …:02. */
struct netdev *cable_end(struct cable *c, int end);
void cable_set_faults(struct cable *c, const struct cable_faults *faults);
/* seen is called for each frame that an end sends, as it is on the wire, before faults are applied. */
void cable_watch(struct cable *c, void (*seen)(void *arg, int from_end, const uint8_t *frame, size_t len),
                 void *arg);
/* Delivers a frame to an end at once, as though it had come over the wire. */
void cable_inject(struct cable *c, int to_end, const void *frame, size_t len);
void cable_stats(const struct cable *c, struct cable_stats *out);

#endif
