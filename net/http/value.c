/* SPDX-License-Identifier: ISC */
/* A value of the store as an answer. The usual one is two slices: the status line (with the date, which is
 * generated once a second), then header lines and body as they lie together in the store. Conditions come
 * first (RFC 9110 §13.2), then ranges (§14.2), which need a block: if none is free, the whole value is sent
 * instead. */
#include <errno.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/format.h"
#include "net/http/conditional.h"
#include "net/http/server_priv.h"

/* A date is a strong validator once it is that long in the past (RFC 9110 §8.8.2.2). */
#define STRONG_DATE_NS (60 * NS_PER_S)
#define PART_LINES_BYTES 160 /* two long lines, three numbers of 20 digits and one for the length */

static void add_lines(struct http_answer *a, const struct http_value *v, const char *at, size_t len)
{
	storage_get(v->lines);
	http_add(a, at, len, v->lines);
}

/* Adds the body, or, for a store that gives values in pieces, gives range: the caller sends it. */
static struct http_range add_body(struct http_answer *a, const struct http_value *v, struct http_range range)
{
	if (IS_ENABLED(CONFIG_FS_PIECES) && !v->entry->data)
		return range;
	if (range.len)
		http_add(a, (const char *)v->entry->data + range.start, range.len, NULL);
	return (struct http_range){ 0 };
}

static bool is_head(const struct http_request *request)
{
	return request->verb == HTTP_HEAD;
}

/* Adds a block with status line, date, these lines and more. false: no room. */
static bool add_made_start(struct http_answer *a, uint16_t status, const char *lines, struct http_text more)
{
	struct http_block *block = http_block_alloc(a->connection->server);
	struct http_text date = http_date_line(a->connection->server);
	size_t len;

	if (!block)
		return false;
	len = format(block->bytes, HTTP_BLOCK_BYTES, "HTTP/1.1 %u %s\r\n%.*s%s%.*s", status,
	             http_status_text(status) + 4, (int)date.len, date.at, lines, (int)more.len, more.at);
	if (len >= HTTP_BLOCK_BYTES) {
		storage_put(&block->storage);
		return false;
	}
	http_add(a, block->bytes, len, &block->storage);
	return true;
}

static struct http_range add_whole(struct http_answer *a, const struct http_request *request,
                                   const struct http_value *v, uint16_t status)
{
	static const char not_modified[] = "HTTP/1.1 304 Not Modified\r\n";
	const struct kv_entry *e = v->entry;
	const char *lines = http_connection_lines(a->connection, request);
	bool plain = lines[0] == '\r'; /* then the empty line in the store serves */
	bool body = status != 304 && !is_head(request) && e->size;
	size_t skip = status == 304 ? e->validators : 0, len = e->header_len - skip + (plain ? 2 : 0);

	http_log(a, request, status, body ? e->size : 0);
	if (status == 304)
		http_add_start(a, not_modified, sizeof(not_modified) - 1);
	else
		http_add_start(a, http_ok_line, HTTP_OK_BYTES);
	if (body && plain && e->data == e->header + len) {
		len += e->size;
		body = false;
	}
	add_lines(a, v, e->header + skip, len);
	if (!plain)
		http_add(a, lines, strlen(lines), NULL);
	return body ? add_body(a, v, (struct http_range){ 0, e->size }) : (struct http_range){ 0 };
}

/* -- ranges -- */

static void add_unsatisfied(struct http_answer *a, const struct http_request *request, uint64_t size)
{
	char line[48];
	struct http_reply r = { .status = 416, .header = line };

	format(line, sizeof(line), "Content-Range: bytes */%llu\r\n", (unsigned long long)size);
	http_add_reply(a, request, &r);
}

/* Adds the start of the head, with the lines that are about this part alone. */
static bool add_part_start(struct http_answer *a, const struct http_request *request,
                           const struct http_value *v, struct http_range range)
{
	const char *connection = http_connection_lines(a->connection, request);
	char lines[PART_LINES_BYTES], what[80];

	if (a->parts)
		format(what, sizeof(what), "Content-Type: multipart/byteranges; boundary=%016llx",
		       (unsigned long long)http_parts_boundary(a->parts));
	else
		format(what, sizeof(what), "Content-Range: bytes %llu-%llu/%llu", (unsigned long long)range.start,
		       (unsigned long long)(range.start + range.len - 1), (unsigned long long)v->entry->size);
	format(lines, sizeof(lines), "%s\r\nContent-Length: %llu\r\n%.*s", what, (unsigned long long)range.len,
	       (int)strlen(connection) - 2, connection);
	if (!add_made_start(a, 206, lines, (struct http_text){ "", 0 }))
		return false;
	http_log(a, request, 206, range.len);
	return true;
}

/* Adds the value's own lines before its length. */
static void add_description(struct http_answer *a, const struct http_value *v, bool with_type)
{
	const struct kv_entry *e = v->entry;
	const char *start = e->header, *end = start + e->validators - 2;

	while (end > start && end[-1] != '\n')
		end--;
	if (!with_type)
		start = memchr(start, '\n', e->validators) + 1;
	if (end > start)
		add_lines(a, v, start, (size_t)(end - start));
}

/* Adds the head for several parts, or one. false: no room for the lines to be generated. */
static bool add_parts(struct http_answer *a, const struct http_request *request, const struct http_value *v,
                      const struct http_range *ranges, int count)
{
	const struct kv_entry *e = v->entry;
	struct http_range range = ranges[0];

	if (CONFIG_HTTP_RANGES > 1 && count > 1) {
		a->parts = http_parts_create(a->connection->server, v, ranges, count, &range.len);
		if (!a->parts)
			return false;
	}
	if (!add_part_start(a, request, v, range)) {
		if (CONFIG_HTTP_RANGES > 1)
			http_parts_free(a);
		return false;
	}
	add_description(a, v, !a->parts);
	add_lines(a, v, e->header + e->validators, e->header_len - e->validators + 2u);
	return true;
}

/* The result of http_ranges; 0 also when Range does not apply. */
static int wanted_ranges(const struct http_request *request, const struct kv_entry *e,
                         struct http_range ranges[CONFIG_HTTP_RANGES])
{
	uint64_t modified_ns = e->modified_ns;

	if (!(request->flags & HTTP_RANGE) || request->verb != HTTP_GET)
		return 0;
	if (IS_ENABLED(CONFIG_FS_MODIFIED) && clock_wall_ns() < modified_ns + STRONG_DATE_NS)
		modified_ns = 0;
	return http_range_applies(request, e->etag, modified_ns) ? http_ranges(request, e->size, ranges) : 0;
}

struct http_range http_add_value(struct http_answer *a, const struct http_request *request,
                                 const struct http_value *v)
{
	struct http_range ranges[CONFIG_HTTP_RANGES];
	const struct kv_entry *e = v->entry;
	uint16_t status = http_check_conditions(request, e->etag, e->modified_ns);
	int count = status == 200 ? wanted_ranges(request, e, ranges) : 0;

	if (count > 0 && add_parts(a, request, v, ranges, count))
		return a->parts ? (struct http_range){ 0 } : add_body(a, v, ranges[0]);
	if (count < 0)
		add_unsatisfied(a, request, e->size);
	else if (status == 412)
		http_add_status(a, request, status);
	else
		return add_whole(a, request, v, status);
	return (struct http_range){ 0 };
}

/* The page's validators are left out: they would be taken for those of the requested value. */
bool http_add_page(struct http_answer *a, const struct http_request *request, const struct http_value *v,
                   const char *lines, struct http_range *rest)
{
	const struct kv_entry *e = v->entry;
	const char *at = e->header + e->validators, *end = e->header + e->header_len;
	const char *connection = http_connection_lines(a->connection, request);
	bool body = e->size && !(request && is_head(request));

	if (!add_made_start(a, v->status, lines ? lines : "", (struct http_text){ e->header, e->validators }))
		return false;
	http_log(a, request, v->status, body ? e->size : 0);
	while (at < end && (*at == 'E' || *at == 'L')) /* ETag, Last-Modified: the first of the other lines */
		at = memchr(at, '\n', (size_t)(end - at)) + 1;
	add_lines(a, v, at, (size_t)(end - at));
	http_add(a, connection, strlen(connection), NULL);
	*rest = add_body(a, v, (struct http_range){ 0, body ? e->size : 0 });
	return true;
}
