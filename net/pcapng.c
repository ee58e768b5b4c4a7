/* SPDX-License-Identifier: ISC */
/* pcapng blocks: type, length, body, length again. Everything is in our byte order, which the section's
 * magic tells, and padded to four bytes. Times are in nanoseconds. */
#include "net/pcapng.h"

#include <string.h>

enum { SECTION_HEADER = 0x0a0d0d0a, INTERFACE = 1, ENHANCED_PACKET = 6, LINKTYPE_ETHERNET = 1 };
enum { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_FLAGS = 2, OPTION_TIME_RESOLUTION = 9 };
enum { INBOUND = 1, OUTBOUND = 2, COMMENT_MAX = 255 };
enum { PACKET_HEAD_BYTES = 28, FLAGS_BYTES = 8, END_BYTES = 4, LENGTH_BYTES = 4, OPTION_HEAD_BYTES = 4 };

static uint8_t *put16(uint8_t *to, uint16_t x)
{
	memcpy(to, &x, 2);
	return to + 2;
}

static uint8_t *put32(uint8_t *to, uint32_t x)
{
	memcpy(to, &x, 4);
	return to + 4;
}

static uint8_t *put_padded(uint8_t *to, const void *bytes, size_t len)
{
	memcpy(to, bytes, len);
	memset(to + len, 0, ALIGN_UP(len, (size_t)4) - len);
	return to + ALIGN_UP(len, (size_t)4);
}

static uint8_t *put_option(uint8_t *to, uint16_t code, const void *bytes, size_t len)
{
	return put_padded(put16(put16(to, code), (uint16_t)len), bytes, len);
}

size_t pcapng_write_header(uint8_t *to, uint32_t snap_bytes)
{
	static const uint8_t nanoseconds = 9;
	uint8_t *at = to;

	at = put32(put32(put32(at, SECTION_HEADER), 28), 0x1a2b3c4d);
	at = put16(put16(at, 1), 0); /* version */
	at = put32(put32(at, UINT32_MAX), UINT32_MAX); /* section length: unknown */
	at = put32(at, 28);

	at = put32(put32(at, INTERFACE), 32);
	at = put32(put16(put16(at, LINKTYPE_ETHERNET), 0), snap_bytes);
	at = put_option(at, OPTION_TIME_RESOLUTION, &nanoseconds, 1);
	at = put32(put32(at, OPTION_END), 32);
	return (size_t)(at - to);
}

static size_t comment_bytes(const struct pcapng_packet *p)
{
	return p->comment ? MIN(strlen(p->comment), (size_t)COMMENT_MAX) : 0;
}

size_t pcapng_packet_bytes(const struct pcapng_packet *p)
{
	size_t comment = comment_bytes(p);

	return PACKET_HEAD_BYTES + ALIGN_UP((size_t)p->kept, (size_t)4) + FLAGS_BYTES +
	       (comment ? OPTION_HEAD_BYTES + ALIGN_UP(comment, (size_t)4) : 0) + END_BYTES + LENGTH_BYTES;
}

size_t pcapng_write_packet(uint8_t *to, const struct pcapng_packet *p)
{
	uint32_t bytes = (uint32_t)pcapng_packet_bytes(p), flags = p->is_outbound ? OUTBOUND : INBOUND;
	uint8_t *at = to;

	at = put32(put32(put32(at, ENHANCED_PACKET), bytes), 0);
	at = put32(put32(at, (uint32_t)(p->time_ns >> 32)), (uint32_t)p->time_ns);
	at = put32(put32(at, p->kept), p->len);
	at = put_padded(at, p->data, p->kept);
	at = put_option(at, OPTION_FLAGS, &flags, sizeof(flags));
	if (comment_bytes(p))
		at = put_option(at, OPTION_COMMENT, p->comment, comment_bytes(p));
	at = put32(put32(at, OPTION_END), bytes);
	return (size_t)(at - to);
}
