/* SPDX-License-Identifier: ISC */
/* Exchanges. The answer's own write carries the server's part (head, framing), the application's the payload:
 * both are given to the flow at once, which accepts them in order, so that when the second has settled the
 * first has, too. An exchange may be ended from inside the handler, so its last step is always done from the
 * loop. */
#include "net/http/exchange.h"

#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "net/http/server_priv.h"

enum exchange_flags {
	HAS_BODY = 1 << 0,    /* the request; not yet over */
	IS_CHUNKED = 1 << 1,  /* … that body */
	WANTS_CONTINUE = 1 << 2, /* the client waits for 100 before it sends the body */
	SAID_CONTINUE = 1 << 3,
	STARTED = 1 << 4,     /* the answer has its head */
	CHUNKS = 1 << 5,      /* … and is sent in chunks */
	NO_BODY = 1 << 6,     /* … or has no body, by its status or the method */
	FIRST_CHUNK = 1 << 7, /* no chunk has been written yet */
	BROKEN = 1 << 8,      /* a write has failed */
	SENT = 1 << 9,        /* the head has been given to the flow */
};

static struct http_connection *connection_of(const struct http_exchange *x)
{
	return x->answer->connection;
}

static bool has_ended(const struct http_exchange *x)
{
	return connection_of(x)->flags & HTTP_ENDED;
}

/* -- the log -- */

/* Keeps the fields that the log needs when the request itself is gone. */
static void keep_request(struct http_exchange *x, const struct http_request *request)
{
	x->verb = request->verb;
	x->minor = request->minor;
	if (!IS_ENABLED(CONFIG_HTTP_LOG))
		return;
	x->path_len = (uint16_t)MIN(request->path.len, sizeof(x->target));
	x->query_len = (uint16_t)MIN(request->query.len, sizeof(x->target) - x->path_len);
	memcpy(x->target, request->path.at, x->path_len);
	if (x->query_len)
		memcpy(x->target + x->path_len, request->query.at, x->query_len);
}

static struct http_request kept_request(const struct http_exchange *x)
{
	struct http_request request = { .verb = x->verb, .minor = x->minor };

	if (!IS_ENABLED(CONFIG_HTTP_LOG))
		return request;
	request.path = (struct http_text){ x->target, x->path_len };
	if (x->query_len)
		request.query = (struct http_text){ x->target + x->path_len, x->query_len };
	return request;
}

/* An answer in pieces has ended. */
static void log_pieces(struct http_answer *a)
{
	const struct http_exchange *x = a->owner;
	struct http_request request = kept_request(x);

	http_log(a, &request, x->status, x->sent + (x->writing ? x->writing->flow.total : 0));
}

/* -- the request's body -- */

static void settle_read(struct http_exchange *x, intptr_t result)
{
	struct http_read *op = x->reading;

	x->reading = NULL;
	op->len = result > 0 ? (size_t)result : 0;
	if (result < 0)
		promise_fail(&op->promise, (int)result);
	else
		promise_fulfil(&op->promise, result);
	if (connection_of(x)->wait == HTTP_WAIT_INPUT && !has_ended(x))
		http_connection_wait(connection_of(x), HTTP_WAIT_WORK);
}

/* The body cannot be read to its end, so later requests cannot be either. */
static void give_body_up(struct http_exchange *x)
{
	x->flags &= (uint16_t)~HAS_BODY;
	connection_of(x)->flags |= HTTP_LAST | HTTP_UNREAD;
}

/* Tells a client that waits for 100 to send the body (RFC 9110 §10.1.1), unless some of it has arrived. */
static void say_continue(struct http_exchange *x)
{
	static const struct slice line = { "HTTP/1.1 100 Continue\r\n\r\n", 25, NULL };

	if ((x->flags & (WANTS_CONTINUE | SAID_CONTINUE | SENT)) != WANTS_CONTINUE || x->taken)
		return;
	x->flags |= SAID_CONTINUE;
	flow_write(connection_of(x)->read.flow, &x->answer->write, &line, 1);
}

static void wait_for_body(struct http_exchange *x)
{
	say_continue(x);
	http_connection_wait(connection_of(x), HTTP_WAIT_INPUT);
	http_connection_read(connection_of(x));
}

/* Takes framing off the input. 1: a piece of the body is next, 0: there is no more input, or the body is over
 * (then HAS_BODY is not set any more), -EBADMSG. */
static int find_piece(struct http_exchange *x, const char **data, size_t *len)
{
	struct http_connection *c = connection_of(x);

	while ((*len = http_connection_peek(c, data)) > 0) {
		int eaten = 0;

		if (!(x->flags & IS_CHUNKED) || x->chunks.left)
			return 1;
		eaten = http_chunks_eat(&x->chunks, *data, *len);
		if (eaten < 0)
			return eaten;
		http_connection_consume(c, (size_t)eaten);
		if (!http_chunks_are_over(&x->chunks))
			continue;
		x->flags &= (uint16_t)~HAS_BODY;
		return 0;
	}
	return 0;
}

/* Consumes the piece that was lent last, as it is not needed any more. */
static void return_piece(struct http_exchange *x)
{
	if (x->lent)
		http_connection_consume(connection_of(x), x->lent);
	x->lent = 0;
}

/* Has the body not come in time? Then it is not read any more. */
static bool is_late(const struct http_exchange *x)
{
	return connection_of(x)->flags & HTTP_LATE;
}

static void go_on_reading(struct http_exchange *x)
{
	uint64_t *left = x->flags & IS_CHUNKED ? &x->chunks.left : &x->left;
	const char *data;
	size_t len;
	int result;

	if (has_ended(x)) {
		settle_read(x, -ECONNRESET);
		return;
	}
	return_piece(x);
	if (x->flags & HAS_BODY && !(x->flags & IS_CHUNKED) && !x->left)
		x->flags &= (uint16_t)~HAS_BODY;
	result = is_late(x) ? -ETIMEDOUT : x->flags & HAS_BODY ? find_piece(x, &data, &len) : 0;
	if (result == 0 && x->flags & HAS_BODY) {
		wait_for_body(x);
		return;
	}
	if (result <= 0) {
		if (result < 0)
			give_body_up(x);
		settle_read(x, result);
		return;
	}
	len = (size_t)MIN((uint64_t)len, *left);
	if (x->taken + len > connection_of(x)->server->config.body_bytes) {
		give_body_up(x);
		settle_read(x, -EFBIG);
		return;
	}
	x->reading->data = data;
	x->lent = len;
	x->taken += len;
	*left -= len;
	settle_read(x, (intptr_t)len);
}

static void cancel_read(struct promise *p)
{
	struct http_read *op = container_of(p, struct http_read, promise);

	settle_read(op->exchange, -ECANCELED);
}

/* Is the handler that began x still running? Then the input still has the request's head before the body. */
static bool is_beginning(const struct http_exchange *x)
{
	return connection_of(x)->answer != x->answer && !has_ended(x);
}

void http_read(struct http_exchange *x, struct http_read *op)
{
	assert(!x->reading);
	promise_init(&op->promise, cancel_read);
	op->exchange = x;
	x->reading = op;
	if (!is_beginning(x))
		go_on_reading(x);
}

/* Drops the rest of the body if its end is known; else nothing more is read. */
static void end_body(struct http_exchange *x)
{
	struct http_connection *c = connection_of(x);

	if (x->reading)
		settle_read(x, -ECANCELED);
	if (has_ended(x))
		return;
	return_piece(x);
	if (!(x->flags & HAS_BODY))
		return;
	if (x->flags & IS_CHUNKED || (x->flags & WANTS_CONTINUE && !(x->flags & SAID_CONTINUE) && !x->taken))
		give_body_up(x);
	else
		c->drop = (uint32_t)x->left;
}

/* -- beginning and end -- */

static void on_event(struct http_answer *a)
{
	struct http_exchange *x = a->owner;

	if (x->writing && !has_ended(x))
		http_connection_wait(a->connection, HTTP_WAIT_WRITE); /* it was begun inside the handler */
	if (x->reading)
		go_on_reading(x);
	else if (!has_ended(x) && !(x->flags & HAS_BODY))
		http_connection_put_input_aside(a->connection);
}

int http_later(const struct http_request *request, struct http_reply *reply, struct http_exchange *x)
{
	struct http_answer *a = reply->answer;
	struct http_connection *c = a->connection;
	bool has_body = request->flags & HTTP_CHUNKED || request->content_length;

	*x = (struct http_exchange){ .answer = a, .left = request->content_length };
	keep_request(x, request);
	c->drop = 0;
	if (has_body) {
		x->flags |= HAS_BODY;
		c->flags |= HTTP_IN_USE;
	}
	if (request->flags & HTTP_CHUNKED)
		x->flags |= IS_CHUNKED;
	if (has_body && request->flags & HTTP_CONTINUE && request->minor)
		x->flags |= WANTS_CONTINUE;
	http_chunks_init(&x->chunks, c->server->config.limits.head_bytes);
	/* the connection can go on once the body has been read to its end */
	if (!(request->flags & HTTP_CLOSE) && (request->minor || request->flags & HTTP_KEEP_ALIVE))
		c->flags &= (uint8_t)~(HTTP_LAST | HTTP_UNREAD);
	a->event = on_event;
	a->owner = x;
	return HTTP_LATER;
}

static void say_the_rest(struct waiter *waiter)
{
	struct http_answer *a = container_of(waiter, struct http_answer, waiter);

	if (a->connection->flags & HTTP_ENDED || !a->count)
		http_answer_finish(a, a->connection->flags & HTTP_ENDED);
	else
		http_answer_send(a);
}

static void end_now(struct waiter *waiter)
{
	struct http_answer *a = container_of(waiter, struct http_answer, waiter);

	if (!(a->connection->flags & HTTP_ENDED))
		http_connection_end(a->connection, true);
	http_answer_finish(a, true);
}

static void ignore_event(struct http_answer *a)
{
	(void)a; /* the last step is about to be called from the loop */
}

/* The application is done with x: makes the loop call last. */
static void leave(struct http_exchange *x, void (*last)(struct waiter *waiter))
{
	struct http_answer *a = x->answer;

	x->answer = NULL;
	a->connection->flags &= (uint8_t)~HTTP_IN_USE;
	a->event = ignore_event;
	a->behind = NULL;
	promise_return(&a->write.promise, 0);
	promise_wait(&a->write.promise, &a->waiter, last);
}

/* Can the answer be written? If the client has not even taken the line with 100, its connection is ended. */
static bool can_write(struct http_exchange *x)
{
	if (!has_ended(x) && x->flags & SAID_CONTINUE && !promise_is_settled(&x->answer->write.promise))
		http_connection_end(connection_of(x), true);
	return !has_ended(x) && !(x->flags & BROKEN);
}

void http_reply(struct http_exchange *x, struct http_reply *reply)
{
	struct http_request request = kept_request(x);

	assert(!(x->flags & STARTED) && !x->writing);
	end_body(x);
	if (can_write(x))
		http_add_reply(x->answer, &request, reply);
	else
		storage_put(reply->body.storage);
	leave(x, say_the_rest);
}

void http_end(struct http_exchange *x)
{
	static const char last[] = "\r\n0\r\n\r\n";

	assert(x->flags & STARTED && !x->writing);
	end_body(x);
	if (!can_write(x)) {
		http_abort(x);
		return;
	}
	http_log_now(x->answer);
	if (x->flags & CHUNKS && x->flags & FIRST_CHUNK)
		http_add(x->answer, last + 2, sizeof(last) - 3, NULL);
	else if (x->flags & CHUNKS)
		http_add(x->answer, last, sizeof(last) - 1, NULL);
	leave(x, say_the_rest);
}

void http_abort(struct http_exchange *x)
{
	struct http_request request = kept_request(x);
	bool says_why = !has_ended(x) && is_late(x) && !(x->flags & STARTED) && can_write(x);

	assert(!x->writing);
	end_body(x);
	if (says_why)
		http_add_status(x->answer, &request, 408);
	else
		http_log_now(x->answer);
	leave(x, says_why ? say_the_rest : end_now);
}

/* -- an answer in pieces -- */

int http_start(struct http_exchange *x, struct http_reply *reply)
{
	struct http_request request = kept_request(x);
	struct http_connection *c = connection_of(x);
	struct http_block *block = http_block_alloc(c->server);
	struct http_text date = http_date_line(c->server);
	bool bodiless = reply->status == 204 || reply->status == 304;
	size_t len;

	assert(!(x->flags & STARTED));
	if (!block)
		return -ENOBUFS;
	http_correct_status(reply);
	if (!x->minor && !bodiless)
		c->flags |= HTTP_LAST;
	len = format(block->bytes, HTTP_BLOCK_BYTES, "HTTP/1.1 %u %s\r\n%.*s%s", reply->status,
	             http_status_text(reply->status) + 4, (int)date.len, date.at,
	             reply->header ? reply->header : "");
	if (!bodiless && len < HTTP_BLOCK_BYTES)
		len += format(block->bytes + len, HTTP_BLOCK_BYTES - len, "Content-Type: %s\r\n%s",
		              reply->type ? reply->type : "text/plain",
		              x->minor ? "Transfer-Encoding: chunked\r\n" : "");
	if (len < HTTP_BLOCK_BYTES)
		len += format(block->bytes + len, HTTP_BLOCK_BYTES - len, "%s", http_connection_lines(c, &request));
	if (len >= HTTP_BLOCK_BYTES) {
		storage_put(&block->storage);
		return -ENOBUFS;
	}
	http_add(x->answer, block->bytes, len, &block->storage);
	x->status = reply->status;
	http_log_later(x->answer, log_pieces);
	x->flags |= STARTED | FIRST_CHUNK;
	if (bodiless || x->verb == HTTP_HEAD)
		x->flags |= NO_BODY;
	else if (x->minor)
		x->flags |= CHUNKS;
	return 0;
}

/* Adds the line before a chunk, and the end of the chunk before. */
static int add_chunk_line(struct http_exchange *x, size_t bytes)
{
	struct http_block *block = http_block_alloc(connection_of(x)->server);
	size_t len;

	if (!block)
		return -ENOBUFS;
	len = format(block->bytes, HTTP_BLOCK_BYTES, "%s%zx\r\n", x->flags & FIRST_CHUNK ? "" : "\r\n", bytes);
	x->flags &= (uint16_t)~FIRST_CHUNK;
	http_add(x->answer, block->bytes, len, &block->storage);
	return 0;
}

/* Both writes have settled. Gives op's result. */
static intptr_t take_write(struct http_exchange *x, const struct http_write *op)
{
	intptr_t result = promise_result(&op->flow.promise);

	http_answer_clear(x->answer);
	x->answer->behind = NULL;
	x->sent += op->flow.total;
	if (result >= 0)
		return (intptr_t)op->bytes;
	x->flags |= BROKEN;
	return -ECONNRESET;
}

static void has_written(struct waiter *waiter)
{
	struct http_write *op = container_of(waiter, struct http_write, waiter);
	struct http_exchange *x = op->exchange;
	intptr_t result = take_write(x, op);

	x->writing = NULL;
	if (!has_ended(x))
		http_connection_wait(connection_of(x), HTTP_WAIT_WORK);
	if (result < 0)
		promise_fail(&op->promise, (int)result);
	else
		promise_fulfil(&op->promise, result);
}

/* After a part of a chunk nothing can follow, so the connection ends. */
static void cancel_write(struct promise *p)
{
	struct http_write *op = container_of(p, struct http_write, promise);

	if (!has_ended(op->exchange) && !is_beginning(op->exchange))
		http_connection_end(connection_of(op->exchange), true); /* which fails op's write */
}

void http_write(struct http_exchange *x, struct http_write *op, const struct slice *slices, uint32_t count)
{
	struct http_answer *a = x->answer;
	struct flow *flow = connection_of(x)->read.flow;
	intptr_t result;

	assert(x->flags & STARTED && !x->writing);
	op->exchange = x;
	op->bytes = 0;
	for (uint32_t i = 0; i < count; i++)
		op->bytes += slices[i].len;
	if (!can_write(x) || (op->bytes && x->flags & CHUNKS && add_chunk_line(x, op->bytes) < 0)) {
		promise_throw(&op->promise, has_ended(x) || x->flags & BROKEN ? -ECONNRESET : -ENOBUFS);
		x->flags |= BROKEN;
		return;
	}
	if (!op->bytes || x->flags & NO_BODY) {
		promise_return(&op->promise, (intptr_t)op->bytes);
		return;
	}
	x->flags |= SENT;
	if (a->count)
		flow_write(flow, &a->write, a->slices, a->count);
	flow_write(flow, &op->flow, slices, count);
	if (promise_is_settled(&op->flow.promise)) {
		result = take_write(x, op);
		if (result < 0)
			promise_throw(&op->promise, (int)result);
		else
			promise_return(&op->promise, result);
		return;
	}
	x->writing = op;
	a->behind = &op->flow;
	a->seen = a->write.total + op->flow.total;
	promise_init(&op->promise, cancel_write);
	promise_wait(&op->flow.promise, &op->waiter, has_written);
	http_connection_wait(connection_of(x), HTTP_WAIT_WRITE);
}
