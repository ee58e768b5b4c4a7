/* SPDX-License-Identifier: ISC */
/* For handlers that take time: the body of a request as it comes in, and an answer later, or in pieces. All
 * of it waits by promises in the application's storage, so the server has no memory for it, and an image
 * whose handlers answer at once has none of this.
 *
 * struct upload {
 *           struct http_exchange exchange;
 *           struct http_read read;
 *           …
 * };
 *
 * static int put_file(void *arg, const struct http_request *request, struct http_reply *reply) {
 *           struct upload *u = …; // copy what of request matters: it is lent until this returns
 *
 *           http_read(&u->exchange, &u->read);
 *           promise_wait(&u->read.promise, &u->waiter, take_piece); // or start a fiber that awaits it
 *           return http_later(request, reply, &u->exchange);
 * }
 *
 * (http_later comes first of these calls.) Back-pressure: nothing is read from the client but for http_read,
 * and http_write settles when the flow has accepted it. A client that goes away, or takes too long (head_ns
 * for a piece of its body, write_ns for one of the answer), makes reads and writes fail; the exchange lasts
 * all the same until the application ends it. */
#ifndef NET_HTTP_EXCHANGE_H
#define NET_HTTP_EXCHANGE_H

#include "kernel/flow.h"
#include "net/http/chunk.h"
#include "net/http/server.h"

/* A piece of the body. Fulfilled with len, the bytes at data, which is lent until the next http_read or the
 * end of the exchange: soon, for it lies in a buffer that a device receives into; 0: the body is over. Fails
 * with -ECONNRESET, -EBADMSG (what comes is no chunked body), -EFBIG (it is longer than body_bytes of the
 * server), -ETIMEDOUT (head_ns); an answer may still be given after the last three. */
struct http_read {
	struct promise promise;
	const void *data;
	size_t len;
	struct http_exchange *exchange; /* the server's */
};

/* A piece of the answer. Fulfilled with the number of bytes once the flow has accepted them; fails with
 * -ECONNRESET, -ENOBUFS: no block (HTTP_BLOCKS), after either of which nothing more can be said. */
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
	uint16_t status, path_len, query_len; /* these and what follows are for the log */
	uint64_t sent;                        /* of the answer's body, accepted by the flow */
	char target[HTTP_LOGGED_BYTES];
};

/* The answer to request comes later. Gives HTTP_LATER, for the handler to return. Borrows x until it is ended
 * by http_reply, http_end or http_abort. */
int http_later(const struct http_request *request, struct http_reply *reply, struct http_exchange *x);

/* One at a time. */
void http_read(struct http_exchange *x, struct http_read *op);

/* The whole answer, as from a handler. Ends the exchange. */
void http_reply(struct http_exchange *x, struct http_reply *reply);

/* The head of an answer whose length is not known: reply's body does not count. In HTTP/1.1 it is chunked, in
 * 1.0 it ends with the connection. 0, -ENOBUFS: no block; then there can still be an http_reply. */
int http_start(struct http_exchange *x, struct http_reply *reply);
/* One at a time, after http_start. Borrows slices, and their storage is the caller's, as with flow_write. An
 * answer to HEAD has none of it: each settles at once, so what has no end is not to be written then. */
void http_write(struct http_exchange *x, struct http_write *op, const struct slice *slices, uint32_t count);
/* The answer is whole. Ends the exchange; nothing may be pending. */
void http_end(struct http_exchange *x);

/* Ends the exchange, and the connection with a reset: what has been sent of an answer is not all of it. Where
 * none has begun because the body has not come in time, with status 408. No write may be pending: one that is
 * cancelled settles a little later. */
void http_abort(struct http_exchange *x);

#endif
