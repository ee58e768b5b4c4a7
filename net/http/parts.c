/* SPDX-License-Identifier: ISC */
/* multipart/byteranges (RFC 9110 §14.6): in turns, lines that describe a part, and the part. The lines are
 * generated when it is their turn, so a long answer needs few blocks at a time; a block of its own holds the
 * state. The length is sent beforehand, so the lines have to be the same when they are measured and when they
 * are sent. */
#include <errno.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/format.h"
#include "kernel/random.h"
#include "net/http/server_priv.h"

struct parts {
	struct kv_entry entry;
	struct storage *lines; /* of entry.header, a count; or NULL */
	uint64_t boundary;     /* random, so that no value can be made to contain it */
	int count, next;
	struct http_range ranges[CONFIG_HTTP_RANGES];
};
static_assert(sizeof(struct parts) <= HTTP_BLOCK_BYTES, "they lie in a block");

static struct parts *parts_of(const struct http_block *block)
{
	return (struct parts *)block->bytes;
}

/* The lines before part number, or those after the last. Gives their length, whether they fit or not. */
static size_t format_lines(const struct parts *p, int number, char *to, size_t max)
{
	const char *type = p->entry.header, *end = memchr(type, '\n', p->entry.header_len);
	const struct http_range *range = &p->ranges[number];

	if (number == p->count)
		return format(to, max, "\r\n--%016llx--\r\n", (unsigned long long)p->boundary);
	return format(to, max, "\r\n--%016llx\r\n%.*sContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
	              (unsigned long long)p->boundary, (int)(end + 1 - type), type,
	              (unsigned long long)range->start, (unsigned long long)(range->start + range->len - 1),
	              (unsigned long long)p->entry.size);
}

struct http_block *http_parts_create(struct http_server *server, const struct http_value *v,
                                     const struct http_range *ranges, int count, uint64_t *bytes)
{
	struct http_block *block = http_block_alloc(server);
	struct parts *p;

	if (!block)
		return NULL;
	p = parts_of(block);
	*p = (struct parts){ .entry = *v->entry, .boundary = clock_now_ns(), .count = count };
	if (random_is_ready())
		random_bytes(&p->boundary, sizeof(p->boundary));
	memcpy(p->ranges, ranges, (size_t)count * sizeof(*ranges));
	*bytes = 0;
	for (int i = 0; i <= count; i++) {
		size_t len = format_lines(p, i, NULL, 0);

		if (len >= HTTP_BLOCK_BYTES) { /* a very long media type */
			storage_put(&block->storage);
			return NULL;
		}
		*bytes += len + (i < count ? ranges[i].len : 0);
	}
	p->lines = v->lines;
	storage_get(p->lines);
	return block;
}

void http_parts_free(struct http_answer *a)
{
	if (!a->parts)
		return;
	storage_put(parts_of(a->parts)->lines);
	storage_put(&a->parts->storage);
	a->parts = NULL;
}

uint64_t http_parts_boundary(const struct http_block *block)
{
	return parts_of(block)->boundary;
}

int http_parts_next(struct http_block *block, struct slice *lines, struct http_range *range)
{
	struct parts *p = parts_of(block);
	struct http_block *text;

	if (p->next > p->count)
		return -ENODATA;
	text = http_block_alloc(block->server);
	if (!text)
		return -ENOBUFS;
	*lines = (struct slice){ text->bytes, format_lines(p, p->next, text->bytes, HTTP_BLOCK_BYTES),
	                         &text->storage };
	*range = p->next < p->count ? p->ranges[p->next] : (struct http_range){ 0 };
	p->next++;
	return 0;
}

bool http_parts_add(struct http_answer *a)
{
	struct http_range range;
	struct slice lines;
	int result = http_parts_next(a->parts, &lines, &range);

	if (result == -ENOBUFS)
		http_connection_end(a->connection, true); /* the answer's length has been sent already */
	if (result < 0)
		return false;
	http_add(a, lines.data, lines.len, lines.storage);
	if (range.len)
		http_add(a, (const char *)parts_of(a->parts)->entry.data + range.start, range.len, NULL);
	return true;
}
