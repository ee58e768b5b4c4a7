/* SPDX-License-Identifier: ISC */
/* Shared by the files of the server: server.c (memory and time), connection.c (input), answer.c (choice of
 * the answer), reply.c, value.c and parts.c (its composition), transfer.c (values that take time) and
 * exchange.c (applications that do). */
#ifndef NET_HTTP_SERVER_PRIV_H
#define NET_HTTP_SERVER_PRIV_H

#include "fs/kv.h"
#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/http/date.h"
#include "net/http/range.h"
#include "net/http/rules.h"
#include "net/http/server.h"

/* The waits of a connection. Each has a time limit, the same for all its connections, so that a
 * list of them in the order in which they began to wait is in the order of their deadlines, too. */
enum http_wait {
	HTTP_WAIT_IDLE,   /* the next request */
	HTTP_WAIT_INPUT,  /* the rest of a request */
	HTTP_WAIT_WRITE,  /* the flow taking an answer */
	HTTP_WAIT_ANSWER, /* a free struct http_answer, or http_transfer */
	HTTP_WAIT_WORK,   /* the store, or the application; without limit */
	HTTP_WAIT_LINGER, /* the client's end of stream */
	HTTP_WAITS,
};

enum http_connection_flags {
	HTTP_READING = 1 << 0, /* waiter is pending on read, or about to be called */
	HTTP_LAST = 1 << 1,    /* the connection ends after this answer */
	HTTP_UNREAD = 1 << 2,  /* … and the client may be sending still */
	HTTP_LINGERS = 1 << 3, /* all has been sent; waits only for the client's end of stream */
	HTTP_ENDED = 1 << 4,   /* the flow is gone; the last pending operation frees the connection */
	HTTP_REFUSED = 1 << 5, /* one connection too many: gets 503 */
	HTTP_IN_USE = 1 << 6,  /* the input is a body that an application is reading, */
	HTTP_LATE = 1 << 7,    /* … and that has not arrived in time */
};

struct http_connection {
	struct http_server *server;
	struct list link; /* in server->waits[wait] */
	uint64_t deadline_ns;
	struct buf *input;      /* read, but not processed */
	struct http_head *head; /* a request that arrived in pieces, and the input behind it; or NULL */
	struct http_answer *answer; /* pending in the flow, or NULL */
	struct flow_read read;  /* its flow is the connection's */
	struct waiter waiter;
	uint32_t drop; /* bytes of a request's body still to be dropped */
	uint8_t wait;  /* enum http_wait */
	uint8_t flags; /* enum http_connection_flags */
	uint8_t unacknowledged; /* transfers of earlier answers */
};
LIMIT_BYTES(HTTP_CONNECTIONS, sizeof(struct http_connection), 144);
LIMIT_BYTES(HTTP_SPARE_CONNECTIONS, sizeof(struct http_connection), 144);

/* One answer on its way into a flow. It holds a count of each slice's storage. */
struct http_answer {
	struct flow_write write;
	struct waiter waiter;
	struct http_connection *connection;
	/* Not NULL: the owner sends the answer, or the part behind slices. Called when there is input for it, or
	 * none has come in time (HTTP_LATE), or the connection has ended (HTTP_ENDED): then the owner calls
	 * http_answer_finish soon. */
	void (*event)(struct http_answer *a);
	void *owner;              /* event's */
	struct http_block *parts; /* of a multipart answer, or NULL */
	const struct flow_write *behind; /* the owner's, which follows write; or NULL */
	size_t seen;              /* bytes of both accepted when the time limit was last checked */
#ifdef CONFIG_HTTP_LOG
	void (*log)(struct http_answer *a); /* set by http_log_later */
#endif
	uint32_t count;
	struct slice slices[4];
};
LIMIT_BYTES(HTTP_ANSWERS, sizeof(struct http_answer) - IS_ENABLED(CONFIG_HTTP_LOG) * sizeof(void *), 264);

/* Contiguous input of one connection: [start, end). Room for limits.head_bytes. */
struct http_head {
	uint32_t start, end;
	bool incomplete; /* its bytes have been parsed, and are no whole head */
	char bytes[];
};

#define HTTP_BLOCK_BYTES 480

/* Generated header lines. They live until the client has acknowledged them. */
struct http_block {
	struct storage storage;
	struct http_server *server;
	char bytes[HTTP_BLOCK_BYTES] __attribute__((aligned(8))); /* text, or a struct of parts.c */
};
LIMIT_BYTES(HTTP_BLOCKS, sizeof(struct http_block), 504);

/* "HTTP/1.1 200 OK\r\n" and, where the time is known, "Date: …\r\n": the start of most answers. */
#define HTTP_OK_BYTES 17
#define HTTP_OK_DATE_BYTES (HTTP_OK_BYTES + 6 + HTTP_DATE_BYTES + 2)

struct http_server {
	struct http_config config;
	struct pool connections, answers, heads, blocks, transfers;
	struct list starved;     /* transfers for whose next piece the store has no memory */
	struct list behind;      /* transfers whose connections are at their next answer already */
	size_t pieces;           /* of transfers, filled or in flight */
	struct list waits[HTTP_WAITS];
	struct timer timer;      /* runs no later than the earliest deadline */
	struct http_rules *rules; /* rules_read.c; NULL: none */
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

/* The first contiguous bytes of the input; gives how many. */
size_t http_connection_peek(struct http_connection *c, const char **data);
/* Takes n bytes off those that http_connection_peek gives. */
void http_connection_consume(struct http_connection *c, size_t n);
/* Reads more, unless a read is pending: for owners that wait for events of input. */
void http_connection_read(struct http_connection *c);
/* Puts the storage of a's slices, and removes them. */
void http_answer_clear(struct http_answer *a);
/* Sends a's slices, and runs the connection afterwards; from the loop only. */
void http_answer_send(struct http_answer *a);
/* The answer has been sent, or cannot be (failed): the connection goes on, or ends. Frees a; from the loop
 * only. */
void http_answer_finish(struct http_answer *a, bool failed);
/* Frees the device's buffers of input behind the request that is being answered, as that may take time:
 * copies it to a head, or drops it (then the connection ends after this answer). */
void http_connection_put_input_aside(struct http_connection *c);
/* Ends the connection that has been in that wait for longest, a second or more, of those for which holds is
 * true, other than `but`. false: there is none. */
bool http_connection_end_stalled(struct http_server *server, enum http_wait wait,
                                 bool (*holds)(const struct http_connection *c),
                                 const struct http_connection *but);
void http_wake_waiting(struct http_server *server);

/* answer.c: fills in slices, or, for an owner that sends the answer, event and owner; sets the connection's
 * HTTP_LAST, HTTP_UNREAD and drop. false: no transfer is free for it: the caller tries again later. */
bool http_answer_request(struct http_answer *a, struct http_request *request);
/* request's key is a folder, asked for without the slash that relative links in its index need. */
void http_add_redirect(struct http_answer *a, const struct http_request *request);

/* reply.c. request may be in part only, or NULL: there was none. Functions that add an error give it the
 * site's page, which may take a transfer: then that is a's owner. */
extern const char http_ok_line[];
/* "404 Not Found", or four zeros for a status without a known reason (RFC 9112 §4). */
const char *http_status_text(uint16_t status);
/* Makes a status that is none of a final answer 500. */
void http_correct_status(struct http_reply *r);
/* Adds a slice; takes storage. */
void http_add(struct http_answer *a, const void *data, size_t len, struct storage *storage);
/* Adds a status line in constant memory and the date. */
void http_add_start(struct http_answer *a, const char *line, size_t len);
struct http_text http_date_line(struct http_server *server); /* or ""; lent until the next call */
/* The last header lines, the empty one included. */
const char *http_connection_lines(const struct http_connection *c, const struct http_request *request);
/* Takes r's body. */
void http_add_reply(struct http_answer *a, const struct http_request *request, struct http_reply *r);
void http_add_status(struct http_answer *a, const struct http_request *request, uint16_t status);
void http_answer_error(struct http_answer *a, const struct http_request *request,
                       uint16_t status); /* and ends the connection after it */

/* value.c: answers with a value of the store, by the conditions and ranges of request. */
struct http_value {
	const struct kv_entry *entry;
	struct storage *lines; /* of entry->header; NULL: constant memory */
	uint16_t status;       /* 200; or of the error whose page this is */
};
/* Gives the range to be sent after slices (and before a->parts, if there are any), for a store that gives
 * values in pieces; len 0: none. */
struct http_range http_add_value(struct http_answer *a, const struct http_request *request,
                                 const struct http_value *v);
/* The value as the page of an error with these header lines, or NULL. Sets rest to the result of
 * http_add_value. false: no room. */
bool http_add_page(struct http_answer *a, const struct http_request *request, const struct http_value *v,
                   const char *lines, struct http_range *rest);
#define HTTP_PAGE_KEY_BYTES 8
/* "404.html" */
void http_page_key(char key[HTTP_PAGE_KEY_BYTES + 1], uint16_t status);

/* parts.c: multipart/byteranges (RFC 9110 §14.6). */
/* NULL: no room. Sets bytes, the length of the whole body. */
struct http_block *http_parts_create(struct http_server *server, const struct http_value *v,
                                     const struct http_range *ranges, int count, uint64_t *bytes);
void http_parts_free(struct http_answer *a); /* if it has any */
uint64_t http_parts_boundary(const struct http_block *parts);
/* The next part: lines, in storage that the caller puts, then range of the value, which is empty after the
 * last lines. 0, -ENODATA: there are no more, -ENOBUFS. */
int http_parts_next(struct http_block *parts, struct slice *lines, struct http_range *range);
/* Adds the next part to a, of a value in constant memory. false: there are no more, or the connection has
 * ended. */
bool http_parts_add(struct http_answer *a);

/* transfer.c: asks a store that may wait, and sends the answer; the result is that of http_answer_request. */
bool http_transfer_begin(struct http_answer *a, const struct http_request *request, uint8_t codings);
/* Asks for the page of error r, and sends it, or r when there is none. false: the caller sends r. */
bool http_transfer_page(struct http_answer *a, const struct http_request *request,
                        const struct http_reply *r);
size_t http_transfer_bytes(void);
/* c ends: separates from c the transfers that its client has not acknowledged. */
void http_transfers_leave(struct http_connection *c);

/* Does c hold transfers of earlier answers, which others may need? */
static inline bool http_connection_lags(const struct http_connection *c)
{
	return IS_ENABLED(CONFIG_FS_PIECES) && c->unacknowledged;
}

/* rules_read.c: the store's header lines by pattern. */
int http_rules_create(struct http_server *server); /* -ENOMEM */
void http_rules_destroy(struct http_server *server);
bool http_rules_are_awaited(const struct http_server *server);
/* Is this the key of the value that holds the lines by pattern? */
bool http_rules_are_in(const struct http_server *server, struct http_text key);
struct http_rules_at http_rules_begin(const struct http_server *server);

/* lines.c: header lines for e, whose key this is, in a block that the caller puts. Sets e's header,
 * header_len and validators. NULL: no room. */
struct http_block *http_lines_create(struct http_server *server, struct http_text key, struct kv_entry *e);
#define HTTP_TYPE_BYTES 48 /* of a media type, with its NUL */
/* For a store whose values have no header lines: the media type by the suffix of their key (media.c), without
 * a slash where it is one of application/. */
const char *http_media_type(struct http_text key);

/* Writes the access log's line for an answer, if a log is kept. */
static inline void http_log(const struct http_answer *a, const struct http_request *request, uint16_t status,
                            uint64_t body_bytes)
{
	const struct http_config *config = &a->connection->server->config;

	if (IS_ENABLED(CONFIG_HTTP_LOG) && config->log)
		config->log(config->log_arg, a->connection->read.flow, request, status, body_bytes);
}

/* Makes log write the line once the answer has ended in any way, before the flow is gone. NULL: none. */
static inline void http_log_later(struct http_answer *a, void (*log)(struct http_answer *a))
{
#ifdef CONFIG_HTTP_LOG
	a->log = log;
#else
	(void)a, (void)log;
#endif
}

/* a, which may be NULL, ends: writes the line that http_log_later has left for now. */
static inline void http_log_now(struct http_answer *a)
{
#ifdef CONFIG_HTTP_LOG
	if (a && a->log)
		a->log(a);
	if (a)
		a->log = NULL;
#else
	(void)a;
#endif
}

#endif
