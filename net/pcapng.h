/* SPDX-License-Identifier: ISC */
/* The pcapng capture file format (draft-ietf-opsawg-pcapng), as much of it as a row of Ethernet frames from
 * one interface needs. Bytes out: nothing is read, nothing is kept. */
#ifndef NET_PCAPNG_H
#define NET_PCAPNG_H

#include "kernel/util.h"

#define PCAPNG_HEADER_BYTES 60 /* section and interface */

struct pcapng_packet {
	uint64_t time_ns;      /* since 1970 */
	uint32_t len, kept;    /* bytes of the frame, and how many of them there are at data */
	const uint8_t *data;
	bool is_outbound;
	const char *comment;   /* or NULL; at most 255 characters count */
};

/* A file that is written to to, which is zero, or, NULL, only measured: at is its length so far. */
struct pcapng {
	uint8_t *to;
	size_t at;
};

/* The file's beginning, PCAPNG_HEADER_BYTES. snap_bytes: the most that is kept of a frame. */
void pcapng_put_header(struct pcapng *f, uint32_t snap_bytes);
void pcapng_put_packet(struct pcapng *f, const struct pcapng_packet *p);

#endif
