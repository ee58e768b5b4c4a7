/* SPDX-License-Identifier: ISC */
/* Answers from a store that waits (fs/kv.h). The device's buffers are not held meanwhile: the needed parts of
 * the request are copied. The head is sent with the first piece, so a failure before that is reported by a
 * status.
 *
 *     kv_get ──▶ head ──▶ kv_read ──▶ piece ──▶ flow ──▶ acknowledged
 *                            ▲                                │
 *                            └────────────────────────────────┘
 *
 * While one piece is in flight another is read, and no third before the client has acknowledged the first: a
 * client that does not read holds two, however long the value, and loses them when others need them. A client
 * that has already sent its next request is answered while the last pieces of the answer before are in
 * flight. */
#include <errno.h>
#include <string.h>

#include "net/http/server_priv.h"

#define INDEX_BYTES 11  /* behind the longest key */
#define FIELDS_BYTES 512
#define LOGGED_BYTES (IS_ENABLED(CONFIG_HTTP_LOG) ? HTTP_LOGGED_BYTES : 0)
#define PIECES 2
#define PIECES_IN_A_ROW 8 /* before others get a turn */

struct piece {
	struct storage storage; /* one count while it is filled and written, one for each slice in flight */
	struct http_transfer *transfer;
	bool is_ready;          /* filled, and not yet written */
	uint32_t count;
	struct slice lines;     /* sent before it, if it begins a part */
	struct slice slices[KV_READ_SLICES]; /* with the store's counts */
};

enum transfer_flags {
	ASKING = 1 << 0,   /* get is pending */
	READING = 1 << 1,  /* read is pending */
	WRITING = 1 << 2,  /* the answer's write is pending */
	WOKEN = 1 << 3,    /* the loop will call woken */
	STARTED = 1 << 4,  /* the head has been sent */
	STARVED = 1 << 5,  /* the store has no memory; in the server's list */
	ALL_READ = 1 << 6, /* all of the value has been read */
};

struct http_transfer {
	struct http_server *server;
	struct http_answer *answer; /* NULL: over, but for pending operations and pieces */
	struct http_connection *ahead; /* that is at its next answer while pieces are in flight; or NULL */
	struct list link;           /* in server->starved, or, with ahead, in server->behind */
	struct http_range range;    /* of the value, still to be read */
	uint16_t status;            /* 200; or of the error whose page is sent */
	uint8_t flags, codings;
	uint8_t fill, drain;        /* the piece to be filled next, and to be written next */
	struct http_request request; /* the needed parts of it, in text; for a page, fields is its key */
	struct waiter waiter, write_waiter, wake_waiter;
	struct promise wake;
	struct kv_get get;          /* its entry is the value that read reads */
	struct kv_read read;
	struct piece pieces[PIECES];
	struct slice out[4 + 1 + KV_READ_SLICES]; /* head, lines of the part, piece */
	char text[LOGGED_BYTES + CONFIG_HTTP_TARGET_BYTES + INDEX_BYTES + FIELDS_BYTES];
};
LIMIT_BYTES(HTTP_TRANSFERS,
            CONFIG_HTTP_TARGET_BYTES == 2048 ? sizeof(struct http_transfer) - LOGGED_BYTES : 4440, 4440);

size_t http_transfer_bytes(void)
{
	return sizeof(struct http_transfer);
}

static void go_on(struct http_transfer *t);

static bool is_free(const struct piece *p)
{
	return p->storage.refs == 0;
}

/* Frees t once it is over and nothing pending refers to its memory. */
static void free_if_over(struct http_transfer *t)
{
	struct http_server *server = t->server;

	if (t->answer || t->flags & (ASKING | READING | WOKEN) || !is_free(&t->pieces[0]) ||
	    !is_free(&t->pieces[1]))
		return;
	if (t->ahead)
		t->ahead->unacknowledged--;
	list_remove(&t->link);
	pool_free(&server->transfers, t);
	http_wake_waiting(server);
}

static void leave_starved(struct http_transfer *t)
{
	list_remove(&t->link);
	t->flags &= (uint8_t)~STARVED;
}

static void forget_pieces(struct http_transfer *t)
{
	for (int i = 0; i < PIECES; i++) {
		struct piece *p = &t->pieces[i];

		storage_put(p->lines.storage);
		p->lines = (struct slice){ 0 };
		if (p->is_ready)
			storage_put(&p->storage);
		p->is_ready = false;
	}
}

/* Separates the answer from t, which is freed when its pending operations and pieces have come back. */
static struct http_answer *detach(struct http_transfer *t)
{
	struct http_answer *a = t->answer;

	leave_starved(t);
	if (t->flags & READING)
		promise_cancel(&t->read.promise);
	forget_pieces(t);
	t->answer = NULL;
	a->event = NULL;
	free_if_over(t);
	return a;
}

/* -- pieces come back -- */

static void woken(struct waiter *waiter)
{
	struct http_transfer *t = container_of(waiter, struct http_transfer, wake_waiter);

	t->flags &= (uint8_t)~WOKEN;
	if (t->answer)
		go_on(t);
	else
		free_if_over(t);
}

/* Makes the loop continue t: the code that frees a piece may be in the middle of something. */
static void wake(struct http_transfer *t)
{
	if (t->flags & WOKEN)
		return;
	t->flags |= WOKEN;
	promise_return(&t->wake, 0);
	promise_wait(&t->wake, &t->wake_waiter, woken);
}

static void piece_free(struct storage *storage)
{
	struct piece *p = container_of(storage, struct piece, storage);
	struct http_transfer *t = p->transfer;
	struct list *starved = &t->server->starved;
	struct http_connection *c;

	for (uint32_t i = 0; i < p->count; i++)
		storage_put(p->slices[i].storage);
	t->server->pieces--;
	c = t->answer ? t->answer->connection : t->ahead;
	if (c && c->wait == HTTP_WAIT_WRITE && !(c->flags & HTTP_ENDED))
		http_connection_wait(c, HTTP_WAIT_WRITE); /* the client has acknowledged data: restart the limit */
	wake(t);
	if (!list_is_empty(starved)) {
		struct http_transfer *other = list_first(starved, struct http_transfer, link);

		leave_starved(other);
		wake(other);
	}
}

/* -- failing -- */

/* Sends what has been added, unless t is now asking for an error's page. */
static void send_added(struct http_transfer *t)
{
	if (!(t->flags & ASKING))
		http_answer_send(detach(t));
}

static bool is_page(const struct http_transfer *t)
{
	return t->status != 200;
}

/* Adds the error as text: there is no such page, or no room for its head. */
static void add_without_page(struct http_transfer *t)
{
	const struct http_text key = t->request.fields;
	struct http_reply r = { .status = t->status, .header = key.at + key.len };

	http_add_reply(t->answer, &t->request, &r);
}

/* Adds the answer that reports the store's error. */
static void add_failure(struct http_transfer *t, int error)
{
	struct http_answer *a = t->answer;
	uint16_t status = 500;

	if (is_page(t)) {
		add_without_page(t);
		return;
	}
	switch (error) {
	case -EISDIR:
		http_add_redirect(a, &t->request);
		return;
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
	case -EINVAL: /* not a valid key for the store */
		status = 404;
		break;
	case -ENOMEM:
	case -ENOBUFS:
	case -ESTALE: /* the value has changed since kv_get */
		status = 503;
	}
	http_add_status(a, &t->request, status);
}

static void on_event(struct http_answer *a);

static bool holds_pieces(const struct http_connection *c)
{
	const struct http_answer *a = c->answer;
	const struct http_transfer *t = a ? a->owner : NULL;

	return c->unacknowledged ||
		(a && a->event == on_event && !(is_free(&t->pieces[0]) && is_free(&t->pieces[1])));
}

/* Ends the connection of a client that holds pieces without taking them, other than `but`. */
static bool end_holder(struct http_server *server, const struct http_connection *but)
{
	static const uint8_t waits[] = { HTTP_WAIT_WRITE, HTTP_WAIT_INPUT, HTTP_WAIT_IDLE };

	for (size_t i = 0; i < sizeof(waits); i++)
		if (http_connection_end_stalled(server, waits[i], holds_pieces, but))
			return true;
	return false;
}

/* The store has no memory for a piece: waits until another is freed. false: none is in use. */
static bool wait_for_memory(struct http_transfer *t)
{
	struct http_server *server = t->server;

	if (!server->pieces)
		return false;
	t->flags |= STARVED;
	list_push_back(&server->starved, &t->link);
	end_holder(server, t->answer->connection);
	return true;
}

/* The store has failed to give a value that it has: sends an error status if the head is not out yet, else
 * ends the connection; t may be freed. true: t waits for memory, and goes on. */
static bool fail(struct http_transfer *t, int error)
{
	struct http_answer *a = t->answer;
	struct http_connection *c = a->connection;

	if (c->flags & HTTP_ENDED)
		return false; /* take_write handles it when the write has failed, too */
	if ((error == -ENOMEM || error == -ENOBUFS) && wait_for_memory(t))
		return true;
	if (t->flags & STARTED) {
		http_connection_end(c, true); /* which calls on_event */
		return false;
	}
	http_answer_clear(a);
	if (CONFIG_HTTP_RANGES > 1)
		http_parts_free(a);
	forget_pieces(t);
	add_failure(t, error);
	send_added(t);
	return false;
}

/* -- reading -- */

/* Goes on to the next range of several. 1: only the last lines follow; 0, -ENODATA, -ENOBUFS. */
static int next_part(struct http_transfer *t, struct piece *p)
{
	struct http_block *parts = t->answer->parts;
	int result = parts ? http_parts_next(parts, &p->lines, &t->range) : -ENODATA;

	memset(t->read.cursor, 0, sizeof(t->read.cursor));
	return result < 0 ? result : t->range.len == 0;
}

static void make_ready(struct http_transfer *t, struct piece *p)
{
	p->storage = (struct storage){ .refs = 1, .free = piece_free };
	p->transfer = t;
	p->is_ready = true;
	t->server->pieces++;
	t->fill ^= 1;
}

/* The read has settled. 0: a piece is ready; or a negative errno. */
static int take_read(struct http_transfer *t)
{
	struct piece *p = &t->pieces[t->fill];
	intptr_t n = promise_result(&t->read.promise);

	if (n <= 0)
		return n < 0 ? (int)n : -ESTALE; /* the value is shorter than it was */
	t->range.start += (uint64_t)n;
	t->range.len -= (uint64_t)n;
	p->count = t->read.count;
	memcpy(p->slices, t->read.slices, p->count * sizeof(p->slices[0]));
	make_ready(t, p);
	return 0;
}

static void has_read(struct waiter *waiter)
{
	struct http_transfer *t = container_of(waiter, struct http_transfer, waiter);
	int result;

	t->flags &= (uint8_t)~READING;
	if (!t->answer) {
		for (uint32_t i = 0; promise_result(&t->read.promise) > 0 && i < t->read.count; i++)
			storage_put(t->read.slices[i].storage);
		free_if_over(t);
		return;
	}
	result = take_read(t);
	if (result == 0 || fail(t, result))
		go_on(t);
}

/* Begins to fill the next piece. 1: it is full already, 0: it will be, or all has been read; or a negative
 * errno. */
static int fill_piece(struct http_transfer *t)
{
	struct piece *p = &t->pieces[t->fill];
	int result = t->range.len ? 0 : next_part(t, p);

	if (result == -ENODATA) {
		t->flags |= ALL_READ;
		return 0;
	}
	if (result < 0)
		return result;
	p->count = 0;
	if (result) {
		make_ready(t, p);
		return 1;
	}
	kv_read(t->server->config.kv, &t->read, &t->get.entry, t->range.start,
	        (uint32_t)MIN(t->range.len, (uint64_t)CONFIG_HTTP_PIECE_BYTES));
	if (promise_is_settled(&t->read.promise))
		return take_read(t) ?: 1;
	t->flags |= READING;
	promise_wait(&t->read.promise, &t->waiter, has_read);
	return 0;
}

/* -- writing -- */

/* The write has settled. false: the answer has ended with it. */
static bool take_write(struct http_transfer *t)
{
	struct piece *p = &t->pieces[t->drain];

	t->flags &= (uint8_t)~WRITING;
	http_answer_clear(t->answer);
	storage_put(p->lines.storage);
	p->lines = (struct slice){ 0 };
	t->drain ^= 1;
	storage_put(&p->storage);
	if (promise_result(&t->answer->write.promise) >= 0 && !(t->answer->connection->flags & HTTP_ENDED))
		return true;
	http_answer_finish(detach(t), true);
	return false;
}

static void has_written(struct waiter *waiter)
{
	struct http_transfer *t = container_of(waiter, struct http_transfer, write_waiter);

	if (take_write(t))
		go_on(t);
}

/* Writes the next piece, the head of the answer before the first. false: the answer has ended. */
static bool write_piece(struct http_transfer *t)
{
	struct piece *p = &t->pieces[t->drain];
	struct http_answer *a = t->answer;
	uint32_t count;

	for (count = 0; count < a->count; count++)
		t->out[count] = a->slices[count];
	if (p->lines.len)
		t->out[count++] = p->lines;
	for (uint32_t i = 0; i < p->count; i++)
		t->out[count++] = (struct slice){ p->slices[i].data, p->slices[i].len, &p->storage };
	p->is_ready = false;
	t->flags |= STARTED;
	flow_write(a->connection->read.flow, &a->write, t->out, count);
	a->seen = a->write.total;
	if (promise_is_settled(&a->write.promise))
		return take_write(t);
	t->flags |= WRITING;
	promise_wait(&a->write.promise, &t->write_waiter, has_written);
	return true;
}

static bool is_all_accepted(const struct http_transfer *t)
{
	return t->flags & ALL_READ && !(t->flags & WRITING) && !t->pieces[0].is_ready && !t->pieces[1].is_ready;
}

/* Sets whom the connection waits for, the client or the store. */
static void set_wait(struct http_transfer *t)
{
	struct http_connection *c = t->answer->connection;
	bool client_has = false;
	enum http_wait wait;

	for (int i = 0; i < PIECES; i++)
		client_has |= !is_free(&t->pieces[i]) && !t->pieces[i].is_ready;
	wait = client_has ? HTTP_WAIT_WRITE : HTTP_WAIT_WORK;
	if (c->wait != wait)
		http_connection_wait(c, wait);
	/* a client that waits for the end of the stream should not have to acknowledge all data first */
	if (is_all_accepted(t) && c->flags & HTTP_LAST)
		flow_shutdown(c->read.flow);
}

/* Is the client waiting for its next answer? It gets that only while half of the transfers are free: other
 * clients must not wait because this one does not acknowledge. */
static bool can_go_ahead(const struct http_transfer *t)
{
	const struct http_connection *c = t->answer->connection;
	const struct pool *transfers = &t->server->transfers;

	return c->head && !(c->flags & HTTP_LAST) && c->unacknowledged < UINT8_MAX &&
		transfers->used <= transfers->total / 2;
}

static void go_ahead(struct http_transfer *t)
{
	struct http_answer *a = t->answer;

	t->ahead = a->connection;
	t->ahead->unacknowledged++;
	detach(t);
	list_push_back(&t->server->behind, &t->link);
	http_answer_finish(a, false);
}

void http_transfers_leave(struct http_connection *c)
{
	list_for_each(link, &c->server->behind) {
		struct http_transfer *t = list_entry(link, struct http_transfer, link);

		if (t->ahead == c)
			t->ahead = NULL;
	}
	c->unacknowledged = 0;
}

/* Does all that can be done now. t may be freed. */
static void go_on(struct http_transfer *t)
{
	int steps = 0, result = 1;

	if (t->answer->connection->flags & HTTP_ENDED)
		return; /* its write has failed: has_written will follow */
	while (result && steps++ < PIECES_IN_A_ROW) {
		result = 0;
		if (!(t->flags & WRITING) && t->pieces[t->drain].is_ready) {
			if (!write_piece(t))
				return;
			result = 1;
		}
		if (!(t->flags & (READING | STARVED | ALL_READ)) && is_free(&t->pieces[t->fill])) {
			int filled = fill_piece(t);

			if (filled < 0 && !fail(t, filled))
				return;
			result |= filled > 0;
		}
	}
	if (result)
		wake(t); /* others get their turn first */
	if (is_all_accepted(t) && is_free(&t->pieces[0]) && is_free(&t->pieces[1]))
		http_answer_finish(detach(t), false);
	else if (is_all_accepted(t) && can_go_ahead(t))
		go_ahead(t);
	else
		set_wait(t);
}

/* -- the beginning -- */

static void on_event(struct http_answer *a)
{
	struct http_transfer *t = a->owner;

	if (!(a->connection->flags & HTTP_ENDED))
		http_connection_put_input_aside(a->connection);
	else if (!(t->flags & WRITING))
		http_answer_finish(detach(t), true);
}

/* The store has the value. */
static void answer_value(struct http_transfer *t)
{
	const struct http_text key = is_page(t) ? t->request.fields : t->request.key;
	struct kv_entry *entry = &t->get.entry;
	struct http_value value = { .entry = entry, .status = t->status };
	struct http_answer *a = t->answer;
	struct http_block *lines = NULL;

	if (!entry->header) {
		lines = http_lines_create(t->server, key, entry);
		if (!lines) {
			add_failure(t, -ENOBUFS);
			send_added(t);
			return;
		}
		value.lines = &lines->storage;
	}
	if (!is_page(t))
		t->range = http_add_value(a, &t->request, &value);
	else if (!http_add_page(a, &t->request, &value, key.at + key.len, &t->range))
		add_without_page(t);
	storage_put(value.lines);
	if (entry->data || (!t->range.len && !a->parts))
		send_added(t);
	else
		go_on(t);
}

static void got(struct waiter *waiter);

static void ask(struct http_transfer *t, const char *key, size_t key_len)
{
	t->flags |= ASKING;
	memset(t->read.cursor, 0, sizeof(t->read.cursor));
	t->range = (struct http_range){ 0 };
	kv_get_coded(t->server->config.kv, &t->get, key, key_len, t->codings);
	promise_wait(&t->get.promise, &t->waiter, got);
}

static void got(struct waiter *waiter)
{
	struct http_transfer *t = container_of(waiter, struct http_transfer, waiter);
	intptr_t result = promise_result(&t->get.promise);

	t->flags &= (uint8_t)~ASKING;
	if (!t->answer) {
		free_if_over(t);
	} else if (result == 0) {
		answer_value(t);
	} else {
		add_failure(t, (int)result);
		send_added(t);
	}
}

/* Copies text to *at, which moves on; gives the copy. */
static struct http_text keep(char **at, struct http_text text)
{
	struct http_text kept = { *at, text.len };

	memcpy(*at, text.at, text.len);
	*at += text.len;
	return kept;
}

/* Keeps as much of the path as the log shows: the key does not have its original spelling. */
static void keep_path(struct http_transfer *t, char **at, const struct http_request *request)
{
	const struct http_text path = { request->path.at, MIN(request->path.len, (size_t)LOGGED_BYTES) };

	if (IS_ENABLED(CONFIG_HTTP_LOG) && path.at)
		t->request.path = keep(at, path);
}

/* Copies the needed parts of request. false: its conditions are too long. */
static bool keep_request(struct http_transfer *t, const struct http_request *request)
{
	struct http_text rest = request->fields, line;
	char *at = t->text, *end = t->text + sizeof(t->text);

	keep_path(t, &at, request);
	t->request.key = keep(&at, request->key);
	if (request->query.at)
		t->request.query = keep(&at, request->query);
	t->request.fields = (struct http_text){ at, 0 };
	while (http_next_line(&rest, &line)) {
		bool is_condition = (line.at[0] | 0x20) == 'i' && (line.at[1] | 0x20) == 'f' && line.at[2] == '-';

		if (!is_condition && !((line.at[0] | 0x20) == 'r' && (line.at[1] | 0x20) == 'a'))
			continue; /* few names begin like Range; that of Referer, which may be long, does not */
		if (line.len > (size_t)(end - at)) {
			if (is_condition)
				return false;
			continue; /* a range may be ignored */
		}
		t->request.fields.len += keep(&at, line).len;
	}
	return true;
}

static void start(struct http_transfer *t, struct http_answer *a, const struct http_request *request)
{
	/* most of t is filled in before it is read, and need not be cleared */
	memset(t, 0, offsetof(struct http_transfer, request));
	for (int i = 0; i < PIECES; i++) {
		t->pieces[i].storage.refs = 0;
		t->pieces[i].is_ready = false;
		t->pieces[i].lines = (struct slice){ 0 };
	}
	t->server = a->connection->server;
	t->answer = a;
	t->status = 200;
	list_init(&t->link);
	t->request = request ? *request : (struct http_request){ 0 };
	t->request.method = t->request.path = (struct http_text){ 0 };
	a->event = on_event;
	a->owner = t;
}

bool http_transfer_begin(struct http_answer *a, const struct http_request *request, uint8_t codings)
{
	struct http_server *server = a->connection->server;
	struct http_transfer *t;

	if (IS_ENABLED(CONFIG_HTTP_RULES) && http_rules_are_awaited(server))
		return false;
	if (IS_ENABLED(CONFIG_HTTP_RULES) && http_rules_are_in(server, request->key)) {
		http_add_status(a, request, 404);
		return true;
	}
	t = pool_alloc(&server->transfers);
	if (!t && end_holder(server, NULL))
		t = pool_alloc(&server->transfers);
	if (!t)
		return false;
	start(t, a, request);
	t->codings = codings;
	if (keep_request(t, request)) {
		ask(t, t->request.key.at, t->request.key.len);
		return true;
	}
	pool_free(&server->transfers, t);
	a->event = NULL;
	http_answer_error(a, request, 431);
	return true;
}

/* -- errors -- */

/* A transfer for an error whose answer has none; no other client loses its own for it. NULL: none is free. */
static struct http_transfer *start_page(struct http_answer *a, const struct http_request *request)
{
	struct http_server *server = a->connection->server;
	struct http_transfer *t;
	char *at;

	if (IS_ENABLED(CONFIG_HTTP_RULES) && http_rules_are_awaited(server))
		return NULL;
	t = pool_alloc(&server->transfers);
	if (!t)
		return NULL;
	start(t, a, request);
	at = t->text;
	if (IS_ENABLED(CONFIG_HTTP_LOG) && request) {
		keep_path(t, &at, request);
		if (request->query.at)
			t->request.query = keep(&at, request->query);
	}
	t->request.fields.at = at;
	return t;
}

bool http_transfer_page(struct http_answer *a, const struct http_request *request, const struct http_reply *r)
{
	const char *lines = r->header ? r->header : "";
	size_t len = strlen(lines) + 1;
	struct http_transfer *t;
	char *key;

	if (len > FIELDS_BYTES - HTTP_PAGE_KEY_BYTES || (a->event && a->event != on_event))
		return false;
	t = a->event ? a->owner : start_page(a, request);
	if (!t || is_page(t))
		return false;
	t->status = r->status;
	key = t->text + (t->request.fields.at - t->text);
	t->request.fields.len = HTTP_PAGE_KEY_BYTES;
	http_page_key(key, r->status);
	memcpy(key + HTTP_PAGE_KEY_BYTES, lines, len);
	ask(t, key, HTTP_PAGE_KEY_BYTES);
	return true;
}
