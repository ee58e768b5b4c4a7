/* SPDX-License-Identifier: ISC */
/* pcapng blocks: type, length, body, length again. All is in our byte order, which the section's magic
 * shows, and padded to four bytes. Times are in nanoseconds. */
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

static void put(struct pcapng *f, const void *bytes, size_t len)
{
	if (f->to)
		memcpy(f->to + f->at, bytes, len);
	f->at += ALIGN_UP(len, (size_t)4);
}

static void put_option(struct pcapng *f, uint16_t code, const void *bytes, size_t len)
{
	put(f, &(struct option_head){ code, (uint16_t)len }, sizeof(struct option_head));
	put(f, bytes, len);
}

void pcapng_put_header(struct pcapng *f, uint32_t snap_bytes)
{
	static const struct file_header header = {
		.section = SECTION_HEADER, .section_bytes = 28, .magic = 0x1a2b3c4d, .major = 1,
		.following_bytes = { UINT32_MAX, UINT32_MAX }, /* unknown */
		.section_bytes_again = 28,
		.interface = INTERFACE, .interface_bytes = 32, .link_type = LINKTYPE_ETHERNET,
		.option = OPTION_TIME_RESOLUTION, .option_bytes = 1, .resolution = { NANOSECONDS },
		.interface_bytes_again = 32,
	};

	put(f, &header, offsetof(struct file_header, snap_bytes));
	put(f, &snap_bytes, sizeof(snap_bytes));
	put(f, &header.option, sizeof(header) - offsetof(struct file_header, option));
}

void pcapng_put_packet(struct pcapng *f, const struct pcapng_packet *p)
{
	size_t start = f->at;
	uint32_t flags = p->is_outbound ? OUTBOUND : INBOUND;
	struct packet_head head = { ENHANCED_PACKET, 0, 0, (uint32_t)(p->time_ns >> 32), (uint32_t)p->time_ns,
	                            p->kept, p->len };
	struct packet_tail tail = { 0, 0 };

	put(f, &head, sizeof(head));
	put(f, p->data, p->kept);
	put_option(f, OPTION_FLAGS, &flags, sizeof(flags));
	if (p->comment)
		put_option(f, OPTION_COMMENT, p->comment, strnlen(p->comment, COMMENT_MAX));
	tail.bytes_again = (uint32_t)(f->at + sizeof(tail) - start);
	put(f, &tail, sizeof(tail));
	if (f->to) /* the length is known only now */
		memcpy(f->to + start + offsetof(struct packet_head, bytes), &tail.bytes_again, sizeof(uint32_t));
}
