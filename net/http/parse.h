/* SPDX-License-Identifier: ISC */
/* The head of an HTTP/1.x request (RFC 9112), parsed in place in one pass: the results are slices of
 * the input. Only the fields that decide how the message ends and whether the connection goes on are
 * stored; others are found by walking the head again when they are needed. */
#ifndef NET_HTTP_PARSE_H
#define NET_HTTP_PARSE_H

#include "kernel/util.h"

struct http_text {
	const char *at;
	size_t len;
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_OPTIONS,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_PATCH,
	HTTP_TRACE,
	HTTP_METHOD_UNKNOWN,
};

enum http_request_flags {
	HTTP_HAS_HOST = 1 << 0,
	HTTP_HAS_LENGTH = 1 << 1,
	HTTP_CHUNKED = 1 << 2,      /* Transfer-Encoding: its last coding is chunked */
	HTTP_OTHER_CODING = 1 << 3, /* … and there are others before it */
	HTTP_CLOSE = 1 << 4,        /* Connection: close */
	HTTP_KEEP_ALIVE = 1 << 5,   /* Connection: keep-alive */
	HTTP_CONTINUE = 1 << 6,     /* Expect: 100-continue */
	HTTP_OTHER_EXPECT = 1 << 7, /* Expect: anything else */
	HTTP_CONDITIONAL = 1 << 8,  /* some If-… field */
	HTTP_RANGE = 1 << 9,        /* Range */
	HTTP_CODINGS = 1 << 10,     /* Accept-Encoding */
};

struct http_request {
	struct http_text method;
	struct http_text path;    /* still percent-encoded, begins with '/'; or "*" */
	struct http_text query;   /* after '?'; at is NULL when there is none */
	struct http_text fields;  /* all field lines, each with its CRLF */
	struct http_text key;     /* path, decoded, without leading slash: the server's, for a handler */
	uint64_t content_length;  /* saturates */
	uint16_t flags;           /* enum http_request_flags */
	uint16_t status;          /* after -EBADMSG, what to answer: 400, 414, 431, 501, 505 */
	uint8_t verb;             /* enum http_method */
	uint8_t minor;            /* of HTTP/1.minor: 0 or 1 */
};

struct http_limits {
	uint32_t head_bytes;   /* request line and fields together */
	uint32_t target_bytes;
	uint32_t fields;       /* lines */
};

/* Parses the head that starts at data. Gives its length in bytes, its final empty line included;
 * -EAGAIN: it is incomplete, -EBADMSG: it is malformed or beyond a limit. One empty line before the
 * request line is skipped. out lends slices of data. */
int http_parse_request(const char *data, size_t len, const struct http_limits *limits,
                       struct http_request *out);

const char *http_method_name(enum http_method method); /* not HTTP_METHOD_UNKNOWN */
/* The next field called name (in lower case) in rest, which starts as a request's fields and moves
 * on. False when there is no more. */
bool http_next_field(struct http_text *rest, const char *name, struct http_text *value);
/* The next line of a request's fields, its CRLF included. False when there is no more. */
bool http_next_line(struct http_text *rest, struct http_text *line);
/* The next item of a comma-separated list without quoted strings; skips empty ones. */
bool http_next_item(struct http_text *rest, struct http_text *item);
/* Compares without regard to case; word is in lower case. */
bool http_text_is(struct http_text text, const char *word);
bool http_text_is_token(struct http_text text); /* RFC 9110 §5.6.2 */

#endif
