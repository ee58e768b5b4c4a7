/* SPDX-License-Identifier: ISC */
/* Header lines by pattern come from a value of the store, which is read when the server is created; requests
 * for values wait until it has been read. It is used whole, or, if anything is wrong with it, not at all. */
#include <errno.h>
#include <string.h>

#include "kernel/instance.h"
#include "net/http/rules.h"
#include "net/http/server_priv.h"

#define LOG_TAG "http"
#include "kernel/log.h"

struct http_rules {
	struct http_server *server;
	struct waiter waiter;
	struct kv_get get;
	struct kv_read read;
	bool is_read;
	uint32_t len; /* 0 also if it is not used */
	char text[CONFIG_HTTP_RULES_BYTES];
};

/* error: why the file is not used, and line: where; 0: it is used, or there is none. */
static void end(struct http_rules *r, int error, unsigned line)
{
	if (error) {
		log_warn("%s is not used error=%d line=%u", r->server->config.rules, -error, line);
		r->len = 0;
	}
	r->is_read = true;
	http_wake_waiting(r->server);
}

static void read_on(struct http_rules *r);

static void take(struct http_rules *r)
{
	for (uint32_t i = 0; i < r->read.count; i++) {
		const struct slice *s = &r->read.slices[i];

		memcpy(r->text + r->len, s->data, s->len);
		r->len += (uint32_t)s->len;
		storage_put(s->storage);
	}
}

static void has_read(struct waiter *waiter)
{
	struct http_rules *r = container_of(waiter, struct http_rules, waiter);
	intptr_t n = promise_result(&r->read.promise);
	unsigned line;

	if (n > 0) {
		take(r);
		read_on(r);
		return;
	}
	line = n < 0 ? 0 : http_rules_check((struct http_text){ r->text, r->len });
	end(r, line ? -EBADMSG : (int)n, line);
}

static void read_on(struct http_rules *r)
{
	kv_read(r->server->config.kv, &r->read, &r->get.entry, r->len, (uint32_t)sizeof(r->text) - r->len);
	promise_wait(&r->read.promise, &r->waiter, has_read);
}

static void got(struct waiter *waiter)
{
	struct http_rules *r = container_of(waiter, struct http_rules, waiter);
	intptr_t result = promise_result(&r->get.promise);

	if (result < 0)
		end(r, result == -ENOENT ? 0 : (int)result, 0);
	else if (r->get.entry.size > sizeof(r->text))
		end(r, -EFBIG, 0);
	else
		read_on(r);
}

int http_rules_create(struct http_server *server)
{
	struct http_rules *r = server->rules = instance_alloc(sizeof(*r));
	const char *key = server->config.rules;

	if (!r)
		return -ENOMEM;
	r->server = server;
	kv_get(server->config.kv, &r->get, key, strlen(key));
	promise_wait(&r->get.promise, &r->waiter, got);
	return 0;
}

void http_rules_destroy(struct http_server *server)
{
	instance_free(server->rules, sizeof(*server->rules));
}

bool http_rules_are_awaited(const struct http_server *server)
{
	return server->rules && !server->rules->is_read;
}

bool http_rules_are_in(const struct http_server *server, struct http_text key)
{
	const char *name = server->config.rules;

	return server->rules && http_rules_fit((struct http_text){ name, strlen(name) }, key);
}

struct http_rules_at http_rules_begin(const struct http_server *server)
{
	struct http_rules_at at = { .fits = false };

	if (server->rules)
		at.rest = (struct http_text){ server->rules->text, server->rules->len };
	return at;
}
