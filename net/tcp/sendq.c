/* SPDX-License-Identifier: ISC */
/* The send queue: slices of application memory, referenced until the peer has acknowledged them. A
 * slice has any length, so a whole file takes one. Building a segment, for the first time or again,
 * makes new packet slices over the same memory; frames that still lie in a ring are never touched.
 *
 * One slice is reserved for each connection; more come from the spare ones, so that no connection waits
 * for another one's peer. */
#include "kernel/dev/netdev.h"
#include "net/tcp/tcp_priv.h"

#define COUNT_MAX TCP_CONN_SLICES
#define SEGMENT_SLICES (NETDEV_SLICES - 1) /* the headers are one */

static unsigned count(const struct sendq *q)
{
	unsigned n = 0;

	for (const struct send_slice *s = q->head; s; s = s->next)
		n++;
	return n;
}

/* Does data begin where the last slice ends? */
static bool continues(const struct send_slice *tail, const void *data, const struct storage *storage)
{
	return tail && tail->data + tail->len == data && tail->storage == storage;
}

size_t sendq_push(struct tcp *tcp, struct sendq *q, const void *data, size_t len, struct storage *storage)
{
	struct send_slice *s = q->tail;

	if (continues(s, data, storage)) {
		s->len += len;
		q->bytes += len;
		return len;
	}
	if (q->head && (tcp->slices_spare == 0 || count(q) >= COUNT_MAX))
		return 0;
	s = pool_alloc(&tcp->slices);
	assert(s); /* reserved, or counted in slices_spare */
	if (q->head) {
		tcp->slices_spare--;
		q->tail->next = s;
	} else {
		q->head = s;
	}
	q->tail = s;
	*s = (struct send_slice){ NULL, data, len, storage };
	storage_get(storage);
	q->bytes += len;
	return len;
}

void sendq_drop(struct tcp *tcp, struct sendq *q, size_t n)
{
	struct send_slice *s = q->head;

	assert(n <= q->bytes);
	q->bytes -= n;
	while (s && n >= s->len) {
		n -= s->len;
		q->head = s->next;
		if (q->head)
			tcp->slices_spare++; /* the connection's last one stays reserved */
		else
			q->tail = NULL;
		storage_put(s->storage);
		pool_free(&tcp->slices, s);
		s = q->head;
	}
	if (n) {
		s->data += n;
		s->len -= n;
	}
}

uint32_t sendq_fill(const struct sendq *q, size_t offset, uint32_t len, struct buf *b)
{
	const struct send_slice *s = q->head;
	uint32_t filled = 0;

	assert(offset + len <= q->bytes);
	for (; len > 0 && offset >= s->len; s = s->next)
		offset -= s->len;
	for (unsigned i = 0; i < SEGMENT_SLICES && filled < len; i++, s = s->next, offset = 0) {
		uint32_t n = (uint32_t)MIN(s->len - offset, (size_t)(len - filled));
		struct buf *slice = buf_alloc_slice(s->storage, s->data + offset, n);

		if (!slice)
			break;
		b->next = slice;
		b = slice;
		filled += n;
	}
	return filled;
}

void sendq_clear(struct tcp *tcp, struct sendq *q)
{
	sendq_drop(tcp, q, q->bytes);
}
