/* SPDX-License-Identifier: ISC */
/* An HTTP/1.1 server (RFC 9110, 9112) over any flow. It answers GET and HEAD from a store, and any request by
 * a handler. All memory is taken when the server is created; no request allocates, and an idle connection
 * holds 144 bytes.
 *
 * The store's value "404.html" is the body of answers with that status, and likewise for every other error,
 * also without a whole request (400, 408, 414, 431, 505) or without room for one (503). Conditions, ranges
 * and codings of the request do not apply to it. A store that waits is asked for it only while a transfer is
 * free; else the body is a line of text.
 *
 *   struct http_config config = HTTP_CONFIG_DEFAULTS;
 *   config.kv = app->kv;
 *   http_server_create(&server, &config);
 *   stack_tcp_listen(app->stack, 80, http_server_accept, server);
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "kernel/flow.h"
#include "net/http/parse.h"

struct http_server;
struct http_answer;
struct kv;       /* fs/kv.h */
struct endpoint; /* net/addr.h */

/* A handler's answer. All but body is copied before the handler's caller returns. An error without a body
 * gets the store's page for it, if there is one, or a line of text; if answered later (net/http/exchange.h),
 * the page only from a store that does not wait. */
struct http_reply {
	uint16_t status;    /* 200 to 599, 200 unless the handler sets it; others are sent as 500 */
	const char *type;   /* media type of body; NULL: text/plain */
	const char *header; /* further header lines, each with its CRLF; or NULL */
	struct slice body;  /* as for flow_write; storage is taken */
	struct http_answer *answer; /* the server's own */
};

#define HTTP_LATER 1 /* a handler's answer comes later: net/http/exchange.h */

/* Answers a well-formed request. 0: reply is filled in; HTTP_LATER; -ENOENT leaves the request to the store;
 * another error means status 500. Borrows everything; must not wait. request->key is the path. The part of a
 * request's body that it does not read (net/http/exchange.h) is dropped. */
typedef int http_handler(void *arg, const struct http_request *request, struct http_reply *reply);

struct http_config {
	struct kv *kv;         /* the store to serve; or NULL */
	const char *rules;     /* with HTTP_RULES, the key of header lines by pattern (net/http/rules.h), in a
	                          store that has none ready: it is read at once, and not served; or NULL */
	http_handler *handler; /* asked first; or NULL */
	void *arg;             /* handler's */
	/* With HTTP_LOG: called for each answer when its head is made; for one in pieces (net/http/exchange.h)
	 * when it has ended. request may be in part only, or NULL: there was none. body_bytes: of the whole
	 * answer, or of pieces those that the flow has accepted. Borrows everything. */
	void (*log)(void *arg, struct flow *flow, const struct http_request *request, uint16_t status,
	            uint64_t body_bytes);
	void *log_arg;
	struct http_limits limits; /* target_bytes at most the option HTTP_TARGET_BYTES */
	uint32_t connections;      /* more get 503; when only a sixteenth is left, idle ones are ended */
	uint32_t spare;            /* connections over that, which get 503 */
	uint32_t answers;          /* being sent at the same time; other requests wait for one */
	uint32_t heads;            /* requests being put together from several packets */
	uint32_t blocks;           /* answers with generated header lines in flight */
	uint32_t transfers;        /* answers from a store that waits (fs/kv.h: kv_read) */
	uint32_t body_bytes;       /* of a request; a longer body gets 413 */
	uint64_t head_ns;          /* from a request's first byte to its last */
	uint64_t idle_ns;          /* between requests */
	uint64_t write_ns;         /* without the client taking a byte */
	uint64_t linger_ns;        /* after the last answer, until the client ends its stream */
};

#ifdef CONFIG_FS_PIECES
#define HTTP_CONFIG_TRANSFERS CONFIG_HTTP_TRANSFERS
#else
#define HTTP_CONFIG_TRANSFERS 0
#endif

#ifdef CONFIG_HTTP_RULES
#define HTTP_CONFIG_RULES "_headers"
#else
#define HTTP_CONFIG_RULES NULL
#endif

/* Bytes of path and query kept for the log: a little more than a line of it has room for. */
#define HTTP_LOGGED_BYTES (IS_ENABLED(CONFIG_HTTP_LOG) ? 240 : 1)

#define HTTP_CONFIG_DEFAULTS { \
	.rules = HTTP_CONFIG_RULES, \
	.limits = { CONFIG_HTTP_HEAD_BYTES, CONFIG_HTTP_TARGET_BYTES, CONFIG_HTTP_FIELDS }, \
	.connections = CONFIG_HTTP_CONNECTIONS, \
	.spare = CONFIG_HTTP_SPARE_CONNECTIONS, \
	.answers = CONFIG_HTTP_ANSWERS, \
	.heads = CONFIG_HTTP_HEADS, \
	.blocks = CONFIG_HTTP_BLOCKS, \
	.transfers = HTTP_CONFIG_TRANSFERS, \
	.body_bytes = CONFIG_HTTP_BODY_BYTES, \
	.head_ns = CONFIG_HTTP_HEAD_SECONDS * NS_PER_S, \
	.idle_ns = CONFIG_HTTP_IDLE_SECONDS * NS_PER_S, \
	.write_ns = CONFIG_HTTP_WRITE_SECONDS * NS_PER_S, \
	.linger_ns = CONFIG_HTTP_LINGER_SECONDS * NS_PER_S, \
}

/* 0, or -ENOMEM. Copies config. */
int http_server_create(struct http_server **out, const struct http_config *config);

/* Serves requests over flow until either side ends it. Takes flow, or fails with -ENOBUFS: then there are
 * too many connections even to send 503, and flow stays the caller's. */
int http_server_serve(struct http_server *server, struct flow *flow);
/* The same as an accept_fn of net/stack.h, with the server as its argument. */
int http_server_accept(void *server, struct flow *flow, const struct endpoint *peer);

/* Aborts every connection. They are freed when the loop has run, except those whose answer an application or
 * a store is still working on: they are freed when that is done. */
void http_server_close(struct http_server *server);
/* All connections must have been freed, and their operations of the store have settled. */
void http_server_destroy(struct http_server *server);

struct http_stats {
	uint64_t requests; /* answered, well-formed or not */
	uint64_t refused;  /* connections beyond the limit */
	uint64_t expired;  /* connections ended by a time limit, but for idle ones */
	size_t connections, answers, heads, blocks, transfers; /* in use now */
	size_t connections_peak, answers_peak, heads_peak, blocks_peak, transfers_peak;
};
void http_server_stats(const struct http_server *server, struct http_stats *out);

#endif
