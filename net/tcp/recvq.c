/* SPDX-License-Identifier: ISC */
/* The receive queue: in-order data as one chain of the slices that brought it, uncopied, and late
 * data as packets by sequence number. Bytes are bounded by the window; since a tiny segment keeps a
 * whole device buffer busy, slices are bounded too, for a connection and for all together, and a
 * small payload that would have to wait is copied into a header buffer of our own.
 *
 * A received packet needs no checksum offsets any more: late packets keep their sequence number
 * there. */
#include <errno.h>
#include <string.h>

#include "net/tcp/tcp_priv.h"

#define COPY_MAX BUF_HEADROOM /* payloads up to this are copied when they have to wait */

static uint32_t late_seq(const struct buf *b)
{
	return (uint32_t)b->csum_start << 16 | b->csum_offset;
}

static void set_late_seq(struct buf *b, uint32_t seq)
{
	b->csum_start = (uint16_t)(seq >> 16);
	b->csum_offset = (uint16_t)seq;
}

static uint32_t late_end(const struct buf *b)
{
	return late_seq(b) + buf_length(b);
}

static unsigned count(const struct buf *b)
{
	unsigned n = 0;

	for (; b; b = b->next)
		n++;
	return n;
}

static void charge(struct tcp *tcp, struct recvq *q, unsigned bufs)
{
	q->bufs = (uint16_t)(q->bufs + bufs);
	tcp->stats.receive_bufs += bufs;
}

static void discharge(struct tcp *tcp, struct recvq *q, unsigned bufs)
{
	q->bufs = (uint16_t)(q->bufs - bufs);
	tcp->stats.receive_bufs -= bufs;
}

static bool has_room(const struct tcp *tcp, const struct recvq *q, unsigned bufs)
{
	/* 512: a connection may fill its window with segments of half the default size */
	return q->bufs + bufs <= MAX(recvq_limit(tcp, q) / 512, UINT32_C(8)) &&
	       tcp->stats.receive_bufs + bufs <= tcp->limits.receive_bufs;
}

void recvq_adapt(struct tcp *tcp, struct recvq *q, bool fast)
{
	uint64_t total = tcp->limits.receive_bufs, used = MIN((uint64_t)tcp->stats.receive_bufs, total);
	uint64_t wider = (uint64_t)recvq_limit(tcp, q) * 2;

	if (used > total * 3 / 4)
		q->doublings = 0; /* what is offered stays so; as it is used up the window shrinks */
	else if (fast && wider <= tcp->limits.receive_max_bytes && wider <= (total - used) * 1024)
		q->doublings++;
}

static bool drop(struct tcp *tcp, struct buf *b)
{
	tcp->stats.receive_drops++;
	tcp_refused("no room for what is received");
	buf_free(b);
	return false;
}

/* A small packet as a copy in header room, the original freed; b itself when that cannot be. */
static struct buf *compact(struct buf *b, uint32_t len)
{
	struct buf *copy;

	if (len > COPY_MAX || len == 0)
		return b;
	copy = buf_alloc_header();
	if (!copy)
		return b;
	buf_copy_out(b, 0, buf_push(copy, BUF_HEADROOM), len);
	copy->len = len;
	buf_free(b);
	return copy;
}

static void append(struct recvq *q, struct buf *b)
{
	if (q->head)
		q->tail->next = b;
	else
		q->head = b;
	while (b->next)
		b = b->next;
	q->tail = b;
}

bool recvq_push(struct tcp *tcp, struct recvq *q, struct buf *b, bool wanted)
{
	uint32_t len = buf_length(b);

	if (q->head && len <= q->tail_room) {
		buf_copy_out(b, 0, q->tail->data + q->tail->len, len);
		q->tail->len += len;
		q->tail_room = (uint8_t)(q->tail_room - len);
		q->bytes += len;
		buf_free(b);
		return true;
	}
	/* what goes straight to a reader holds nothing up: each that keeps up gets on */
	if ((q->head || !wanted) && !has_room(tcp, q, count(b)))
		return drop(tcp, b);
	q->tail_room = 0;
	if (q->head && len <= COPY_MAX) {
		struct buf *copy = compact(b, len);

		if (copy != b)
			q->tail_room = (uint8_t)(BUF_HEADROOM - len);
		b = copy;
	}
	charge(tcp, q, count(b));
	append(q, b);
	q->bytes += len;
	return true;
}

int recvq_insert(struct tcp *tcp, struct recvq *q, uint32_t seq, struct buf *b)
{
	uint32_t len = buf_length(b);
	struct buf **at = &q->late;

	/* pass what ends before it starts; what is there already is not needed again */
	while (*at && seq_le(late_seq(*at), seq)) {
		uint32_t end = late_end(*at);

		if (seq_le(seq + len, end)) {
			buf_free(b);
			return 0;
		}
		if (seq_lt(seq, end)) {
			b = buf_drop(b, end - seq);
			len -= end - seq;
			seq = end;
		}
		at = &(*at)->queue;
	}
	/* let go of what it covers, cut where it runs into the next */
	while (*at && seq_le(late_end(*at), seq + len)) {
		struct buf *covered = *at;

		*at = covered->queue;
		discharge(tcp, q, count(covered));
		buf_free(covered);
	}
	if (*at && seq_lt(late_seq(*at), seq + len)) {
		len = late_seq(*at) - seq;
		buf_trim(b, len);
	}
	b = compact(b, len);
	/* one place is kept for the data that fills the hole before it */
	if (!has_room(tcp, q, count(b) + 1)) {
		drop(tcp, b);
		return -ENOBUFS;
	}
	charge(tcp, q, count(b));
	set_late_seq(b, seq);
	b->queue = *at;
	*at = b;
	return (int)len;
}

uint32_t recvq_advance(struct tcp *tcp, struct recvq *q, uint32_t next)
{
	while (q->late && seq_le(late_seq(q->late), next)) {
		struct buf *b = q->late;
		uint32_t behind = next - late_seq(b), len = buf_length(b);

		q->late = b->queue;
		b->queue = NULL;
		if (len <= behind) {
			discharge(tcp, q, count(b));
			buf_free(b);
			continue;
		}
		discharge(tcp, q, count(b));
		if (behind)
			b = buf_drop(b, behind);
		charge(tcp, q, count(b)); /* its place is its own: not refused now */
		q->tail_room = 0;
		append(q, b);
		q->bytes += len - behind;
		next += len - behind;
	}
	return next;
}

struct buf *recvq_take(struct tcp *tcp, struct recvq *q, uint32_t max)
{
	struct buf *first = NULL, **end = &first, *b;

	while ((b = q->head) && max > 0) {
		if (b->len > max) {
			*end = buf_split(b, max);
			if (*end)
				q->bytes -= max;
			break;
		}
		q->head = b->next;
		b->next = NULL;
		discharge(tcp, q, 1);
		q->bytes -= b->len;
		max -= b->len;
		*end = b;
		end = &b->next;
	}
	if (!q->head) {
		q->tail = NULL;
		q->tail_room = 0;
	}
	return first;
}

void recvq_clear(struct tcp *tcp, struct recvq *q)
{
	struct buf *b;

	discharge(tcp, q, q->bufs);
	while ((b = q->late)) {
		q->late = b->queue;
		buf_free(b);
	}
	buf_free(q->head);
	*q = (struct recvq){ 0 };
}

unsigned recvq_sacks(const struct recvq *q, uint32_t seq, struct sack_block *sacks, unsigned max)
{
	unsigned n = 0;
	const struct buf *b = q->late;

	while (b) {
		struct sack_block block = { late_seq(b), late_end(b) };

		for (b = b->queue; b && late_seq(b) == block.end; b = b->queue)
			block.end = late_end(b);
		if (!seq_lt(seq, block.start) && seq_lt(seq, block.end) && n > 0) {
			/* the newest goes in front */
			memmove(sacks + 1, sacks, MIN(n, max - 1) * sizeof(*sacks));
			sacks[0] = block;
			n = MIN(n + 1, max);
		} else if (n < max) {
			sacks[n++] = block;
		}
	}
	return n;
}
