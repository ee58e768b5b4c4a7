/* SPDX-License-Identifier: ISC */
/* Shared by both IP versions and all transports. */
#include "net/ip.h"

#include "net/checksum.h"

bool ip_checksum_is_right(const struct ip_meta *meta, const struct buf *b)
{
	uint64_t sum;

	if (b->flags & (BUF_CSUM_VALID | BUF_CSUM_PARTIAL))
		return true;
	sum = checksum_pseudo(&meta->src.addr, &meta->dst.addr, meta->protocol, buf_length(b));
	return checksum_finish(checksum_add_buf(sum, b)) == 0;
}

struct buf *ip_strip(struct buf *b, uint32_t n)
{
	struct buf *next = b->next;

	buf_pull(b, n);
	if (b->len > 0 || !next)
		return b;
	b->next = NULL;
	buf_free(b);
	return next;
}
