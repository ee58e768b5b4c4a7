/* SPDX-License-Identifier: ISC */
/* Ethernet II frames (RFC 894) on one network interface. */
#ifndef NET_ETHERNET_H
#define NET_ETHERNET_H

#include "kernel/dev/netdev.h"
#include "net/bytes.h"

#define ETHERNET_HEADER_BYTES NETDEV_HEADER_BYTES

enum ethertype { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_IPV6 = 0x86dd };

struct ethernet;

/* Are both the same address? By words: each frame that arrives is compared with ours. */
static inline bool ethernet_is_same(const uint8_t a[6], const uint8_t b[6])
{
	return get_be32(a) == get_be32(b) && get_be16(a + 4) == get_be16(b + 4);
}

/* The header of a frame, which lies in front of its payload. */
struct ethernet_header {
	uint8_t dst[6];
	uint8_t src[6]; /* of a frame that has been received: never a group's */
	uint16_t type;  /* network byte order */
} __attribute__((packed));
static_assert(sizeof(struct ethernet_header) == ETHERNET_HEADER_BYTES, "wire format");

/* Is it sent to a group: broadcast or multicast? */
static inline bool ethernet_is_to_group(const struct ethernet_header *header)
{
	return header->dst[0] & 1;
}

struct ethernet_stats {
	uint64_t in_frames, out_frames;
	uint32_t in_errors /* short, source a group, no type */, in_not_for_us, in_unknown_protos, out_errors;
};

/* Listens on dev (borrowed until destroyed). 0, -ENOMEM. */
int ethernet_create(struct ethernet **out, struct netdev *dev);
void ethernet_destroy(struct ethernet *e);

/* Takes b: the payload, the link's padding included. header lives until b is changed or freed. */
typedef void ethernet_input_fn(void *arg, const struct ethernet_header *header, struct buf *b);

/* Hands frames of a type (host byte order) to input; NULL: no longer. 0, -EADDRINUSE, -ENOBUFS. */
int ethernet_listen(struct ethernet *e, uint16_t type, ethernet_input_fn *input, void *arg);
/* Hands frames of types without a listener to input, as IPv6's. */
void ethernet_listen_other(struct ethernet *e, ethernet_input_fn *input, void *arg);

/* Sends b to dst with our source address. b's first slice has header room for 14 bytes. Takes b,
 * also on failure: as netdev_send. */
int ethernet_send(struct ethernet *e, const uint8_t dst[6], uint16_t type, struct buf *b);

/* Drops a frame that is refused, or the packet in it: counts it, logs the reason under log=debug, frees b. */
void ethernet_drop(struct ethernet *e, struct buf *b, uint32_t *counter, const char *reason);

struct netdev *ethernet_netdev(struct ethernet *e);
const struct ethernet_stats *ethernet_stats(const struct ethernet *e);

#endif
