/* SPDX-License-Identifier: ISC */
/* Send and receive queue under random operations, each against a plain array of bytes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dev/netdev.h"
#include "net/tcp/tcp_priv.h"

#define BYTES 60000u

static uint8_t data[BYTES];
static struct tcp tcp;
static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(seed >> 8) * n >> 24);
}

static void create(void)
{
	for (uint32_t i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(i ^ i >> 8);
	tcp.limits = (struct tcp_limits){ .send_slices = 20, .receive_bytes = 32768, .receive_bufs = 1000 };
	tcp.slices_spare = tcp.limits.send_slices;
	cr_assert_eq(pool_init(&tcp.slices, sizeof(struct send_slice), 8, 22), 0);
}

static void destroy(void)
{
	struct buf_stats stats;

	cr_assert_eq(tcp.slices.used, 0);
	cr_assert_eq(tcp.slices_spare, tcp.limits.send_slices);
	cr_assert_eq(tcp.stats.receive_bufs, 0);
	pool_destroy(&tcp.slices);
	buf_stats(&stats);
	cr_assert_eq(stats.headers_used + stats.slices_used, 0);
}

TestSuite(tcp_queues, .init = create, .fini = destroy);

static void compare(const struct buf *b, const uint8_t *to, uint32_t len)
{
	uint8_t copy[BYTES];

	cr_assert_eq(buf_length(b), len);
	buf_copy_out(b, 0, copy, len);
	cr_assert_eq(memcmp(copy, to, len), 0);
}

Test(tcp_queues, send)
{
	struct sendq q = { 0 };
	uint32_t start = 0, end = 0, refused = 0;

	for (int round = 0; round < 100000; round++) {
		uint32_t n = random_below(3000);

		if (end == BYTES && q.bytes == 0)
			start = end = 0;
		switch (random_below(3)) {
		case 0:
			n = MIN(n, BYTES - end);
			if (n == 0)
				break;
			/* now and then a slice continues the last one in memory, otherwise a byte is left out */
			if (q.bytes > 0 && random_below(2) == 0) {
				cr_assert_eq(sendq_push(&tcp, &q, data + end, n, NULL), n);
				end += n;
			} else if (q.bytes == 0) {
				start = end;
				cr_assert_eq(sendq_push(&tcp, &q, data + end, n, NULL), n);
				end += n;
			} else {
				refused++;
			}
			break;
		case 1:
			n = MIN(n, end - start);
			sendq_drop(&tcp, &q, n);
			start += n;
			break;
		case 2: {
			uint32_t offset = random_below(end - start + 1), len = MIN(n, end - start - offset);
			struct buf *b = buf_alloc_header();

			cr_assert_eq(sendq_fill(&q, offset, len, b), len);
			compare(b, data + start + offset, len);
			buf_free(b);
			break;
		}
		}
		cr_assert_eq(q.bytes, end - start);
	}
	sendq_clear(&tcp, &q);
	cr_assert_gt(refused, 0);
}

Test(tcp_queues, send_many_slices)
{
	struct sendq q = { 0 };
	uint8_t reference[BYTES];
	uint32_t len = 0, pushed = 0;

	for (int round = 0; round < 100000; round++) {
		uint32_t n = 1 + random_below(500), from = random_below(BYTES - n - 1);

		if (random_below(2) && len + n <= BYTES) {
			size_t taken = sendq_push(&tcp, &q, data + from, n, NULL);

			cr_assert(taken == n || taken == 0);
			cr_assert(taken || q.bytes); /* an empty queue is sure of one slice */
			memcpy(reference + len, data + from, taken);
			len += (uint32_t)taken;
			pushed += taken == n;
		} else if (random_below(2)) {
			n = random_below(len + 1);
			sendq_drop(&tcp, &q, n);
			memmove(reference, reference + n, len -= n);
		} else {
			struct buf *b = buf_alloc_header();
			uint32_t filled, slices = 0;

			n = random_below(len + 1);
			from = random_below(len - n + 1);
			filled = sendq_fill(&q, from, n, b);
			for (const struct buf *at = b->next; at; at = at->next)
				slices++;
			cr_assert(filled == n || (filled < n && slices == NETDEV_SLICES - 1));
			cr_assert_leq(slices, NETDEV_SLICES - 1);
			compare(b, reference + from, filled);
			buf_free(b);
		}
		cr_assert_leq(tcp.slices.used, TCP_CONN_SLICES);
	}
	cr_assert_gt(pushed, 1000);
	sendq_clear(&tcp, &q);
}

Test(tcp_queues, spare_slices_leave_each_connection_its_own)
{
	struct sendq a = { 0 }, b = { 0 };

	tcp.slices_spare = tcp.limits.send_slices = 3;
	for (int i = 0; i < 4; i++)
		cr_assert_eq(sendq_push(&tcp, &a, data + 2 * i, 1, NULL), 1);
	cr_assert_eq(sendq_push(&tcp, &a, data + 100, 1, NULL), 0);
	cr_assert_eq(sendq_push(&tcp, &b, data, 1, NULL), 1);
	cr_assert_eq(sendq_push(&tcp, &b, data + 100, 1, NULL), 0);
	sendq_drop(&tcp, &a, 1);
	cr_assert_eq(sendq_push(&tcp, &b, data + 100, 1, NULL), 1);
	sendq_clear(&tcp, &a);
	sendq_clear(&tcp, &b);
}

static void free_storage(struct storage *s)
{
	free(s);
}

/* A packet of [from, from + len) in up to three slices, as a device would bring it. */
static struct buf *packet(uint32_t from, uint32_t len)
{
	struct buf *b = NULL;

	while (len > 0 || !b) {
		uint32_t n = len > 3 && random_below(4) == 0 ? len / 2 : len;
		struct storage *s = malloc(sizeof(*s) + n);
		struct buf *slice;

		*s = (struct storage){ 1, free_storage };
		memcpy(s + 1, data + from, n);
		slice = buf_alloc_slice(s, s + 1, n);
		storage_put(s);
		if (b)
			buf_append(b, slice);
		else
			b = slice;
		from += n;
		len -= n;
	}
	return b;
}

Test(tcp_queues, receive)
{
	for (int run = 0; run < 200; run++) {
		struct recvq q = { 0 };
		uint32_t base = 0u - random_below(2 * BYTES), next = 0, taken = 0, late_drops = 0;

		for (int round = 0; taken < BYTES; round++) {
			uint32_t window = MIN(BYTES - next, tcp.limits.receive_bytes - q.bytes);
			uint32_t from = next + random_below(window + 1), max = random_below(2) ? 3000 : 60;
			uint32_t len = MIN(1 + random_below(max), next + window - from);

			cr_assert_lt(round, 1000000);
			if (random_below(3) == 0)
				from = next;
			len = MIN(len, next + window - from);
			if (len && from == next && !q.late) {
				next += recvq_push(&tcp, &q, packet(from, len), false) ? len : 0;
			} else if (len && from == next) {
				if (recvq_insert(&tcp, &q, base + from, packet(from, len), true, false) > 0)
					next = recvq_advance(&q) - base;
			} else if (len) {
				late_drops += recvq_insert(&tcp, &q, base + from, packet(from, len), false, false) < 0;
			}
			if (random_below(2) == 0) {
				uint32_t want = 1 + random_below(5000), had = q.bytes;
				struct buf *b = recvq_take(&tcp, &q, want);

				cr_assert_eq(!b, had == 0);
				if (b) {
					cr_assert_eq(buf_length(b), MIN(want, had));
					compare(b, data + taken, buf_length(b));
					taken += buf_length(b);
					buf_free(b);
				}
			}
			cr_assert_eq(q.bytes, next - taken);
			cr_assert_leq(q.bufs, 64 + 20);
			cr_assert_eq(q.bufs, tcp.stats.receive_bufs);
		}
		recvq_clear(&tcp, &q);
	}
}

Test(tcp_queues, receive_clears_what_is_left)
{
	struct recvq q = { 0 };

	recvq_push(&tcp, &q, packet(0, 1000), false);
	recvq_push(&tcp, &q, packet(1000, 10), false);
	recvq_insert(&tcp, &q, 2000, packet(2000, 1000), false, false);
	recvq_insert(&tcp, &q, 4000, packet(4000, 10), false, false);
	recvq_clear(&tcp, &q);
	cr_assert_eq(q.bufs, 0);
}

Test(tcp_queues, selective_acknowledgement_blocks)
{
	struct recvq q = { 0 };
	struct sack_block sacks[SEGMENT_SACKS];

	cr_assert_eq(recvq_sacks(&q, 0, sacks, SEGMENT_SACKS), 0);
	recvq_insert(&tcp, &q, 100, packet(100, 50), false, false);
	recvq_insert(&tcp, &q, 150, packet(150, 50), false, false);
	recvq_insert(&tcp, &q, 300, packet(300, 50), false, false);
	recvq_insert(&tcp, &q, 400, packet(400, 50), false, false);
	cr_assert_eq(recvq_sacks(&q, 320, sacks, SEGMENT_SACKS), 3);
	cr_assert(sacks[0].start == 300 && sacks[0].end == 350);
	cr_assert(sacks[1].start == 400 && sacks[1].end == 450);
	cr_assert(sacks[2].start == 100 && sacks[2].end == 200);
	for (uint32_t i = 0; i < 5; i++)
		recvq_insert(&tcp, &q, 500 + 100 * i, packet(500 + 100 * i, 50), false, false);
	cr_assert_eq(recvq_sacks(&q, 900, sacks, SEGMENT_SACKS), SEGMENT_SACKS);
	cr_assert_eq(sacks[0].start, 900);
	for (unsigned i = 1; i < SEGMENT_SACKS; i++)
		cr_assert_eq(sacks[i].start, 900 - 100 * i, "not the last ones that came");
	cr_assert_eq(recvq_sacks(&q, 320, sacks, 2), 2);
	cr_assert(sacks[0].start == 300 && sacks[1].start == 900);
	cr_assert_eq(recvq_sacks(&q, 320, sacks, 1), 1);
	cr_assert_eq(sacks[0].start, 300);
	cr_assert_eq(recvq_sacks(&q, 0, sacks, 0), 0);
	recvq_clear(&tcp, &q);
}

/* The runs of bytes that are there, as blocks; gives how many. */
static unsigned runs_of(const bool *there, uint32_t count, struct sack_block *blocks, unsigned max)
{
	unsigned n = 0;

	for (uint32_t at = 0; at < count && n < max; at++) {
		if (!there[at])
			continue;
		blocks[n].start = at;
		while (at < count && there[at])
			at++;
		blocks[n++].end = at;
	}
	return n;
}

Test(tcp_queues, late_data_is_islands)
{
	enum { SPACE = 6000, MOST = 64 };

	for (int run = 0; run < 300; run++) {
		struct recvq q = { 0 };
		struct sack_block expected[MOST], sacks[MOST];
		bool there[SPACE] = { false };
		uint32_t base = 0u - random_below(2 * SPACE);

		for (int i = 0; i < 40; i++) {
			uint32_t from = 1 + random_below(SPACE - 1);
			uint32_t len = 1 + random_below(MIN(SPACE - from, UINT32_C(700)));
			unsigned n;

			if (recvq_insert(&tcp, &q, base + from, packet(from, len), false, false) < 0)
				break;
			/* data that reaches into the next island, but not beyond, is cut there, and loses nothing */
			memset(there + from, true, len);
			n = runs_of(there, SPACE, expected, MOST);
			cr_assert_eq(recvq_sacks(&q, base, sacks, MOST), n);
			for (unsigned k = 0; k < n; k++)
				cr_assert(sacks[k].start - base == expected[n - 1 - k].start &&
				          sacks[k].end - base == expected[n - 1 - k].end);
		}
		recvq_clear(&tcp, &q);
		cr_assert_eq(tcp.stats.receive_bufs, 0);
	}
}

/* The cost of a late segment depends on the holes, not on the segments behind them. */
Test(tcp_queues, late_segments_in_a_row_are_one_island)
{
	struct recvq q = { 0 };

	for (uint32_t i = 0; i < 40; i++)
		cr_assert_eq(recvq_insert(&tcp, &q, 200 + 200 * i, packet(200 + 200 * i, 200), false, false), 200);
	cr_assert_null(q.late->queue);
	cr_assert_eq(recvq_advance(&q), 200 + 200 * 40);
	cr_assert_null(q.late);
	recvq_clear(&tcp, &q);
}

/* However many slices it comes in, and whatever others hold. */
Test(tcp_queues, late_data_leaves_a_place_for_what_fills_the_hole)
{
	enum { OTHERS = 50, BYTES_EACH = 200 };
	struct ip ip = { 0 }; /* which frames are refused on */

	tcp.ip = &ip;
	tcp.limits.receive_bufs = 96;
	for (unsigned slices = 1; slices <= 42; slices++) {
		struct recvq q = { 0 };
		uint32_t at = 2 * BYTES_EACH, bytes = slices * BYTES_EACH;
		struct buf *b;

		tcp.stats.receive_bufs = OTHERS;
		do {
			b = buf_alloc_slice(NULL, data + at, BYTES_EACH);
			for (unsigned i = 1; i < slices; i++)
				buf_append(b, buf_alloc_slice(NULL, data + at + i * BYTES_EACH, BYTES_EACH));
			at += bytes;
		} while (recvq_insert(&tcp, &q, at - bytes, b, false, false) > 0);
		b = buf_alloc_slice(NULL, data, BYTES_EACH);
		if (q.late)
			cr_assert_eq(recvq_insert(&tcp, &q, 0, b, true, false), BYTES_EACH, "%u slices", slices);
		else
			cr_assert(recvq_push(&tcp, &q, b, false), "%u slices", slices);
		recvq_clear(&tcp, &q);
		tcp.stats.receive_bufs -= OTHERS;
	}
}
