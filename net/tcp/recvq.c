/* SPDX-License-Identifier: ISC */
/* The receive queue: in-order data as one chain of the slices that brought it, uncopied, and late
 * data as islands, which adjacent segments join: the cost of a segment grows with the number of
 * holes, not with the data behind them. Bytes are bounded by the window; since a tiny segment keeps a
 * whole device buffer busy, slices are bounded too, for a connection and for all together, and a
 * small payload that would have to wait is copied into a header buffer of our own.
 *
 * An island is a ring of slices, held by its last one, whose queue points at the last of the next
 * island. The first slice's mark is where the island starts, the last one's where it ends.
 *
 *   late ──▶ last ──queue──▶ last ──queue──▶ NULL
 *          next │ ▲        next │ ▲
 *               ▼ │             ▼ │
 *             first …         first … */
#include <errno.h>

#include "net/tcp/tcp_priv.h"

#define COPY_MAX BUF_HEADROOM /* payloads up to this are copied when they have to wait */

static uint32_t island_start(const struct buf *last)
{
	return last->next->mark;
}

static uint32_t island_end(const struct buf *last)
{
	return last->next == last ? last->mark + last->len : last->mark;
}

static struct buf *last_of(struct buf *b)
{
	while (b->next)
		b = b->next;
	return b;
}

/* Turns a chain of len bytes, which begins at seq, into an island. */
static struct buf *island_make(struct buf *b, uint32_t seq, uint32_t len)
{
	struct buf *last = last_of(b);

	last->next = b;
	last->mark = seq + len;
	b->mark = seq;
	return last;
}

/* Joins a and b, which begins where a ends. */
static struct buf *island_join(struct buf *a, struct buf *b)
{
	struct buf *first = a->next;
	uint32_t end = island_end(b);

	a->next = b->next;
	a->queue = NULL;
	b->next = first;
	b->mark = end;
	return b;
}

/* Turns an island back into a chain. */
static struct buf *island_open(struct buf *last)
{
	struct buf *first = last->next;

	last->next = NULL;
	last->queue = NULL;
	return first;
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

/* A connection holds no more packets than are left for the others: half of all, the next one half of the
 * rest, and so on, so that however many do not read, some are left for new connections. So those of bufs but
 * one count twice: as its own, and as taken from the others. */
static bool has_room(const struct tcp *tcp, const struct recvq *q, unsigned bufs)
{
	uint32_t own = q->bufs + bufs;

	/* 512: a connection may fill its window with segments of half the default MSS */
	return own <= MAX(recvq_limit(tcp, q) / 512, UINT32_C(8)) &&
	       own + bufs - 1 + tcp->stats.receive_bufs <= tcp->limits.receive_bufs;
}

uint32_t conn_receive_bytes(const struct tcp_conn *c)
{
	uint32_t limit = recvq_limit(c->tcp, &c->recvq);

	return c->receive_kib ? MIN(limit, c->receive_kib * UINT32_C(1024)) : limit;
}

void recvq_adapt(struct tcp *tcp, struct recvq *q, bool fast)
{
	uint64_t total = tcp->limits.receive_bufs, used = MIN((uint64_t)tcp->stats.receive_bufs, total);
	uint64_t wider = (uint64_t)recvq_limit(tcp, q) * 2;

	if (used > total * 3 / 4)
		q->doublings = 0; /* the window offered is not withdrawn: it shrinks as it is used up */
	else if (fast && wider <= tcp->limits.receive_max_bytes && wider <= (total - used) * 1024)
		q->doublings++;
}

/* Charges the slices of b if there is room; else drops b. Data that goes straight to a waiting reader is
 * always admitted, as it holds no packet for long. Late data has to leave one place for the data that fills
 * the hole. */
static bool admit(struct tcp *tcp, struct recvq *q, struct buf *b, bool is_next, bool wanted)
{
	unsigned bufs = buf_slices(b);

	if ((is_next && wanted && !q->head) || has_room(tcp, q, bufs + !is_next)) {
		charge(tcp, q, bufs);
		return true;
	}
	tcp->stats.receive_drops++;
	tcp_refused(tcp, "no room for what is received");
	buf_free(b);
	return false;
}

/* Copies a small packet into a header buffer and frees the original; gives b itself if it is not small, or
 * no buffer is free. */
static struct buf *compact(struct buf *b, uint32_t len)
{
	struct buf *copy = len <= COPY_MAX ? buf_alloc_header() : NULL;

	if (!copy)
		return b;
	buf_copy_out(b, 0, buf_push(copy, BUF_HEADROOM), len);
	copy->len = len;
	buf_free(b);
	return copy;
}

/* Appends the chain from b to last, which is next in order; room: bytes free behind it. */
static OUT_OF_LINE void append(struct recvq *q, struct buf *b, struct buf *last, uint32_t len, uint32_t room)
{
	if (q->head)
		q->tail->next = b;
	else
		q->head = b;
	q->tail = last;
	q->tail_room = (uint8_t)room;
	q->bytes += len;
}

bool recvq_push(struct tcp *tcp, struct recvq *q, struct buf *b, bool wanted)
{
	uint32_t len = buf_length(b), room = 0;

	if (len <= q->tail_room) {
		buf_copy_out(b, 0, q->tail->data + q->tail->len, len);
		q->tail->len += len;
		q->tail_room = (uint8_t)(q->tail_room - len);
		q->bytes += len;
		buf_free(b);
		return true;
	}
	if (q->head) {
		struct buf *copy = compact(b, len);

		if (copy != b)
			room = BUF_HEADROOM - len;
		b = copy;
	}
	if (!admit(tcp, q, b, true, wanted))
		return false;
	append(q, b, last_of(b), len, room);
	return true;
}

/* Frees the islands from *at to the one before `past`. */
static OUT_OF_LINE void let_go(struct tcp *tcp, struct recvq *q, struct buf **at, const struct buf *past)
{
	while (*at != past) {
		struct buf *covered = *at, *next = covered->queue, *chain = island_open(covered);

		*at = next;
		discharge(tcp, q, buf_slices(chain));
		buf_free(chain);
	}
}

/* Inserts island b before *at, and joins it to that one and to *before where they touch. */
static void place(struct buf **at, struct buf **before, struct buf *b)
{
	struct buf *next = *at;

	if (next && island_end(b) == island_start(next)) {
		struct buf *after = next->queue;

		b = island_join(b, next);
		next = after;
	}
	if (before && island_end(*before) == island_start(b)) {
		b = island_join(*before, b);
		at = before;
	}
	b->queue = next;
	*at = b;
}

OUT_OF_LINE int recvq_insert(struct tcp *tcp, struct recvq *q, uint32_t seq, struct buf *b, bool is_next,
                             bool wanted)
{
	uint32_t len = buf_length(b);
	struct buf **at = &q->late, **before = NULL, *past;

	/* skip islands that start no later, and cut off the data that they have already */
	while (*at && seq_le(island_start(*at), seq)) {
		uint32_t end = island_end(*at);

		if (seq_le(seq + len, end)) {
			buf_free(b);
			return 0;
		}
		if (seq_lt(seq, end)) {
			b = buf_drop(b, end - seq);
			len -= end - seq;
			seq = end;
		}
		before = at;
		at = &(*at)->queue;
	}
	past = *at;
	while (past && seq_le(island_end(past), seq + len))
		past = past->queue;
	if (past && seq_lt(island_start(past), seq + len)) { /* b overlaps an island that it does not cover */
		len = island_start(past) - seq;
		buf_trim(b, len);
	}
	b = compact(b, len);
	if (!admit(tcp, q, b, is_next, wanted))
		return -ENOBUFS;
	/* only once b is admitted: the peer has been told that this data is here (RFC 2018 §8) */
	let_go(tcp, q, at, past);
	place(at, before, island_make(b, seq, len));
	return (int)len;
}

uint32_t recvq_advance(struct recvq *q)
{
	struct buf *last = q->late;
	uint32_t start = island_start(last), end = island_end(last);

	q->late = last->queue;
	append(q, island_open(last), last, end - start, 0);
	return end;
}

struct buf *recvq_take(struct tcp *tcp, struct recvq *q, uint32_t max)
{
	struct buf *first = q->head, *last = NULL, *b = first, *part;

	for (; b && b->len <= max; b = b->next) {
		discharge(tcp, q, 1);
		q->bytes -= b->len;
		max -= b->len;
		last = b;
	}
	q->head = b;
	part = b && max > 0 ? buf_split(b, max) : NULL;
	if (part)
		q->bytes -= max;
	if (!b) {
		q->tail = NULL;
		q->tail_room = 0;
	}
	if (!last)
		return part;
	last->next = part;
	return first;
}

void recvq_clear(struct tcp *tcp, struct recvq *q)
{
	let_go(tcp, q, &q->late, NULL);
	discharge(tcp, q, q->bufs);
	buf_free(q->head);
	*q = (struct recvq){ 0 };
}

/* Behind the newest block come those nearest to the window's end: they have changed last, and may have been
 * reported by no acknowledgement yet, or only by one that was lost (RFC 2018 §4). */
OUT_OF_LINE unsigned recvq_sacks(const struct recvq *q, uint32_t seq, struct sack_block *sacks, unsigned max)
{
	unsigned n = 0, newest = 0;

	for (const struct buf *last = q->late; last && max > 0; last = last->queue) {
		struct sack_block block = { island_start(last), island_end(last) };
		unsigned place = newest;

		if (!seq_lt(seq, block.start) && seq_lt(seq, block.end))
			newest = 1;
		else if (place == max)
			continue;
		n = MIN(n + 1, max);
		for (unsigned i = n - 1; i > place; i--)
			sacks[i] = sacks[i - 1];
		sacks[place] = block;
	}
	return n;
}
