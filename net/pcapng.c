/* SPDX-License-Identifier: ISC */
/* pcapng blocks: type, length, body, length again. Everything is in our byte order, which the section's
 * magic tells, and padded to four bytes. Times are in nanoseconds. */
#include "net/pcapng.h"

#include <string.h>

enum { SECTION_HEADER = 0x0a0d0d0a, INTERFACE = 1, ENHANCED_PACKET = 6, LINKTYPE_ETHERNET = 1 };
enum { OPTION_COMMENT = 1, OPTION_FLAGS = 2, OPTION_TIME_RESOLUTION = 9, NANOSECONDS = 9 };
enum { INBOUND = 1, OUTBOUND = 2, COMMENT_MAX = 255 };

struct file_header {
	uint32_t section, section_bytes, magic;
	uint16_t major, minor;
	uint32_t following_bytes[2], section_bytes_again;
	uint32_t interface, interface_bytes;
	uint16_t link_type, reserved;
	uint32_t snap_bytes;
	uint16_t option, option_bytes;
	uint8_t resolution[4];
	uint32_t end_of_options, interface_bytes_again;
};
static_assert(sizeof(struct file_header) == PCAPNG_HEADER_BYTES, "file format");

struct packet_head {
	uint32_t type, bytes, interface, time_high, time_low, kept, len;
};

struct packet_tail {
	uint32_t end_of_options, bytes_again;
};

struct option_head {
	uint16_t code, len;
};

static uint8_t *put(uint8_t *to, const void *bytes, size_t len)
{
	size_t padded = ALIGN_UP(len, (size_t)4);

	memset(to, 0, padded);
	memcpy(to, bytes, len);
	return to + padded;
}

static uint8_t *put_option(uint8_t *to, uint16_t code, const void *bytes, size_t len)
{
	return put(put(to, &(struct option_head){ code, (uint16_t)len }, sizeof(struct option_head)), bytes, len);
}

size_t pcapng_write_header(uint8_t *to, uint32_t snap_bytes)
{
	static const struct file_header header = {
		.section = SECTION_HEADER, .section_bytes = 28, .magic = 0x1a2b3c4d, .major = 1,
		.following_bytes = { UINT32_MAX, UINT32_MAX }, /* unknown */
		.section_bytes_again = 28,
		.interface = INTERFACE, .interface_bytes = 32, .link_type = LINKTYPE_ETHERNET,
		.option = OPTION_TIME_RESOLUTION, .option_bytes = 1, .resolution = { NANOSECONDS },
		.interface_bytes_again = 32,
	};

	memcpy(to, &header, sizeof(header));
	memcpy(to + offsetof(struct file_header, snap_bytes), &snap_bytes, sizeof(snap_bytes));
	return sizeof(header);
}

static size_t comment_bytes(const struct pcapng_packet *p)
{
	return p->comment ? MIN(strlen(p->comment), (size_t)COMMENT_MAX) : 0;
}

size_t pcapng_packet_bytes(const struct pcapng_packet *p)
{
	size_t comment = comment_bytes(p), option = sizeof(struct option_head);

	return sizeof(struct packet_head) + ALIGN_UP((size_t)p->kept, (size_t)4) + option + sizeof(uint32_t) +
	       (comment ? option + ALIGN_UP(comment, (size_t)4) : 0) + sizeof(struct packet_tail);
}

size_t pcapng_write_packet(uint8_t *to, const struct pcapng_packet *p)
{
	uint32_t bytes = (uint32_t)pcapng_packet_bytes(p), flags = p->is_outbound ? OUTBOUND : INBOUND;
	struct packet_head head = { ENHANCED_PACKET, bytes, 0, (uint32_t)(p->time_ns >> 32), (uint32_t)p->time_ns,
	                            p->kept, p->len };
	struct packet_tail tail = { 0, bytes };

	to = put(to, &head, sizeof(head));
	to = put(to, p->data, p->kept);
	to = put_option(to, OPTION_FLAGS, &flags, sizeof(flags));
	if (comment_bytes(p))
		to = put_option(to, OPTION_COMMENT, p->comment, comment_bytes(p));
	put(to, &tail, sizeof(tail));
	return bytes;
}
