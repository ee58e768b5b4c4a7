/* SPDX-License-Identifier: ISC */
/* One connection: takes requests from the input, and answers one at a time. The next request is parsed
 * when the flow has accepted the answer before it, and no more is read until then; so a client that
 * pipelines without reading stops itself. Where the flow accepts at once, a whole pipeline is answered
 * without a turn of the loop.
 *
 * Requests are parsed where the device put them. Only one that does not end in the slice in which it
 * began is copied, to a struct http_head. */
#include <errno.h>
#include <string.h>

#include "net/http/server_priv.h"

enum step {
	STEP_AGAIN, /* there may be more to do at once */
	STEP_READ,  /* needs more input */
	STEP_WAIT,  /* the connection is run again by an event, or has ended */
};

/* Reads and answers in a row before others get a turn. */
#define STEPS_IN_A_ROW 32
/* Connections searched for memory that they can be deprived of. */
#define STALLED_LOOKS 64

static void free_head(struct http_connection *c)
{
	if (c->head)
		pool_free(&c->server->heads, c->head);
	c->head = NULL;
}

static void free_input(struct http_connection *c)
{
	buf_free(c->input);
	c->input = NULL;
	free_head(c);
}

static void free_if_over(struct http_connection *c)
{
	if (c->flags & HTTP_ENDED && !(c->flags & HTTP_READING) && !c->answer)
		pool_free(&c->server->connections, c);
}

/* The read has settled after the connection's end. */
static void forget_read(struct http_connection *c)
{
	c->flags &= (uint8_t)~HTTP_READING;
	buf_free(c->read.bufs);
}

void http_connection_end(struct http_connection *c, bool abort)
{
	http_log_now(c->answer);
	c->flags |= HTTP_ENDED;
	list_remove(&c->link);
	free_input(c);
	if (IS_ENABLED(CONFIG_FS_PIECES) && http_connection_lags(c))
		http_transfers_leave(c);
	if (abort)
		flow_abort(c->read.flow);
	else
		flow_close(c->read.flow);
	if (c->flags & HTTP_READING && promise_is_settled(&c->read.promise)) {
		promise_unwait(&c->waiter);
		forget_read(c);
	}
	if (c->answer && c->answer->event)
		c->answer->event(c->answer); /* which may free c */
	else
		free_if_over(c);
}

/* -- input -- */

size_t http_connection_peek(struct http_connection *c, const char **data)
{
	if (c->head) {
		*data = c->head->bytes + c->head->start;
		return c->head->end - c->head->start;
	}
	while (c->input && c->input->len == 0)
		c->input = buf_drop(c->input, 0);
	if (!c->input)
		return 0;
	*data = (const char *)c->input->data;
	return c->input->len;
}

void http_connection_consume(struct http_connection *c, size_t n)
{
	if (!c->head) {
		c->input = buf_drop(c->input, (uint32_t)n);
		return;
	}
	c->head->start += (uint32_t)n;
	if (c->head->start == c->head->end)
		free_head(c);
}

static void drop_body(struct http_connection *c)
{
	const char *data;
	size_t len;

	while (c->drop && (len = http_connection_peek(c, &data)) > 0) {
		len = MIN(len, (size_t)c->drop);
		http_connection_consume(c, len);
		c->drop -= (uint32_t)len;
	}
}

/* Drops what c has sent beyond the request that is being answered: the connection ends after this answer, and
 * the client asks for the rest on another one (RFC 9112 §9.3.2). */
static void forget_input(struct http_connection *c)
{
	free_input(c);
	c->flags |= HTTP_LAST | HTTP_UNREAD;
}

/* The first connection that has been in that wait for more than a second, and holds memory that another
 * needs; looks at a few only. */
static struct http_connection *find_stalled(struct http_server *server, enum http_wait wait,
                                            bool (*holds)(const struct http_connection *c),
                                            const struct http_connection *but)
{
	unsigned looks = STALLED_LOOKS;

	list_for_each(link, &server->waits[wait]) {
		struct http_connection *c = list_entry(link, struct http_connection, link);

		if (looks-- == 0 || !http_connection_has_waited(c, NS_PER_S))
			return NULL;
		if (c != but && holds(c))
			return c;
	}
	return NULL;
}

bool http_connection_end_stalled(struct http_server *server, enum http_wait wait,
                                 bool (*holds)(const struct http_connection *c),
                                 const struct http_connection *but)
{
	struct http_connection *c = find_stalled(server, wait, holds, but);

	if (!c)
		return false;
	server->stats.expired++;
	http_connection_end(c, true);
	return true;
}

static bool has_head(const struct http_connection *c)
{
	return c->head && !(c->flags & HTTP_IN_USE);
}

/* Frees the head of a stalled connection. false: there is none. */
static bool take_head_from_others(struct http_server *server)
{
	struct http_connection *c = find_stalled(server, HTTP_WAIT_WRITE, has_head, NULL);

	if (!c)
		return http_connection_end_stalled(server, HTTP_WAIT_INPUT, has_head, NULL);
	forget_input(c);
	return true;
}

/* Gives c an empty head, where input is contiguous. If none is free, a client that does not read its answer
 * loses what it has sent after that request, or the client longest at its request loses its connection: a few
 * that trickle must not keep all others waiting. false: no room. */
static bool make_head(struct http_connection *c)
{
	struct http_server *server = c->server;

	c->head = pool_alloc(&server->heads);
	if (!c->head && take_head_from_others(server))
		c->head = pool_alloc(&server->heads);
	if (!c->head)
		return false;
	c->head->start = c->head->end = 0;
	c->head->incomplete = false;
	return true;
}

/* Appends input to the head, as far as it fits. true: a line ends in it; the first slice does not count if it
 * has been seen. */
static bool fill_head(struct http_connection *c, bool seen)
{
	uint32_t max = c->server->config.limits.head_bytes;
	struct http_head *head = c->head;
	bool ends_line = false;

	if (head->start) {
		head->end -= head->start;
		memmove(head->bytes, head->bytes + head->start, head->end);
		head->start = 0;
	}
	while (c->input && head->end < max) {
		uint32_t n = MIN(c->input->len, max - head->end);

		memcpy(head->bytes + head->end, c->input->data, n);
		ends_line |= !seen && memchr(head->bytes + head->end, '\n', n);
		seen = false;
		head->end += n;
		c->input = buf_drop(c->input, n);
	}
	return ends_line;
}

/* Appends input to an incomplete head. 0: parsing it again may give another result, as a line has
 * ended, or there is no room for more; so a head that arrives byte by byte is parsed once for each of
 * its lines. -EAGAIN: needs more input; -ENOBUFS: too many clients send in pieces. */
static int gather(struct http_connection *c)
{
	bool seen = !c->head, useful; /* the first slice was parsed alone, in its place */

	if (!c->head && !make_head(c))
		return -ENOBUFS;
	useful = fill_head(c, seen);
	c->head->incomplete = true;
	return useful || c->head->end == c->server->config.limits.head_bytes ? 0 : -EAGAIN;
}

/* Copies input behind a request whose answer has to wait out of the device's buffers, or a few clients that
 * pipeline and do not read would hold them all. false: there is no room for it. */
static bool copy_input(struct http_connection *c)
{
	drop_body(c);
	if (c->input && (c->head || make_head(c)))
		fill_head(c, false);
	return !c->input;
}

void http_connection_put_input_aside(struct http_connection *c)
{
	if (!copy_input(c))
		forget_input(c);
}

/* As http_parse_request, of the next request; or -ENOBUFS. */
static int take_head(struct http_connection *c, struct http_request *request)
{
	int result = c->head && c->head->incomplete ? gather(c) : 0;
	const char *data;
	size_t len;

	while (result == 0 && (len = http_connection_peek(c, &data)) > 0) {
		result = http_parse_request(data, len, &c->server->config.limits, request);
		if (result == -EAGAIN)
			result = gather(c);
		else if (c->head)
			c->head->incomplete = false; /* it is parsed again if it has to wait for an answer */
	}
	return result ? result : -EAGAIN;
}

/* -- answers -- */

static void resume(struct waiter *waiter);

/* Gives an answer that is free now to the connection that has waited longest. It does not read
 * meanwhile, so its read operation serves as the promise of an answer. */
void http_wake_waiting(struct http_server *server)
{
	struct list *waiting = &server->waits[HTTP_WAIT_ANSWER];
	struct http_connection *c = list_first(waiting, struct http_connection, link);

	if (list_is_empty(waiting) || server->answers.used == server->answers.total)
		return;
	if (IS_ENABLED(CONFIG_FS_PIECES) && server->transfers.total &&
	    server->transfers.used == server->transfers.total)
		return;
	if (IS_ENABLED(CONFIG_HTTP_RULES) && http_rules_are_awaited(server))
		return;
	http_connection_wait(c, HTTP_WAIT_INPUT);
	c->flags |= HTTP_READING;
	promise_return(&c->read.promise, 0);
	promise_wait(&c->read.promise, &c->waiter, resume);
}

static void resume(struct waiter *waiter)
{
	struct http_connection *c = container_of(waiter, struct http_connection, waiter);
	struct http_server *server = c->server;

	c->flags &= (uint8_t)~HTTP_READING;
	if (c->flags & HTTP_ENDED)
		free_if_over(c);
	else
		http_connection_run(c);
	http_wake_waiting(server); /* c may not have used it after all */
}

/* The last answer has been sent. A client that is still sending is allowed to finish, or a reset could
 * destroy the answer before it is read (RFC 9112 §9.6). */
static enum step say_goodbye(struct http_connection *c)
{
	if ((c->flags & HTTP_UNREAD || c->input || c->head || c->drop) && flow_shutdown(c->read.flow) >= 0) {
		c->flags |= HTTP_LINGERS;
		http_connection_wait(c, HTTP_WAIT_LINGER);
		return STEP_READ;
	}
	http_connection_end(c, false);
	return STEP_WAIT;
}

void http_answer_clear(struct http_answer *a)
{
	for (uint32_t i = 0; i < a->count; i++)
		storage_put(a->slices[i].storage);
	a->count = 0;
}

static enum step finish_answer(struct http_answer *a, bool failed)
{
	struct http_connection *c = a->connection;

	http_answer_clear(a);
	if (CONFIG_HTTP_RANGES > 1)
		http_parts_free(a);
	pool_free(&c->server->answers, a);
	c->answer = NULL;
	http_wake_waiting(c->server);
	if (c->flags & HTTP_ENDED) {
		free_if_over(c);
		return STEP_WAIT;
	}
	if (failed) {
		http_connection_end(c, true);
		return STEP_WAIT;
	}
	if (c->flags & HTTP_LAST)
		return say_goodbye(c);
	http_connection_wait(c, HTTP_WAIT_IDLE);
	return STEP_AGAIN;
}

void http_answer_finish(struct http_answer *a, bool failed)
{
	struct http_connection *c = a->connection;

	if (finish_answer(a, failed) != STEP_WAIT)
		http_connection_run(c);
}

static void written(struct waiter *waiter);

/* The slices have been written: true when there are more of them now. */
static bool has_more(struct http_answer *a)
{
	http_answer_clear(a);
	return CONFIG_HTTP_RANGES > 1 && a->parts && promise_result(&a->write.promise) >= 0 &&
		!(a->connection->flags & HTTP_ENDED) && http_parts_add(a);
}

static enum step send_slices(struct http_answer *a)
{
	struct http_connection *c = a->connection;

	do {
		flow_write(c->read.flow, &a->write, a->slices, a->count);
		if (promise_is_settled(&a->write.promise))
			continue;
		a->seen = a->write.total;
		http_connection_put_input_aside(c);
		http_connection_wait(c, HTTP_WAIT_WRITE);
		promise_wait(&a->write.promise, &a->waiter, written);
		return STEP_WAIT;
	} while (has_more(a));
	return finish_answer(a, promise_result(&a->write.promise) < 0);
}

static void written(struct waiter *waiter)
{
	struct http_answer *a = container_of(waiter, struct http_answer, waiter);
	struct http_connection *c = a->connection;
	enum step step = has_more(a) ? send_slices(a) : finish_answer(a, promise_result(&a->write.promise) < 0);

	if (step != STEP_WAIT)
		http_connection_run(c);
}

void http_answer_send(struct http_answer *a)
{
	struct http_connection *c = a->connection;

	if (send_slices(a) != STEP_WAIT)
		http_connection_run(c);
}

/* Gives a's slices to the flow, or lets its owner begin, if it has one. */
static enum step send_answer(struct http_answer *a)
{
	struct http_connection *c = a->connection;

	c->server->stats.requests++;
	c->answer = a;
	if (!a->event)
		return send_slices(a);
	http_connection_wait(c, HTTP_WAIT_WORK);
	a->event(a);
	return STEP_WAIT;
}

static void start_answer(struct http_answer *a, struct http_connection *c)
{
	a->connection = c;
	a->event = NULL;
	a->parts = NULL;
	a->behind = NULL;
	a->count = 0;
	http_log_later(a, NULL);
}

static struct http_answer *take_answer(struct http_connection *c)
{
	struct http_answer *a = pool_alloc(&c->server->answers);

	if (a)
		start_answer(a, c);
	return a;
}

/* Waits for a request to begin, or for the rest of one. */
static void wait_for_input(struct http_connection *c)
{
	enum http_wait wait = c->head || c->drop ? HTTP_WAIT_INPUT : HTTP_WAIT_IDLE;

	if (c->wait != wait)
		http_connection_wait(c, wait);
}

/* Waits for a free answer; the request is parsed again then. */
static enum step wait_for_answer(struct http_connection *c)
{
	http_connection_wait(c, HTTP_WAIT_ANSWER);
	return STEP_WAIT;
}

static enum step serve_request(struct http_connection *c)
{
	struct http_request request;
	struct http_answer *a;
	int len = -ENOBUFS;

	if (!(c->flags & HTTP_REFUSED)) {
		if (c->drop)
			drop_body(c);
		len = take_head(c, &request);
	}
	if (len == -EAGAIN) {
		wait_for_input(c);
		return STEP_READ;
	}
	a = take_answer(c);
	if (!a)
		return wait_for_answer(c);
	if (len == -ENOBUFS) {
		http_answer_error(a, NULL, 503);
	} else if (len < 0) {
		http_answer_error(a, &request, request.status);
	} else {
		if (!http_answer_request(a, &request)) {
			pool_free(&c->server->answers, a);
			return wait_for_answer(c);
		}
		http_connection_consume(c, (size_t)len);
	}
	return send_answer(a);
}

/* -- running -- */

/* The read has settled: true when there is new input. */
static bool take_read(struct http_connection *c)
{
	intptr_t n = promise_result(&c->read.promise);

	if (n <= 0) {
		http_connection_end(c, n < 0);
		return false;
	}
	if (c->input)
		buf_append(c->input, c->read.bufs);
	else
		c->input = c->read.bufs;
	c->read.bufs = NULL;
	return true;
}

static void has_read(struct waiter *waiter)
{
	struct http_connection *c = container_of(waiter, struct http_connection, waiter);

	if (c->flags & HTTP_ENDED) {
		forget_read(c);
		free_if_over(c);
		return;
	}
	c->flags &= (uint8_t)~HTTP_READING;
	if (take_read(c))
		http_connection_run(c);
}

/* Reads more. true: there is new input already. */
static bool read_more(struct http_connection *c, bool at_once)
{
	if (c->flags & HTTP_READING)
		return false;
	flow_read(c->read.flow, &c->read, c->server->config.limits.head_bytes);
	if (at_once && promise_is_settled(&c->read.promise))
		return take_read(c);
	c->flags |= HTTP_READING;
	promise_wait(&c->read.promise, &c->waiter, has_read);
	return false;
}

void http_connection_read(struct http_connection *c)
{
	read_more(c, false);
}

void http_connection_run(struct http_connection *c)
{
	for (int steps = 0;; steps++) {
		enum step step = STEP_READ;

		if (c->answer) {
			if (c->answer->event)
				c->answer->event(c->answer);
			return;
		}
		if (c->flags & HTTP_LINGERS)
			free_input(c);
		else
			step = serve_request(c);
		if (step == STEP_WAIT)
			return;
		if (step == STEP_READ && !read_more(c, steps < STEPS_IN_A_ROW))
			return;
	}
}

/* -- time limits -- */

/* A request, or the body of one that an application is answering, has not arrived in time. */
static void give_up_request(struct http_connection *c)
{
	struct http_answer *a = c->answer;

	c->server->stats.expired++;
	if (a) {
		c->flags |= HTTP_LATE;
		a->event(a);
		return;
	}
	/* while a body is dropped, its request has been answered already */
	a = c->drop ? NULL : take_answer(c);
	if (!a) {
		http_connection_end(c, true);
		return;
	}
	http_answer_error(a, NULL, 408);
	if (send_answer(a) != STEP_WAIT)
		http_connection_run(c);
}

static size_t accepted_bytes(const struct http_answer *a)
{
	return a->write.total + (a->behind ? a->behind->total : 0);
}

void http_connection_expire(struct http_connection *c)
{
	switch (c->wait) {
	case HTTP_WAIT_INPUT:
		if (http_connection_lags(c))
			break;
		give_up_request(c);
		return;
	case HTTP_WAIT_WRITE:
		if (accepted_bytes(c->answer) != c->answer->seen) {
			c->answer->seen = accepted_bytes(c->answer);
			http_connection_wait(c, HTTP_WAIT_WRITE);
			return;
		}
		break;
	case HTTP_WAIT_IDLE:
	case HTTP_WAIT_LINGER:
		if (http_connection_lags(c))
			break;
		http_connection_end(c, false);
		return;
	}
	c->server->stats.expired++;
	http_connection_end(c, true);
}
