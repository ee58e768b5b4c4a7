/* SPDX-License-Identifier: ISC */
/* The store's ring: requests are written into one half as there is room, larger ones in pieces; answers and
 * events are read from the other as they come, straight into their destination. A message without one, such
 * as the answer to an operation that has timed out, is read and dropped.
 *
 * Invariant: of the operations in sending, only the first may be partly sent. */
#define LOG_TAG "xenstore"
#include "drivers/xen/store.h"
#include "drivers/xen/event.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"
#include "kernel/log.h"
#include "kernel/loop.h"

#include <errno.h>
#include <string.h>
#include <xen/hvm/params.h>

#define RING_BYTES XENSTORE_RING_SIZE
#define HEADER_BYTES ((uint32_t)sizeof(struct xsd_sockmsg))

static volatile struct xenstore_domain_interface *ring;
static uint32_t port;
static struct poller poller;
static struct list sending = LIST_INIT(sending), sent = LIST_INIT(sent), watches = LIST_INIT(watches);
static uint32_t last_id, last_token;
static bool broken;
/* Sets lost watches in a new store, one after the other. */
static struct store_op setting;
static struct waiter setting_waiter;

/* The message being received. */
static struct {
	struct xsd_sockmsg header;
	uint32_t got;            /* header included */
	struct store_op *op;     /* the operation answered; NULL: none */
	uint32_t strings;        /* of an event: strings complete */
	char text[STORE_NUMBER_MAX]; /* of an event's token, an error, or a transaction */
	uint32_t text_bytes;
} incoming;

/* -- settling -- */

static void settle(struct store_op *op, intptr_t result)
{
	list_remove(&op->link);
	timer_stop(&op->timer);
	if (incoming.op == op)
		incoming.op = NULL;
	if (result < 0)
		promise_fail(&op->promise, (int)result);
	else
		promise_fulfil(&op->promise, result);
}

/* Breaks the ring off. A partly sent request can neither be taken back nor be completed without its owner's
 * memory. */
static void fail_all(const char *why)
{
	broken = true;
	log_error("broken=\"%s\"", why);
	while (!list_is_empty(&sending))
		settle(list_first(&sending, struct store_op, link), -EIO);
	while (!list_is_empty(&sent))
		settle(list_first(&sent, struct store_op, link), -EIO);
}

static bool is_in_part(const struct store_op *op)
{
	return op->sent && op->sent < HEADER_BYTES + op->header.len;
}

/* An event may be lost, and the guest may have been paused for any time: each second the store is sent an
 * event, and its half of the ring is read. */
static void expired(struct timer *t)
{
	struct store_op *op = container_of(t, struct store_op, timer);

	if (--op->seconds) {
		timer_start_in(t, NS_PER_S);
		event_send(port);
		poller_mark(&poller);
	} else if (is_in_part(op)) {
		fail_all("takes no requests");
	} else {
		settle(op, -ETIMEDOUT);
	}
}

static void cancel(struct promise *p)
{
	struct store_op *op = container_of(p, struct store_op, promise);

	if (!is_in_part(op))
		settle(op, -ECANCELED);
}

/* -- to the store -- */

/* Copies as much of op into the ring as fits. true: op is complete. */
static bool send(struct store_op *op)
{
	uint32_t at = ring->req_prod, used = at - __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE);
	uint32_t head = HEADER_BYTES + op->path_bytes, end = HEADER_BYTES + op->header.len;

	while (op->sent < end && used < RING_BYTES) {
		bool is_head = op->sent < head;
		const char *from = is_head ? (const char *)&op->header + op->sent : op->value + (op->sent - head);
		uint32_t bytes = (is_head ? head : end) - op->sent, place = MASK_XENSTORE_IDX(at);

		bytes = MIN(MIN(bytes, RING_BYTES - used), RING_BYTES - place);
		memcpy((char *)ring->req + place, from, bytes);
		at += bytes;
		used += bytes;
		op->sent += bytes;
	}
	__atomic_store_n(&ring->req_prod, at, __ATOMIC_RELEASE);
	return op->sent == end;
}

static bool send_all(void)
{
	bool wrote = false;

	while (!list_is_empty(&sending)) {
		struct store_op *op = list_first(&sending, struct store_op, link);
		uint32_t before = op->sent;
		bool done = send(op);

		wrote |= op->sent != before;
		if (!done)
			break;
		list_remove(&op->link);
		list_push_back(&sent, &op->link);
	}
	return wrote;
}

/* Appends text to the path. false: it is too long. */
static bool add_text(struct store_op *op, const char *text, size_t len)
{
	if (len >= sizeof(op->path) - op->path_bytes)
		return false;
	memcpy(op->path + op->path_bytes, text, len);
	op->path_bytes += (uint32_t)len;
	return true;
}

/* Queues a request: the path that op has, and value's bytes behind it. */
static void queue(struct store_op *op, uint32_t type, uint32_t transaction, const char *value,
                  size_t value_bytes)
{
	op->to = NULL;
	op->max = 0;
	op->sent = 0;
	if (broken || !ring) {
		promise_throw(&op->promise, -EIO);
		return;
	}
	op->header = (struct xsd_sockmsg){ type, ++last_id, transaction, op->path_bytes + (uint32_t)value_bytes };
	op->value = value;
	promise_init(&op->promise, cancel);
	list_push_back(&sending, &op->link);
	timer_init(&op->timer, expired);
	timer_start_in(&op->timer, NS_PER_S);
	op->seconds = CONFIG_XEN_STORE_TIMEOUT_SECONDS;
	poller_mark(&poller);
}

/* The same for another path, dir/key, or dir if key is NULL. */
static void request(struct store_op *op, uint32_t type, uint32_t transaction, const char *dir,
                    const char *key, const char *value, size_t value_bytes)
{
	op->path_bytes = 0;
	if (!add_text(op, dir, strlen(dir)) ||
	    (key && !(add_text(op, "/", 1) && add_text(op, key, strlen(key)))) ||
	    value_bytes > XENSTORE_PAYLOAD_MAX - sizeof(op->path)) {
		promise_throw(&op->promise, -ENAMETOOLONG);
		return;
	}
	op->path[op->path_bytes++] = '\0';
	queue(op, type, transaction, value, value_bytes);
}

void store_read(struct store_op *op, uint32_t transaction, const char *dir, const char *key, char *to,
                size_t max)
{
	request(op, XS_READ, transaction, dir, key, NULL, 0);
	op->to = to;
	op->max = max;
}

void store_list(struct store_op *op, const char *dir, char *to, size_t max)
{
	request(op, XS_DIRECTORY, 0, dir, NULL, NULL, 0);
	op->to = to;
	op->max = max;
}

void store_write(struct store_op *op, uint32_t transaction, const char *dir, const char *key,
                 const char *value)
{
	request(op, XS_WRITE, transaction, dir, key, value, strlen(value));
}

void store_permit(struct store_op *op, const char *dir, const char *key, const char *permissions,
                  size_t count)
{
	request(op, XS_SET_PERMS, 0, dir, key, permissions, count);
}

void store_remove(struct store_op *op, uint32_t transaction, const char *dir, const char *key)
{
	request(op, XS_RM, transaction, dir, key, NULL, 0);
}

void store_begin(struct store_op *op)
{
	request(op, XS_TRANSACTION_START, 0, "", NULL, NULL, 0);
}

void store_end(struct store_op *op, uint32_t transaction, bool commit)
{
	request(op, XS_TRANSACTION_END, transaction, commit ? "T" : "F", NULL, NULL, 0);
}

void store_watch(struct store_watch *w, const char *dir, const char *key,
                 void (*changed)(struct store_watch *w))
{
	w->token = ++last_token;
	w->changed = changed;
	w->is_lost = w->is_looked_at = w->is_missed = false;
	format(w->token_text, sizeof(w->token_text), "%u", w->token);
	list_push_back(&watches, &w->link);
	request(&w->op, XS_WATCH, 0, dir, key, w->token_text, strlen(w->token_text) + 1);
}

void store_watch_look(struct store_watch *w)
{
	w->is_looked_at = true;
	w->is_missed = false;
}

void store_watch_done(struct store_watch *w)
{
	w->is_looked_at = false;
	if (w->is_missed)
		w->changed(w);
}

void store_unwatch(struct store_watch *w)
{
	assert(promise_is_settled(&w->op.promise));
	list_remove(&w->link);
	queue(&w->op, XS_UNWATCH, 0, w->token_text, strlen(w->token_text) + 1);
}

/* Sets the next lost watch. One that could be set in the old store does not fail; if it did, it would be like
 * one that never fires. */
static void set_lost_watches(struct waiter *waiter)
{
	(void)waiter;
	list_for_each(item, &watches) {
		struct store_watch *w = list_entry(item, struct store_watch, link);

		if (!w->is_lost)
			continue;
		w->is_lost = false;
		request(&setting, XS_WATCH, 0, w->op.path, NULL, w->token_text, strlen(w->token_text) + 1);
		promise_wait(&setting.promise, &setting_waiter, set_lost_watches);
		return;
	}
}

int64_t store_number(const char *text, int64_t max)
{
	int64_t value = *text ? 0 : -1;

	for (; *text; text++) {
		uint8_t digit = (uint8_t)(*text - '0');

		value = value * 10 + digit;
		if (digit > 9 || value > max)
			return -1;
	}
	return value;
}

/* -- from the store -- */

/* The errno of the error text that the store sends. */
static int error_of(const char *name)
{
	static const struct {
		char name[7];
		uint8_t number;
	} errors[] = {
		{ "ENOENT", ENOENT }, { "EACCES", EACCES }, { "EAGAIN", EAGAIN }, { "EEXIST", EEXIST },
		{ "EINVAL", EINVAL }, { "E2BIG", E2BIG }, { "ENOSPC", ENOSPC }, { "EBUSY", EBUSY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (!strcmp(errors[i].name, name))
			return -errors[i].number;
	return -EIO;
}

static struct store_op *find_op(uint32_t id)
{
	list_for_each(item, &sent) {
		struct store_op *op = list_entry(item, struct store_op, link);

		if (op->header.req_id == id)
			return op;
	}
	return NULL;
}

/* The header is complete. false: it cannot be valid. */
static bool begin(void)
{
	const struct xsd_sockmsg *h = &incoming.header;
	struct store_op *op = h->type == XS_WATCH_EVENT ? NULL : find_op(h->req_id);

	incoming.op = op;
	incoming.text_bytes = incoming.strings = 0;
	return h->len <= XENSTORE_PAYLOAD_MAX && (!op || h->type == XS_ERROR || h->type == op->header.type);
}

/* Copies bytes of the body to the reader's memory, or as far as they fit into our own. */
static void take(const char *from, uint32_t bytes)
{
	uint32_t at = incoming.got - HEADER_BYTES;
	struct store_op *op = incoming.op;

	if (op && op->to && incoming.header.type != XS_ERROR) {
		if (at < op->max)
			memcpy(op->to + at, from, MIN(bytes, op->max - at));
		return;
	}
	for (; bytes; bytes--, from++) {
		if (incoming.header.type == XS_WATCH_EVENT && !incoming.strings)
			incoming.strings += !*from;
		else if (incoming.text_bytes < sizeof(incoming.text) - 1)
			incoming.text[incoming.text_bytes++] = *from;
	}
}

static void fire(void)
{
	int64_t token = store_number(incoming.text, UINT32_MAX);

	list_for_each_safe(item, &watches) {
		struct store_watch *w = list_entry(item, struct store_watch, link);

		if (w->token != token)
			continue;
		if (w->is_looked_at)
			w->is_missed = true;
		else
			w->changed(w);
		return;
	}
}

/* The value is terminated as a string, so it must be shorter than its room. */
static void finish_read(struct store_op *op)
{
	uint32_t len = incoming.header.len;

	if (len >= op->max) {
		settle(op, -E2BIG);
		return;
	}
	op->to[len] = '\0';
	settle(op, len);
}

/* The message is complete. */
static void finish(void)
{
	struct store_op *op = incoming.op;
	int64_t number;

	incoming.got = 0;
	incoming.text[incoming.text_bytes] = '\0';
	if (incoming.header.type == XS_WATCH_EVENT)
		fire();
	else if (op && incoming.header.type == XS_ERROR)
		settle(op, error_of(incoming.text));
	else if (op && op->to)
		finish_read(op);
	else if (op && op->header.type == XS_TRANSACTION_START)
		settle(op, (number = store_number(incoming.text, INT32_MAX)) > 0 ? (intptr_t)number : -EIO);
	else if (op)
		settle(op, 0);
}

/* Takes bytes from the ring, contiguous and at least one. Gives how many; 0: the message is invalid. */
static uint32_t take_piece(const char *from, uint32_t bytes)
{
	if (incoming.got < HEADER_BYTES) {
		bytes = MIN(bytes, HEADER_BYTES - incoming.got);
		memcpy((char *)&incoming.header + incoming.got, from, bytes);
		incoming.got += bytes;
		if (incoming.got == HEADER_BYTES && !begin())
			return 0;
	} else {
		bytes = MIN(bytes, HEADER_BYTES + incoming.header.len - incoming.got);
		take(from, bytes);
		incoming.got += bytes;
	}
	if (incoming.got >= HEADER_BYTES && incoming.got == HEADER_BYTES + incoming.header.len)
		finish();
	return bytes;
}

/* Takes a ring's bytes at most. true: the ring was full, and the store may wait for an event. Otherwise it is
 * sent none, for an event costs a turn of another domain's. */
static bool receive(void)
{
	uint32_t at = ring->rsp_cons, end = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE), start = at;

	if (end - at > RING_BYTES)
		fail_all("an index beyond the ring");
	while (!broken && at != end) {
		uint32_t place = MASK_XENSTORE_IDX(at), taken;

		taken = take_piece((const char *)ring->rsp + place, MIN(end - at, RING_BYTES - place));
		if (!taken && !broken)
			fail_all("a message that cannot be");
		at += taken;
	}
	__atomic_store_n(&ring->rsp_cons, at, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the store sees the room, or we see that it saw none */
	return at != start && ring->rsp_prod - start >= RING_BYTES;
}

static void poll(struct poller *p)
{
	bool tells;

	(void)p;
	if (broken) /* then there may be no port either */
		return;
	event_again(port);
	tells = receive();
	if (!broken)
		tells |= send_all();
	if (tells)
		event_send(port);
}

static int find_ring(void)
{
	ring = xen_parameter_ring(HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN, &port);
	if (!ring)
		return -ENODEV;
	if (event_attach(port, &poller) < 0)
		ring = NULL;
	return ring ? 0 : -ENODEV;
}

int store_init(void)
{
	if (ring)
		return 0;
	if (!poller.poll)
		poller_add(&poller, poll);
	return find_ring();
}

/* All requests to the old store, sent or not, are queued for the new one, in the same order. */
static void ask_again(void)
{
	struct list *item;

	while (!list_is_empty(&sent)) {
		item = sent.prev;
		list_remove(item);
		list_push_front(&sending, item);
	}
	list_for_each_safe(at, &sending) {
		struct store_op *op = list_entry(at, struct store_op, link);

		op->sent = 0;
		if (op->header.tx_id)
			settle(op, -EAGAIN);
	}
}

void store_resume(void)
{
	if (!ring)
		return;
	broken = false;
	incoming.op = NULL;
	incoming.got = 0;
	list_for_each(item, &watches) {
		struct store_watch *w = list_entry(item, struct store_watch, link);
		intptr_t result = promise_result(&w->op.promise);

		w->is_lost = result == 0 || result == -ETIMEDOUT; /* the answer may have been late */
	}
	if (find_ring() < 0)
		fail_all("lost");
	ask_again();
	if (!setting_waiter.link.next)
		set_lost_watches(NULL);
	poller_mark(&poller);
}
