/* SPDX-License-Identifier: ISC */
/* What both IP versions and all transports share. */
#include "net/ip.h"

#include "net/checksum.h"

bool ip_checksum_is_right(const struct ip_meta *meta, const struct buf *b)
{
	uint32_t len;

	if (b->flags & (BUF_CSUM_VALID | BUF_CSUM_PARTIAL))
		return true;
	len = buf_length(b);
	return checksum_finish(checksum_add_buf(
		       checksum_pseudo(&meta->src, &meta->dst, meta->protocol, len), b, 0, len)) == 0;
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
