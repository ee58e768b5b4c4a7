/* SPDX-License-Identifier: ISC */
/* Fragmentation (RFC 791 §2.3): a packet longer than the path takes is sent in pieces, each with a header of
 * its own and references to the same payload. */
#include "net/ipv4/ipv4_priv.h"

struct buf *fragment_take(struct buf **rest, uint32_t n)
{
	struct buf *first = NULL, *last = NULL, *b = *rest;

	if (buf_room(b) < IPV4_HEADER_BYTES + ETHERNET_HEADER_BYTES) {
		first = last = buf_alloc_header();
		if (!first)
			return NULL;
	}
	for (; n > 0; last = b) {
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
		if (last)
			last->next = b;
		else
			first = b;
	}
	return first;
}
