/* SPDX-License-Identifier: ISC */
/* For handlers that take time: the body of a request as it arrives, and an answer later, or in pieces. All
 * waiting is by promises in the application's storage, so it takes no memory of the server, and an image
 * whose handlers answer at once does not contain it.
 *
 * struct upload {
 *           struct http_exchange exchange;
 *           struct http_read read;
 *           …
 * };
 *
 * static int put_file(void *arg, const struct http_request *request, struct http_reply *reply) {
 *           struct upload *u = …; // copy the needed parts of request, which is lent until this returns
 *
 *           http_later(request, reply, &u->exchange); // first, as it begins the exchange
 *           http_read(&u->exchange, &u->read);
 *           promise_wait(&u->read.promise, &u->waiter, take_piece); // or start a fiber that awaits it
 *           return HTTP_LATER;
 * }
 *
 * Back-pressure: input is read from the client only for http_read, and http_write settles when the flow has
 * accepted it. A client that goes away, or takes too long (head_ns for a piece of its body, write_ns for one
 * of the answer), makes reads and writes fail; the exchange lasts all the same until the application ends
 * it. */
#ifndef NET_HTTP_EXCHANGE_H
#define NET_HTTP_EXCHANGE_H

#include "kernel/flow.h"
#include "net/http/chunk.h"
#include "net/http/server.h"

/* A piece of the body. Fulfilled with len, the bytes at data, which are lent until the next http_read or the
 * end of the exchange, and to be returned soon, as they may lie in a device's buffer; 0: the body is over.
 * Fails with -ECONNRESET, -EBADMSG (malformed chunks), -EFBIG (longer than body_bytes of the server),
 * -ETIMEDOUT (head_ns); an answer may still be given after the last three. */
struct http_read {
	struct promise promise;
	const void *data;
	size_t len;
	struct http_exchange *exchange; /* the server's */
};

/* A piece of the answer. Fulfilled with the number of bytes once the flow has accepted them; fails with
 * -ECONNRESET, -ENOBUFS: no block (HTTP_BLOCKS); after either nothing more can be written. */
struct http_write {
	struct promise promise;
	struct waiter waiter;
	struct flow_write flow;
	struct http_exchange *exchange;
	size_t bytes;
};

/* The fields are the server's. */
struct http_exchange {
	struct http_answer *answer;
	struct http_read *reading;
	struct http_write *writing;
	struct http_chunks chunks;
	uint64_t left;  /* of a body with a length, in bytes */
	uint64_t taken; /* of the body */
	size_t lent;    /* of taken */
	uint8_t verb, minor;
	uint16_t flags;
	uint16_t status, path_len, query_len; /* these and the fields below are for the log */
	uint64_t sent;                        /* of the answer's body, accepted by the flow */
	char target[HTTP_LOGGED_BYTES];
};

/* Begins an exchange: the answer to request comes later. Gives HTTP_LATER, for the handler to return. Borrows
 * x until it is ended by http_reply, http_end or http_abort. */
int http_later(const struct http_request *request, struct http_reply *reply, struct http_exchange *x);

/* Reads the next piece of the body. One at a time. */
void http_read(struct http_exchange *x, struct http_read *op);

/* Sends the whole answer, as one of a handler. Ends the exchange. */
void http_reply(struct http_exchange *x, struct http_reply *reply);

/* Begins an answer of unknown length: reply's body does not count. In HTTP/1.1 it is chunked, in 1.0 it ends
 * with the connection. 0, -ENOBUFS: no block; then http_reply is still possible. */
int http_start(struct http_exchange *x, struct http_reply *reply);
/* Writes a piece; one at a time, after http_start. Borrows slices, and their storage is the caller's, as with
 * flow_write. In an answer to HEAD pieces are dropped and settle at once, so an endless body must be
 * avoided. */
void http_write(struct http_exchange *x, struct http_write *op, const struct slice *slices, uint32_t count);
/* The answer is whole. Ends the exchange; nothing may be pending. */
void http_end(struct http_exchange *x);

/* Ends the exchange, and the connection with a reset, as an answer that has begun is incomplete. If none has
 * begun because the body has not come in time, ends it with status 408. No write may be pending: a cancelled
 * one settles a little later. */
void http_abort(struct http_exchange *x);

#endif
