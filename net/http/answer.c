/* SPDX-License-Identifier: ISC */
/* What a request is answered with: slices of constant memory where the store has the value ready,
 * otherwise a block of generated header lines. The usual answer is two slices: the status line (with
 * the date, which is generated once a second), then header lines and body as they lie together in
 * the store. */
#include <errno.h>
#include <string.h>

#include "fs/kv.h"
#include "kernel/dev/clock.h"
#include "kernel/format.h"
#include "net/http/conditional.h"
#include "net/http/path.h"
#include "net/http/server_priv.h"

#define LOG_TAG "http"
#include "kernel/log.h"

#define INDEX "index.html"
#define LOCATION_BYTES 320

static const char ok_line[] = "HTTP/1.1 200 OK\r\n";
static const char allow[] = "Allow: GET, HEAD, OPTIONS\r\n";

/* Each is the second half of a status line and, for errors, the body too. */
static const char statuses[] =
	"500 Internal Server Error\0" /* first: for numbers that are not here */
	"200 OK\0"
	"201 Created\0"
	"204 No Content\0"
	"301 Moved Permanently\0"
	"302 Found\0"
	"303 See Other\0"
	"308 Permanent Redirect\0"
	"400 Bad Request\0"
	"401 Unauthorized\0"
	"403 Forbidden\0"
	"404 Not Found\0"
	"405 Method Not Allowed\0"
	"408 Request Timeout\0"
	"409 Conflict\0"
	"411 Length Required\0"
	"412 Precondition Failed\0"
	"413 Content Too Large\0"
	"414 URI Too Long\0"
	"417 Expectation Failed\0"
	"429 Too Many Requests\0"
	"431 Request Header Fields Too Large\0"
	"501 Not Implemented\0"
	"503 Service Unavailable\0"
	"505 HTTP Version Not Supported\0";

static const char *status_text(uint16_t status)
{
	for (const char *text = statuses; *text; text += strlen(text) + 1)
		if ((text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0' == status)
			return text;
	return statuses;
}

/* Takes storage. */
static void add(struct http_answer *a, const void *data, size_t len, struct storage *storage)
{
	a->slices[a->count++] = (struct slice){ data, len, storage };
}

/* -- lines that every answer may have -- */

static void make_date(struct http_server *server, uint64_t now_ns)
{
	struct http_block *block = http_block_alloc(server);
	uint32_t seconds = (uint32_t)(now_ns / NS_PER_S);

	if (!block)
		return; /* the old one is a little late, but true of some moment of this request's life */
	if (server->date)
		storage_put(&server->date->storage);
	memcpy(block->bytes, ok_line, HTTP_OK_BYTES);
	memcpy(block->bytes + HTTP_OK_BYTES, "Date: ", 6);
	http_date_format(block->bytes + HTTP_OK_BYTES + 6, seconds);
	memcpy(block->bytes + HTTP_OK_DATE_BYTES - 2, "\r\n", 2);
	server->date = block;
	server->date_ns = seconds * NS_PER_S;
}

/* ok_line and the Date line, or NULL: a server without a clock must not send one (RFC 9110 §6.6.1). */
static struct http_block *current_date(struct http_server *server)
{
	uint64_t now_ns = clock_wall_ns();

	if (!now_ns)
		return NULL;
	if (!server->date || now_ns - server->date_ns >= NS_PER_S)
		make_date(server, now_ns);
	return server->date;
}

/* Adds the status line and the date. */
static void add_start(struct http_answer *a, const char *line, size_t len)
{
	struct http_block *date = current_date(a->connection->server);

	if (line != ok_line || !date)
		add(a, line, len, NULL);
	if (!date)
		return;
	len = line == ok_line ? 0 : HTTP_OK_BYTES;
	storage_get(&date->storage);
	add(a, date->bytes + len, HTTP_OK_DATE_BYTES - len, &date->storage);
}

/* The last header lines; request is NULL for what was none. */
static const char *connection_lines(const struct http_connection *c, const struct http_request *request)
{
	if (c->flags & HTTP_LAST)
		return "Connection: close\r\n\r\n";
	return request && !request->minor ? "Connection: keep-alive\r\n\r\n" : "\r\n";
}

/* -- generated answers -- */

/* Writes the whole head of r. Gives its length, which may be more than there is room for. */
static size_t format_head(struct http_answer *a, char *to, const struct http_reply *r, const char *text,
                          const char *connection)
{
	struct http_block *date = current_date(a->connection->server);
	const char *lines = date ? date->bytes + HTTP_OK_BYTES : "", *header = r->header ? r->header : "";
	int date_len = date ? HTTP_OK_DATE_BYTES - HTTP_OK_BYTES : 0;

	if (r->status == 204)
		return format(to, HTTP_BLOCK_BYTES, "HTTP/1.1 %s\r\n%.*s%s%s", text, date_len, lines, header,
		              connection);
	return format(to, HTTP_BLOCK_BYTES, "HTTP/1.1 %s\r\n%.*s%sContent-Type: %s\r\nContent-Length: %zu\r\n%s",
	              text, date_len, lines, header, r->type ? r->type : "text/plain", r->body.len, connection);
}

/* Takes r's body. */
static void add_reply(struct http_answer *a, const struct http_request *request, struct http_reply *r)
{
	static const char no_room[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	struct http_connection *c = a->connection;
	struct http_block *block = http_block_alloc(c->server);
	const char *text = status_text(r->status);
	size_t len;

	if (r->status >= 400 && !r->body.data)
		r->body = (struct slice){ text, strlen(text), NULL };
	len = block ? format_head(a, block->bytes, r, text, connection_lines(c, request)) : 0;
	if (len >= HTTP_BLOCK_BYTES) {
		log_warn("header too long bytes=%zu status=%u", len, r->status);
		storage_put(&block->storage);
		block = NULL;
	}
	if (block) {
		add(a, block->bytes, len, &block->storage);
	} else {
		c->flags |= HTTP_LAST;
		add(a, no_room, sizeof(no_room) - 1, NULL);
	}
	if (block && r->status != 204 && r->body.len && !(request && request->verb == HTTP_HEAD))
		add(a, r->body.data, r->body.len, r->body.storage);
	else
		storage_put(r->body.storage);
}

static void add_status(struct http_answer *a, const struct http_request *request, uint16_t status)
{
	struct http_reply r = { .status = status, .header = status == 405 || status == 204 ? allow : NULL };

	add_reply(a, request, &r);
}

void http_answer_error(struct http_answer *a, const struct http_request *request, uint16_t status)
{
	a->connection->flags |= HTTP_LAST | HTTP_UNREAD;
	add_status(a, request, status);
}

/* A folder was asked for as if it were a file: relative links in its index need the slash. */
static void add_redirect(struct http_answer *a, const struct http_request *request, const char *key,
                         size_t key_len)
{
	char path[LOCATION_BYTES], location[LOCATION_BYTES + 32];
	int len = http_path_to_folder(key, key_len, path, sizeof(path));
	struct http_reply r = { .status = 301, .header = location };

	if (len < 0 || (size_t)len + request->query.len > sizeof(path)) {
		add_status(a, request, 414);
		return;
	}
	format(location, sizeof(location), "Location: %.*s%s%.*s\r\n", len, path, request->query.at ? "?" : "",
	       (int)request->query.len, request->query.at ? request->query.at : "");
	add_reply(a, request, &r);
}

/* -- answers from the store -- */

static void add_value(struct http_answer *a, const struct http_request *request, const struct kv_entry *e)
{
	static const char not_modified[] = "HTTP/1.1 304 Not Modified\r\n";
	const char *lines = connection_lines(a->connection, request);
	bool plain = lines[0] == '\r'; /* then the empty line in the store will do */
	uint16_t status = http_check_conditions(request, e->etag, e->modified_ns);
	bool body = status == 200 && request->verb == HTTP_GET && e->size;
	size_t skip = status == 304 ? e->validators : 0, len = e->header_len - skip + (plain ? 2 : 0);

	if (status == 412) {
		add_status(a, request, 412);
		return;
	}
	if (status == 304)
		add_start(a, not_modified, sizeof(not_modified) - 1);
	else
		add_start(a, ok_line, HTTP_OK_BYTES);
	if (body && plain && e->data == e->header + len) {
		len += e->size;
		body = false;
	}
	add(a, e->header + skip, len, NULL);
	if (!plain)
		add(a, lines, strlen(lines), NULL);
	if (body)
		add(a, e->data, e->size, NULL);
}

/* key has room for INDEX behind it. */
static void answer_from_store(struct http_answer *a, const struct http_request *request, char *key,
                              size_t key_len)
{
	struct kv *kv = a->connection->server->config.kv;
	struct kv_get get;
	intptr_t result = -ENOENT;

	if (request->verb == HTTP_OPTIONS) {
		add_status(a, request, 204);
		return;
	}
	if (request->verb > HTTP_OPTIONS) {
		add_status(a, request, 405);
		return;
	}
	if (!key_len || key[key_len - 1] == '/') {
		memcpy(key + key_len, INDEX, sizeof(INDEX) - 1);
		key_len += sizeof(INDEX) - 1;
	}
	if (kv) {
		kv_get(kv, &get, key, key_len);
		assert(promise_is_settled(&get.promise));
		result = promise_result(&get.promise);
	}
	if (result == 0)
		add_value(a, request, &get.entry);
	else if (result == -EISDIR)
		add_redirect(a, request, key, key_len);
	else
		add_status(a, request, result == -ENOENT ? 404 : 500);
}

/* -- requests -- */

/* What a request asks of the server itself that cannot be had; 0 when nothing. */
static uint16_t refusal(const struct http_config *config, const struct http_request *request)
{
	if (request->flags & HTTP_OTHER_EXPECT)
		return 417;
	if (request->flags & HTTP_OTHER_CODING)
		return 501;
	if (request->flags & HTTP_CHUNKED)
		return 411;
	if (request->content_length > config->body_bytes)
		return 413;
	return request->verb == HTTP_METHOD_UNKNOWN ? 501 : 0;
}

/* Whether the connection goes on (RFC 9112 §9.3). Who waits for "100 Continue" will not hear it and
 * may or may not send the body then, so nothing after that can be told apart. */
static bool persists(const struct http_request *request)
{
	if (request->flags & HTTP_CLOSE || (request->flags & HTTP_CONTINUE && request->content_length))
		return false;
	return request->minor || request->flags & HTTP_KEEP_ALIVE;
}

void http_answer_request(struct http_answer *a, const struct http_request *request)
{
	struct http_connection *c = a->connection;
	const struct http_config *config = &c->server->config;
	char key[CONFIG_HTTP_TARGET_BYTES + sizeof(INDEX)];
	struct http_reply r = { .status = 200 };
	uint16_t status = refusal(config, request);
	int key_len, result = -ENOENT;

	if (status) {
		http_answer_error(a, request, status);
		return;
	}
	c->drop = (uint32_t)request->content_length;
	if (!persists(request))
		c->flags |= HTTP_LAST;
	key_len = http_path_to_key(request->path, key);
	if (key_len < 0) {
		add_status(a, request, 400);
		return;
	}
	if (config->handler)
		result = config->handler(config->arg, request, key, (size_t)key_len, &r);
	if (result == 0)
		add_reply(a, request, &r);
	else if (result == -ENOENT)
		answer_from_store(a, request, key, (size_t)key_len);
	else
		add_status(a, request, 500);
}
