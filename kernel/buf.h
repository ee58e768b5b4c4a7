/* SPDX-License-Identifier: ISC */
/* Packet memory. A packet is a chain of slices (struct buf, linked by next); a slice refers to
 * counted storage, or to constant memory that needs no counting.
 *
 *   head buf ──next──▶ slice ──next──▶ slice ──▶ NULL
 *   data,len in its    data,len in      data,len in an application's
 *   own header room    a device's page  memory: referenced, never copied
 *
 * Functions that *take* a packet take the whole chain. Everything comes from fixed pools: when a
 * pool is empty the caller gets NULL, drops, and counts.
 *
 * All layers may rely on this: a packet that a device received has at least min(its length, 128) bytes
 * contiguous in its first slice. (A packet that the image sent to itself keeps its sender's slices: only
 * its headers are sure to be contiguous.) */
#ifndef KERNEL_BUF_H
#define KERNEL_BUF_H

#include "kernel/list.h"

#define BUF_HEADROOM 128 /* Ethernet 14 + IPv4 60 + TCP 60 < 128, IPv6 + TCP options too */

/* Storage that several slices and queues may refer to. free is called when the last count is put. */
struct storage {
	uint32_t refs;
	void (*free)(struct storage *s);
};

static inline void storage_get(struct storage *s)
{
	if (s)
		s->refs++;
}

static inline void storage_put(struct storage *s)
{
	if (s && --s->refs == 0)
		s->free(s);
}

/* Offloads: work for the device to do, or that it has done; valid in the first slice of a packet. */
enum buf_flags {
	BUF_CSUM_PARTIAL = 1 << 0, /* transmit: device sums from csum_start, stores at csum_start + csum_offset;
	                              received: never summed and not corrupted (from a guest of this host) */
	BUF_CSUM_VALID = 1 << 1,   /* received: device verified the transport checksum */
	BUF_TSO4 = 1 << 2,         /* transmit: cut into TCP segments of gso_size payload bytes */
};

struct buf {
	struct buf *next;        /* next slice of this packet */
	struct buf *queue;       /* next packet, for the layer that queues packets */
	uint8_t *data;
	uint32_t len;            /* bytes at data in this slice */
	union {
		struct {
			uint16_t csum_start;  /* from the start of the packet as handed to netdev_send */
			uint16_t csum_offset;
		};
		uint32_t mark;   /* once the checksum is verified: free for the layer that queues the packet */
	};
	struct storage *storage; /* the memory that data points into; NULL: constant, or own header room */
	uint16_t gso_size;       /* payload bytes per segment */
	uint8_t flags;           /* enum buf_flags */
	uint8_t in_headroom;     /* data points into this buf's own header room */
};

/* Makes the pools; once, at boot. headers: bufs with BUF_HEADROOM; slices: bufs without; 1 and more of each.
 * 0, -ENOMEM. */
int buf_init(size_t headers, size_t slices);

/* A packet of one empty slice whose data stands at the end of its header room: prepend with
 * buf_push. NULL when the pool is empty. */
struct buf *buf_alloc_header(void);
/* A packet with a copy of len bytes (1 and more), in as many header buffers as it takes. NULL: too few are
 * left. */
struct buf *buf_alloc_copy(const void *data, size_t len);
/* A slice that refers to [data, data + len); gets a count on storage (which may be NULL). */
struct buf *buf_alloc_slice(struct storage *storage, const void *data, uint32_t len);
/* Frees the whole chain; NULL is allowed. */
void buf_free(struct buf *b);

/* Moves the front of the first slice: push makes n bytes of room before data (asserts that it is
 * there), pull drops n bytes (n <= len of the first slice). Both return the new data. */
uint8_t *buf_push(struct buf *b, uint32_t n);
uint8_t *buf_pull(struct buf *b, uint32_t n);
/* Bytes that buf_push can still make room for. */
uint32_t buf_room(const struct buf *b);
/* Sum of all slices' len. */
uint32_t buf_length(const struct buf *b);
/* The packet's number of slices. */
unsigned buf_slices(const struct buf *b);
/* Cuts the packet to n bytes, freeing slices that become empty; n <= buf_length(b). */
void buf_trim(struct buf *b, uint32_t n);
/* Drops n bytes from the front across slices; gives the rest (NULL when none is left). Takes b. */
struct buf *buf_drop(struct buf *b, uint32_t n);
/* Splits the first n bytes (n <= b->len) off slice b, and gives them as a new slice; NULL: no memory.
 * Only bytes in header room are copied. */
struct buf *buf_split(struct buf *b, uint32_t n);
/* Copies [offset, offset + n) out; the packet must have them. */
void buf_copy_out(const struct buf *b, uint32_t offset, void *to, uint32_t n);
/* Appends chain tail to b. Takes tail. */
void buf_append(struct buf *b, struct buf *tail);

/* High-water marks, for tests and observation. */
struct buf_stats {
	size_t headers_limit, headers_used, headers_peak, headers_refused;
	size_t slices_limit, slices_used, slices_peak, slices_refused;
};
void buf_stats(struct buf_stats *out);

#endif
