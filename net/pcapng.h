/* SPDX-License-Identifier: ISC */
/* The pcapng capture file format (draft-ietf-opsawg-pcapng), as much of it as Ethernet frames from one
 * interface need. Only writes: nothing is read, nothing is kept. */
#ifndef NET_PCAPNG_H
#define NET_PCAPNG_H

#include "kernel/util.h"

#define PCAPNG_HEADER_BYTES 60 /* section and interface */

struct pcapng_packet {
	uint64_t time_ns;      /* since 1970 */
	uint32_t len, kept;    /* bytes of the frame, and those of them that are at data */
	const uint8_t *data;
	bool is_outbound;
	const char *comment;   /* or NULL; at most 255 characters count */
};

/* A file written at `to`, memory that begins as zero; NULL: only measured. at: its length so far. */
struct pcapng {
	uint8_t *to;
	size_t at;
};

/* The file's beginning, PCAPNG_HEADER_BYTES. snap_bytes: most bytes kept of a frame. */
void pcapng_put_header(struct pcapng *f, uint32_t snap_bytes);
void pcapng_put_packet(struct pcapng *f, const struct pcapng_packet *p);

#endif
