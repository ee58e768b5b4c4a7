/* SPDX-License-Identifier: ISC */
/* Packets against a plain array of bytes; counting of storage; pools that run out. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/buf.h"
#include "tests/lib/test.h"

enum { HEADERS = 8, SLICES = 64, BYTES = 4096 };

static uint8_t data[BYTES];
static uint64_t seed = 3;

static void create(void)
{
	for (int i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(i * 7 ^ i >> 8);
	cr_assert_eq(buf_init(HEADERS, SLICES), 0);
}

static void all_came_back(void)
{
	struct buf_stats stats;

	buf_stats(&stats);
	cr_assert_eq(stats.headers_used, 0);
	cr_assert_eq(stats.slices_used, 0);
	cr_assert_eq(stats.headers_limit, HEADERS);
	cr_assert_eq(stats.slices_limit, SLICES);
}

TestSuite(buf, .init = create, .fini = all_came_back);

static int freed;

static void free_storage(struct storage *s)
{
	freed++;
	free(s);
}

static struct storage *new_storage(void)
{
	struct storage *s = malloc(sizeof(*s));

	*s = (struct storage){ .refs = 1, .free = free_storage };
	return s;
}

Test(buf, a_header_has_room_in_front)
{
	struct buf *b = buf_alloc_header();

	cr_assert_eq(b->len, 0);
	cr_assert_eq(buf_room(b), BUF_HEADROOM);
	memcpy(buf_push(b, 20), data, 20);
	memcpy(buf_push(b, BUF_HEADROOM - 20), data + 20, BUF_HEADROOM - 20);
	cr_assert_eq(b->len, BUF_HEADROOM);
	cr_assert_eq(buf_room(b), 0);
	cr_assert_eq(memcmp(buf_pull(b, BUF_HEADROOM - 20), data, 20), 0);
	cr_assert_eq(b->len, 20);
	buf_free(b);
}

Test(buf, pushing_beyond_the_room_is_caught, .signal = SIGABRT)
{
	buf_push(buf_alloc_header(), BUF_HEADROOM + 1);
}

Test(buf, pushing_onto_a_slice_is_caught, .signal = SIGABRT)
{
	buf_push(buf_alloc_slice(NULL, data + 100, 10), 1);
}

Test(buf, pulling_more_than_there_is_is_caught, .signal = SIGABRT)
{
	buf_pull(buf_alloc_slice(NULL, data, 10), 11);
}

Test(buf, storage_is_let_go_with_its_last_slice)
{
	struct storage *s = new_storage();
	struct buf *a = buf_alloc_slice(s, data, 10), *b = buf_alloc_slice(s, data + 10, 10);

	storage_put(s);
	buf_append(a, b);
	cr_assert_eq(s->refs, 2);
	a = buf_drop(a, 10);
	cr_assert_eq(a, b);
	cr_assert_eq(freed, 0);
	buf_free(a);
	cr_assert_eq(freed, 1);
	buf_free(NULL);
	storage_get(NULL);
	storage_put(NULL);
}

/* A chain of [0, len) in random slices, some of them empty, some in header room. */
static struct buf *random_chain(uint32_t len)
{
	struct buf *chain = NULL;
	uint32_t at = 0;

	do {
		uint32_t n = (uint32_t)(test_random(&seed) % 200);
		struct buf *b;

		n = MIN(n, len - at);
		if (n <= BUF_HEADROOM && test_random(&seed) % 4 == 0 && (b = buf_alloc_header())) {
			memcpy(buf_push(b, n), data + at, n);
		} else {
			struct storage *s = new_storage();

			b = buf_alloc_slice(s, data + at, n);
			storage_put(s);
		}
		cr_assert_not_null(b);
		if (chain)
			buf_append(chain, b);
		else
			chain = b;
		at += n;
	} while (at < len);
	return chain;
}

static void assert_holds(const struct buf *b, uint32_t from, uint32_t len)
{
	uint8_t copy[BYTES];

	cr_assert_eq(buf_length(b), len);
	if (!b)
		return;
	buf_copy_out(b, 0, copy, len);
	cr_assert_eq(memcmp(copy, data + from, len), 0);
	if (len > 3) {
		buf_copy_out(b, len / 3, copy, len / 2);
		cr_assert_eq(memcmp(copy, data + from + len / 3, len / 2), 0);
	}
}

Test(buf, chains_hold_what_an_array_would)
{
	for (int round = 0; round < 20000; round++) {
		uint32_t from = 0, len = (uint32_t)(test_random(&seed) % 2000);
		struct buf *b = random_chain(len);

		for (int i = 0; i < 6 && b; i++) {
			uint32_t n = (uint32_t)(test_random(&seed) % (len + 1));

			assert_holds(b, from, len);
			if (test_random(&seed) % 2) {
				buf_trim(b, n);
				len = n;
			} else {
				b = buf_drop(b, n);
				from += n;
				len -= n;
				cr_assert(b || len == 0);
			}
		}
		assert_holds(b, from, b ? len : 0);
		buf_free(b);
	}
}

Test(buf, a_copy_takes_as_many_headers_as_it_needs)
{
	static const uint32_t lengths[] = { 1, BUF_HEADROOM, BUF_HEADROOM + 1, HEADERS * BUF_HEADROOM };
	uint8_t out[HEADERS * BUF_HEADROOM];
	struct buf_stats stats;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct buf *b = buf_alloc_copy(data, lengths[i]);

		cr_assert_eq(buf_length(b), lengths[i]);
		buf_copy_out(b, 0, out, lengths[i]);
		cr_assert(memcmp(out, data, lengths[i]) == 0);
		buf_stats(&stats);
		cr_assert_eq(stats.headers_used, (lengths[i] + BUF_HEADROOM - 1) / BUF_HEADROOM);
		buf_free(b);
	}
	cr_assert_null(buf_alloc_copy(data, HEADERS * BUF_HEADROOM + 1));
}

Test(buf, an_empty_pool_refuses_and_counts)
{
	struct buf *headers[HEADERS], *slices[SLICES];
	struct buf_stats stats;

	for (int i = 0; i < HEADERS; i++)
		cr_assert_not_null(headers[i] = buf_alloc_header());
	for (int i = 0; i < SLICES; i++)
		cr_assert_not_null(slices[i] = buf_alloc_slice(NULL, data, 1));
	cr_assert_null(buf_alloc_header());
	struct storage s = { .refs = 1 };
	cr_assert_null(buf_alloc_slice(&s, data, 1));
	cr_assert_eq(s.refs, 1, "counted though refused");
	buf_stats(&stats);
	cr_assert_eq(stats.headers_refused, 1);
	cr_assert_eq(stats.slices_refused, 1);
	cr_assert_eq(stats.headers_peak, HEADERS);
	cr_assert_eq(stats.slices_peak, SLICES);
	for (int i = 0; i < HEADERS; i++)
		buf_free(headers[i]);
	for (int i = 0; i < SLICES; i++)
		buf_free(slices[i]);
	buf_free(buf_alloc_header());
}

/* The address sanitizer's view of a packet that is used after it was freed. */
Test(buf, using_a_freed_packet_is_caught, .signal = SIGABRT)
{
	struct buf *volatile b = buf_alloc_header();

	buf_free(b);
	b->len = 1;
}

Test(buf, split)
{
	struct storage *storage = new_storage();
	struct buf *slice = buf_alloc_slice(storage, data, 100), *own = buf_alloc_header(), *part;

	storage_put(storage);
	part = buf_split(slice, 30);
	cr_assert(part->data == data && part->len == 30 && slice->data == data + 30 && slice->len == 70);
	buf_free(slice);
	cr_assert_eq(freed, 0, "the part refers to it still");
	buf_free(part);
	cr_assert_eq(freed, 1);
	memcpy(buf_push(own, 60), data, 60);
	part = buf_split(own, 20); /* header room belongs to its buf only: copied */
	cr_assert(part->len == 20 && memcmp(part->data, data, 20) == 0 && buf_room(part) == BUF_HEADROOM - 20);
	cr_assert(own->len == 40 && memcmp(own->data, data + 20, 40) == 0);
	while ((slice = buf_alloc_header()))
		buf_append(part, slice);
	cr_assert_null(buf_split(own, 10));
	cr_assert_eq(own->len, 40);
	buf_free(part);
	buf_free(own);
}
