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

/* The file's beginning. snap_bytes: the most that is kept of a frame. Gives PCAPNG_HEADER_BYTES. */
size_t pcapng_write_header(uint8_t *to, uint32_t snap_bytes);
/* What pcapng_write_packet will write; a multiple of 4. */
size_t pcapng_packet_bytes(const struct pcapng_packet *p);
size_t pcapng_write_packet(uint8_t *to, const struct pcapng_packet *p);

#endif
