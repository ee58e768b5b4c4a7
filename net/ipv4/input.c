/* SPDX-License-Identifier: ISC */
/* Receiving: checks packets by RFC 1122 §3.2.1, cuts off the link's padding, hands them to their
 * protocol. A packet that fails a check is not answered. */
#include "net/ipv4/ipv4_priv.h"

#include "net/capture.h"
#include "net/checksum.h"

#define LOG_TAG "ipv4"
#include "kernel/log.h"

void ipv4_drop(struct ipv4 *ip, const void *header, struct buf *b, uint32_t *counter, const char *reason)
{
	const struct ipv4_header *h = header;

	if (counter)
		++*counter;
	if (h)
		log_debug("drop reason=\"%s\" src=%08x dst=%08x protocol=%u bytes=%u", reason, be32(h->src),
		          be32(h->dst), h->protocol, be16(h->total_bytes));
	else
		log_debug("drop reason=\"%s\" bytes=%u", reason, buf_length(b));
	capture_drop(ip->ip.dev, reason);
	buf_free(b);
}

/* Checks the form of options, and refuses source routes (RFC 6274 §3.13.2.3); others are ignored. */
static bool options_are_harmless(const uint8_t *o, uint32_t len)
{
	enum { END = 0, NOP = 1, LOOSE_SOURCE_ROUTE = 131, STRICT_SOURCE_ROUTE = 137 };

	while (len > 0 && *o != END) {
		uint32_t n = 1;

		if (*o != NOP) {
			if (len < 2 || o[1] < 2 || o[1] > len || *o == LOOSE_SOURCE_ROUTE ||
			    *o == STRICT_SOURCE_ROUTE)
				return false;
			n = o[1];
		}
		o += n;
		len -= n;
	}
	return true;
}

/* Is the header valid, and the packet complete? */
static bool check_header(struct ipv4 *ip, const struct buf *b, uint32_t packet_bytes)
{
	const struct ipv4_header *h = (const void *)b->data;
	uint32_t header_bytes;

	if (b->len < sizeof(*h) || h->version_ihl >> 4 != 4)
		return false;
	header_bytes = ipv4_header_bytes(h);
	if (header_bytes < sizeof(*h) || header_bytes > b->len || be16(h->total_bytes) < header_bytes)
		return false;
	if (be16(h->total_bytes) > packet_bytes) {
		ip->stats.in_truncated++;
		return false;
	}
	if (checksum_of_header(h, header_bytes / 4) != 0)
		return false;
	return options_are_harmless(b->data + sizeof(*h), header_bytes - sizeof(*h));
}

/* Can src be another host's address? Without a route to it, it is forged or cannot be answered (RFC 3704
 * §2.4); but without an address we know nothing of the link, and a DHCP server may broadcast from a network
 * that we are not in. */
static bool can_be_source(const struct ipv4 *ip, uint32_t src, uint32_t dst)
{
	enum ipv4_kind from = ipv4_kind(ip, src);

	return from == IPV4_NONE ? ip->count[IPV4_OURS] == 0 || (ip->unaddressed && dst == UINT32_MAX)
	                         : from >= IPV4_SUBNET;
}

/* Can a packet from src to dst have come to us over the wire? Sets *to_group. */
static OUT_OF_LINE bool check_addresses(const struct ipv4 *ip, uint32_t src, uint32_t dst, bool link_group,
                            bool *to_group)
{
	enum ipv4_kind to = ipv4_kind(ip, dst);

	if (!can_be_source(ip, src, dst))
		return false;
	*to_group = to != IPV4_OURS;
	if (to == IPV4_BROADCAST || (to == IPV4_GROUP && ipv4_is_joined(ip, dst)))
		return true;
	/* RFC 1122 §3.3.6: a link broadcast does not carry unicast */
	if (link_group)
		return false;
	/* perhaps it is the address that we are being given */
	return to == IPV4_OURS || (ip->unaddressed && ip->count[IPV4_OURS] == 0 &&
	                           (to == IPV4_NONE || to >= IPV4_SUBNET));
}

static bool is_fragment(const struct ipv4_header *h)
{
	return h->fragment & be16(IPV4_MF | IPV4_OFFSET);
}

static void deliver(struct ipv4 *ip, struct ip_meta *meta, struct buf *b)
{
	const struct ip_handler *handler = ipv4_handler(ip, meta->protocol);
	uint8_t start[60 + 8];

	meta->quote_len = b->len;
	if (b->next) { /* ip_strip may free the first slice */
		meta->quote_len = MIN(b->len, (uint32_t)sizeof(start));
		meta->header = memcpy(start, b->data, meta->quote_len);
	}
	b = ip_strip(b, meta->header_len);
	if (handler) {
		ip->stats.in_delivers++;
		handler->input(handler->arg, meta, b);
		return;
	}
	icmp_refuse(meta, IP_REFUSE_PROTOCOL);
	ipv4_drop(ip, meta->header, b, &ip->stats.in_unknown_protos, "a protocol that nobody wants");
}

/* Takes b, whose header has been checked. */
static void input_checked(struct ipv4 *ip, struct buf *b, bool to_group)
{
	const struct ipv4_header *h = (const void *)b->data;
	struct ip_meta meta;

	meta.ip = &ip->ip;
	ipv4_addr(&meta.src.addr, b->data + offsetof(struct ipv4_header, src));
	ipv4_addr(&meta.dst.addr, b->data + offsetof(struct ipv4_header, dst));
	meta.src.port = meta.dst.port = 0;
	meta.header = b->data;
	meta.header_len = (uint16_t)ipv4_header_bytes(h);
	meta.protocol = h->protocol;
	meta.ttl = h->ttl;
	meta.ecn = h->tos & 3;
	meta.to_group = to_group;
	deliver(ip, &meta, b);
}

void ipv4_input(struct ipv4 *ip, struct buf *b, bool link_group, bool looped)
{
	const struct ipv4_header *h = (const void *)b->data;
	uint32_t packet_bytes = buf_length(b);
	bool to_group = false;

	ip->stats.in_receives++;
	if (!check_header(ip, b, packet_bytes)) {
		ipv4_drop(ip, NULL, b, &ip->stats.in_hdr_errors, "a bad header");
		return;
	}
	if (!looped && !check_addresses(ip, be32(h->src), be32(h->dst), link_group, &to_group)) {
		ipv4_drop(ip, h, b, &ip->stats.in_addr_errors, "not an address to come from, or to go to");
		return;
	}
	if (packet_bytes > be16(h->total_bytes))
		buf_trim(b, be16(h->total_bytes));
	if (is_fragment(h)) {
		ip->stats.reasm_reqds++;
		if (IS_ENABLED(CONFIG_IPV4_FRAGMENTS)) {
			b = reassembly_add(ip, b);
		} else {
			ipv4_drop(ip, h, b, &ip->stats.reasm_fails, "a fragment");
			b = NULL;
		}
	}
	if (b)
		input_checked(ip, b, to_group);
}
