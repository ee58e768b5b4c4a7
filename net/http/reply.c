/* SPDX-License-Identifier: ISC */
/* Generated answers: a block with status line, date and header lines, and a body that is constant or the
 * application's. Errors are of this kind, redirects, and answers of handlers. Also the lines that all answers
 * begin and end with. */
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/format.h"
#include "net/http/negotiate.h"
#include "net/http/server_priv.h"

#define LOG_TAG "http"
#include "kernel/log.h"

const char http_ok_line[] = "HTTP/1.1 200 OK\r\n";
static const char allow[] = "Allow: GET, HEAD, OPTIONS\r\n";

/* Each is the second half of a status line and, for errors, the body too. */
static const char statuses[] =
	"200 OK\0"
	"201 Created\0"
	"204 No Content\0"
	"206 Partial Content\0"
	"301 Moved Permanently\0"
	"302 Found\0"
	"303 See Other\0"
	"304 Not Modified\0"
	"308 Permanent Redirect\0"
	"400 Bad Request\0"
	"401 Unauthorized\0"
	"403 Forbidden\0"
	"404 Not Found\0"
	"405 Method Not Allowed\0"
	"406 Not Acceptable\0"
	"408 Request Timeout\0"
	"409 Conflict\0"
	"411 Length Required\0"
	"412 Precondition Failed\0"
	"413 Content Too Large\0"
	"414 URI Too Long\0"
	"416 Range Not Satisfiable\0"
	"417 Expectation Failed\0"
	"429 Too Many Requests\0"
	"431 Request Header Fields Too Large\0"
	"500 Internal Server Error\0"
	"501 Not Implemented\0"
	"503 Service Unavailable\0"
	"505 HTTP Version Not Supported\0"
	"\0\0\0\0"; /* for numbers that are not here */

const char *http_status_text(uint16_t status)
{
	const char *text = statuses;

	while (*text && (text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0' != status)
		text += strlen(text) + 1;
	return text;
}

void http_correct_status(struct http_reply *r)
{
	if (r->status < 200 || r->status > 599)
		r->status = 500;
}

void http_add(struct http_answer *a, const void *data, size_t len, struct storage *storage)
{
	a->slices[a->count++] = (struct slice){ data, len, storage };
}

/* -- lines that every answer may have -- */

static void make_date(struct http_server *server, uint64_t now_ns)
{
	struct http_block *block = http_block_alloc(server);
	uint32_t seconds = (uint32_t)(now_ns / NS_PER_S);

	if (!block)
		return; /* the old date is kept: it is only a little late */
	if (server->date)
		storage_put(&server->date->storage);
	memcpy(block->bytes, http_ok_line, HTTP_OK_BYTES);
	memcpy(block->bytes + HTTP_OK_BYTES, "Date: ", 6);
	http_date_format(block->bytes + HTTP_OK_BYTES + 6, seconds);
	memcpy(block->bytes + HTTP_OK_DATE_BYTES - 2, "\r\n", 2);
	server->date = block;
	server->date_ns = seconds * NS_PER_S;
}

/* The usual status line and the Date line, or NULL: a server without a clock must not send one (RFC 9110
 * §6.6.1). */
static struct http_block *current_date(struct http_server *server)
{
	uint64_t now_ns = clock_wall_ns();

	if (!now_ns)
		return NULL;
	if (!server->date || now_ns - server->date_ns >= NS_PER_S)
		make_date(server, now_ns);
	return server->date;
}

void http_add_start(struct http_answer *a, const char *line, size_t len)
{
	struct http_block *date = current_date(a->connection->server);

	if (line != http_ok_line || !date)
		http_add(a, line, len, NULL);
	if (!date)
		return;
	len = line == http_ok_line ? 0 : HTTP_OK_BYTES;
	storage_get(&date->storage);
	http_add(a, date->bytes + len, HTTP_OK_DATE_BYTES - len, &date->storage);
}

struct http_text http_date_line(struct http_server *server)
{
	struct http_block *date = current_date(server);

	return date ? (struct http_text){ date->bytes + HTTP_OK_BYTES, HTTP_OK_DATE_BYTES - HTTP_OK_BYTES } :
		(struct http_text){ "", 0 };
}

const char *http_connection_lines(const struct http_connection *c, const struct http_request *request)
{
	if (c->flags & HTTP_LAST)
		return "Connection: close\r\n\r\n";
	return request && !request->minor ? "Connection: keep-alive\r\n\r\n" : "\r\n";
}

/* -- generated answers -- */

/* Some answers have no body by their status (RFC 9110 §6.4.1). */
static bool has_body(const struct http_reply *r)
{
	return r->status != 204 && r->status != 304;
}

/* Writes the whole head of r. Gives its length, whether it fits in HTTP_BLOCK_BYTES or not. */
static size_t format_head(struct http_answer *a, char *to, const struct http_reply *r, const char *text,
                          const char *connection)
{
	struct http_text date = http_date_line(a->connection->server);
	const char *header = r->header ? r->header : "";

	if (!has_body(r))
		return format(to, HTTP_BLOCK_BYTES, "HTTP/1.1 %u %s\r\n%.*s%s%s", r->status, text + 4, (int)date.len,
		              date.at, header, connection);
	return format(to, HTTP_BLOCK_BYTES,
	              "HTTP/1.1 %u %s\r\n%.*s%sContent-Type: %s\r\nContent-Length: %zu\r\n%s", r->status,
	              text + 4, (int)date.len, date.at, header, r->type ? r->type : "text/plain", r->body.len,
	              connection);
}

void http_page_key(char key[HTTP_PAGE_KEY_BYTES + 1], uint16_t status)
{
	format(key, HTTP_PAGE_KEY_BYTES + 1, "%u.html", status);
}

/* Adds the site's own page for the error. false: there is none. */
static bool add_page(struct http_answer *a, const struct http_request *request, const struct http_reply *r)
{
	struct kv *kv = a->connection->server->config.kv;
	struct kv_get get;
	struct http_value value = { .entry = &get.entry, .status = r->status };
	char key[HTTP_PAGE_KEY_BYTES + 1];
	struct http_range none;

	if (!kv)
		return false;
	if (IS_ENABLED(CONFIG_FS_PIECES) && kv->ops->read)
		return http_transfer_page(a, request, r);
	http_page_key(key, r->status);
	kv_get_coded(kv, &get, key, HTTP_PAGE_KEY_BYTES, 0);
	return promise_result(&get.promise) == 0 && http_add_page(a, request, &value, r->header, &none);
}

void http_add_reply(struct http_answer *a, const struct http_request *request, struct http_reply *r)
{
	static const char no_room[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	struct http_connection *c = a->connection;
	struct http_block *block;
	const char *text;
	size_t len;
	bool body;

	http_correct_status(r);
	text = http_status_text(r->status);
	if (r->status >= 400 && !r->body.data) {
		if (add_page(a, request, r))
			return;
		r->body = (struct slice){ text, strlen(text), NULL };
	}
	block = http_block_alloc(c->server);
	body = has_body(r) && r->body.len && !(request && request->verb == HTTP_HEAD);
	http_log(a, request, r->status, body ? r->body.len : 0);
	len = block ? format_head(a, block->bytes, r, text, http_connection_lines(c, request)) : 0;
	if (len >= HTTP_BLOCK_BYTES) {
		log_warn("header too long bytes=%zu status=%u", len, r->status);
		storage_put(&block->storage);
		block = NULL;
	}
	if (block) {
		http_add(a, block->bytes, len, &block->storage);
	} else {
		c->flags |= HTTP_LAST;
		http_add(a, no_room, sizeof(no_room) - 1, NULL);
	}
	if (block && body)
		http_add(a, r->body.data, r->body.len, r->body.storage);
	else
		storage_put(r->body.storage);
}

void http_add_status(struct http_answer *a, const struct http_request *request, uint16_t status)
{
	struct http_reply r = { .status = status, .header = status == 405 || status == 204 ? allow : NULL };

	http_add_reply(a, request, &r);
}

void http_answer_error(struct http_answer *a, const struct http_request *request, uint16_t status)
{
	a->connection->flags |= HTTP_LAST | HTTP_UNREAD;
	http_add_status(a, request, status);
}
