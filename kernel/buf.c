/* SPDX-License-Identifier: ISC */
/* Packets: chains of slices over counted storage, from two fixed pools. A header buf is a slice
 * followed by BUF_HEADROOM bytes of its own. A slice's address tells its pool, so nothing that a layer
 * writes into a slice can return it to the wrong one. */
#include <string.h>

#include "kernel/buf.h"
#include "kernel/pool.h"

struct header {
	struct buf buf;
	uint8_t room[BUF_HEADROOM];
};
LIMIT_BYTES(BUF_HEADERS, sizeof(struct header), 176);
LIMIT_BYTES(BUF_SLICES, sizeof(struct buf), 48);

static struct pool header_pool, slice_pool;

int buf_init(size_t headers, size_t slices)
{
	int error = pool_init(&header_pool, sizeof(struct header), sizeof(void *), headers);

	if (!error) {
		error = pool_init(&slice_pool, sizeof(struct buf), sizeof(void *), slices);
		if (error)
			pool_destroy(&header_pool);
	}
	return error;
}

/* Assigns every field, to save bytes: a compound literal would clear the fields it omits in a loop. */
static void fill(struct buf *b, const void *data, uint32_t len, struct storage *storage, bool in_headroom)
{
	b->next = b->queue = NULL;
	b->data = (uint8_t *)data;
	b->len = len;
	b->csum_start = b->csum_offset = 0;
	b->storage = storage;
	b->gso_size = 0;
	b->flags = 0;
	b->in_headroom = in_headroom;
}

struct buf *buf_alloc_header(void)
{
	struct header *h = pool_alloc(&header_pool);

	if (!h)
		return NULL;
	fill(&h->buf, h->room + BUF_HEADROOM, 0, NULL, true);
	return &h->buf;
}

struct buf *buf_alloc_slice(struct storage *storage, const void *data, uint32_t len)
{
	struct buf *b = pool_alloc(&slice_pool);

	if (!b)
		return NULL;
	fill(b, data, len, storage, false);
	storage_get(storage);
	return b;
}

static void free_slice(struct buf *b)
{
	storage_put(b->storage);
	pool_free(pool_owns(&header_pool, b) ? &header_pool : &slice_pool, b);
}

struct buf *buf_alloc_copy(const void *data, size_t len)
{
	struct buf *first = NULL, **end = &first;
	const uint8_t *from = data;

	while (len > 0) {
		uint32_t n = (uint32_t)MIN(len, (size_t)BUF_HEADROOM);

		*end = buf_alloc_header();
		if (!*end) {
			buf_free(first);
			return NULL;
		}
		memcpy(buf_push(*end, n), from, n);
		end = &(*end)->next;
		from += n;
		len -= n;
	}
	return first;
}

void buf_free(struct buf *b)
{
	while (b) {
		struct buf *next = b->next;

		free_slice(b);
		b = next;
	}
}

uint32_t buf_room(const struct buf *b)
{
	return b->in_headroom ? (uint32_t)(b->data - ((const struct header *)b)->room) : 0;
}

uint8_t *buf_push(struct buf *b, uint32_t n)
{
	assert(buf_room(b) >= n);
	b->len += n;
	return b->data -= n;
}

uint8_t *buf_pull(struct buf *b, uint32_t n)
{
	assert(n <= b->len);
	b->len -= n;
	return b->data += n;
}

unsigned buf_slices(const struct buf *b)
{
	unsigned n = 0;

	for (; b; b = b->next)
		n++;
	return n;
}

uint32_t buf_length(const struct buf *b)
{
	uint32_t length = 0;

	for (; b; b = b->next)
		length += b->len;
	return length;
}

void buf_trim(struct buf *b, uint32_t n)
{
	while (n > b->len) {
		n -= b->len;
		b = b->next;
		assert(b);
	}
	b->len = n;
	buf_free(b->next);
	b->next = NULL;
}

struct buf *buf_drop(struct buf *b, uint32_t n)
{
	while (b && n >= b->len) {
		struct buf *next = b->next;

		n -= b->len;
		free_slice(b);
		b = next;
	}
	assert(b || !n);
	if (b)
		buf_pull(b, n);
	return b;
}

struct buf *buf_split(struct buf *b, uint32_t n)
{
	struct buf *part = b->in_headroom ? buf_alloc_header() : buf_alloc_slice(b->storage, b->data, n);

	if (!part)
		return NULL;
	if (b->in_headroom)
		memcpy(buf_push(part, n), b->data, n);
	buf_pull(b, n);
	return part;
}

void buf_copy_out(const struct buf *b, uint32_t offset, void *to, uint32_t n)
{
	uint8_t *at = to;

	for (; b && offset >= b->len; b = b->next)
		offset -= b->len;
	for (; n; b = b->next) {
		assert(b);
		uint32_t part = MIN(n, b->len - offset);

		memcpy(at, b->data + offset, part);
		at += part;
		n -= part;
		offset = 0;
	}
}

void buf_append(struct buf *b, struct buf *tail)
{
	while (b->next)
		b = b->next;
	b->next = tail;
}

void buf_stats(struct buf_stats *out)
{
	*out = (struct buf_stats){
		header_pool.total, header_pool.used, header_pool.peak, header_pool.refused,
		slice_pool.total,  slice_pool.used,  slice_pool.peak,  slice_pool.refused,
	};
}
