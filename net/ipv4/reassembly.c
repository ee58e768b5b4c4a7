/* SPDX-License-Identifier: ISC */
/* Reassembly (RFC 791 §3.2, RFC 1122 §3.3.2). An attacker can begin any number of datagrams and complete
 * none: so few are held, for a short time, in few packet buffers, and the oldest makes room.
 *
 * A piece is a fragment's payload, uncopied, the first with its IP header; its place is kept in its checksum
 * offsets, which a received packet does not need any more. Pieces are in order and never overlap: one that
 * would condemns its datagram, pieces still to come included (RFC 5722 §4, also against the attacks of
 * RFC 1858 and RFC 3128). An exact repetition is only dropped, since networks make those. */
#include <errno.h>

#include "kernel/dev/clock.h"
#include "net/checksum.h"
#include "net/ipv4/ipv4_priv.h"

#define LIFE_NS (CONFIG_IPV4_REASSEMBLY_SECONDS * NS_PER_S)
#define CONTIGUOUS_BYTES 54 /* of a payload, as struct ip_handler promises */

static uint32_t start_of(const struct buf *b)
{
	return b->csum_start * 8u;
}

static uint32_t end_of(const struct buf *b)
{
	return start_of(b) + b->csum_offset;
}

/* Frees p's pieces. */
static void clear(struct reassembly *r, struct ipv4_partial *p)
{
	struct buf *b;

	while ((b = p->pieces)) {
		p->pieces = b->queue;
		buf_free(b);
	}
	r->bufs -= p->bufs;
	p->bufs = 0;
}

static struct ipv4_partial *oldest(struct reassembly *r)
{
	struct ipv4_partial *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(r->partials); i++) {
		struct ipv4_partial *p = &r->partials[i];

		if (p->expires_ns && (!found || p->expires_ns < found->expires_ns))
			found = p;
	}
	return found;
}

static void give_up(struct reassembly *r, struct ipv4_partial *p)
{
	container_of(r, struct ipv4, reassembly)->stats.reasm_fails++;
	clear(r, p);
	p->expires_ns = 0;
}

/* Gives up datagrams whose time is up; RFC 1122 §3.3.2: the sender is told if the first piece is there. The
 * timer may also fire for a datagram that is gone, as it is not stopped then. */
static void expire(struct timer *t)
{
	struct reassembly *r = container_of(t, struct reassembly, timer);
	struct ipv4_partial *p;

	while ((p = oldest(r))) {
		if (p->expires_ns > clock_now_ns()) {
			timer_start(t, p->expires_ns);
			return;
		}
		if (p->pieces && start_of(p->pieces) == 0)
			icmp_reassembly_timed_out(container_of(r, struct ipv4, reassembly), p->pieces);
		give_up(r, p);
	}
}

/* The datagram that a fragment with header h belongs to; begins one if there is none. */
static struct ipv4_partial *find(struct reassembly *r, const struct ipv4_header *h)
{
	struct ipv4_partial *fresh = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(r->partials); i++) {
		struct ipv4_partial *p = &r->partials[i];

		if (!p->expires_ns)
			fresh = p;
		else if (p->id == h->id && p->src == h->src && p->dst == h->dst && p->protocol == h->protocol)
			return p;
	}
	if (!fresh) {
		fresh = oldest(r);
		give_up(r, fresh);
	}
	*fresh = (struct ipv4_partial){ .expires_ns = clock_now_ns() + LIFE_NS, .src = h->src, .dst = h->dst,
	                                .id = h->id, .protocol = h->protocol };
	if (!timer_is_running(&r->timer))
		timer_start(&r->timer, fresh->expires_ns);
	return fresh;
}

/* Makes room for n bufs of p. false: p itself was given up for it. */
static bool make_room(struct reassembly *r, struct ipv4_partial *p, unsigned n)
{
	while (r->bufs + n > CONFIG_IPV4_FRAGMENT_BUFS) {
		struct ipv4_partial *victim = r->bufs ? oldest(r) : p;

		give_up(r, victim);
		if (victim == p)
			return false;
	}
	return true;
}

/* Finds the place of b; last: it is the last piece; ecn: its codepoint. 0, -EEXIST: it is there already,
 * -EBADMSG: it contradicts the pieces that are there. */
static int find_place(struct ipv4_partial *p, const struct buf *b, bool last, unsigned ecn,
                      struct buf ***place)
{
	uint32_t start = start_of(b), end = end_of(b), before = 0;
	struct buf **at = &p->pieces;

	while (*at && start_of(*at) < start) {
		before = end_of(*at);
		at = &(*at)->queue;
	}
	*place = at;
	if (*at && start_of(*at) == start && end_of(*at) == end && last == (p->total == end))
		return -EEXIST;
	if (before > start || (*at && (start_of(*at) < end || last)) || (p->total && end > p->total))
		return -EBADMSG;
	p->ecn |= (uint8_t)(1u << ecn);
	if (p->ecn & 1 && p->ecn & 8)
		return -EBADMSG; /* marked pieces among pieces not capable of ECN: RFC 3168 §5.3 */
	return 0;
}

/* Inserts b, of n bufs, at place. */
static void put(struct ipv4_partial *p, struct buf *b, unsigned n, bool last, struct buf **place)
{
	if (last)
		p->total = end_of(b);
	p->have += end_of(b) - start_of(b);
	p->bufs += n;
	b->queue = *place;
	*place = b;
}

/* Joins the pieces into one packet, with the header of the first as that of a whole one; NULL: no memory. If
 * one piece is marked for congestion, so is the datagram (RFC 3168 §5.3). */
static struct buf *join(struct buf *first, uint32_t total, uint8_t ecn)
{
	struct ipv4_header *h = (void *)first->data;
	uint32_t header_bytes = ipv4_header_bytes(h), contiguous;
	struct buf *next, *head;

	for (struct buf *b = first->queue; b; b = next) {
		next = b->queue;
		b->queue = NULL;
		buf_append(first, b);
	}
	first->queue = NULL;
	first->flags = 0; /* no device has summed the whole */
	h->total_bytes = be16((uint16_t)(header_bytes + total));
	h->fragment = 0;
	h->tos |= ecn & 8 ? 3 : 0;
	h->checksum = 0;
	h->checksum = checksum_of(h, header_bytes);
	contiguous = header_bytes + MIN(total, (uint32_t)CONTIGUOUS_BYTES);
	if (first->len >= contiguous)
		return first;
	head = buf_alloc_header();
	if (head) {
		buf_copy_out(first, 0, buf_push(head, contiguous), contiguous);
		head->next = buf_drop(first, contiguous);
	} else {
		buf_free(first);
	}
	return head;
}

OUT_OF_LINE struct buf *reassembly_add(struct ipv4 *ip, struct buf *b)
{
	const struct ipv4_header *h = (const void *)b->data;
	uint32_t header_bytes = ipv4_header_bytes(h), bytes = be16(h->total_bytes) - header_bytes;
	bool last = !(h->fragment & be16(IPV4_MF));
	struct reassembly *r = &ip->reassembly;
	unsigned n = buf_slices(b), ecn = h->tos & 3;
	struct ipv4_partial *p;
	struct buf **place;
	int error;

	b->csum_start = be16(h->fragment) & IPV4_OFFSET;
	b->csum_offset = (uint16_t)bytes;
	/* empty, of a length that leaves a hole, beyond the largest datagram, or in too many bufs */
	if (bytes == 0 || (!last && bytes % 8) || end_of(b) + header_bytes > UINT16_MAX ||
	    n > CONFIG_IPV4_FRAGMENT_BUFS) {
		ipv4_drop(ip, h, b, &ip->stats.reasm_fails, "a fragment that cannot be");
		return NULL;
	}
	p = find(r, h);
	error = p->condemned ? -ENOBUFS : find_place(p, b, last, ecn, &place);
	if (error == 0 && !make_room(r, p, n)) /* last: a useless fragment must not evict others */
		error = -ENOBUFS;
	if (error < 0) {
		if (error == -EBADMSG) {
			clear(r, p);
			p->condemned = true;
		}
		ipv4_drop(ip, h, b, NULL, error == -EBADMSG ? "fragments that contradict" : "a fragment of no use");
		return NULL;
	}
	if (b->csum_start > 0)
		buf_pull(b, header_bytes);
	r->bufs += n;
	put(p, b, n, last, place);
	if (p->have != p->total)
		return NULL;
	b = join(p->pieces, p->total, p->ecn);
	if (b)
		ip->stats.reasm_oks++;
	else
		ip->stats.reasm_fails++;
	p->pieces = NULL;
	p->expires_ns = 0;
	r->bufs -= p->bufs;
	return b;
}

void reassembly_init(struct reassembly *r)
{
	timer_init(&r->timer, expire);
}

void reassembly_clear(struct reassembly *r)
{
	struct ipv4_partial *p;

	timer_stop(&r->timer);
	while ((p = oldest(r)))
		give_up(r, p);
}
