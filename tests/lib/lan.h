/* SPDX-License-Identifier: ISC */
/* A network interface under the control of a test: it injects the test's frames, each placed so that its
 * last byte lies against an unreadable page, and catches each frame that the stack sends. */
#ifndef TESTS_LIB_LAN_H
#define TESTS_LIB_LAN_H

#include "kernel/dev/netdev.h"
#include "net/addr.h"

#define LAN_QUEUE 512
#define LAN_FRAME_BYTES 1700

/* A contiguous frame. */
struct frame {
	size_t len;
	uint8_t bytes[LAN_FRAME_BYTES];
	/* as the stack handed it to the device */
	uint8_t flags;
	uint16_t csum_start, csum_offset, gso_size;
	const uint8_t *last_slice; /* where the bytes of the last slice lay */
};

struct lan {
	struct netdev dev;
	struct frame queue[LAN_QUEUE]; /* sent and not yet taken */
	unsigned head, count;
	int send_error;                /* result of sending; not 0: the frame is lost */
	uint32_t pieces;               /* frames arrive in slices: 128 bytes, then this many each; 0: whole */
	size_t held;                   /* received frames that the stack still holds */
};

/* Our address on that interface, and those of the usual neighbour. */
#define LAN_MAC ((const uint8_t[]){ 2, 0, 0, 0, 0, 1 })
#define LAN_PEER_MAC ((const uint8_t[]){ 2, 0, 0, 0, 0, 9 })
#define LAN_BROADCAST ((const uint8_t[]){ 255, 255, 255, 255, 255, 255 })
#define LAN_IP 0x0a000002u      /* 10.0.0.2 */
#define LAN_PEER_IP 0x0a000009u /* 10.0.0.9 */
#define LAN_GATEWAY_IP 0x0a000001u

/* Memory and random numbers for the kernel, once per process. */
void lan_prepare(void);
void lan_init(struct lan *l, uint32_t features);
/* Asserts that the stack has freed everything, buffers included. */
void lan_done(struct lan *l);
/* Hands a frame to the stack. flags: enum buf_flags as a device may set them. */
void lan_receive(struct lan *l, const struct frame *f, uint8_t flags);
/* Takes the oldest sent frame; NULL when there is none. Valid until LAN_QUEUE more have been sent. */
const struct frame *lan_next(struct lan *l);
unsigned lan_forget(struct lan *l); /* gives their number */
/* Runs the loop until it is idle; with a time, lets that pass by the millisecond. */
void lan_run(void);
void lan_wait_ms(uint32_t ms);

/* -- making frames: each call appends; lengths and checksums are filled in by frame_finish -- */

void frame_ethernet(struct frame *f, const uint8_t *dst, const uint8_t *src, uint16_t type);
void frame_add(struct frame *f, const void *bytes, size_t len);
void frame_arp(struct frame *f, uint16_t operation, const uint8_t *sender_mac, uint32_t sender,
               const uint8_t *target_mac, uint32_t target);
/* Starts a frame from the peer to us, with an IPv4 header without options. */
void frame_ipv4(struct frame *f, uint8_t protocol, uint32_t src, uint32_t dst);
void frame_udp(struct frame *f, uint16_t from, uint16_t to, const void *payload, size_t len);
void frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t rest, const void *payload, size_t len);
/* Fills in the IPv4 packet's length, header checksum and transport checksum. */
void frame_finish(struct frame *f);
/* Fills in only the IPv4 header's checksum, after a test has spoilt another field of it. */
void frame_finish_header(struct frame *f);

/* -- reading frames -- */

uint16_t frame_16(const struct frame *f, size_t at);
uint32_t frame_32(const struct frame *f, size_t at);
/* The one's-complement sum of [from, to) plus start, folded: 0xffff when a right checksum is in it. */
uint16_t frame_sum(const struct frame *f, size_t from, size_t to, uint32_t start);
/* Is this an IPv4 packet or fragment with right checksums? A checksum left to the device does not count, nor
 * does that of a packet in fragments. */
bool frame_ipv4_is_right(const struct frame *f);

#endif
