/* SPDX-License-Identifier: ISC */
/* Fragmentation (RFC 791 §2.3): a packet that is longer than the path takes goes out in pieces, each a header
 * of its own and references to the same payload. */
#include <errno.h>

#include "net/ipv4/ipv4_priv.h"

/* Takes the first n bytes off *rest, which has them; NULL: no memory. */
static struct buf *take_front(struct buf **rest, uint32_t n)
{
	struct buf *first = NULL, **end = &first, *b;

	for (; n > 0; end = &b->next) {
		b = *rest;
		if (b->len > n) {
			b = buf_split(b, n);
			if (!b) {
				buf_free(first);
				return NULL;
			}
		} else {
			*rest = b->next;
			b->next = NULL;
		}
		n -= b->len;
		*end = b;
	}
	return first;
}

/* piece with room for the headers below; takes it, and gives NULL where there is no memory. */
static struct buf *with_room(struct buf *piece)
{
	struct buf *head;

	if (!piece || buf_room(piece) >= IPV4_HEADER_BYTES + ETHERNET_HEADER_BYTES)
		return piece;
	head = buf_alloc_header();
	if (!head)
		buf_free(piece);
	else
		head->next = piece;
	return head;
}

int fragment_send(struct ip_route *r, uint8_t protocol, struct buf *b, uint32_t len, uint8_t tos)
{
	struct ipv4 *ip = container_of(r->ip, struct ipv4, ip);
	uint16_t id = ipv4_next_id(ip);
	uint32_t room = r->payload_bytes, n;
	struct buf *piece;
	int error = 0;

	for (uint32_t at = 0; at < len && error == 0; at += n) {
		bool last = len - at <= room;

		n = last ? len - at : room & ~7u;
		piece = with_room(take_front(&b, n));
		if (piece) {
			ip->stats.out_frag_creates++;
			error = ipv4_put(r, protocol, piece, n, tos, id, (uint16_t)((last ? 0 : IPV4_MF) | at / 8));
		} else {
			error = -ENOBUFS;
		}
	}
	buf_free(b);
	++*(error < 0 ? &ip->stats.out_frag_fails : &ip->stats.out_frag_oks);
	return error;
}
