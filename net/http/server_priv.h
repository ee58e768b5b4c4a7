/* SPDX-License-Identifier: ISC */
/* What server.c (memory and time), connection.c (what comes in) and answer.c (what goes out) share. */
#ifndef NET_HTTP_SERVER_PRIV_H
#define NET_HTTP_SERVER_PRIV_H

#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/http/date.h"
#include "net/http/server.h"

/* What a connection waits for. Each has a time limit, the same for all its connections, so that a
 * list of them in the order in which they began to wait is in the order of their deadlines too. */
enum http_wait {
	HTTP_WAIT_IDLE,   /* the next request */
	HTTP_WAIT_INPUT,  /* the rest of a request */
	HTTP_WAIT_WRITE,  /* the flow taking an answer */
	HTTP_WAIT_ANSWER, /* a free struct http_answer */
	HTTP_WAIT_LINGER, /* the client's end of stream */
	HTTP_WAITS,
};

enum http_connection_flags {
	HTTP_READING = 1 << 0, /* waiter is pending on read, or about to be called */
	HTTP_LAST = 1 << 1,    /* the connection ends after this answer */
	HTTP_UNREAD = 1 << 2,  /* … and the client may be sending still */
	HTTP_LINGERS = 1 << 3, /* all is said; only waits until the client has heard it */
	HTTP_ENDED = 1 << 4,   /* the flow is gone; the last pending operation frees the connection */
	HTTP_REFUSED = 1 << 5, /* one connection too many: to be told so */
};

struct http_connection {
	struct http_server *server;
	struct list link; /* in server->waits[wait] */
	uint64_t deadline_ns;
	struct buf *input;      /* read, but not looked at */
	struct http_head *head; /* a request that came in pieces, and what followed it */
	struct http_answer *answer; /* pending in the flow, or NULL */
	struct flow_read read;  /* its flow is the connection's */
	struct waiter waiter;
	uint32_t drop; /* bytes of a request's body yet to be thrown away */
	uint8_t wait;  /* enum http_wait */
	uint8_t flags; /* enum http_connection_flags */
};
static_assert(sizeof(void *) != 8 || sizeof(struct http_connection) <= 144, "small when idle");

/* One answer on its way into a flow. It holds a count of each slice's storage. */
struct http_answer {
	struct flow_write write;
	struct waiter waiter;
	struct http_connection *connection;
	size_t seen; /* bytes accepted when the time limit was last looked at */
	uint32_t count;
	struct slice slices[4];
};

/* Bytes of one connection in one place: [start, end). limits.head_bytes of them. */
struct http_head {
	uint32_t start, end;
	bool incomplete; /* what is there was parsed, and is no whole head */
	char bytes[];
};

#define HTTP_BLOCK_BYTES 480

/* Generated header lines. They live until the client has them. */
struct http_block {
	struct storage storage;
	struct http_server *server;
	char bytes[HTTP_BLOCK_BYTES];
};

/* "HTTP/1.1 200 OK\r\n" and, where the time is known, "Date: …\r\n": the start of most answers. */
#define HTTP_OK_BYTES 17
#define HTTP_OK_DATE_BYTES (HTTP_OK_BYTES + 6 + HTTP_DATE_BYTES + 2)

struct http_server {
	struct http_config config;
	struct pool connections, answers, heads, blocks;
	struct list waits[HTTP_WAITS];
	struct timer timer;      /* runs no later than the earliest deadline */
	struct http_block *date; /* of the second from date_ns on; NULL: the time is not known */
	uint64_t date_ns;
	struct http_stats stats;
};

/* server.c */
void http_connection_wait(struct http_connection *c, enum http_wait wait);
/* Has c been in its wait for so long? */
bool http_connection_has_waited(const struct http_connection *c, uint64_t ns);
struct http_block *http_block_alloc(struct http_server *server);

/* connection.c */
void http_connection_run(struct http_connection *c);
void http_connection_expire(struct http_connection *c);
void http_connection_end(struct http_connection *c, bool abort);

/* answer.c: fill in slices; set the connection's HTTP_LAST, HTTP_UNREAD and drop. An error ends the
 * connection; its request may be in part only, or NULL. */
void http_answer_request(struct http_answer *a, const struct http_request *request);
void http_answer_error(struct http_answer *a, const struct http_request *request, uint16_t status);

#endif
