/* SPDX-License-Identifier: ISC */
/* Chooses the answer to a request: by the application's handler, or from the store. A store with its values
 * in constant memory is asked here, at once; another store by transfer.c. */
#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "net/http/negotiate.h"
#include "net/http/path.h"
#include "net/http/server_priv.h"

#define INDEX "index.html"
#define LOCATION_BYTES 320

void http_add_redirect(struct http_answer *a, const struct http_request *request)
{
	char path[LOCATION_BYTES], location[LOCATION_BYTES + 32];
	int len = http_path_to_folder(request->key.at, request->key.len, path, sizeof(path));
	struct http_reply r = { .status = 301, .header = location };

	if (len < 0 || (size_t)len + request->query.len > sizeof(path)) {
		http_add_status(a, request, 414);
		return;
	}
	format(location, sizeof(location), "Location: %.*s%s%.*s\r\n", len, path, request->query.at ? "?" : "",
	       (int)request->query.len, request->query.at ? request->query.at : "");
	http_add_reply(a, request, &r);
}

/* Answers from a store that settles at once and has its values in constant memory. */
static void answer_at_once(struct http_answer *a, const struct http_request *request, uint8_t codings,
                           bool identity)
{
	struct kv *kv = a->connection->server->config.kv;
	struct kv_get get;
	struct http_value value = { .entry = &get.entry, .status = 200 };
	intptr_t result;

	kv_get_coded(kv, &get, request->key.at, request->key.len, codings);
	assert(promise_is_settled(&get.promise));
	result = promise_result(&get.promise);
	if (result == -EISDIR)
		http_add_redirect(a, request);
	else if (result < 0)
		http_add_status(a, request, result == -ENOENT ? 404 : 500);
	else if (!identity && !get.entry.coding)
		http_add_status(a, request, 406);
	else
		http_add_value(a, request, &value);
}

/* key, that of request, has room for INDEX behind it. */
static bool answer_from_store(struct http_answer *a, struct http_request *request, char *key)
{
	struct kv *kv = a->connection->server->config.kv;
	bool identity = true;
	uint8_t codings;

	if (!request->key.len || key[request->key.len - 1] == '/') {
		memcpy(key + request->key.len, INDEX, sizeof(INDEX) - 1);
		request->key.len += sizeof(INDEX) - 1;
	}
	codings = IS_ENABLED(CONFIG_WWW_GZIP) ? http_negotiate(request, &identity) : 0;
	if (!kv)
		http_add_status(a, request, 404);
	else if (IS_ENABLED(CONFIG_FS_PIECES) && kv->ops->read)
		return http_transfer_begin(a, request, codings);
	else
		answer_at_once(a, request, codings, identity);
	return true;
}

/* -- requests -- */

/* The status that refuses a request for something that the server does not support; 0: none. */
static uint16_t refusal(const struct http_config *config, const struct http_request *request)
{
	if (request->flags & HTTP_OTHER_EXPECT)
		return 417;
	if (request->flags & HTTP_OTHER_CODING)
		return 501;
	if (request->content_length > config->body_bytes)
		return 413;
	return request->verb == HTTP_METHOD_UNKNOWN ? 501 : 0;
}

/* Does the connection go on (RFC 9112 §9.3)? A client that waits for "100 Continue", which is not sent, may
 * or may not send the body, and a chunked body is not parsed here: in both cases the next request cannot be
 * found. */
static bool persists(const struct http_request *request)
{
	if (request->flags & (HTTP_CLOSE | HTTP_CHUNKED) ||
	    (request->flags & HTTP_CONTINUE && request->content_length))
		return false;
	return request->minor || request->flags & HTTP_KEEP_ALIVE;
}

static bool answer_without_handler(struct http_answer *a, struct http_request *request, char *key)
{
	if (request->flags & HTTP_CHUNKED)
		http_answer_error(a, request, 411);
	else if (request->verb == HTTP_OPTIONS)
		http_add_status(a, request, 204);
	else if (request->verb > HTTP_OPTIONS)
		http_add_status(a, request, 405);
	else
		return answer_from_store(a, request, key);
	return true;
}

/* Gives the handler's result. 0: it has answered. */
static int ask_handler(struct http_answer *a, const struct http_request *request)
{
	const struct http_config *config = &a->connection->server->config;
	struct http_reply r = { .status = 200, .answer = a };
	int result = config->handler(config->arg, request, &r);

	assert_debug(result == HTTP_LATER || !a->event);
	if (result == 0)
		http_add_reply(a, request, &r);
	return result;
}

bool http_answer_request(struct http_answer *a, struct http_request *request)
{
	struct http_connection *c = a->connection;
	const struct http_config *config = &c->server->config;
	char key[CONFIG_HTTP_TARGET_BYTES + sizeof(INDEX)];
	uint16_t status = refusal(config, request);
	int key_len, result = -ENOENT;

	if (status) {
		http_answer_error(a, request, status);
		return true;
	}
	c->drop = (uint32_t)request->content_length;
	if (!persists(request))
		c->flags |= HTTP_LAST | (request->flags & HTTP_CHUNKED ? HTTP_UNREAD : 0);
	key_len = http_path_to_key(request->path, key);
	if (key_len < 0) {
		http_add_status(a, request, 400);
		return true;
	}
	request->key = (struct http_text){ key, (size_t)key_len };
	if (config->handler && *request->path.at == '/')
		result = ask_handler(a, request);
	if (result == -ENOENT)
		return answer_without_handler(a, request, key);
	if (result != 0 && result != HTTP_LATER)
		http_add_status(a, request, 500);
	return true;
}
