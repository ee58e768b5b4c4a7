/* SPDX-License-Identifier: ISC */
/* Header lines for a value of a store that has none ready: those that scripts/crunch makes for a file, and in
 * their order (fs/kv.h). They are made for each request, so without format(), for speed. */
#include <string.h>

#include "kernel/dev/clock.h"
#include "net/http/server_priv.h"

#define LOG_TAG "http"
#include "kernel/log.h"

#define CACHE_CONTROL CONFIG_HTTP_CACHE_CONTROL
#define CHARSET "; charset=utf-8"

static char *put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

static char *put_number(char *to, uint64_t n)
{
	char digits[20], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	return put(to, at, (size_t)(digits + sizeof(digits) - at));
}

static char *put_type_and_length(char *to, struct http_text key, uint64_t size)
{
	const char *type = http_media_type(key);
	bool has_charset;

	to = PUT(to, "Content-Type: ");
	if (!strchr(type, '/'))
		to = PUT(to, "application/");
	to = put(to, type, strlen(type));
	has_charset = !memcmp(type, "text/", 5) || !memcmp(to - 4, "+xml", 4);
	to = put(to, CHARSET, has_charset ? sizeof(CHARSET) - 1 : 0);
	to = PUT(to, "\r\nAccept-Ranges: bytes\r\nContent-Length: ");
	to = put_number(to, size);
	return PUT(to, "\r\n");
}

/* A time in the future is sent as now (RFC 9110 §8.8.2.1): FAT's times may be of another time zone. */
static uint32_t last_modified(const struct kv_entry *e)
{
	uint64_t now_ns = clock_wall_ns();

	return (uint32_t)((now_ns ? MIN(now_ns, e->modified_ns) : e->modified_ns) / NS_PER_S);
}

static char *put_validators(char *to, const struct kv_entry *e)
{
	if (e->etag) {
		to = PUT(to, "ETag: ");
		to = put(to, e->etag, strlen(e->etag));
		to = PUT(to, "\r\n");
	}
	if (IS_ENABLED(CONFIG_FS_MODIFIED) && e->modified_ns) {
		to = PUT(to, "Last-Modified: ");
		http_date_format(to, last_modified(e));
		to = PUT(to + HTTP_DATE_BYTES, "\r\n");
	}
	return PUT(to, "Cache-Control: " CACHE_CONTROL "\r\n");
}
static_assert(sizeof("Content-Type: \r\nAccept-Ranges: bytes\r\nContent-Length: \r\nETag: \r\n"
                     "Last-Modified: \r\nCache-Control: " CACHE_CONTROL CHARSET "\r\n\r\n") +
              HTTP_TYPE_BYTES + 20 + KV_ETAG_BYTES + HTTP_DATE_BYTES <= HTTP_BLOCK_BYTES,
              "HTTP_CACHE_CONTROL is too long");

/* -- lines by pattern -- */

/* Is name that of line's field? Names of fields differ only in the bit of case if they are equal. */
static bool has_name(const char *line, struct http_text name)
{
	size_t i = 0;

	while (i < name.len && (line[i] | 0x20) == (name.at[i] | 0x20))
		i++;
	return i == name.len && line[i] == ':';
}

/* Replaces the line of the same name by line, or appends it. false: there is no room. */
static bool put_line(char *lines, struct kv_entry *e, struct http_text line)
{
	const struct http_text name = { line.at, (size_t)((char *)memchr(line.at, ':', line.len) - line.at) };
	char *at = lines, *end = lines + e->header_len, *next = lines;
	size_t len = line.len + 2;

	while (at < end) {
		next = (char *)memchr(at, '\n', (size_t)(end - at)) + 1;
		if ((size_t)(next - at) > name.len && has_name(at, name))
			break;
		at = next;
	}
	if (e->header_len - (size_t)(next - at) + len + 2 > HTTP_BLOCK_BYTES)
		return false;
	e->header_len = (uint16_t)(e->header_len - (next - at) + len);
	if (at < lines + e->validators)
		e->validators = (uint16_t)(e->validators - (next - at) + len);
	memmove(at + len, next, (size_t)(end - next));
	memcpy(put(at, line.at, line.len), "\r\n", 2);
	return true;
}

/* Puts the site's lines for this key. false: there is no room. */
static bool put_rules(const struct http_server *server, struct http_text key, char *lines, struct kv_entry *e)
{
	struct http_rules_at at;
	struct http_text line;

	if (!IS_ENABLED(CONFIG_HTTP_RULES))
		return true;
	at = http_rules_begin(server);
	while (http_rules_next(&at, key, &line)) {
		if (put_line(lines, e, line))
			continue;
		log_warn("header too long key=\"%.*s\"", (int)key.len, key.at);
		return false;
	}
	return true;
}

struct http_block *http_lines_create(struct http_server *server, struct http_text key, struct kv_entry *e)
{
	struct http_block *block = http_block_alloc(server);
	char *at;

	if (!block)
		return NULL;
	at = put_type_and_length(block->bytes, key, e->size);
	e->validators = (uint16_t)(at - block->bytes);
	at = put_validators(at, e);
	e->header = block->bytes;
	e->header_len = (uint16_t)(at - block->bytes);
	if (!put_rules(server, key, block->bytes, e)) {
		storage_put(&block->storage);
		return NULL;
	}
	PUT(block->bytes + e->header_len, "\r\n");
	return block;
}
